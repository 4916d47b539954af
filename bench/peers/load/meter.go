package load

import (
	"errors"
	"runtime"
	"time"
)

// ErrStalled tells that a contestant came to a standstill.
var ErrStalled = errors.New("no progress within 10 s: the contestant is at a standstill")

// stallLimit is the wall time without any operation after which a contestant has stalled.
const stallLimit = 10 * time.Second

// Meter runs a contestant's steps until the CPU time of a Spec is used up.
type Meter struct {
	Step func() uint64 // does some work; returns all operations completed so far
	// Packets and Resent return totals so far; nil if not known.
	Packets, Resent func() uint64
}

// Run warms up with a fifth of the CPU time, at least 20 ms, and then measures.
func (m Meter) Run(cpu time.Duration) (Sample, error) {
	if _, err := m.spend(max(cpu/5, 20*time.Millisecond)); err != nil {
		return Sample{}, err
	}
	return m.spend(cpu)
}

func (m Meter) spend(cpu time.Duration) (Sample, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	first := m.Step()
	packets, resent := total(m.Packets), total(m.Resent)
	start, wall := CPUTime(), time.Now()
	last, moved := first, wall
	for {
		// The clocks are read once in 16 steps: they cost a system call each.
		for range 16 {
			last = m.Step()
		}
		spent, now := CPUTime()-start, time.Now()
		if last != first {
			moved = now
		}
		if spent >= cpu && last != first {
			runtime.ReadMemStats(&after)
			return Sample{Ops: last - first, CPU: spent, Wall: now.Sub(wall), Packets: total(m.Packets) - packets,
				Resent: total(m.Resent) - resent, Mallocs: after.Mallocs - before.Mallocs}, nil
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
