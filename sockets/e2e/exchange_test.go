package e2e

import (
	"bytes"
	"errors"
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
	quiet   string // its port, if it does not say so
	client  []string
	input   string // of the client, filled in, too
	outcome
	endless bool // the client does not end by itself: it is ended when it has said what is wanted
	anyExit bool // its exit status says nothing
	local   bool // within one node only: it calls itself, say

	// The middle, when one of two networks is cut: when so many packets with user data
	// went to and fro, or, with turn, when client or server says what matches that. Then
	// the client gets the rest of its input.
	cutAfter int
	turn     string
	rest     string
	later    string // a regular expression: what the client is to say after the cut

	// The client's last input, given when all that is wanted was said. It is for a server that asks after
	// each message whether its association is there, and if it has ended reads no more of what has come.
	last string
}

// outcome is what is demanded of what programs say: all of what is set.
type outcome struct {
	says       string // the client says, a regular expression
	echoes     bool   // the client says its whole input, and nothing else
	serverSays string
	agree      func(client, server string) bool
}

// met tells whether all demands are met.
func (e *exchange) met(client, server *running) bool {
	said := client.said()
	return (!e.echoes || said == e.input+e.rest) &&
		(e.says == "" || regexp.MustCompile(e.says).MatchString(said)) &&
		(e.serverSays == "" || regexp.MustCompile(e.serverSays).MatchString(server.said())) &&
		(e.agree == nil || e.agree(said, server.said()))
}

// place is where an exchange happens.
type place struct {
	dir                  string
	serverIPs, clientIPs [2]string
	server, client       func(program string, args ...string) *exec.Cmd
	network              *world // of which the first network is to be cut, or nil
}

func (p *place) fill(s string) string {
	return strings.NewReplacer("SERVER2", p.serverIPs[1], "CLIENT2", p.clientIPs[1],
		"SERVER", p.serverIPs[0], "CLIENT", p.clientIPs[0], "ANY", "0.0.0.0", "DIR", p.dir).Replace(s)
}

// run lets the exchange happen, and says what was its middle.
func (e *exchange) run(t *testing.T, p *place) (middle string) {
	for _, c := range e.needs {
		if _, err := exec.LookPath(c); err != nil {
			require.FailNow(t, "a program is missing", "%s: run scripts/setup.sh sockets", c)
		}
	}
	p.dir = t.TempDir()
	if e.prepare != nil {
		e.prepare(t, p)
	}
	server := p.launch(t, p.server, e.server)
	if e.ready != "" {
		ready := regexp.MustCompile(e.ready)
		wait(func() bool { return ready.MatchString(server.said()) || server.ended() })
		require.Regexp(t, ready, server.said(), "the server is not ready")
	}
	if e.quiet != "" {
		out, err := p.client("python3", testdata("python/listening.py"), p.serverIPs[0], e.quiet).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	if p.network != nil && e.turn == "" {
		require.NotZero(t, e.cutAfter, "the middle of the exchange is not given")
		p.network.cutAt.Store(int64(e.cutAfter))
	}
	client := p.launch(t, p.client, e.client)
	client.feed(p.fill(e.input), e.turn != "" || e.endless)
	told := 0 // how much of what the client said came before the cut
	if e.turn != "" {
		turn := regexp.MustCompile(e.turn)
		wait(func() bool {
			return turn.MatchString(client.said()) || turn.MatchString(server.said()) || client.ended()
		})
		if p.network != nil {
			p.network.cut(0)
			told = len(client.said())
		}
		client.feed(p.fill(e.rest), e.endless || e.last != "")
	}
	if e.last != "" {
		wait(func() bool { return e.met(client, server) || client.ended() })
		client.feed(e.last, e.endless)
	}
	later := regexp.MustCompile(e.later)
	done := func() bool {
		return e.met(client, server) && (e.endless || client.ended()) && (p.network == nil || later.MatchString(client.said()[told:]))
	}
	wait(func() bool { return done() || client.failed(e) })
	if !done() || client.failed(e) {
		require.Failf(t, "what is wanted was not said, or the client has not ended as it should", "client (ended %v, %v):\n%s\nserver:\n%s",
			client.ended(), client.status(), client.tail(), server.tail())
	}
	return p.middle(t, e)
}

// middle says when the network was cut.
func (p *place) middle(t *testing.T, e *exchange) string {
	switch {
	case p.network == nil:
		return ""
	case e.turn != "":
		return fmt.Sprintf(", cut when this was said: %s", e.turn)
	}
	carried := p.network.carried.Load()
	require.Less(t, int64(e.cutAfter), carried, "no packet with user data came after the cut")
	return fmt.Sprintf(", cut after %d of %d packets with user data", e.cutAfter, carried)
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
	in   io.WriteCloser
	fed  chan struct{} // closed when the input so far is in
	done chan struct{}
	err  error // once it is done
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

// status is how it ended.
func (r *running) status() error {
	if !r.ended() {
		return nil
	}
	return r.err
}

// failed tells whether it has ended as it should not have.
func (r *running) failed(e *exchange) bool {
	return r.ended() && (e.endless || r.err != nil && !e.anyExit)
}

// launch starts a program in a process group of its own, which ends with the test.
func (p *place) launch(t *testing.T, start func(string, ...string) *exec.Cmd, words []string) *running {
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
	r.cmd.WaitDelay = 5 * time.Second // of children that hold its output
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	r.in, err = r.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, r.cmd.Start())
	go func() {
		if r.err = r.cmd.Wait(); errors.Is(r.err, exec.ErrWaitDelay) {
			r.err = nil // it ended well itself
		}
		close(r.done)
	}()
	t.Cleanup(func() { r.end(); _ = r.in.Close() })
	return r
}

// feed puts text into the program's standard input, which goes on or ends there.
func (r *running) feed(text string, goesOn bool) {
	last := r.fed
	r.fed = make(chan struct{})
	go func(fed chan struct{}) {
		if last != nil {
			<-last
		}
		_, _ = io.WriteString(r.in, text)
		if !goesOn {
			_ = r.in.Close()
		}
		close(fed)
	}(r.fed)
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
