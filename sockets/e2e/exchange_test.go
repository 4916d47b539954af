package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// exchange is a program that serves and one that calls it. In their arguments SERVER,
// SERVER2, CLIENT and CLIENT2 stand for addresses, ANY for the wildcard, DIR for a
// directory of their own that prepare fills.
type exchange struct {
	name    string
	needs   []string // the commands; Debian's packages of them are in scripts/setup.sh
	prepare func(t *testing.T, p *place)
	server  []string
	ready   string // a regular expression: in what the server says once it can be called
	client  []string
	input   string // of the client
	outcome
	endless bool // the client does not end by itself: it is ended when it has said what is wanted
	anyExit bool // its exit status says nothing
}

// outcome is what is demanded of what programs say: all of what is set.
type outcome struct {
	says       string // the client says, a regular expression
	echoes     bool   // the client says its input, and nothing else
	serverSays string
	agree      func(client, server string) bool
}

// met tells whether all demands are met.
func (e *exchange) met(client, server *running) bool {
	said := client.said()
	return (!e.echoes || said == e.input) &&
		(e.says == "" || regexp.MustCompile(e.says).MatchString(said)) &&
		(e.serverSays == "" || regexp.MustCompile(e.serverSays).MatchString(server.said())) &&
		(e.agree == nil || e.agree(said, server.said()))
}

// place is where an exchange happens.
type place struct {
	dir                  string
	serverIPs, clientIPs [2]string
	server, client       func(program string, args ...string) *exec.Cmd
}

func (p *place) fill(s string) string {
	return strings.NewReplacer("SERVER2", p.serverIPs[1], "CLIENT2", p.clientIPs[1],
		"SERVER", p.serverIPs[0], "CLIENT", p.clientIPs[0], "ANY", "0.0.0.0", "DIR", p.dir).Replace(s)
}

// run lets the exchange happen.
func (e *exchange) run(t *testing.T, p *place) {
	for _, c := range e.needs {
		if _, err := exec.LookPath(c); err != nil {
			require.FailNow(t, "a program is missing", "%s: run scripts/setup.sh sockets", c)
		}
	}
	p.dir = t.TempDir()
	if e.prepare != nil {
		e.prepare(t, p)
	}
	server := p.launch(t, p.server, e.server, "", true)
	if e.ready != "" {
		ready := regexp.MustCompile(e.ready)
		wait(func() bool { return ready.MatchString(server.said()) || server.ended() })
		require.Regexp(t, ready, server.said(), "the server is not ready")
	}
	client := p.launch(t, p.client, e.client, e.input, e.endless)
	done := func() bool { return e.met(client, server) && (e.endless || client.ended()) }
	wait(func() bool { return done() || client.failed(e) })
	switch {
	case done() && !client.failed(e):
	case !client.ended():
		require.Failf(t, "what is wanted was not said, or the client has not ended", "client:\n%s\nserver:\n%s", client.tail(), server.tail())
	default:
		require.Failf(t, "what is wanted was not said", "client (%v):\n%s\nserver:\n%s", client.err, client.tail(), server.tail())
	}
}

// wait polls until the condition holds, or patience is over.
func wait(condition func() bool) {
	for end := time.Now().Add(patience); !condition() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

// running is a started program whose output is being gathered.
type running struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	out  bytes.Buffer
	done chan struct{}
	err  error
}

func (r *running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(b)
}

func (r *running) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

// tail is the end of what it said.
func (r *running) tail() string {
	said := r.said()
	return said[max(0, len(said)-4000):]
}

func (r *running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// failed tells whether it has ended as it should not have.
func (r *running) failed(e *exchange) bool {
	return r.ended() && (e.endless || r.err != nil && !e.anyExit)
}

// launch starts a program in a process group of its own, which ends with the test. Its
// standard input ends after what is put in, unless it is kept open.
func (p *place) launch(t *testing.T, start func(string, ...string) *exec.Cmd, words []string, input string, open bool) *running {
	t.Helper()
	r := &running{done: make(chan struct{})}
	if len(words) == 0 {
		close(r.done)
		return r
	}
	args := make([]string, len(words))
	for i, w := range words {
		args[i] = p.fill(w)
	}
	r.cmd = start(args[0], args[1:]...)
	r.cmd.Stdout, r.cmd.Stderr = r, r
	r.cmd.WaitDelay = time.Second // of children that hold its output
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := r.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, r.cmd.Start())
	go func() {
		_, _ = io.WriteString(in, input)
		if !open {
			_ = in.Close()
		}
	}()
	go func() {
		r.err = r.cmd.Wait()
		close(r.done)
	}()
	t.Cleanup(func() { r.end(); _ = in.Close() })
	return r
}

// end ends the program and what it started.
func (r *running) end() {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-r.cmd.Process.Pid, sig)
		select {
		case <-r.done:
		case <-time.After(2 * time.Second):
		}
	}
	<-r.done
}

// strays are the processes that still use a sockets server, by its socket.
func strays(socket string) (pids []int) {
	want := []byte("\x00TRUNKLINE_SOCKET=" + socket + "\x00")
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(append([]byte{0}, env...), want) {
			pids = append(pids, atoi(filepath.Base(filepath.Dir(path))))
		}
	}
	return pids
}

// noStrays fails the test if processes that used a server outlive it, and kills them.
func noStrays(t *testing.T, socket string) {
	wait(func() bool { return len(strays(socket)) == 0 })
	for _, pid := range strays(socket) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		t.Errorf("a process was left behind: %q", line)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
