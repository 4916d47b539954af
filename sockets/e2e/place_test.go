package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// programsFlag switches the tests with Debian's programs on; they take minutes and
// their packages. `make test-sockets` sets it.
const programsFlag = "TRUNKLINE_PROGRAMS"

// trunklineBinary builds trunkline, with the preload library in it.
var trunklineBinary = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	b, err := exec.Command("make", "-C", root, "build").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, b)
	}
	return filepath.Join(root, "bin", "trunkline"), nil
})

// TestPrograms runs Debian's SCTP programs, unchanged: within one private dataplane
// as `trunkline exec --solo` makes it, and between two dataplanes over two networks of
// which one is cut while they talk, for good. It ends with a table of them.
func TestPrograms(t *testing.T) {
	if os.Getenv(programsFlag) == "" {
		t.Skip("Debian's programs are run by `make test-sockets`")
	}
	run := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", run)
	t.Setenv("TMPDIR", run) // what programs leave there goes with it
	t.Cleanup(func() { noneSolo(t, run) })
	_, err := trunklineBinary()
	require.NoError(t, err)
	var table results
	defer func() { table.print(os.Stdout) }()
	for _, e := range exchanges() {
		t.Run(e.name, func(t *testing.T) {
			row := [...]string{e.name, "-", "-"}
			row[1] = outcomeOf(t.Run("solo", func(t *testing.T) { e.run(t, soloPlace(t, run)) }), "")
			if !e.local {
				var middle string
				passed := t.Run("one of two networks cut", func(t *testing.T) { middle = e.run(t, cutPlace(t)) })
				row[2] = outcomeOf(passed, middle)
			}
			table = append(table, row)
		})
	}
}

func outcomeOf(passed bool, middle string) string {
	if !passed {
		return "FAILED"
	}
	return "passed" + middle
}

// results is what came of each exchange, for people to read: its name, alone, with a cut.
type results [][3]string

func (r results) print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nprogram\texec --solo\ttwo dataplanes, one of their two networks cut for good")
	for _, row := range r {
		fmt.Fprintf(w, "%s\t%s\t%s\n", row[0], row[1], row[2])
	}
	_ = w.Flush()
}

// shortDir is a directory for sockets, whose paths must be short.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "e2e")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

var solos atomic.Int64

// soloPlace is the loopback of a private dataplane.
func soloPlace(t *testing.T, run string) *place {
	trunkline, err := trunklineBinary()
	require.NoError(t, err)
	name := fmt.Sprintf("e2e-%d", solos.Add(1))
	command := func(program string, args ...string) *exec.Cmd {
		return exec.Command(trunkline, append([]string{"exec", "--solo=" + name, "--", program}, args...)...)
	}
	t.Cleanup(func() { noStrays(t, filepath.Join(run, "trunkline-solo", name+".sock")) })
	ips := [2]string{"127.0.0.1", "127.0.0.2"}
	return &place{serverIPs: ips, clientIPs: ips, server: command, client: command}
}

// noneSolo waits until the solo dataplanes have ended, as they do when no program uses
// them and no association is left. One that stays is killed.
func noneSolo(t *testing.T, run string) {
	var left []string
	wait(func() bool {
		left, _ = filepath.Glob(filepath.Join(run, "trunkline-solo", "*.members"))
		return len(left) == 0
	})
	for _, members := range left {
		t.Errorf("the solo dataplane %s lives on", filepath.Base(members))
		if c, err := net.Dial("unix", members); err == nil {
			if pid := peerOf(c.(*net.UnixConn)); pid > 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			_ = c.Close()
		}
	}
}

// peerOf is the process at the other end.
func peerOf(c *net.UnixConn) (pid int) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// cutPlace is a world within a network namespace that has its addresses, for what
// the programs say to each other by TCP.
func cutPlace(t *testing.T) *place {
	trunkline, err := trunklineBinary()
	require.NoError(t, err)
	w := newWorld(t, quick)
	ns := namespace(t, append(w.a.ips, w.b.ips...))
	within := func(n *node) func(string, ...string) *exec.Cmd {
		t.Cleanup(func() { noStrays(t, n.sock) })
		return func(program string, args ...string) *exec.Cmd {
			return exec.Command("ip", append([]string{"netns", "exec", ns, trunkline, "exec", "--socket", n.sock, "--", program}, args...)...)
		}
	}
	return &place{serverIPs: [2]string(w.b.ips), clientIPs: [2]string(w.a.ips), server: within(w.b), client: within(w.a),
		network: w}
}

const namespacePrefix = "trunkline-e2e-"

// namespace makes a network namespace that has the addresses, for the test's time.
func namespace(t *testing.T, ips []string) (name string) {
	ip := func(args ...string) {
		out, err := exec.Command("ip", args...).CombinedOutput()
		require.NoError(t, err, "ip %v (needs root): %s", args, out)
	}
	old, _ := filepath.Glob("/run/netns/" + namespacePrefix + "*")
	for _, path := range old { // of a test that was killed
		if syscall.Kill(atoi(strings.TrimPrefix(filepath.Base(path), namespacePrefix)), 0) == syscall.ESRCH {
			ip("netns", "del", filepath.Base(path))
		}
	}
	name = namespacePrefix + strconv.Itoa(os.Getpid())
	ip("netns", "add", name)
	t.Cleanup(func() { ip("netns", "del", name) })
	ip("-n", name, "link", "set", "lo", "up")
	for _, a := range ips {
		ip("-n", name, "addr", "add", a+"/32", "dev", "lo")
	}
	return name
}

// atoi is a number, 0 if s is none.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
