package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// programsFlag switches the tests with Debian's programs on; they take minutes and
// their packages. `make test-sockets` sets it.
const programsFlag = "TRUNKLINE_PROGRAMS"

// binary builds trunkline, with the preload library in it.
var binary = sync.OnceValues(func() (string, error) {
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
// as `trunkline exec --solo` makes it.
func TestPrograms(t *testing.T) {
	if os.Getenv(programsFlag) == "" {
		t.Skip("Debian's programs are run by `make test-sockets`")
	}
	run := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", run)
	t.Cleanup(func() { noneSolo(t, run) })
	for _, e := range exchanges() {
		t.Run(e.name, func(t *testing.T) {
			t.Run("solo", func(t *testing.T) { e.run(t, soloPlace(t, run)) })
		})
	}
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
	trunkline, err := binary()
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

// atoi is a number, 0 if s is none.
func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
