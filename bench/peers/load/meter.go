package load

import (
	"errors"
	"runtime"
	"time"
)

// ErrStalled tells that a contestant came to a standstill.
var ErrStalled = errors.New("no progress within 30 s: the contestant is at a standstill")

// stallLimit is the wall time without any operation after which a contestant has stalled.
const stallLimit = 30 * time.Second

// Meter runs a contestant's steps until the CPU time of a Spec is used up.
type Meter struct {
	Step func() uint64 // does some work; returns all operations completed so far
	// Packets and Resent return totals so far; nil if not known.
	Packets, Resent func() uint64
	// Steps is how many steps go between two readings of the clocks, which cost a
	// system call; at least 1.
	Steps int
}

// warmPerAssoc is how many operations each association has behind it, on average,
// before anything is measured: its window is open and its memory has grown.
const warmPerAssoc = 8

// A warm-up is repeated, at most warmSpells times in all, while it allocates more
// than settled objects: queues that grow to their size are not a cost per packet,
// and what allocates for ever is measured all the same.
const (
	warmSpells = 4
	settled    = 100 // the runtime's own are a dozen
)

// Run warms up with a fifth of the CPU time, at least 20 ms, and then measures.
func (m Meter) Run(s Spec) (Sample, error) {
	warm := uint64(0)
	if s.Kind != Setup {
		warm = warmPerAssoc * uint64(s.Assocs)
	}
	for range warmSpells {
		spell, err := m.spend(max(s.CPU/5, 20*time.Millisecond), warm)
		if err != nil {
			return Sample{}, err
		}
		if spell.Mallocs <= settled {
			break
		}
	}
	return m.spend(s.CPU, 1)
}

// spend works until both the CPU time is used up and the operations are done.
func (m Meter) spend(cpu time.Duration, ops uint64) (Sample, error) {
	var heapBefore, heapAfter runtime.MemStats
	runtime.ReadMemStats(&heapBefore)
	first := m.Step()
	packets, resent := total(m.Packets), total(m.Resent)
	start, wall := CPUTime(), time.Now()
	last, moved := first, wall
	for {
		before := last
		for range m.Steps {
			last = m.Step()
		}
		spent, now := CPUTime()-start, time.Now()
		if last != before {
			moved = now
		}
		if spent >= cpu && last-first >= ops {
			runtime.ReadMemStats(&heapAfter)
			return Sample{Ops: last - first, CPU: spent, Wall: now.Sub(wall), Packets: total(m.Packets) - packets,
				Resent: total(m.Resent) - resent, Mallocs: heapAfter.Mallocs - heapBefore.Mallocs}, nil
		}
		if now.Sub(moved) > stallLimit {
			return Sample{}, ErrStalled
		}
	}
}

func total(f func() uint64) uint64 {
	if f == nil {
		return 0
	}
	return f()
}
