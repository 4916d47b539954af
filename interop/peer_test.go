//go:build linux && cgo

package interop

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for something that must happen; it bounds
// a hanging test and is no measure of anything.
const patience = 90 * time.Second

// buildPeer compiles the usrsctp peer once per test binary.
var buildPeer = sync.OnceValues(func() (string, error) {
	flags := []string{"-lusrsctp"}
	if out, err := exec.Command("pkg-config", "--cflags", "--libs", "usrsctp").Output(); err == nil {
		flags = strings.Fields(string(out))
	}
	return compilePeer("usrsctp", flags...)
})

// compilePeer makes the peer of testdata/peer on a stack.
func compilePeer(stack string, flags ...string) (string, error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%dpeer-", labPrefix, os.Getpid()))
	if err != nil {
		return "", err
	}
	atExit = append(atExit, func() { os.RemoveAll(dir) })
	target := filepath.Join(dir, stack+"_peer")
	args := []string{"-O2", "-g", "-Wall", "-Itestdata/peer", "-Itestdata/peer/" + stack, "-o", target}
	for _, pattern := range []string{"testdata/peer/*.c", "testdata/peer/" + stack + "/*.c"} {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		args = append(args, sources...)
	}
	args = append(append(args, flags...), "-lpthread")
	out, err := exec.Command("gcc", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile the peer on %s (apt-get install gcc libusrsctp-dev libsctp-dev): %w\n%s", stack, err, out)
	}
	return target, nil
}

// starter starts child processes on a thread that lives as long as the test
// does: the kernel kills a child when the thread that made it ends.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
	return work
})

// startChild starts a process that does not survive the test's.
func startChild(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error)
	starter() <- func() { done <- cmd.Start() }
	return <-done
}

// atExit is what TestMain does after the tests.
var atExit []func()

// line is one line that a peer printed: a key word and named values.
type line struct {
	key    string
	text   string
	values map[string]string
}

func parseLine(text string) line {
	fields := strings.Fields(text)
	l := line{text: text, values: map[string]string{}}
	if len(fields) > 0 {
		l.key = fields[0]
	}
	for _, field := range fields[min(1, len(fields)):] {
		name, value, _ := strings.Cut(field, "=")
		l.values[name] = value
	}
	return l
}

func (l line) number(name string) uint64 {
	n, _ := strconv.ParseUint(l.values[name], 10, 64)
	return n
}

// peer is a running process of the lab or of the guest: a peer, or a program of ours that prints lines.
type peer struct {
	t     testing.TB
	name  string
	cmd   *exec.Cmd // nil in the guest
	stdin io.Writer
	end   func() // kills it
	lines chan line
	done  chan struct{} // closed when the process has ended

	stall time.Duration // in which a usrsctp that hangs does nothing

	mu    sync.Mutex
	log   []line
	signs signs
}

// startPeer runs the peer in a namespace. args is what follows the program's
// name.
func startPeer(t testing.TB, namespace string, args ...string) *peer {
	t.Helper()
	program, err := buildPeer()
	require.NoError(t, err)
	p := startProcess(t, args[0], exec.Command("ip", append([]string{"netns", "exec", namespace, program}, args...)...))
	p.stall = stallOf(args)
	if c := caseOf(t); c != nil {
		c.peers = append(c.peers, p)
	}
	return p
}

// startProcess runs a program that prints lines, which is killed at the end of the test
// if it still runs then.
func startProcess(t testing.TB, name string, cmd *exec.Cmd) *peer {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, startChild(cmd))
	p := &peer{t: t, name: name, cmd: cmd, stdin: stdin, end: func() { cmd.Process.Kill() }}
	p.follow(out, func() { cmd.Wait() })
	return p
}

// follow takes the process's lines until there are no more, or EXIT comes, and then waits for its
// end. At the end of the test it is killed.
func (p *peer) follow(out io.Reader, wait func()) {
	p.lines, p.done = make(chan line, 4096), make(chan struct{})
	go func() {
		defer close(p.done)
		p.read(out)
		wait()
	}()
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.explain()
		}
		p.kill()
		if p.t.Failed() {
			p.dump()
		}
	})
}

func (p *peer) read(out io.Reader) {
	for scan := bufio.NewScanner(out); scan.Scan(); {
		l := parseLine(scan.Text())
		p.mu.Lock()
		p.log = append(p.log, l)
		if l.key == "WATCH" {
			p.signs.said[l.number("port")] = l
			p.mu.Unlock()
			continue
		}
		p.mu.Unlock()
		select {
		case p.lines <- l:
		default:
		}
		if l.key == "EXIT" {
			return
		}
	}
}

// count is how many lines so far ok holds of.
func (p *peer) count(ok func(line) bool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.log {
		if ok(l) {
			n++
		}
	}
	return n
}

// kill ends the process with SIGKILL and waits for that.
func (p *peer) kill() {
	p.end()
	<-p.done
}

// command sends one line to the peer's standard input.
func (p *peer) command(text string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.stdin, text)
	require.NoError(p.t, err, "command %q to the peer", text)
}

// await waits for a line of which ok holds; what says it for the error.
func (p *peer) await(what string, ok func(line) bool) line {
	p.t.Helper()
	timeout, tick := time.After(patience), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			look(p.t)
		case l := <-p.lines:
			if _, failed := l.values["FAIL"]; failed && l.key == "RESULT" {
				require.FailNow(p.t, "peer "+p.name+" failed", "%s", l.text)
			}
			if ok(l) {
				return l
			}
		case <-timeout:
			require.FailNow(p.t, "peer "+p.name+" did not print: "+what)
		case <-p.done:
			if len(p.lines) == 0 {
				require.FailNow(p.t, "peer "+p.name+" ended without: "+what)
			}
		}
	}
}

// awaitKey waits for a line with a key word.
func (p *peer) awaitKey(key string) line {
	p.t.Helper()
	return p.await(key, func(l line) bool { return l.key == key })
}

// awaitEvent waits for an event with a value, such as assoc=up.
func (p *peer) awaitEvent(name, value string) line {
	p.t.Helper()
	return p.await("EVENT "+name+"="+value, func(l line) bool { return l.key == "EVENT" && l.values[name] == value })
}

// awaitConfirmed waits until the peer knows each of these addresses of ours to work,
// of whichever it learns first.
func (p *peer) awaitConfirmed(ours ...netip.Addr) {
	p.t.Helper()
	missing := map[string]bool{}
	for _, a := range ours {
		missing[a.String()] = true
	}
	for len(missing) > 0 {
		l := p.await(fmt.Sprintf("%v confirmed", ours), func(l line) bool {
			return missing[l.values["path"]] && l.values["state"] == "confirmed"
		})
		delete(missing, l.values["path"])
	}
}

// awaitUsable waits until the peer has an address that we added, confirmed before or now.
func (p *peer) awaitUsable(ours netip.Addr) {
	p.t.Helper()
	p.await(ours.String()+" usable", func(l line) bool {
		return l.values["path"] == ours.String() && (l.values["state"] == "confirmed" || l.values["state"] == "available")
	})
}

// awaitRx waits until the peer has received so many bytes.
func (p *peer) awaitRx(bytes uint64) {
	p.t.Helper()
	p.await(fmt.Sprintf("PROGRESS rx>=%d", bytes), func(l line) bool { return l.key == "PROGRESS" && l.number("rx") >= bytes })
}

// awaitIdle waits until all that the peer sent is acknowledged, and each address of ours known to work.
func (p *peer) awaitIdle() {
	p.t.Helper()
	eventually(p.t, func() bool {
		p.command("paths")
		idle := true
		p.await("PATHS", func(l line) bool {
			idle = idle && l.number("unacked")+l.number("pending") == 0 && l.values["confirmed"] != "0"
			return l.key == "PATHS"
		})
		return idle
	}, "the peer is not idle")
}

// awaitOK waits for the peer's good end, logs its statistics, and waits until the process is gone: it would answer what
// another peer in its place gets, with ABORT.
func (p *peer) awaitOK() {
	p.t.Helper()
	p.await("RESULT OK", func(l line) bool {
		if l.key == "STATS" || l.key == "STACK" || l.key == "AUTH" {
			p.t.Logf("peer %s: %s", p.name, l.text)
		}
		return l.key == "RESULT"
	})
	p.kill()
}

// explain has a process that still runs tell its state, and logs what its
// threads are doing, to tell a stack that hangs from one that waits.
func (p *peer) explain() {
	fmt.Fprintln(p.stdin, "paths")
	select {
	case <-p.done:
		return
	case <-time.After(time.Second):
	}
	if p.cmd == nil {
		return
	}
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	for _, path := range threads {
		text, _ := os.ReadFile(path)
		if fields := strings.Fields(string(text)); len(fields) > 14 {
			p.t.Logf("peer %s: thread %s %s state %s, %s+%s ticks of processor", p.name, fields[0], fields[1], fields[2], fields[13], fields[14])
		}
	}
}

// dump logs what the process said, less its progress.
func (p *peer) dump() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.log {
		if l.key != "PROGRESS" {
			p.t.Logf("peer %s: %s", p.name, l.text)
		}
	}
}
