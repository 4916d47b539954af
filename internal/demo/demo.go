package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Options are what Run shows.
type Options struct {
	// Devices is one kind of cable (ports.Kinds), or four devices: side A's on
	// network 0 and 1, then side B's.
	Devices   []string
	Timers    string        // "telecom" or "rfc9260"
	Duration  time.Duration // of undisturbed traffic in all, before, between and after the faults
	Messages  uint64        // go on until so many were sent; 0 is no such wish
	Rate      int           // messages per second; 0 is as many as go
	Streams   int           // 1 to 64
	Capture   string        // directory for a pcapng file per port; "" is none
	Format    Format
	Out       io.Writer
	Hugepages string // "auto", "off" or "required"
}

// Bounds of the waits. Those of the failovers follow from the timers.
const (
	setupWait = 10 * time.Second // until every path is up
	drainWait = 15 * time.Second // until all that was sent has come
	grace     = 10 * time.Second // added to what the timers allow a failover to take
	demoPort  = 5000
)

var errInterrupted = errors.New("interrupted")

// Check says what is wrong with the options.
func (o *Options) Check() error {
	if len(o.Devices) != 1 && len(o.Devices) != 4 {
		return fmt.Errorf("--device: %d devices; give one kind, or four devices: A's on network 0 and 1, then B's", len(o.Devices))
	}
	if _, ok := config.Profile(o.Timers); !ok {
		return fmt.Errorf("--timers: %q is not known; use telecom or rfc9260", o.Timers)
	}
	if !slices.Contains(config.HugepageModes, o.Hugepages) {
		return fmt.Errorf("--hugepages: %q is not known; use %s", o.Hugepages, strings.Join(config.HugepageModes, ", "))
	}
	if o.Streams < 1 || o.Streams > 64 {
		return fmt.Errorf("--streams: %d is not within 1 to 64", o.Streams)
	}
	if o.Duration < 0 || o.Duration > time.Hour || o.Rate < 0 {
		return errors.New("--duration and --rate must not be negative, and the duration at most one hour")
	}
	return nil
}

// show is a running demo.
type show struct {
	opt    Options
	timers sctpcore.Timers
	clock  nic.Clock
	view   *view
	rig    *ports.Rig
	cables [2]*cable
	a, b   *dataplane.Dataplane
	client *dataplane.Conn
	server *dataplane.Conn

	totals   totals
	verifier *Verifier
	sender   *sender
	stop     chan struct{} // ends the sender
	broken   chan error    // the sender's or the receiver's failure
	sent     chan error    // the sender's end
	received chan error    // the receiver's end
	closers  []func() error
}

// Run shows the whole demo. An error means that it could not be run or was cut
// short; what it found wrong is in the Result. Everything is closed when it
// returns.
func Run(ctx context.Context, o Options) (res *Result, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s := &show{
		opt: o, clock: nic.Monotonic, view: &view{w: o.Out, format: o.Format, start: time.Now()},
		verifier: NewVerifier(o.Streams), stop: make(chan struct{}),
		broken: make(chan error, 2), sent: make(chan error, 1), received: make(chan error, 1),
	}
	if o.Capture != "" && o.Rate == 0 {
		s.opt.Rate = captureRate
	}
	s.timers, _ = config.Profile(o.Timers)
	defer func() {
		s.view.end()
		if cerr := s.close(); err == nil && cerr != nil {
			err = fmt.Errorf("closing: %w", cerr)
		}
	}()
	if err := s.setUp(ctx); err != nil {
		if ctx.Err() != nil {
			err = errInterrupted
		}
		return nil, err
	}
	res = &Result{Device: s.deviceName(), Timers: o.Timers}
	if err := s.play(ctx, res); err != nil {
		return nil, err
	}
	res.Elapsed = time.Since(s.view.start)
	res.Bytes = s.totals.bytes.Load()
	res.judge()
	s.view.end()
	if o.Format == JSON {
		writeJSON(o.Out, "result", res)
	} else {
		res.write(o.Out)
	}
	return res, nil
}

func (s *show) deviceName() string {
	if len(s.opt.Devices) == 1 {
		return s.opt.Devices[0]
	}
	return "given"
}

// play is the demo from the first message to the last.
func (s *show) play(ctx context.Context, res *Result) error {
	var watching sync.WaitGroup
	watch, unwatch := context.WithCancel(ctx)
	watching.Go(func() { s.watch(watch) })
	defer watching.Wait()
	defer unwatch()
	s.startTraffic()
	part := s.opt.Duration / 3
	for i, step := range []func(context.Context) (Failover, error){s.linkDown, s.silentLoss} {
		if err := s.wait(ctx, part); err != nil {
			return err
		}
		f, err := step(ctx)
		if err != nil {
			return err
		}
		res.Failovers = append(res.Failovers, f)
		if f.Missed != "" {
			s.view.say("step %d failed: %s", i+1, f.Missed)
			break
		}
	}
	if err := s.wait(ctx, part); err != nil {
		return err
	}
	for s.opt.Messages > s.totals.sent.Load() {
		if err := s.wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	drained, err := s.drain(ctx)
	if err != nil {
		return err
	}
	if drained != "" {
		res.Reasons = append(res.Reasons, drained)
		s.view.say("%s", drained)
	} else {
		s.view.say("all was delivered; the association was shut down gracefully")
	}
	res.Tally = s.verifier.Tally(s.sender.sent)
	return nil
}

func (s *show) startTraffic() {
	s.sender = &sender{conn: s.client, sent: make([]uint64, s.opt.Streams), rate: s.opt.Rate, totals: &s.totals}
	go func() {
		err := s.sender.run(s.stop)
		if err != nil {
			s.broken <- err
		}
		s.sent <- err
	}()
	go func() {
		err := receive(s.server, s.verifier, &s.totals)
		if err != nil {
			s.broken <- err
		}
		s.received <- err
	}()
}

// wait lets time pass; it ends early with an error if the traffic breaks or ctx
// is done.
func (s *show) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case err := <-s.broken:
		return err
	case <-ctx.Done():
		return errInterrupted
	}
}

// drain ends the traffic: everything sent is delivered, then both sides shut
// down. It gives what did not happen in time, "" if all did.
func (s *show) drain(ctx context.Context) (missed string, err error) {
	close(s.stop)
	timeout := time.After(drainWait)
	s.view.say("the sender stops; waiting until all is delivered")
	await := func(ended <-chan error) (late bool, err error) {
		select {
		case err := <-ended:
			return false, err
		case <-ctx.Done():
			return false, errInterrupted
		case <-timeout:
			return true, nil
		}
	}
	late, err := await(s.sent)
	if err == nil && !late {
		if err = s.client.Close(); err == nil {
			late, err = await(s.received)
		}
	}
	if err != nil {
		return "", err
	}
	if late {
		// The verifier may be read only when the receiver has ended.
		_ = s.client.Abort("not drained in time")
		_ = s.server.Abort("not drained in time")
		<-s.received
		return fmt.Sprintf("not everything was delivered within %v", drainWait), nil
	}
	for _, c := range []*dataplane.Conn{s.client, s.server} {
		select {
		case <-c.Done():
			if err := c.Err(); err != nil {
				return fmt.Sprintf("the shutdown was not graceful: %v", err), nil
			}
		case <-timeout:
			return fmt.Sprintf("the shutdown took more than %v", drainWait), nil
		}
	}
	return "", nil
}

// watch shows the state until ctx is done.
func (s *show) watch(ctx context.Context) {
	every := plainEvery
	if s.opt.Format == Live {
		every = liveEvery
	}
	t := time.NewTicker(every)
	defer t.Stop()
	var messages, bytes uint64
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		paths, err := s.client.Paths()
		if err != nil {
			continue
		}
		now := time.Now()
		span := now.Sub(last).Seconds()
		m, b := s.totals.received.Load(), s.totals.bytes.Load()
		s.view.show(&Status{
			At: now.Sub(s.view.start), Sent: s.totals.sent.Load(), Received: m, Paths: statusOf(paths),
			BitsPerSec: float64(b-bytes) * 8 / span, MsgsPerSec: float64(m-messages) / span,
		})
		messages, bytes, last = m, b, now
	}
}

// primary is the destination that side A prefers: on network 0.
var primary = netip.MustParseAddr("10.10.0.2")
