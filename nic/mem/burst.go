package mem

import (
	"fmt"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/internal/offload"
)

// unsendable stands for the rx queue of a packet that cannot be sent.
const unsendable = -1

// TxBurst sends; see nic.Port and the package's bounds. One thread per queue;
// it panics if there is no such queue.
func (p *Port) TxBurst(queue int, pkts []*nic.Packet) int {
	if uint(queue) >= uint(len(p.tx)) {
		panic(fmt.Sprintf("mem: %s has no tx queue %d, only 0..%d", p.side.Name, queue, len(p.tx)-1))
	}
	pkts = pkts[:min(len(pkts), nic.MaxBurst)]
	if len(pkts) == 0 {
		return 0
	}
	q, c := &p.tx[queue], p.cable
	state := c.state.Load()
	if state&1 == 0 {
		q.errors.Add(uint64(len(pkts)))
		nic.Free(pkts)
		return len(pkts)
	}
	var now int64
	if c.opts.Clock != nil {
		now = c.opts.Clock()
	}
	for i, pkt := range pkts {
		q.to[i] = p.steer(pkt)
	}
	for i := 0; i < len(pkts); {
		n := 1
		for i+n < len(pkts) && q.to[i+n] == q.to[i] {
			n++
		}
		run := pkts[i : i+n]
		if q.to[i] == unsendable {
			q.errors.Add(uint64(n))
			nic.Free(run)
			i += n
			continue
		}
		taken := p.sendRun(q, &p.peer.rx[q.to[i]], run, now, uint32(state>>1))
		i += taken
		if taken < n {
			return i
		}
	}
	return len(pkts)
}

// steer readies a packet for the wire, with the offloads it asks for, and
// returns the rx queue it goes to, or unsendable.
func (p *Port) steer(pkt *nic.Packet) int32 {
	o := &p.cable.opts
	if n, limit := pkt.Len(), o.MTU+etherLen; n == 0 || n > limit && n > limit+tags(pkt.Data())*tagLen {
		return unsendable
	}
	if pkt.Flags != 0 && !o.AssumeChecksums && !offload.Insert(pkt, p.side.Caps) {
		return unsendable
	}
	if o.Queues == 1 {
		return 0
	}
	return int32(uint(o.Steer(pkt.Data(), o.Queues)) % uint(o.Queues))
}

func tags(frame []byte) int {
	n := 0
	for n < maxTags && isTag(frame[etherLen-2+n*tagLen:]) {
		n++
	}
	return n
}

// sendRun sends packets to one rx queue and returns how many it took.
func (p *Port) sendRun(q *txQueue, to *rxQueue, pkts []*nic.Packet, now int64, epoch uint32) int {
	o := &p.cable.opts
	if o.Backpressure {
		pkts = pkts[:min(len(pkts), to.ring.Cap()-to.ring.Len())]
	}
	var bytes uint64
	for i, pkt := range pkts {
		f := frame{pkt: pkt, epoch: epoch, length: uint32(pkt.Len())}
		if o.Clock != nil {
			f.arrival = p.sends.arrival(o, now, pkt.Len())
		}
		q.out[i] = f
		bytes += uint64(f.length)
	}
	taken := to.ring.Push(q.out[:len(pkts)])
	if taken < len(pkts) && !o.Backpressure {
		to.missed.Add(uint64(len(pkts) - taken))
		nic.Free(pkts[taken:])
		taken = len(pkts)
	}
	for _, f := range q.out[taken:len(pkts)] {
		bytes -= uint64(f.length)
	}
	q.add(taken, bytes)
	if taken > 0 {
		to.bell.Ring()
	}
	return taken
}

// RxBurst receives what has arrived; see nic.Port. One thread per queue; it
// panics if there is no such queue.
func (p *Port) RxBurst(queue int, pkts []*nic.Packet) int {
	if uint(queue) >= uint(len(p.rx)) {
		panic(fmt.Sprintf("mem: %s has no rx queue %d, only 0..%d", p.side.Name, queue, len(p.rx)-1))
	}
	q, c := &p.rx[queue], p.cable
	epoch := uint32(c.state.Load() >> 1)
	if len(pkts) == 0 || !q.head(epoch) {
		return 0
	}
	var now int64
	if c.opts.Clock != nil {
		now = c.opts.Clock()
	}
	pkts = pkts[:min(len(pkts), nic.MaxBurst)]
	n, bytes := 0, uint64(0)
	for n < len(pkts) && q.head(epoch) {
		f := &q.next[q.from]
		if f.arrival > now {
			break
		}
		q.from++
		bytes += uint64(f.length)
		pkts[n] = f.pkt
		n++
	}
	if n > 0 {
		p.mark(pkts[:n])
		q.add(n, bytes)
	}
	return n
}

// mark replaces the sender's flags by the receiver's verdicts.
func (p *Port) mark(pkts []*nic.Packet) {
	caps := p.side.Caps
	check := caps.RxSCTPChecksum || caps.RxIPChecksum
	var assumed nic.Flags
	if p.cable.opts.AssumeChecksums {
		check = false
		if caps.RxSCTPChecksum {
			assumed |= nic.RxSCTPChecksumGood
		}
		if caps.RxIPChecksum {
			assumed |= nic.RxIPChecksumGood
		}
	}
	for _, pkt := range pkts {
		pkt.Flags, pkt.L2Len, pkt.L3Len = assumed, 0, 0
		if check {
			pkt.Flags = offload.Verify(pkt.Data(), caps)
		}
	}
}
