package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds everything that is waited for. Nothing is asserted about how
// long things take.
const patience = 60 * time.Second

// atExit is what is done after the tests.
var atExit []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range atExit {
		f()
	}
	os.Exit(code)
}

var shellBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sctpsh")
	if err != nil {
		return "", err
	}
	atExit = append(atExit, func() { os.RemoveAll(dir) })
	sources, err := filepath.Glob("testdata/sctpsh/*.c")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "sctpsh")
	b, err := exec.Command("cc", append([]string{"-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", out}, append(sources, "-lsctp")...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building sctpsh needs cc and libsctp-dev: %w\n%s", err, b)
	}
	return out, nil
})

// shell is one running sctpsh.
type shell struct {
	t     *testing.T
	name  string
	in    io.WriteCloser
	lines chan string
	notes chan string
	cmd   *exec.Cmd
}

// shell starts sctpsh on the node.
func (n *node) shell(t *testing.T, name string) *shell { return startShell(t, name, n.command) }

func startShell(t *testing.T, name string, command func(string, ...string) *exec.Cmd) *shell {
	t.Helper()
	binary, err := shellBinary()
	require.NoError(t, err)
	s := &shell{t: t, name: name, lines: make(chan string, 16), notes: make(chan string, 64)}
	s.cmd = command(binary)
	s.cmd.Stderr = os.Stderr
	s.in, err = s.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	go s.read(out)
	t.Cleanup(s.end)
	return s
}

func (s *shell) read(out io.Reader) {
	defer close(s.lines)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if note, ok := strings.CutPrefix(lines.Text(), "note "); ok {
			select {
			case s.notes <- note:
			default: // nobody reads them
			}
			continue
		}
		s.lines <- lines.Text()
	}
}

// end ends the program: as its user would, by its standard input.
func (s *shell) end() {
	_ = s.in.Close()
	kill := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	kill.Stop()
}

// start gives a command without waiting for its reply.
func (s *shell) start(format string, args ...any) {
	s.t.Helper()
	_, err := fmt.Fprintf(s.in, format+"\n", args...)
	require.NoError(s.t, err, s.name)
}

// reply is the reply to the command started first: the text behind ok.
func (s *shell) reply() (string, error) {
	s.t.Helper()
	select {
	case line, open := <-s.lines:
		if !open {
			return "", fmt.Errorf("%s has ended: %v", s.name, s.cmd.ProcessState)
		}
		if text, ok := strings.CutPrefix(line, "ok "); ok {
			return text, nil
		}
		return "", fmt.Errorf("%s: %s", s.name, line)
	case <-time.After(patience):
		require.FailNow(s.t, "no reply", s.name)
		return "", nil
	}
}

// do gives a command, which must succeed, and returns its reply.
func (s *shell) do(format string, args ...any) string {
	s.t.Helper()
	s.start(format, args...)
	text, err := s.reply()
	require.NoError(s.t, err, format, args)
	return text
}

// fails gives a command, which must fail with an errno.
func (s *shell) fails(errno, format string, args ...any) {
	s.t.Helper()
	s.start(format, args...)
	text, err := s.reply()
	require.Error(s.t, err, "%s must fail, said %q", fmt.Sprintf(format, args...), text)
	require.Contains(s.t, err.Error(), "err "+errno+" ", format, args)
}

// until repeats a command until its reply contains a text.
func (s *shell) until(want, format string, args ...any) string {
	s.t.Helper()
	var last string
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if last = s.do(format, args...); strings.Contains(last, want) {
			return last
		}
		time.Sleep(5 * time.Millisecond)
	}
	require.Failf(s.t, "never came", "%s: %s: want %q, last %q", s.name, fmt.Sprintf(format, args...), want, last)
	return ""
}

// first is the first word of a reply: a descriptor, often.
func first(reply string) string {
	word, _, _ := strings.Cut(reply, " ")
	return word
}
