package dataplane

import (
	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Bounds of transmission.
const (
	// outCapacity is how many packets may wait for a port's tx queue.
	outCapacity = 4 * nic.MaxBurst
	// txPatience is how long a full tx queue holds back the core before what
	// waits for it is dropped. Longer would let one hung port stop the others.
	txPatience = sctpcore.Millisecond
)

// txBatch is buffers that the core writes its packets into. They stay here from
// one iteration to the next, so an idle one costs no allocation.
type txBatch struct {
	out  [nic.MaxBurst]sctpcore.Outbound
	pkts [nic.MaxBurst]*nic.Packet
	have int // of pkts, from the front
	pool int // index of the port whose pool they come from: the last one sent by

	waiting bool // a port's tx queue was full
	since   sctpcore.Time
	handed  [nic.MaxBurst]handedTx
	one     [1]*nic.Packet
	held    [16]*nic.Packet // that neighbours give back
}

// handedTx is a packet for a tx queue of another worker, complete.
type handedTx struct {
	pkt  *nic.Packet
	port uint16
}

// transmit has the core write packets and puts them on their ports' batches.
func (w *worker) transmit() (busy bool) {
	b := &w.tx
	for range transmitTurn {
		if b.waiting || !w.stock() {
			return busy
		}
		n := w.core.PollTransmit(w.now, b.out[:b.have])
		for i := range b.out[:n] {
			w.forward(&b.out[i], b.pkts[i])
		}
		if n == 0 {
			return busy
		}
		busy = true
		w.restock(n)
		if n < b.have {
			return busy
		}
		w.flush()
	}
	return busy
}

// stock makes sure that there are buffers; false if every pool is empty.
func (w *worker) stock() bool {
	b := &w.tx
	if b.have > 0 {
		return true
	}
	for range w.ports {
		if p := w.ports[b.pool].port; p.fit {
			b.have = p.nic.Alloc(b.pkts[:])
		}
		if b.have > 0 {
			for i := range b.have {
				b.out[i].Buf = bufferOf(b.pkts[i])
			}
			return true
		}
		b.pool = (b.pool + 1) % len(w.ports)
	}
	w.starved++
	return false
}

// restock replaces the first n buffers, which have been sent.
func (w *worker) restock(n int) {
	b := &w.tx
	got := w.ports[b.pool].nic.Alloc(b.pkts[:n])
	for i := range got {
		b.out[i].Buf = bufferOf(b.pkts[i])
	}
	for i := got; i < n; i++ { // the pool runs dry: close the gap from the end
		b.have--
		if j := b.have; j >= n {
			b.pkts[i], b.out[i].Buf = b.pkts[j], b.out[j].Buf
		} else {
			b.have = i
			break
		}
	}
}

// bufferOf is a packet's room behind the headroom.
func bufferOf(pkt *nic.Packet) []byte { return pkt.Append(pkt.Tailroom()) }

// forward puts the headers of its path in front of a packet and the packet on
// its port's batch.
func (w *worker) forward(o *sctpcore.Outbound, pkt *nic.Packet) {
	pkt.Truncate(o.N)
	e := w.egress.get(o.Egress)
	if e == nil {
		if e = w.answerTo(o, pkt); e == nil {
			w.discard(pkt)
			return
		}
	}
	p := e.port
	if g := p.neighbours.Generation(); e.generation != g {
		w.lookUp(e)
	}
	if o.CutTo != 0 {
		w.sendCut(e, pkt, min(o.CutTo, p.mtu))
		return
	}
	if !e.offload {
		wire.SetChecksum(pkt.Data())
	}
	if !e.template.Write(pkt) {
		w.drops[DropNoHeadroom]++
		w.tellHeadless(DropNoHeadroom, e.src, e.dst, pkt)
		w.discard(pkt)
		return
	}
	if p.fit {
		w.tx.pool = p.index
	}
	w.dispatch(e, pkt)
}

// dispatch sends a complete frame, or has it wait for the neighbour's MAC.
func (w *worker) dispatch(e *egress, pkt *nic.Packet) {
	if e.resolved {
		w.enqueue(e.port, pkt)
		return
	}
	dead := w.inetDrops[inet.DropNeighbourDead]
	if back := e.port.neighbours.Hold(e.via, pkt, int64(w.now)); back != nil {
		why := inet.DropNeighbourQueue
		if w.inetDrops[inet.DropNeighbourDead] != dead {
			why = inet.DropNeighbourDead
		}
		w.tellLost(e.port, inetCodeOf(why), back)
		w.discard(back)
	}
}

// lookUp asks the neighbour table for the MAC again. On the loopback there is none but
// our own.
func (w *worker) lookUp(e *egress) {
	if e.port.iface.Loopback {
		e.template.SetMAC(e.port.info.MAC)
		e.resolved, e.generation = true, e.port.neighbours.Generation()
		return
	}
	mac, state := e.port.neighbours.Lookup(e.via, int64(w.now))
	if e.resolved = state.Usable(); e.resolved {
		e.template.SetMAC(mac)
	}
	e.generation = e.port.neighbours.Generation()
}

func (w *worker) discard(pkt *nic.Packet) {
	w.tx.one[0] = pkt
	pkt.Owner().Free(w.tx.one[:])
}

// enqueue puts a complete frame on a port's batch.
func (w *worker) enqueue(p *workerPort, pkt *nic.Packet) {
	if len(p.out) == outCapacity {
		w.flushPort(p)
		if len(p.out) == outCapacity {
			w.drops[DropTxRingFull]++
			w.tellLost(p, codeOf(DropTxRingFull), pkt)
			w.discard(pkt)
			return
		}
	}
	p.out = append(p.out, pkt)
}

// flush sends every port's batch. What a full tx queue does not take waits for
// the next iteration, and the core with it, for txPatience.
func (w *worker) flush() {
	b := &w.tx
	waiting := false
	for i := range w.ports {
		if p := &w.ports[i]; len(p.out) > 0 {
			w.flushPort(p)
			waiting = waiting || len(p.out) > 0
		}
	}
	switch {
	case !waiting:
	case !b.waiting:
		b.since = w.now
	case w.now-b.since >= txPatience:
		for i := range w.ports {
			p := &w.ports[i]
			w.drops[DropTxRingFull] += uint64(len(p.out))
			w.tellLost(p, codeOf(DropTxRingFull), p.out...)
			nic.Free(p.out)
			p.empty(len(p.out))
		}
		waiting = false
	}
	b.waiting = waiting
}

func (w *worker) flushPort(p *workerPort) {
	if p.txVia != nil {
		w.handTx(p)
		return
	}
	sent := 0
	for sent < len(p.out) {
		burst := p.out[sent:min(len(p.out), sent+nic.MaxBurst)]
		size := frameBytes(burst)
		n := w.txBurst(p, burst)
		if n == 0 {
			break
		}
		sent += n
		p.count.TxPackets += uint64(n)
		p.count.TxBytes += size - frameBytes(burst[n:])
	}
	p.empty(sent)
}

func frameBytes(pkts []*nic.Packet) (n uint64) {
	for _, pkt := range pkts {
		n += uint64(pkt.Len())
	}
	return n
}

// empty removes the first n packets of the batch.
func (p *workerPort) empty(n int) {
	left := copy(p.out, p.out[n:])
	clear(p.out[left:])
	p.out = p.out[:left]
}

// handTx gives a port's batch to the worker that has its tx queue.
func (w *worker) handTx(p *workerPort) {
	b := &w.tx
	for len(p.out) > 0 {
		n := min(len(p.out), len(b.handed))
		for i, pkt := range p.out[:n] {
			b.handed[i] = handedTx{pkt: pkt, port: uint16(p.index)}
		}
		took := p.txVia.txHanded.Push(b.handed[:n])
		p.txVia.bell.Ring()
		if took < n {
			w.drops[DropTxHandOverFull] += uint64(n - took)
			w.tellLost(p, codeOf(DropTxHandOverFull), p.out[took:n]...)
			nic.Free(p.out[took:n])
		}
		p.empty(n)
	}
}

// takeHandedTx queues what other workers send through our tx queues, as much as
// there is room for.
func (w *worker) takeHandedTx() (busy bool) {
	if len(w.d.workers) == 1 || w.tx.waiting {
		return false
	}
	b := &w.tx
	n := w.txHanded.Pop(b.handed[:])
	for i := range b.handed[:n] {
		w.enqueue(&w.ports[b.handed[i].port], b.handed[i].pkt)
		b.handed[i].pkt = nil
	}
	return n > 0
}

// pollNeighbours sends what ARP and ND have to say, and packets whose
// neighbour has answered.
func (w *worker) pollNeighbours() {
	now := int64(w.now)
	for i := range w.ports {
		p := &w.ports[i]
		if p.neighbours.NextDeadline() <= now {
			for n := p.neighbours.Poll(now, w.scratch[:inet.MaxControlFrame]); n > 0; n = p.neighbours.Poll(now, w.scratch[:inet.MaxControlFrame]) {
				w.sendFrame(p, w.scratch[:n])
			}
		}
		held := w.tx.held[:]
		for n := p.neighbours.PollReady(held); n > 0; n = p.neighbours.PollReady(held) {
			for _, pkt := range held[:n] {
				w.enqueue(p, pkt)
			}
		}
		for n := p.neighbours.PollFailed(held); n > 0; n = p.neighbours.PollFailed(held) {
			w.tellLost(p, inetCodeOf(inet.DropNeighbourDead), held[:n]...)
			nic.Free(held[:n])
		}
	}
}
