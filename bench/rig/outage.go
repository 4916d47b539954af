package rig

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
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
	Uncut               // the control: nothing breaks, and the clocks run all the same
)

func (c Cut) String() string { return [...]string{"silent", "link down", "none (control)"}[c] }

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
	missLimit   = 2 * time.Second        // for a switch, for the rate
	look        = 500 * time.Microsecond // between two looks at what is waited for
)

// Outages cuts the current path of association 0 as often as asked, each time
// when all paths are active again. At least two paths are needed, and
// Options.Manual: one thread on cpus[A] sends, drives side A and cuts, another on
// cpus[B] drives side B and reads, so that neither waits for the other.
func (r *Rig) Outages(how Cut, size, cuts int, cpus [2]int) (*Outages, error) {
	o := &outing{Outages: Outages{Cuts: cuts}, rig: r, how: how, load: newNumbered(r.Client[0], r.Server[0], size),
		events: r.Client[0].Events(1024)}
	var over atomic.Bool
	var running sync.WaitGroup
	var errs [2]error
	running.Go(func() {
		if errs[A] = pin(cpus[A]); errs[A] == nil {
			errs[A] = o.run()
		}
		over.Store(true)
	})
	running.Go(func() {
		for errs[B] = pin(cpus[B]); errs[B] == nil && !over.Load(); errs[B] = o.load.receive() {
			r.Dataplanes[B].Step()
		}
	})
	running.Wait()
	o.Lost, o.Duplicated = o.load.lost+o.load.sent-o.load.next, o.load.duplicated
	return &o.Outages, errors.Join(errs[:]...)
}

// outing is what the thread of side A does in Outages.
type outing struct {
	Outages
	rig    *Rig
	how    Cut
	load   *numbered
	events <-chan dataplane.PathEvent
}

func (o *outing) run() error {
	for range o.Cuts {
		if err := o.cut(); err != nil {
			return err
		}
	}
	o.load.over = true
	all := func() bool { return o.load.received.Load() >= o.load.sent }
	if ok, err := o.await(stopLimit, all); err != nil || ok {
		return err
	}
	return fmt.Errorf("rig: %d of %d messages arrived within %v", o.load.received.Load(), o.load.sent, stopLimit)
}

// await drives side A until something is so, and tells whether it was within limit.
func (o *outing) await(limit time.Duration, so func() bool) (bool, error) {
	for begun := nic.Monotonic(); nic.Monotonic()-begun < int64(limit); {
		if so() {
			return true, nil
		}
		if err := o.load.send(); err != nil {
			return false, err
		}
		o.rig.Dataplanes[A].Step()
	}
	return false, nil
}

// cut cuts, waits and mends once.
func (o *outing) cut() error {
	if _, err := o.currentCable(); err != nil {
		return err
	}
	before := o.load.received.Load()
	settle := settleSpan + rand.N(regainSpan)
	if _, err := o.await(settle, func() bool { return false }); err != nil {
		return err
	}
	want := regainShare * regainSpan.Seconds() * o.usual(float64(o.load.received.Load()-before)/settle.Seconds())
	cable, err := o.currentCable() // data may have gone back to the primary path meanwhile
	if err != nil {
		return err
	}
	port := o.rig.Cables[cable].Ends[A]
	for len(o.events) > 0 {
		<-o.events
	}
	o.load.pause.Store(0)
	at := sctpcore.Time(nic.Monotonic())
	switched, ok := at, true
	switch o.how {
	case Silent:
		port.Blackhole(fault.Both)
		defer port.Blackhole(fault.None)
	case LinkDown:
		if err := port.SetLink(false); err != nil {
			return err
		}
		defer func() { _ = port.SetLink(true) }()
	}
	if o.how != Uncut {
		if switched, ok, err = o.awaitSwitch(at); err != nil {
			return err
		}
	}
	if !ok {
		o.Missed++
		return nil
	}
	o.Switch.Record(time.Duration(switched - at))
	regain, err := o.regain(switched, uint64(want))
	o.Regain.Record(regain)
	o.Pause.Record(time.Duration(o.load.pause.Load()))
	return err
}

// usual is the median of all rates so far, this one included.
func (o *Outages) usual(rate float64) float64 {
	o.undisturbed = append(o.undisturbed, rate)
	slices.Sort(o.undisturbed)
	return o.undisturbed[len(o.undisturbed)/2]
}

// awaitSwitch waits for DATA to leave by another path because of what happened at
// or after at.
func (o *outing) awaitSwitch(at sctpcore.Time) (switched sctpcore.Time, ok bool, err error) {
	ok, err = o.await(missLimit, func() bool {
		for len(o.events) > 0 {
			if e := <-o.events; e.Kind == sctpcore.EventFailover && e.Switched >= at {
				switched = e.Switched
				return true
			}
		}
		return false
	})
	return switched, ok, err
}

// currentCable waits until every path of association 0 is active, and tells
// which carries its data: it still does, since this thread drives its worker.
func (o *outing) currentCable() (cable int, err error) {
	var failed error
	next := int64(0)
	ok, err := o.await(stopLimit, func() bool {
		now := nic.Monotonic()
		if now < next {
			return false
		}
		next = now + int64(look)
		paths, err := o.rig.Client[0].Paths()
		if err != nil {
			failed = err
			return true
		}
		if slices.ContainsFunc(paths, func(p dataplane.PathInfo) bool { return p.State != sctpcore.Active }) {
			return false
		}
		current := slices.IndexFunc(paths, func(p dataplane.PathInfo) bool { return p.Current })
		for cable = range o.rig.Cables {
			if paths[current].Dst.Netip() == Addr(B, cable) {
				return true
			}
		}
		return false
	})
	if err = errors.Join(err, failed); err == nil && !ok {
		err = fmt.Errorf("rig: not every path was active again within %v", stopLimit)
	}
	return cable, err
}

// regain waits until want messages come within regainSpan, and tells how long
// after switched that span began; missLimit if that does not happen.
func (o *outing) regain(switched sctpcore.Time, want uint64) (after time.Duration, err error) {
	type point struct {
		at sctpcore.Time
		n  uint64
	}
	var seen []point
	ok, err := o.await(missLimit, func() bool {
		now := point{sctpcore.Time(nic.Monotonic()), o.load.received.Load()}
		if len(seen) > 0 && time.Duration(now.at-seen[len(seen)-1].at) < look {
			return false
		}
		seen = append(seen, now)
		for len(seen) > 1 && time.Duration(now.at-seen[0].at) >= regainSpan {
			if now.n-seen[0].n >= want {
				after = time.Duration(max(0, seen[0].at-switched))
				return true
			}
			seen = seen[1:]
		}
		return false
	})
	if !ok {
		after = missLimit
	}
	return after, err
}

// numbered is a load of messages that carry their number, so that each is seen
// to arrive once and in order.
type numbered struct {
	hand
	over bool   // nothing more is sent
	sent uint64 // the sender's

	received   atomic.Uint64 // all below this number have come or are lost
	pause      atomic.Int64  // nanoseconds: the longest between two batches since it was set to 0
	last       int64         // batch, the reader's as all below
	next       uint64
	lost       uint64
	duplicated uint64
}

func newNumbered(from, to *dataplane.Conn, size int) *numbered {
	size = max(size, 8) // the number's
	return &numbered{hand: hand{from: from, to: to, out: Batches(Batch, size), in: Batches(Batch, size)}, last: nic.Monotonic()}
}

// send sends what there is room for.
func (s *numbered) send() error {
	if s.over {
		return nil
	}
	for i := range s.out {
		binary.LittleEndian.PutUint64(s.out[i].Data, s.sent+uint64(i))
	}
	n, err := s.from.TrySendBatch(s.out)
	s.sent += uint64(n)
	return err
}

// receive takes what is there.
func (s *numbered) receive() error {
	for n := Batch; n == Batch; {
		var err error
		if n, err = s.to.TryRecvBatch(s.in); err != nil || n == 0 {
			return err
		}
		now := nic.Monotonic()
		s.pause.Store(max(s.pause.Load(), now-s.last))
		s.last = now
		for i := range s.in[:n] {
			s.take(binary.LittleEndian.Uint64(s.in[i].Data))
		}
		s.received.Store(s.next)
	}
	return nil
}

func (s *numbered) take(number uint64) {
	if number < s.next {
		s.duplicated++
		return
	}
	s.lost += number - s.next
	s.next = number + 1
}
