package dataplane

import (
	"math/bits"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// PollGaps are the times from one poll of a worker to the next, without what it
// slept of its own will. Whatever stops the worker shows here: its own work, the
// kernel, the garbage collector. A receive queue must hold what arrives in the
// longest.
type PollGaps struct {
	Worst sctpcore.Time // since the start
	Sum   sctpcore.Time
	// Counts[i] is how many gaps were shorter than 2^i µs and not counted before;
	// the last are all that were longer.
	Counts [16]uint64
}

func (g *PollGaps) add(gap sctpcore.Time) {
	g.Worst = max(g.Worst, gap)
	g.Sum += gap
	g.Counts[min(bits.Len64(uint64(gap)/1000), len(g.Counts)-1)]++
}

// WorkerStats is what a worker did with its time.
type WorkerStats struct {
	CPU          int // -1 is not pinned
	Associations int
	Gaps         PollGaps
	Sleeps       uint64        // under IdleAdaptive
	Woken        uint64        // those that ended because something came
	Slept        sctpcore.Time // all of them together
}

// polling keeps a worker's WorkerStats.
type polling struct {
	WorkerStats
	last sctpcore.Time // the last poll, or the end of the sleep after it; 0 is none
}

// begin counts a poll that begins now.
func (p *polling) begin(now sctpcore.Time) {
	if p.last != 0 && now > p.last {
		p.Gaps.add(now - p.last)
	}
	p.last = now
}

// slept counts a sleep.
func (p *polling) slept(from, to sctpcore.Time, woken bool) {
	p.Gaps.add(max(from-p.last, 0))
	p.Sleeps++
	p.Slept += to - from
	if woken {
		p.Woken++
	}
	p.last = to
}
