package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// ErrTerminal is that a capture was to be written to a terminal.
var ErrTerminal = errors.New("a capture is nothing for a terminal; pipe it, as to `wireshark -k -i -`, or name a file: -w FILE")

// Run is the command: it saves a capture to a file, which is created once the daemon has
// agreed, or to stdout if it is named "-", and tells messages what became of it.
func Run(ctx context.Context, open Open, r Request, file string, stdout, messages io.Writer) error {
	create := func() (io.Writer, error) { return stdout, nil }
	if file == "-" {
		if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return ErrTerminal
		}
		signal.Ignore(syscall.SIGPIPE) // a reader that ends is no failure
	} else {
		create = func() (io.Writer, error) { return os.Create(file) }
	}
	var f io.Writer
	s, err := Save(ctx, open, r, func() (_ io.Writer, err error) {
		if f, err = create(); err == nil {
			fmt.Fprintln(messages, "capturing; Ctrl-C ends it")
		}
		return f, err
	})
	if f == nil {
		return err
	}
	if c, ok := f.(io.Closer); ok && file != "-" {
		err = errors.Join(err, c.Close())
	}
	fmt.Fprintf(messages, "%d frames captured, %d left out by the filter, %d missed", s.Captured, s.Filtered, s.Missed)
	if s.Missed > 0 {
		fmt.Fprint(messages, " (too fast: give a narrower filter, or keep less of each with -s)")
	}
	if s.Why != "" {
		fmt.Fprintf(messages, "; ended: %s", s.Why)
	}
	fmt.Fprintln(messages)
	return err
}
