package perf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// helloWait is how long a new association may take to say what it wants.
const helloWait = 10 * time.Second

// ServerOptions are what RunServer serves.
type ServerOptions struct {
	Port     uint16
	OneOff   bool // end after the first client
	Interval time.Duration
	JSON     bool
	Out      io.Writer
}

// RunServer serves clients until ctx is done; then it ends what runs and
// returns nil.
func RunServer(ctx context.Context, d *dataplane.Dataplane, o ServerOptions) error {
	l, err := d.Listen(&dataplane.Addr{Port: o.Port}, nil)
	if err != nil {
		return fmt.Errorf("listen on port %d: %w; use another --port", o.Port, err)
	}
	if !o.JSON {
		fmt.Fprintf(o.Out, "Server listening on %s\n", l.Addr())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unhook := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer unhook()
	var running sync.WaitGroup
	defer running.Wait()
	defer l.Close()
	out := &lockedWriter{w: o.Out}
	for {
		c, err := l.AcceptSCTP()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("accept: %w", err)
		}
		if o.OneOff {
			return serve(ctx, c, o, out)
		}
		running.Go(func() {
			if err := serve(ctx, c, o, out); err != nil {
				fmt.Fprintf(out, "%s: %v\n", c.RemoteAddr(), err)
			}
		})
	}
}

// serve runs the server's side of one association.
func serve(ctx context.Context, c *dataplane.Conn, o ServerOptions, out io.Writer) error {
	unhook := context.AfterFunc(ctx, func() { _ = c.Abort("the server stopped") })
	defer unhook()
	h, err := recvHello(c, helloWait)
	if err != nil {
		_ = c.Abort(err.Error())
		return err
	}
	if !o.JSON {
		fmt.Fprintf(out, "Accepted %s\n", c.RemoteAddr())
	}
	s := newSession(c, h)
	r := newReporter(out, o.JSON, o.Interval, []*Session{s})
	r.begin()
	stop := r.run()
	dirs, err := s.both(ctx.Done(), h.Reverse, h.Forward, "server to client", "client to server")
	stop()
	if err != nil {
		_ = c.Abort(err.Error())
		return err
	}
	r.summary([][]Direction{dirs})
	select {
	case <-c.Done():
		return c.Err()
	case <-time.After(patience):
		_ = c.Abort("the client does not close")
		return fmt.Errorf("the client did not close within %v", patience)
	}
}

// lockedWriter keeps the lines of several clients whole.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
