package dataplane

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// stray is a packet that reached a worker that is not its own.
type stray struct {
	kind     strayKind
	port     uint16      // index of the port that it came in by
	pkt      *nic.Packet // nil for a reassembled packet, whose data is a copy
	data     []byte      // of an SCTP packet: the view that the parser gave
	src, dst wire.Addr
	// of strayNeighbour:
	from    uint8     // the worker that received it
	unasked inet.Drop // what to count it under if nobody asked for it; DropNone if somebody did
}

type strayKind uint8

const (
	straySCTP      strayKind = iota // for the core, whose worker verifies it: so its data goes to one core's cache only
	strayFrame                      // a frame to be sorted again: an ICMP error
	strayNeighbour                  // a copy of ARP or ND, from which every worker learns in turn
)

// stray puts a packet in the batch for its worker; it tells whether the packet
// itself went along.
func (w *worker) stray(to uint8, p *workerPort, pkt *nic.Packet, m *inet.Meta) (gone bool) {
	s := stray{port: uint16(p.index), pkt: pkt, data: m.Payload, src: m.Src, dst: m.Dst}
	if m.Reassembled { // rare, and its memory is the reassembler's
		s.pkt, s.data = nil, append([]byte(nil), m.Payload...)
	}
	w.hand(to, s)
	gone = s.pkt != nil
	w.tap.passed = gone
	return gone
}

// copyTo hands a copy of a frame to another worker, as s says; false if it got no buffer.
func (w *worker) copyTo(to uint8, p *workerPort, pkt *nic.Packet, s stray) (ok bool) {
	c := p.copyOf(pkt.Data())
	if c == nil {
		w.drops[DropNoBuffer]++
		return false
	}
	c.Flags = pkt.Flags
	s.port, s.pkt = uint16(p.index), c
	w.hand(to, s)
	return true
}

// learnMAC takes in the frame of ARP or ND that was just parsed. An answer to a
// question that this worker did not ask is not counted, since another may have
// asked it: unasked is what to count it under.
func (w *worker) learnMAC(p *workerPort) (unasked inet.Drop) {
	m := &w.rx.meta
	arp, nd := w.inetDrops[inet.DropARPUnsolicited], w.inetDrops[inet.DropNDUnsolicited]
	if m.Proto == inet.ProtoICMPv6 {
		p.neighbours.HandleND(m, int64(w.now))
	} else {
		p.neighbours.HandleARP(m, int64(w.now))
	}
	switch {
	case w.inetDrops[inet.DropARPUnsolicited] != arp:
		unasked = inet.DropARPUnsolicited
	case w.inetDrops[inet.DropNDUnsolicited] != nd:
		unasked = inet.DropNDUnsolicited
	}
	w.inetDrops[inet.DropARPUnsolicited], w.inetDrops[inet.DropNDUnsolicited] = arp, nd
	return unasked
}

// hear learns from a frame of ARP or ND, and lets the other workers learn from
// answers and announcements: each has neighbours of its own, but a frame reaches
// only one of them. Its copy goes from worker to worker. Questions are for the one
// that they reached.
func (w *worker) hear(p *workerPort, pkt *nic.Packet) {
	unasked := w.learnMAC(p)
	if len(w.d.workers) == 1 || !tellsMAC(&w.rx.meta) {
		w.countUnasked(unasked)
		return
	}
	w.copyTo(w.successor(), p, pkt, stray{kind: strayNeighbour, from: w.number, unasked: unasked})
}

// overhear learns from what another worker heard, and passes it on; it tells
// whether the packet went along. What is wrong with the frame was counted where it
// came in, but for an answer that nobody asked for: the last worker knows.
func (w *worker) overhear(p *workerPort, s stray) (gone bool) {
	counted := w.inetDrops
	p.parser.Parse(s.pkt.Data(), s.pkt.Flags, int64(w.now), &w.rx.meta)
	if w.learnMAC(p) == inet.DropNone {
		s.unasked = inet.DropNone
	}
	w.inetDrops = counted
	if w.successor() == s.from {
		w.countUnasked(s.unasked)
		return false
	}
	w.hand(w.successor(), s)
	return true
}

func (w *worker) countUnasked(d inet.Drop) {
	if d != inet.DropNone {
		w.inetDrops[d]++
	}
}

// successor is the number of the worker after this one, in a circle.
func (w *worker) successor() uint8 { return uint8((int(w.number) + 1) % len(w.d.workers)) }

// tellsMAC tells answers and announcements from questions: ARP operation 2 or
// sender and target alike, ND type 136.
func tellsMAC(m *inet.Meta) bool {
	if m.Proto == inet.ProtoICMPv6 && !m.Src.Is4() {
		return m.Payload[0] == 136
	}
	return m.Src == m.Dst || len(m.Payload) > 8 && binary.BigEndian.Uint16(m.Payload[6:]) == 2
}

func (w *worker) hand(to uint8, s stray) {
	b := &w.rx
	if b.nHand[to] == nic.MaxBurst {
		w.handOver()
	}
	b.handing[to][b.nHand[to]] = s
	b.nHand[to]++
	b.handed = true
}

// handOver pushes the batches into the workers' rings; what does not fit is
// dropped.
func (w *worker) handOver() {
	b := &w.rx
	for to, n := range b.nHand[:len(w.d.workers)] {
		if n == 0 {
			continue
		}
		batch, o := b.handing[to][:n], w.d.workers[to]
		took := o.strays.Push(batch)
		o.bell.Ring()
		for i := range batch[took:] {
			s := &batch[n-1-i]
			w.drops[DropHandOverFull]++
			if s.pkt != nil {
				w.tellStrayLost(s)
				w.discard(s.pkt)
			}
		}
		clear(batch)
		b.nHand[to] = 0
	}
	b.handed = false
}

// takeStrays deals with what other workers handed over, one burst.
func (w *worker) takeStrays() (busy bool) {
	if len(w.d.workers) == 1 {
		return false
	}
	b := &w.rx
	n := w.strays.Pop(b.strays[:])
	tapped := n > 0 && w.tapped()
	for i := range b.strays[:n] {
		s := &b.strays[i]
		p := &w.ports[s.port]
		gone := false
		switch s.kind {
		case straySCTP:
			var flags nic.Flags
			if s.pkt != nil {
				flags = s.pkt.Flags
			}
			w.takeIn(p, flags, sctpcore.Inbound{Src: s.src, Dst: s.dst, Data: s.data, Port: uint32(s.port)})
		case strayFrame:
			gone = w.sort(p, s.pkt)
		case strayNeighbour:
			gone = w.overhear(p, *s)
		}
		if tapped {
			w.tellStray(p, s, gone)
		}
		if s.pkt != nil && !gone {
			b.kept[b.nKept] = s.pkt
			b.nKept++
		}
		*s = stray{}
	}
	if n > 0 {
		w.endBurst()
	}
	return n > 0
}
