package rig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Cut is a way for a path to break.
type Cut uint8

// The ways.
const (
	Silent   Cut = iota // everything is swallowed, the links stay up
	LinkDown            // the port reports it
)

func (c Cut) String() string { return [...]string{"silent", "link down"}[c] }

// Outages is what association 0 went through at full load while its current path
// was cut again and again.
type Outages struct {
	Cuts   int
	Missed int // cuts after which no DATA left by another path within missLimit
	// Switch is the time from the cut to the first DATA on another path.
	Switch Histogram
	// Pause is the longest time around a cut without a message for the reader.
	Pause Histogram
	// Regain is the time from the switch to the first span of regainSpan that has
	// at least regainShare of the usual rate: the median of what was seen before
	// this and all former cuts, since a machine's rate drifts.
	Regain           Histogram
	Lost, Duplicated uint64 // messages

	undisturbed []float64 // messages per second before each cut
}

const (
	// settleSpan of undisturbed load comes before each cut.
	settleSpan  = 60 * time.Millisecond
	regainSpan  = 20 * time.Millisecond
	regainShare = 0.9
	missLimit   = 2 * time.Second // for a switch, for the rate, for a mended path
	look        = 500 * time.Microsecond
)

// Outages cuts the current path of association 0 as often as asked, each time
// when all paths are active again. At least two paths are needed.
func (r *Rig) Outages(how Cut, size, cuts int) (*Outages, error) {
	o := &Outages{Cuts: cuts}
	s := &numbered{from: r.Client[0], to: r.Server[0], size: max(size, lastSize+1)}
	events := r.Client[0].Events(1024)
	s.start()
	var errs []error
	for range cuts {
		if err := r.outage(how, o, s, events); err != nil {
			errs = append(errs, err)
			break
		}
	}
	errs = append(errs, s.finish())
	o.Lost, o.Duplicated = s.lost, s.duplicated
	return o, errors.Join(errs...)
}

// outage cuts, waits and mends once.
func (r *Rig) outage(how Cut, o *Outages, s *numbered, events <-chan dataplane.PathEvent) error {
	if _, err := r.currentCable(); err != nil {
		return err
	}
	before := s.received.Load()
	time.Sleep(settleSpan)
	want := regainShare * regainSpan.Seconds() * o.usual(float64(s.received.Load()-before)/settleSpan.Seconds())
	cable, err := r.currentCable() // data may have gone back to the primary path meanwhile
	if err != nil {
		return err
	}
	port := r.Cables[cable].Ends[A]
	for len(events) > 0 {
		<-events
	}
	s.pause.Store(0)
	at := sctpcore.Time(nic.Monotonic())
	if how == Silent {
		port.Blackhole(fault.Both)
		defer port.Blackhole(fault.None)
	} else {
		if err := port.SetLink(false); err != nil {
			return err
		}
		defer func() { _ = port.SetLink(true) }()
	}
	switched, ok := awaitSwitch(events, at)
	if !ok {
		o.Missed++
		return nil
	}
	o.Switch.Record(time.Duration(switched - at))
	o.Regain.Record(s.regain(switched, uint64(want)))
	o.Pause.Record(time.Duration(s.pause.Load()))
	return nil
}

// usual is the median of all rates so far, this one included.
func (o *Outages) usual(rate float64) float64 {
	o.undisturbed = append(o.undisturbed, rate)
	slices.Sort(o.undisturbed)
	return o.undisturbed[len(o.undisturbed)/2]
}

// awaitSwitch waits for DATA to leave by another path because of what happened at
// or after at.
func awaitSwitch(events <-chan dataplane.PathEvent, at sctpcore.Time) (switched sctpcore.Time, ok bool) {
	late := time.After(missLimit)
	for {
		select {
		case e, open := <-events:
			if !open {
				return 0, false
			}
			if e.Kind == sctpcore.EventFailover && e.Switched >= at {
				return e.Switched, true
			}
		case <-late:
			return 0, false
		}
	}
}

// currentCable waits until every path of association 0 is active, and tells
// which carries its data.
func (r *Rig) currentCable() (int, error) {
	for begun := time.Now(); time.Since(begun) < missLimit; time.Sleep(look) {
		paths, err := r.Client[0].Paths()
		if err != nil {
			return 0, err
		}
		if slices.ContainsFunc(paths, func(p dataplane.PathInfo) bool { return p.State != sctpcore.Active }) {
			continue
		}
		for i := range r.Cables {
			for _, p := range paths {
				if p.Current && p.Dst.Netip() == Addr(B, i) {
					return i, nil
				}
			}
		}
	}
	return 0, fmt.Errorf("rig: not every path was active again within %v", missLimit)
}

// numbered is a load of messages that carry their number, so that each is seen
// to arrive once and in order.
type numbered struct {
	from, to   *dataplane.Conn
	size       int
	over       atomic.Bool
	sent       uint64 // the sender's, until it has ended
	received   atomic.Uint64
	pause      atomic.Int64 // nanoseconds: the longest between two batches since it was set to 0
	next       uint64
	lost       uint64
	duplicated uint64
	running    sync.WaitGroup
	errs       [2]error
}

func (s *numbered) start() {
	s.running.Go(func() { s.errs[0] = s.send() })
	s.running.Go(func() { s.errs[1] = s.receive() })
}

func (s *numbered) send() error {
	out := Batches(Batch, s.size)
	for !s.over.Load() {
		for i := range out {
			binary.LittleEndian.PutUint64(out[i].Data, s.sent+uint64(i))
		}
		n, err := s.from.SendBatch(out)
		if err != nil {
			return err
		}
		s.sent += uint64(n)
	}
	// The last one tells the reader that there are no more.
	binary.LittleEndian.PutUint64(out[0].Data, s.sent)
	return s.from.Send(out[0].Data[:lastSize], nil)
}

// lastSize is the length of the message behind the last one.
const lastSize = 8

func (s *numbered) receive() error {
	in := Batches(Batch, s.size)
	for last := nic.Monotonic(); ; {
		n, err := s.to.RecvBatch(in)
		if err != nil {
			return err
		}
		now := nic.Monotonic()
		s.pause.Store(max(s.pause.Load(), now-last))
		last = now
		for i := range in[:n] {
			s.take(binary.LittleEndian.Uint64(in[i].Data))
			if in[i].N == lastSize {
				return nil
			}
		}
		s.received.Add(uint64(n))
	}
}

func (s *numbered) take(number uint64) {
	if number < s.next {
		s.duplicated++
		return
	}
	s.lost += number - s.next
	s.next = number + 1
}

// regain waits until want messages come within regainSpan, and tells how long
// after switched that span began; missLimit if that does not happen.
func (s *numbered) regain(switched sctpcore.Time, want uint64) time.Duration {
	type point struct {
		at sctpcore.Time
		n  uint64
	}
	var seen []point
	for {
		now := point{sctpcore.Time(nic.Monotonic()), s.received.Load()}
		if time.Duration(now.at-switched) > missLimit {
			return missLimit
		}
		seen = append(seen, now)
		for len(seen) > 1 && time.Duration(now.at-seen[0].at) >= regainSpan {
			if now.n-seen[0].n >= want {
				return time.Duration(max(0, seen[0].at-switched))
			}
			seen = seen[1:]
		}
		time.Sleep(look)
	}
}

// finish ends the load when all has arrived.
func (s *numbered) finish() error {
	s.over.Store(true)
	late := time.AfterFunc(stopLimit, func() {
		_ = s.from.SetWriteDeadline(time.Now())
		_ = s.to.SetReadDeadline(time.Now())
	})
	s.running.Wait()
	late.Stop()
	if err := errors.Join(s.errs[:]...); err != nil {
		return err
	}
	s.next-- // what told the end
	s.lost += s.sent - s.next
	return nil
}
