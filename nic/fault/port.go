package fault

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/nic"
)

// The two directions as indices.
const (
	rx = iota
	tx
)

// Bits of Port.active. Above them it counts the held frames.
const (
	rulesBit  = 1 << iota // of rx; that of tx is the next
	_                     //
	blackBit              // likewise
	_                     //
	downBit               //
	heldShift = 8
)

// Port is a nic.Port with faults around another one.
type Port struct {
	inner nic.Port
	info  nic.Info
	clock nic.Clock

	// active is zero while the wrapper has nothing to do.
	active atomic.Uint64
	rules  [2]atomic.Pointer[rules]
	lanes  [2][]lane
	counts [2]counts

	mu      sync.Mutex    // orders Set, Blackhole and SetLink
	changes atomic.Uint32 // of the link, that the inner port does not count
}

var _ nic.Port = (*Port)(nil)

// Wrap puts faults around p, which is from now on used through the wrapper
// only; Close closes it as well.
func Wrap(p nic.Port, cfg Config) *Port {
	w := &Port{inner: p, info: p.Info(), clock: cfg.Clock}
	if w.clock == nil {
		w.clock = nic.Monotonic
	}
	depth := cfg.QueueDepth
	if depth <= 0 {
		depth = DefaultQueueDepth
	}
	for d, queues := range [2]int{w.info.RxQueues, w.info.TxQueues} {
		w.lanes[d] = make([]lane, queues)
		for q := range w.lanes[d] {
			w.lanes[d][q].dice = seeded(cfg.Seed, d, q)
			w.lanes[d][q].held.heap = make([]heldFrame, 0, depth)
		}
	}
	w.Set(cfg)
	return w
}

// Set replaces the impairments of both directions; frames already held keep
// their release, and later ones do not overtake them. Any thread.
func (p *Port) Set(cfg Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for d, impairment := range [2]Impairment{cfg.Rx, cfg.Tx} {
		r := impairment.compile()
		p.rules[d].Store(r)
		p.flag(rulesBit<<d, !r.idle())
	}
}

// Blackhole makes the given directions swallow every frame, and the others
// stop doing so; the link stays up. Any thread.
func (p *Port) Blackhole(dir Direction) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flag(blackBit<<rx, dir&Rx != 0)
	p.flag(blackBit<<tx, dir&Tx != 0)
}

func (p *Port) flag(bit uint64, on bool) {
	if on {
		p.active.Or(bit)
	} else {
		p.active.And(^bit)
	}
}

// SetLink takes the link down or up, at the inner port as well if that can do
// it. Frames that are held when it goes down are lost. Any thread.
func (p *Port) SetLink(up bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	wasUp := p.active.Load()&downBit == 0
	if !up {
		p.flag(downBit, true)
		p.purge()
	}
	switch err := p.inner.SetLink(up); {
	case errors.Is(err, nic.ErrNotSupported):
		if wasUp != up {
			p.changes.Add(1)
		}
	case err != nil:
		p.flag(downBit, !wasUp)
		return err
	}
	p.flag(downBit, !up)
	return nil
}

// Link is the inner port's link, down while the wrapper's is. Any thread.
func (p *Port) Link() nic.Link {
	l := p.inner.Link()
	l.Changes += p.changes.Load()
	if p.active.Load()&downBit != 0 {
		l.Up, l.SpeedMbps = false, 0
	}
	return l
}

// WakeFDs are the inner port's. Any thread.
func (p *Port) WakeFDs(queue int, fds []int) ([]int, error) { return p.inner.WakeFDs(queue, fds) }

// ArmWake is the inner port's while there is nothing to do here; else the port
// must be polled, for frames that are held.
func (p *Port) ArmWake(queue int, on bool) error {
	if on && p.active.Load() != 0 {
		return nic.ErrNotSupported
	}
	return p.inner.ArmWake(queue, on)
}

// Info is the inner port's. Any thread.
func (p *Port) Info() nic.Info { return p.inner.Info() }

// Alloc and Free are the inner port's. Any thread.
func (p *Port) Alloc(pkts []*nic.Packet) int { return p.inner.Alloc(pkts) }

// Free gives packets back to their pools. Any thread.
func (p *Port) Free(pkts []*nic.Packet) { p.inner.Free(pkts) }

// Stats are the inner port's, with what the wrapper dropped on tx for a link
// that is down added to TxErrors. Frames that other faults dropped count as
// the inner port saw them; see Count. Any thread.
func (p *Port) Stats() nic.Stats {
	s := p.inner.Stats()
	s.TxErrors += p.counts[tx][LinkDown].Load()
	return s
}

// Count is how often something was done to frames of one direction, Rx or Tx,
// or of Both together. Any thread.
func (p *Port) Count(dir Direction, what Count) uint64 {
	var n uint64
	if dir&Rx != 0 {
		n += p.counts[rx][what].Load()
	}
	if dir&Tx != 0 {
		n += p.counts[tx][what].Load()
	}
	return n
}

// XStats are the inner port's and all counts. Any thread.
func (p *Port) XStats() []nic.XStat {
	stats := p.inner.XStats()
	for d, prefix := range [2]string{"fault_rx_", "fault_tx_"} {
		for what := range countsEnd {
			stats = append(stats, nic.XStat{Name: prefix + what.String(), Value: p.counts[d][what].Load()})
		}
	}
	return stats
}

// NextRelease is when, by the Clock, the next held frame may go; false if none
// is held. A simulation polls the port at that time. Any thread.
func (p *Port) NextRelease() (at int64, ok bool) {
	p.eachLane(func(_ int, l *lane) {
		if l.held.len() > 0 && (!ok || l.held.heap[0].release < at) {
			at, ok = l.held.heap[0].release, true
		}
	})
	return at, ok
}

func (p *Port) eachLane(f func(direction int, l *lane)) {
	for d := range p.lanes {
		for q := range p.lanes[d] {
			l := &p.lanes[d][q]
			l.mu.Lock()
			f(d, l)
			l.mu.Unlock()
		}
	}
}

// purge frees every held frame and counts it as lost with the link.
func (p *Port) purge() {
	p.eachLane(func(d int, l *lane) {
		n := l.purge()
		p.counts[d][LinkDown].Add(uint64(n))
		p.addHeld(-n)
	})
}

// addHeld corrects the number of held frames in active. For a tx lane it comes
// after the frames have left through the inner port: see TxBurst.
func (p *Port) addHeld(n int) { p.active.Add(uint64(n) << heldShift) }

// Close frees held frames and closes the inner port; again does nothing more
// than that port does. See nic.Port.
func (p *Port) Close() error {
	p.purge()
	return p.inner.Close()
}
