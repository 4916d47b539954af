package rig

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Work is what the rest of the process does while the gaps between polls are
// measured.
type Work uint8

// The kinds of work.
const (
	Nothing     Work = iota
	Compute          // a goroutine that computes without end and allocates nothing
	Allocate         // one that allocates allocateRate
	AllocateAll      // one that allocates as fast as it can
)

// allocateRate is in bytes per second: what some 100 000 requests of 1 KiB cost
// a program that keeps nothing in pools.
const allocateRate = 100 << 20

func (w Work) String() string {
	return [...]string{"does nothing", "computes", "allocates 100 MiB/s", "allocates all it can"}[w]
}

// Gaps are the times between two polls of side A's first queue.
type Gaps struct {
	Polls       Histogram
	Collections uint32
	Allocated   uint64 // bytes
	Wall        time.Duration
}

// liveNodes of nodeSize bytes stay reachable while Allocate runs: 64 MiB with
// pointers in them for the collector to follow.
const (
	liveNodes = 64 << 10
	nodeSize  = 1 << 10
)

type node struct {
	next *node
	_    [nodeSize - 8]byte
}

// Gaps measures them for a span, while one goroutine works; Options.Watch must
// be set.
func (r *Rig) Gaps(work Work, span time.Duration) *Gaps {
	var over atomic.Bool
	var running sync.WaitGroup
	var sink atomic.Uint64
	ready := make(chan struct{})
	running.Go(func() {
		switch work {
		case Compute:
			close(ready)
			for x := uint64(1); !over.Load(); sink.Store(x) {
				for range 1000 {
					x = x*6364136223846793005 + 1442695040888963407
				}
			}
		case Allocate:
			allocate(&over, ready, allocateRate)
		case AllocateAll:
			allocate(&over, ready, 0)
		default:
			close(ready)
		}
	})
	<-ready
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	watch := r.watched
	watch.polls = Histogram{}
	watch.count.Store(true)
	begun := time.Now()
	time.Sleep(span)
	watch.count.Store(false)
	g := &Gaps{Wall: time.Since(begun)}
	runtime.ReadMemStats(&after)
	g.Collections, g.Allocated = after.NumGC-before.NumGC, after.TotalAlloc-before.TotalAlloc
	over.Store(true)
	running.Wait()
	for watch.counting.Load() { // the worker has yet to see that it is over
		time.Sleep(look)
	}
	g.Polls.Merge(&watch.polls)
	return g
}

// allocate keeps nodes that point to one another, and replaces them at random,
// at rate bytes per second; 0 is as fast as it can.
func allocate(over *atomic.Bool, ready chan struct{}, rate int) {
	random := rand.New(rand.NewPCG(1, 2))
	live := make([]*node, liveNodes)
	for i := range live {
		live[i] = &node{next: live[random.IntN(i+1)]}
	}
	close(ready)
	begun := time.Now()
	for made := 0; !over.Load(); made += nodeSize {
		if rate > 0 && made > int(float64(rate)*time.Since(begun).Seconds()) {
			time.Sleep(look)
		}
		n := &node{next: live[random.IntN(liveNodes)]}
		n.next.next = nil // no endless chains
		live[random.IntN(liveNodes)] = n
	}
}

// watched is a port that measures the times between two polls of queue 0.
type watched struct {
	nic.Port
	*pollWatch
}

type pollWatch struct {
	count    atomic.Bool // asked to
	counting atomic.Bool // doing so
	last     int64
	polls    Histogram // the polling thread's while counting
}

// RxBurst counts.
func (p watched) RxBurst(q int, pkts []*nic.Packet) int {
	if q != 0 {
		return p.Port.RxBurst(q, pkts)
	}
	switch on := p.count.Load(); {
	case on:
		now := nic.Monotonic()
		if p.counting.Load() {
			p.polls.Record(time.Duration(now - p.last))
		}
		p.last = now
		p.counting.Store(true)
	case p.counting.Load():
		p.counting.Store(false)
	}
	return p.Port.RxBurst(q, pkts)
}
