package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long something that must happen may take; it bounds a run that hangs.
const patience = 60 * time.Second

// The last lines of a program are kept to explain a failure, and shortened then.
const (
	keptLines  = 20
	shownBytes = 300
)

// process is a running program of a node.
type process struct {
	name     string
	patience time.Duration // of await
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	kill     func(syscall.Signal) error
	lines    chan string
	ended    chan struct{} // closed when the process has ended
	result   error         // of the process, once it has ended

	mu   sync.Mutex
	last []string
}

// start starts cmd, whose signals go where kill brings them.
func start(name string, cmd *exec.Cmd, kill func(syscall.Signal) error) (p *process, err error) {
	p = &process{name: name, patience: patience, cmd: cmd, kill: kill, lines: make(chan string, 4096), ended: make(chan struct{})}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	// Ctrl-C is for us, who end the programs in order; if we are killed, so are they.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.read(out, true) })
	reading.Go(func() { p.read(log, false) })
	go func() {
		reading.Wait()
		p.result = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// read keeps lines, and passes those of standard output on.
func (p *process) read(from io.Reader, pass bool) {
	in := bufio.NewScanner(from)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		p.mu.Lock()
		p.last = append(p.last, in.Text())
		p.last = p.last[max(0, len(p.last)-keptLines):]
		p.mu.Unlock()
		if !pass {
			continue
		}
		select {
		case p.lines <- in.Text():
		default: // nobody waits for one of so many
		}
	}
}

// explained is err with the last that the program said.
func (p *process) explained(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var said strings.Builder
	for _, line := range p.last {
		fmt.Fprintf(&said, "\n  %s", line[:min(len(line), shownBytes)])
	}
	return fmt.Errorf("%s: %w; it last said:%s", p.name, err, &said)
}

// errLate is what did not happen within a program's patience.
var errLate = errors.New("too late")

// command writes a line to the program.
func (p *process) command(line string) error {
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		return p.explained(err)
	}
	return nil
}

// feed writes a whole text to the program and closes its standard input.
func (p *process) feed(text string) error {
	_, err := io.WriteString(p.stdin, text)
	if cerr := p.stdin.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return p.explained(err)
	}
	return nil
}

// await waits until ok holds of a line, or gives an error.
func (p *process) await(ctx context.Context, what string, ok func(line string) (bool, error)) error {
	timeout := time.NewTimer(p.patience)
	defer timeout.Stop()
	for {
		select {
		case line := <-p.lines:
			if found, err := ok(line); found || err != nil {
				return err
			}
			continue
		default:
		}
		select {
		case line := <-p.lines:
			if found, err := ok(line); found || err != nil {
				return err
			}
		case <-p.ended:
			if len(p.lines) == 0 {
				return p.explained(fmt.Errorf("ended (%v) without: %s", p.result, what))
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timeout.C:
			return p.explained(fmt.Errorf("%w, not within %v: %s", errLate, p.patience, what))
		}
	}
}

// wait waits for the program's end and gives its exit code.
func (p *process) wait(ctx context.Context) (code int, err error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return -1, context.Cause(ctx)
	case <-timeout.C:
		return -1, p.explained(fmt.Errorf("does not end within %v", patience))
	}
}

// stop ends the program at once.
func (p *process) stop() {
	select {
	case <-p.ended:
		return
	default:
	}
	_ = p.kill(syscall.SIGKILL)
	_ = p.cmd.Process.Kill()
	<-p.ended
}
