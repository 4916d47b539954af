package fault

import (
	"fmt"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/internal/offload"
)

const etherLen = 14

// RxBurst receives what the faults let through, and releases delayed frames of
// tx queues; see nic.Port. One thread per queue; it panics if there is no such
// queue.
func (p *Port) RxBurst(queue int, pkts []*nic.Packet) int {
	if p.active.Load() == 0 {
		return p.inner.RxBurst(queue, pkts)
	}
	l := p.lane(rx, queue)
	p.releaseTx(queue)
	l.mu.Lock()
	defer l.mu.Unlock()
	pkts = pkts[:min(len(pkts), nic.MaxBurst)]
	flags, before := p.active.Load(), l.held.len()
	if flags&((rulesBit|blackBit)<<rx|downBit) == 0 && before == 0 || len(pkts) == 0 {
		return p.inner.RxBurst(queue, pkts)
	}
	now := p.clock()
	n := l.release(pkts, now)
	if n < len(pkts) {
		fresh := l.scratch[:len(pkts)-n]
		fresh = fresh[:p.inner.RxBurst(queue, fresh)]
		p.admit(l, rx, fresh, flags, now)
		n += l.release(pkts[n:], now)
	}
	p.addHeld(l.held.len() - before)
	return n
}

// release moves frames that are due into pkts.
func (l *lane) release(pkts []*nic.Packet, now int64) (n int) {
	for ; n < len(pkts) && l.held.due(now); n++ {
		pkts[n] = l.held.pop().pkt
	}
	return n
}

// TxBurst sends what the faults let through; see nic.Port. It takes all
// packets unless the inner port is used directly. One thread per queue; it
// panics if there is no such queue.
//
// RxBurst may use the inner tx queue as well, for frames that are held. It
// does so only while active counts them, and only the thread of this TxBurst
// holds frames of this queue: if it finds active zero, nobody else is there.
func (p *Port) TxBurst(queue int, pkts []*nic.Packet) int {
	if p.active.Load() == 0 {
		return p.inner.TxBurst(queue, pkts)
	}
	l := p.lane(tx, queue)
	l.mu.Lock()
	defer l.mu.Unlock()
	pkts = pkts[:min(len(pkts), nic.MaxBurst)]
	flags, before := p.active.Load(), l.held.len()
	if flags&((rulesBit|blackBit)<<tx|downBit) == 0 && before == 0 {
		return p.inner.TxBurst(queue, pkts)
	}
	now := p.clock()
	p.admit(l, tx, pkts, flags, now)
	p.transmit(l, queue, now)
	p.addHeld(l.held.len() - before)
	return len(pkts)
}

// releaseTx sends what is due on the tx queues that rx queue looks after. A
// lane that another thread holds is being looked after.
func (p *Port) releaseTx(queue int) {
	for q := queue; q < len(p.lanes[tx]); q += len(p.lanes[rx]) {
		l := &p.lanes[tx][q]
		if !l.mu.TryLock() {
			continue
		}
		if before := l.held.len(); before > 0 {
			p.transmit(l, q, p.clock())
			p.addHeld(l.held.len() - before)
		}
		l.mu.Unlock()
	}
}

// transmit sends what is due until the inner port takes no more; what it did
// not take stays held.
func (p *Port) transmit(l *lane, queue int, now int64) {
	for l.held.due(now) {
		n := 0
		for ; n < nic.MaxBurst && l.held.due(now); n++ {
			l.out[n] = l.held.pop()
			l.scratch[n] = l.out[n].pkt
		}
		sent := p.inner.TxBurst(queue, l.scratch[:n])
		for _, f := range l.out[sent:n] {
			l.held.restore(f)
		}
		if sent < n {
			return
		}
	}
}

// admit decides the fate of frames and holds those that live, if only until
// release.
func (p *Port) admit(l *lane, d int, pkts []*nic.Packet, flags uint64, now int64) {
	r, c := p.rules[d].Load(), &p.counts[d]
	for _, pkt := range pkts {
		roll := l.dice.rolls()
		switch {
		case flags&downBit != 0:
			l.drop(pkt, c, LinkDown)
			continue
		case flags&(blackBit<<d) != 0:
			l.drop(pkt, c, Blackholed)
			continue
		case roll.loss < r.loss:
			l.drop(pkt, c, Lost)
			continue
		}
		if roll.corrupt < r.corrupt && pkt.Len() > etherLen {
			p.corrupt(pkt, roll.bit)
			c.inc(Corrupted)
		}
		if roll.duplicate < r.duplicate {
			if double := p.duplicate(l, pkt); double == nil {
				c.inc(DuplicatesFailed)
			} else if p.hold(l, c, double, r, &roll, now) {
				c.inc(Duplicated)
			}
		}
		p.hold(l, c, pkt, r, &roll, now)
	}
	nic.Free(l.gone[:l.dropped])
	l.dropped = 0
}

// drop counts a packet and marks it to be freed at the end of the burst.
func (l *lane) drop(pkt *nic.Packet, c *counts, why Count) {
	c.inc(why)
	l.gone[l.dropped] = pkt
	l.dropped++
}

func (p *Port) hold(l *lane, c *counts, pkt *nic.Packet, r *rules, roll *rolls, now int64) bool {
	reordered, ok := l.hold(pkt, r, roll, now)
	switch {
	case !ok:
		l.drop(pkt, c, Overflowed)
	case reordered:
		c.inc(Reordered)
	}
	return ok
}

// corrupt flips a bit as a wire would: checksums that the inner port was to
// insert are inserted before, and a verdict that a checksum is good is void.
func (p *Port) corrupt(pkt *nic.Packet, bit uint64) {
	if offload.Insert(pkt, p.info.Caps) {
		pkt.Flags &^= nic.TxSCTPChecksum | nic.TxIPChecksum
	}
	pkt.Flags &^= nic.RxSCTPChecksumGood | nic.RxIPChecksumGood
	d := pkt.Data()[etherLen:]
	bit %= uint64(len(d)) * 8
	d[bit/8] ^= 1 << (bit % 8)
}

// duplicate copies a packet into a new one of the inner port's; nil if there
// is none, or it is too small.
func (p *Port) duplicate(l *lane, pkt *nic.Packet) *nic.Packet {
	if p.inner.Alloc(l.one[:]) == 0 {
		return nil
	}
	double := l.one[0]
	to := double.Append(pkt.Len())
	if to == nil {
		l.free(double)
		return nil
	}
	copy(to, pkt.Data())
	double.Flags, double.L2Len, double.L3Len = pkt.Flags, pkt.L2Len, pkt.L3Len
	return double
}

func (p *Port) lane(d, queue int) *lane {
	if uint(queue) >= uint(len(p.lanes[d])) {
		panic(fmt.Sprintf("fault: %s has no %s queue %d, only 0..%d",
			p.info.Name, [2]string{"rx", "tx"}[d], queue, len(p.lanes[d])-1))
	}
	return &p.lanes[d][queue]
}
