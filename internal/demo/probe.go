package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// ProbeOptions are what Probe does.
type ProbeOptions struct {
	Remote   *dataplane.Addr // an echo service, first the address that is to be primary
	Duration time.Duration   // of the sending; 0 is until ctx is done
	Rate     int             // messages per second; 0 is as many as go
	Streams  int             // 1 to 64
	Format   Format
	Out      io.Writer
}

// Check says what is wrong with the options.
func (o *ProbeOptions) Check() error {
	if o.Streams < 1 || o.Streams > 64 {
		return fmt.Errorf("--streams: %d is not within 1 to 64", o.Streams)
	}
	if o.Duration < 0 || o.Rate < 0 {
		return errors.New("--time and --rate must not be negative")
	}
	return nil
}

// ProbeResult is the outcome of a probe. Received counts the echoes.
type ProbeResult struct {
	Remote  string        `json:"remote"`
	Elapsed time.Duration `json:"elapsed_ns"`
	Bytes   uint64        `json:"bytes"`
	Tally   Tally         `json:"messages"`
	// Failovers is how often new data left one path for another, there and back.
	Failovers int `json:"failovers"`
	// Pause is the longest time without an echo while there was something to come.
	Pause   time.Duration `json:"longest_pause_ns"`
	Pass    bool          `json:"pass"`
	Reasons []string      `json:"reasons,omitempty"`
}

// probe is a running one.
type probe struct {
	opt       *ProbeOptions
	conn      *dataplane.Conn
	view      *view
	verifier  *Verifier
	totals    totals
	failovers int           // the watcher's
	pause     time.Duration // the watcher's
}

// Probe makes an association with an echo service, sends numbered and checksummed
// messages there until the duration is over or ctx is done, and accounts for each that comes
// back. What it found wrong is in the result; an error means that there is none.
func Probe(ctx context.Context, d *dataplane.Dataplane, o ProbeOptions) (*ProbeResult, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	p := &probe{opt: &o, verifier: NewVerifier(o.Streams), view: &view{w: o.Out, format: o.Format, start: time.Now()}}
	defer p.view.end()
	var err error
	p.conn, err = d.Dial(ctx, nil, o.Remote, &dataplane.AssocOptions{InStreams: o.Streams, OutStreams: o.Streams})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w; does an echo service run there?", o.Remote, err)
	}
	p.view.say("association %s to %s", p.conn.LocalAddr(), p.conn.RemoteAddr())
	if err := p.conn.SetPrimary(o.Remote.IPs[0]); err != nil {
		return nil, fmt.Errorf("primary path: %w", err)
	}
	res := &ProbeResult{Remote: o.Remote.String()}
	p.run(ctx, res)
	res.Elapsed, res.Bytes = time.Since(p.view.start), p.totals.bytes.Load()
	res.Failovers, res.Pause = p.failovers, p.pause
	res.Reasons = append(res.Reasons, res.Tally.faults()...)
	res.Pass = len(res.Reasons) == 0
	p.view.end()
	if o.Format == JSON {
		writeJSON(o.Out, "result", res)
	} else {
		res.write(o.Out)
	}
	return res, nil
}

// run is the traffic from the first message to the end of the association. What breaks is a
// reason in res: what had come until then counts.
func (p *probe) run(ctx context.Context, res *ProbeResult) {
	stop, quit, watched := make(chan struct{}), make(chan struct{}), make(chan struct{})
	sender := &sender{conn: p.conn, sent: make([]uint64, p.opt.Streams), rate: p.opt.Rate, totals: &p.totals}
	sent, received := make(chan error, 1), make(chan error, 1)
	go func() { sent <- sender.run(stop) }()
	go func() { received <- receive(p.conn, p.verifier, &p.totals) }()
	events := p.conn.Events(256) // before anything can happen
	go func() { defer close(watched); p.watch(quit, events) }()

	var over <-chan time.Time
	if p.opt.Duration > 0 {
		over = time.After(p.opt.Duration)
	}
	select {
	case <-over:
	case <-ctx.Done():
	case <-p.conn.Done():
	}
	close(stop)
	timeout := time.AfterFunc(drainWait, func() { _ = p.conn.Abort("not drained in time") })
	defer timeout.Stop()
	errs := []error{<-sent}
	for p.totals.received.Load() < p.totals.sent.Load() && !ended(p.conn) {
		time.Sleep(pacing)
	}
	close(quit)
	<-watched
	_ = p.conn.CloseWrite() // it may have ended
	errs = append(errs, <-received)
	<-p.conn.Done()
	errs = append(errs, p.conn.Err())
	if err := errors.Join(errs...); err != nil {
		res.Reasons = append(res.Reasons, fmt.Sprintf("the association did not end gracefully: %v", errs[slices.IndexFunc(errs, func(e error) bool { return e != nil })]))
	}
	res.Tally = p.verifier.Tally(sender.sent)
}

func ended(c *dataplane.Conn) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// probeEvery is how often a probe's state is shown: its pauses are told from each other by it.
const probeEvery = 250 * time.Millisecond

// watch shows the state, and failovers as they happen, until quit is closed.
func (p *probe) watch(quit <-chan struct{}, events <-chan dataplane.PathEvent) {
	t := time.NewTicker(probeEvery)
	defer t.Stop()
	var messages, bytes uint64
	last := time.Now()
	for {
		select {
		case <-quit:
			for range len(events) { // of before
				e := <-events
				p.tell(&e)
			}
			p.pause = max(p.pause, p.totals.takePause())
			return
		case e, open := <-events:
			if !open {
				events = nil
			} else {
				p.tell(&e)
			}
			continue
		case <-t.C:
		}
		paths, err := p.conn.Paths()
		if err != nil {
			continue
		}
		now := time.Now()
		span := now.Sub(last).Seconds()
		m, b, pause := p.totals.received.Load(), p.totals.bytes.Load(), p.totals.takePause()
		p.pause = max(p.pause, pause)
		p.view.show(&Status{
			At: now.Sub(p.view.start), Sent: p.totals.sent.Load(), Received: m, Paths: statusOf(paths), Pause: pause,
			BitsPerSec: float64(b-bytes) * 8 / span, MsgsPerSec: float64(m-messages) / span,
		})
		messages, bytes, last = m, b, now
	}
}

// tell says what happened to the paths.
func (p *probe) tell(e *dataplane.PathEvent) {
	switch e.Kind {
	case sctpcore.EventFailover:
		p.failovers++
		p.view.say("failover from %s to %s", named(e.OldDst.String(), e.OldPort), named(e.Dst.String(), e.Port))
	case sctpcore.EventPathState:
		p.view.say("path to %s: %s, was %s (%s)", named(e.Dst.String(), e.Port), e.To, e.From, e.Reason)
	}
}

// write writes the plain result block.
func (r *ProbeResult) write(w io.Writer) {
	fmt.Fprintf(w, "\nResult (echo by %s, %.1f s)\n", r.Remote, r.Elapsed.Seconds())
	r.Tally.Write(w)
	fmt.Fprintf(w, "  failovers          %12d\n", r.Failovers)
	fmt.Fprintf(w, "  longest pause      %12s\n", millis(r.Pause))
	WriteVerdict(w, r.Reasons)
}
