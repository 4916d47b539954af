package mem

import (
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
)

// Ethernet's own bytes around a frame: preamble and delimiter 8, FCS 4, gap
// 12; and the shortest frame without FCS. IEEE 802.3 clause 4.
const (
	wireOverhead = 24
	minFrame     = 60
)

// cable is what the two ports share.
type cable struct {
	opts  Options
	ports [2]*Port

	// state is epoch<<1 | up. The epoch counts the ups and downs; a frame
	// that was sent in another epoch than it arrives in is lost.
	state atomic.Uint64

	mu     sync.Mutex // for what follows, never taken by bursts
	admin  [2]bool
	closed [2]bool
}

// settle makes state follow from admin and closed, under mu.
func (c *cable) settle() {
	up := c.admin[0] && c.admin[1] && !c.closed[0] && !c.closed[1]
	if s := c.state.Load(); up != (s&1 == 1) {
		c.state.Store((s>>1+1)<<1 | (s&1 ^ 1))
		for _, p := range c.ports {
			for i := range p.rx {
				p.rx[i].bell.Ring()
			}
		}
	}
}

// frame is a packet under way.
type frame struct {
	pkt     *nic.Packet
	arrival int64
	epoch   uint32
	length  uint32 // of the frame: the packet is not the sender's to look at
}

// lane is the timing of one direction, shared by its sending threads.
type lane struct {
	idleAt atomic.Int64 // when the last bit so far is on the wire
	_      [120]byte
}

// arrival occupies the lane for one frame sent at now and returns when it
// arrives.
func (l *lane) arrival(o *Options, now int64, length int) int64 {
	if o.BitsPerSecond == 0 {
		return now + int64(o.Latency)
	}
	bits := int64(max(length, minFrame)+wireOverhead) * 8
	for {
		idle := l.idleAt.Load()
		end := max(idle, now) + bits*1e9/o.BitsPerSecond
		if l.idleAt.CompareAndSwap(idle, end) {
			return end + int64(o.Latency)
		}
	}
}

// counters are a queue's totals, written by its thread.
type counters struct {
	packets, bytes, errors atomic.Uint64
}

func (c *counters) add(packets int, bytes uint64) {
	c.packets.Add(uint64(packets))
	c.bytes.Add(bytes)
}

// rxQueue is one receive queue. The sending threads push into the ring and
// count missed; everything else is the polling thread's.
type rxQueue struct {
	ring   *ring.MPSC[frame]
	missed atomic.Uint64
	bell   nic.Bell
	_      [80]byte

	counters
	lost     atomic.Uint64
	from, to int // of next: popped from the ring, not arrived yet
	next     [nic.MaxBurst]frame
	gone     [1]*nic.Packet
	_        [128]byte
}

// head makes the oldest frame available as next[from], without those lost
// with the link; false if there is none.
func (q *rxQueue) head(epoch uint32) bool {
	for {
		if q.from == q.to {
			q.from, q.to = 0, q.ring.Pop(q.next[:])
			if q.to == 0 {
				return false
			}
		}
		if q.next[q.from].epoch == epoch {
			return true
		}
		q.lost.Add(1)
		q.gone[0] = q.next[q.from].pkt
		nic.Free(q.gone[:])
		q.from++
	}
}

// txQueue is one transmit queue and its thread's scratch memory.
type txQueue struct {
	counters
	to  [nic.MaxBurst]int32 // rx queue of each packet of the burst
	out [nic.MaxBurst]frame
	_   [128]byte
}
