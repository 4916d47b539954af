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
}

type strayKind uint8

const (
	straySCTP      strayKind = iota // verified, for the core
	strayFrame                      // a frame to be sorted again: an ICMP error
	strayNeighbour                  // a copy of ARP or ND, which every worker learns from
)

// stray puts a packet in the batch for its worker; it tells whether the packet
// itself went along.
func (w *worker) stray(to uint8, p *workerPort, pkt *nic.Packet, m *inet.Meta) (gone bool) {
	s := stray{port: uint16(p.index), pkt: pkt, data: m.Payload, src: m.Src, dst: m.Dst}
	if m.Reassembled { // rare, and its memory is the reassembler's
		s.pkt, s.data = nil, append([]byte(nil), m.Payload...)
	}
	w.hand(to, s)
	return s.pkt != nil
}

// copyTo hands a copy of a frame to another worker.
func (w *worker) copyTo(to uint8, p *workerPort, pkt *nic.Packet, kind strayKind) {
	c := p.copyOf(pkt.Data())
	if c == nil {
		w.drops[DropNoBuffer]++
		return
	}
	c.Flags = pkt.Flags
	w.hand(to, stray{kind: kind, port: uint16(p.index), pkt: c})
}

// share lets the other workers learn from answers and announcements: each has
// neighbours of its own, but a frame reaches only one of them. Questions are
// for the one that they reached. (An answer to another worker's question counts
// as unsolicited where it arrives.)
func (w *worker) share(p *workerPort, pkt *nic.Packet) {
	if len(w.d.workers) == 1 || !tellsMAC(&w.rx.meta) {
		return
	}
	for i := range w.d.workers {
		if uint8(i) != w.number {
			w.copyTo(uint8(i), p, pkt, strayNeighbour)
		}
	}
}

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
		batch := b.handing[to][:n]
		for i := range batch[w.d.workers[to].strays.Push(batch):] {
			s := &batch[n-1-i]
			w.drops[DropHandOverFull]++
			if s.pkt != nil {
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
	for i := range b.strays[:n] {
		s := &b.strays[i]
		p := &w.ports[s.port]
		gone := false
		switch s.kind {
		case straySCTP:
			b.inbound[b.nIn] = sctpcore.Inbound{Src: s.src, Dst: s.dst, Data: s.data, Port: uint32(s.port)}
			b.nIn++
		case strayFrame:
			gone = w.sort(p, s.pkt)
		case strayNeighbour:
			w.overhear(p, s.pkt)
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

// overhear learns from a neighbour's frame that another worker received and
// counted: an answer that we did not ask for is no drop here.
func (w *worker) overhear(p *workerPort, pkt *nic.Packet) {
	counted := w.inetDrops
	switch m := &w.rx.meta; p.parser.Parse(pkt.Data(), pkt.Flags, int64(w.now), m) {
	case inet.ARP:
		p.neighbours.HandleARP(m, int64(w.now))
	case inet.ND:
		p.neighbours.HandleND(m, int64(w.now))
	}
	w.inetDrops = counted
}
