package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// docker runs each node in a container, and the networks are docker's, on bridges of their own.
type docker struct {
	root string // the repository
	id   string // begins the name of everything that is made
	say  func(string, ...any)
	// debootstrap makes the builder, though there may be quicker ways.
	debootstrap bool
	daemon      *dockerDaemon // ours; nil where one was running
	env         []string
	nodes       []string // containers
	made        [][]string
	size        int64
}

func newDocker(o *Options, say func(string, ...any)) *docker {
	return &docker{root: o.Root, id: fmt.Sprintf("tltb%d-", os.Getpid()), say: say, debootstrap: o.Debootstrap, env: os.Environ()}
}

func (e *docker) describe() string {
	if e.daemon != nil {
		return "docker (of its own)"
	}
	return "docker"
}

func (e *docker) imageSize() int64 { return e.size }

func (e *docker) socketDir() string { return "/run/trunkline" }

// run runs a docker command.
func (e *docker) run(ctx context.Context, args ...string) (string, error) {
	return runCommand(e.command(ctx, args...))
}

func (e *docker) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = e.env
	return cmd
}

// undo remembers a docker command that removes what was made.
func (e *docker) undo(args ...string) { e.made = append(e.made, args) }

func (e *docker) open(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return fmt.Errorf("docker: %w: there is no docker command", errUnavailable)
	}
	if _, err := e.run(ctx, "version"); err != nil {
		e.say("no docker engine answers: starting one")
		if e.daemon, err = startDockerDaemon(ctx); err != nil {
			return fmt.Errorf("docker: %w: %w", errUnavailable, err)
		}
		e.env = append(e.env, "DOCKER_HOST="+e.daemon.host())
	}
	if err := e.buildImages(ctx); err != nil {
		return err
	}
	for i := range networks {
		r, gateway := engineRange(subnets[i])
		// The peer sends from one address over both networks: docker drops that on internal
		// networks, and else rewrites it unless told not to.
		if _, err := e.run(ctx, "network", "create", "-o", "com.docker.network.bridge.enable_ip_masquerade=false", "--subnet", subnets[i].String(), "--ip-range", r.String(),
			"--gateway", gateway.String(), e.network(i)); err != nil {
			return err
		}
		e.undo("network", "rm", e.network(i))
	}
	return nil
}

func (e *docker) network(i int) string { return fmt.Sprintf("%snet%d", e.id, i) }

func (e *docker) volume() string { return e.id + "sockets" }

func (e *docker) image(target string) string { return e.id + target }

// start makes a container on the first network, starts it, and only then puts it onto the second:
// so its interfaces are eth0 and eth1 in this order. The program waits for its
// configuration meanwhile. One that reads none is on both when it starts.
func (e *docker) start(ctx context.Context, n *node) (*process, error) {
	name := e.id + n.name
	if _, err := e.run(ctx, append(e.create(n, name), n.args...)...); err != nil {
		return nil, err
	}
	e.nodes = append(e.nodes, name)
	waits := n.config != ""
	if n.onNetworks && !waits {
		if err := e.attach(ctx, n, 1); err != nil {
			return nil, err
		}
	}
	p, err := start(n.name, e.command(context.Background(), "start", "-ai", name), func(s syscall.Signal) error {
		_, err := e.run(context.Background(), "kill", "-s", fmt.Sprint(int(s)), name)
		return err
	})
	if err != nil || !waits {
		return p, err
	}
	if err := e.awaitRunning(ctx, name, p); err != nil {
		return p, err
	}
	if n.onNetworks {
		if err := e.attach(ctx, n, 1); err != nil {
			return p, err
		}
	}
	return p, p.feed(n.config)
}

// create is the docker command that makes a node's container.
func (e *docker) create(n *node, name string) []string {
	args := []string{"create", "-i", "--name", name, "--read-only", "--cap-drop", "ALL"}
	image := n.program
	switch {
	case n.program == "peer":
		args = append(args, "--cap-add", "NET_RAW")
	case n.dpdk:
		args = append(args, "--cap-add", "NET_RAW", "--cap-add", "NET_ADMIN")
	default:
		image = "plain"
		args = append(args, "--security-opt", "no-new-privileges")
	}
	if n.sockets {
		args = append(args, "-v", e.volume()+":"+e.socketDir())
	} else {
		args = append(args, "--tmpfs", e.socketDir()+":uid=10001,gid=10001")
	}
	if !n.onNetworks {
		return append(args, "--network", "none", e.image(image))
	}
	args = append(args, "--network", e.network(0))
	if !n.dpdk {
		args = append(args, "--ip", host(subnets[0], n.number).String())
	}
	for setting, value := range kernelSettings {
		args = append(args, "--sysctl", setting+"="+value)
	}
	return append(args, e.image(image))
}

func (e *docker) awaitRunning(ctx context.Context, name string, p *process) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		state, err := e.run(ctx, "inspect", "-f", "{{.State.Running}}", name)
		if err != nil {
			return err
		}
		if state == "true" {
			return nil
		}
		select {
		case <-p.ended:
			return p.explained(fmt.Errorf("ended: %w", p.result))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("container %s does not run within %v", name, patience)
}

func (e *docker) attach(ctx context.Context, n *node, network int) error {
	args := []string{"network", "connect"}
	if !n.dpdk {
		args = append(args, "--ip", host(subnets[network], n.number).String())
	}
	_, err := e.run(ctx, append(args, e.network(network), e.id+n.name)...)
	return err
}

func (e *docker) detach(ctx context.Context, n *node, network int) error {
	_, err := e.run(ctx, "network", "disconnect", e.network(network), e.id+n.name)
	return err
}

func (e *docker) hints() []string {
	var hints []string
	if e.daemon != nil {
		hints = append(hints, "export DOCKER_HOST="+e.daemon.host())
	}
	return append(hints,
		fmt.Sprintf("take network 0 from node b, and give it back: docker network disconnect %s %sb; docker network connect %s %sb",
			e.network(0), e.id, e.network(0), e.id),
		fmt.Sprintf("take it from the peer, and give it back: docker network disconnect %s %speer; docker network connect --ip %s %s %speer",
			e.network(0), e.id, host(subnets[0], numberPeer), e.network(0), e.id),
		"end: Ctrl-C")
}

func (e *docker) reset() error {
	var errs []error
	for _, name := range e.nodes {
		_, err := e.run(context.Background(), "rm", "-f", name)
		errs = append(errs, err)
	}
	e.nodes = nil
	if _, err := e.run(context.Background(), "volume", "rm", "-f", e.volume()); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (e *docker) close() error {
	var errs []error
	for i := len(e.made) - 1; i >= 0; i-- {
		_, err := e.run(context.Background(), e.made[i]...)
		errs = append(errs, err)
	}
	e.made = nil
	if e.daemon != nil {
		errs = append(errs, e.daemon.stop())
	}
	return errors.Join(errs...)
}
