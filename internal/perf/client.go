package perf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// ClientOptions are what RunClient measures.
type ClientOptions struct {
	Remote    *dataplane.Addr
	Time      time.Duration
	Length    int // bytes of a message
	Streams   int
	Parallel  int // associations
	Unordered bool
	Reverse   bool // the server sends
	Both      bool // both send
	Interval  time.Duration
	JSON      bool
	Out       io.Writer
}

func (o *ClientOptions) hello() hello {
	return hello{
		Version: version, Length: o.Length, Streams: o.Streams, Unordered: o.Unordered,
		Seconds: o.Time.Seconds(), Forward: !o.Reverse || o.Both, Reverse: o.Reverse || o.Both,
	}
}

// Check says what is wrong with the options.
func (o *ClientOptions) Check() error {
	h := o.hello()
	if o.Parallel < 1 || o.Parallel > 1024 {
		return fmt.Errorf("%d associations are not within 1 to 1024", o.Parallel)
	}
	if o.Interval < 0 {
		return errors.New("the interval is negative; 0 is no interval lines")
	}
	return h.valid()
}

// Direction is one direction of one association, as both sides counted it.
type Direction struct {
	Name     string `json:"direction"` // "client to server" or "server to client"
	Sender   Totals `json:"sender"`
	Receiver Totals `json:"receiver"`
}

// RunClient measures with associations to a running server and writes interval
// lines and the summary. When ctx is done it ends the run early but in order.
func RunClient(ctx context.Context, d *dataplane.Dataplane, o ClientOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	sessions, err := dialAll(ctx, d, &o)
	defer func() {
		for _, s := range sessions {
			_ = s.conn.Abort("the client stopped")
		}
	}()
	if err != nil {
		return err
	}
	r := newReporter(o.Out, o.JSON, o.Interval, sessions)
	r.begin()
	type outcome struct {
		index int
		dirs  []Direction
		err   error
	}
	done := make(chan outcome, len(sessions))
	for i, s := range sessions {
		go func() {
			dirs, err := s.client(ctx.Done())
			done <- outcome{i, dirs, err}
		}()
	}
	stop := r.run()
	results := make([][]Direction, len(sessions))
	for range sessions {
		o := <-done
		results[o.index] = o.dirs
		if o.err != nil && err == nil {
			err = o.err
		}
	}
	stop()
	if err != nil {
		return err
	}
	r.summary(results)
	return closeAll(sessions)
}

func dialAll(ctx context.Context, d *dataplane.Dataplane, o *ClientOptions) ([]*Session, error) {
	var sessions []*Session
	for range o.Parallel {
		c, err := d.Dial(ctx, nil, o.Remote, &dataplane.AssocOptions{InStreams: o.Streams, OutStreams: o.Streams})
		if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
			return sessions, errors.New("interrupted")
		}
		if err != nil {
			return sessions, fmt.Errorf("connect to %s: %w; is `trunkline perf server` running there, and is the route right?", o.Remote, err)
		}
		h := o.hello()
		sessions = append(sessions, newSession(c, h))
		info, err := c.Info()
		if err != nil {
			return sessions, fmt.Errorf("connect to %s: %w", o.Remote, err)
		}
		if info.OutStreams < o.Streams {
			return sessions, fmt.Errorf("the server takes %d streams; use --streams %d or raise its limits.in_streams", info.OutStreams, info.OutStreams)
		}
	}
	for _, s := range sessions {
		if err := sendControl(s.conn, ppidHello, s.h); err != nil {
			return sessions, fmt.Errorf("hello: %w", err)
		}
		s.start, s.cpu0 = time.Now(), cpuTime()
	}
	return sessions, nil
}

// client runs the client's side of one session.
func (s *Session) client(stop <-chan struct{}) ([]Direction, error) {
	return s.both(stop, s.h.Forward, s.h.Reverse, "client to server", "server to client")
}

// both sends and receives as asked, at once, and gives both directions.
func (s *Session) both(stop <-chan struct{}, send, receive bool, out, in string) ([]Direction, error) {
	go s.receive()
	sent := make(chan error, 1)
	var dirs []Direction
	if send {
		go func() { sent <- s.send(stop) }()
	}
	var err error
	if receive {
		var peer, own Totals
		if peer, own, err = s.awaitAll(); err == nil {
			dirs = append(dirs, Direction{Name: in, Sender: peer, Receiver: own})
		}
	}
	if send {
		if serr := <-sent; serr != nil {
			return nil, serr
		}
		if err != nil {
			return nil, err
		}
		report, rerr := s.await(s.reports, "the peer's report")
		if rerr != nil {
			return nil, rerr
		}
		own := s.tx.totals(cpuTime() - s.cpu0)
		own.Retransmissions = s.retransmissions()
		dirs = append([]Direction{{Name: out, Sender: own, Receiver: report}}, dirs...)
	}
	return dirs, err
}

// closeAll shuts the associations down and waits for the end of each.
func closeAll(sessions []*Session) error {
	for _, s := range sessions {
		if err := s.conn.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	timeout := time.After(patience)
	for _, s := range sessions {
		select {
		case <-s.conn.Done():
			if err := s.conn.Err(); err != nil {
				return fmt.Errorf("the association did not end gracefully: %w", err)
			}
		case <-timeout:
			return fmt.Errorf("the association did not end within %v", patience)
		}
	}
	return nil
}
