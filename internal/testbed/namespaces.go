package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// namespaces runs each node in a network namespace of its own, and the networks' bridges in
// another. It needs root and builds the programs with this machine's compilers.
type namespaces struct {
	root string   // the repository
	dir  string   // programs and sockets
	id   string   // begins the name of every namespace
	made []string // namespaces: that of the bridges first, then the nodes'
}

func newNamespaces(root string) *namespaces {
	return &namespaces{root: root, id: fmt.Sprintf("tltb%d-", os.Getpid())}
}

func (e *namespaces) describe() string { return "network namespaces" }

func (e *namespaces) imageSize() int64 { return 0 }

func (e *namespaces) socketDir() string { return e.dir }

func (e *namespaces) open(ctx context.Context) (err error) {
	if os.Geteuid() != 0 {
		return fmt.Errorf("network namespaces: %w: they need root", errUnavailable)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("network namespaces: %w: apt-get install iproute2", errUnavailable)
	}
	if err := sweep(ctx); err != nil {
		return err
	}
	if e.dir, err = os.MkdirTemp("", "trunkline-testbed-"); err != nil {
		return err
	}
	if err := e.build(ctx); err != nil {
		return err
	}
	if err := e.addSpace(ctx, "switch"); err != nil {
		return err
	}
	for i := range networks {
		if err := e.ip(ctx, "switch", "link add br%d type bridge stp_state 0 forward_delay 0 mcast_snooping 0", i); err != nil {
			return err
		}
		if err := e.ip(ctx, "switch", "link set br%d up", i); err != nil {
			return err
		}
	}
	return nil
}

var spaceName = regexp.MustCompile(`^tltb(\d+)-`)

// sweep removes the namespaces of runs that were killed.
func sweep(ctx context.Context) error {
	found, _ := filepath.Glob("/run/netns/tltb*")
	for _, path := range found {
		match := spaceName.FindStringSubmatch(filepath.Base(path))
		if match == nil {
			continue
		}
		if pid, err := strconv.Atoi(match[1]); err != nil || syscall.Kill(pid, 0) != syscall.ESRCH {
			continue
		}
		if _, err := command(ctx, "ip", "netns", "del", filepath.Base(path)); err != nil {
			return err
		}
	}
	return nil
}

// build makes the programs.
func (e *namespaces) build(ctx context.Context) error {
	if _, err := command(ctx, "make", "-s", "-C", e.root, "build", "BIN="+filepath.Join(e.dir, "trunkline")); err != nil {
		return err
	}
	_, err := command(ctx, filepath.Join(e.root, peerScript), filepath.Join(e.dir, "peer"))
	return err
}

// ip runs an ip command in a namespace of ours.
func (e *namespaces) ip(ctx context.Context, space, format string, args ...any) error {
	_, err := command(ctx, "ip", append([]string{"-n", e.id + space}, strings.Fields(fmt.Sprintf(format, args...))...)...)
	return err
}

// addSpace makes a namespace whose kernel neither forwards nor speaks IPv6.
func (e *namespaces) addSpace(ctx context.Context, space string) error {
	if _, err := command(ctx, "ip", "netns", "add", e.id+space); err != nil {
		return err
	}
	e.made = append(e.made, space)
	if err := e.ip(ctx, space, "link set lo up"); err != nil {
		return err
	}
	var set []string
	for name, value := range kernelSettings {
		set = append(set, fmt.Sprintf("echo %s > /proc/sys/%s", value, strings.ReplaceAll(name, ".", "/")))
	}
	_, err := command(ctx, "ip", "netns", "exec", e.id+space, "sh", "-ec", strings.Join(set, "\n"))
	return err
}

func (e *namespaces) start(ctx context.Context, n *node) (*process, error) {
	if err := e.addSpace(ctx, n.name); err != nil {
		return nil, err
	}
	for i := range networks {
		if !n.onNetworks {
			break
		}
		if err := e.attach(ctx, n, i); err != nil {
			return nil, err
		}
	}
	args := append([]string{"netns", "exec", e.id + n.name, filepath.Join(e.dir, n.program)}, n.args...)
	cmd := exec.Command("ip", args...)
	p, err := start(n.name, cmd, func(s syscall.Signal) error { return cmd.Process.Signal(s) })
	if err == nil && n.config != "" {
		err = p.feed(n.config)
	}
	return p, err
}

func (e *namespaces) attach(ctx context.Context, n *node, network int) error {
	far := fmt.Sprintf("%s%d", n.name, network)
	// A namespace that was deleted may have its interfaces a while longer.
	_ = e.ip(ctx, "switch", "link del %s", far)
	steps := [][2]string{
		{"switch", fmt.Sprintf("link add %s type veth peer name %s netns %s", far, iface(network), e.id+n.name)},
		{"switch", fmt.Sprintf("link set %s master br%d up", far, network)},
	}
	addr := host(subnets[network], n.number)
	if n.dpdk {
		r, _ := engineRange(subnets[network])
		addr = host(r, r.Addr().As4()[3]+n.number)
	}
	steps = append(steps,
		[2]string{n.name, fmt.Sprintf("addr add %s/%d dev %s", addr, subnets[network].Bits(), iface(network))},
		[2]string{n.name, fmt.Sprintf("link set %s up", iface(network))})
	for _, s := range steps {
		if err := e.ip(ctx, s[0], "%s", s[1]); err != nil {
			return err
		}
	}
	return nil
}

func (e *namespaces) detach(ctx context.Context, n *node, network int) error {
	return e.ip(ctx, n.name, "link del %s", iface(network))
}

func (e *namespaces) hints() []string {
	return []string{
		fmt.Sprintf("cut network 0, and mend it:   ip -n %sswitch link set br0 down; ip -n %sswitch link set br0 up", e.id, e.id),
		fmt.Sprintf("take node a's link:           ip -n %sswitch link set a0 down; … up", e.id),
		"end: Ctrl-C",
	}
}

func (e *namespaces) reset() error { return e.remove(1) }

// remove removes the namespaces but for the first few.
func (e *namespaces) remove(but int) error {
	var errs []error
	for len(e.made) > but {
		last := len(e.made) - 1
		_, err := command(context.Background(), "ip", "netns", "del", e.id+e.made[last])
		errs = append(errs, err)
		e.made = e.made[:last]
	}
	return errors.Join(errs...)
}

func (e *namespaces) close() error {
	err := e.remove(0)
	if e.dir != "" {
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	return err
}
