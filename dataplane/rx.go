package dataplane

import (
	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// rxBatch is the scratch memory of a received burst.
type rxBatch struct {
	pkts    [nic.MaxBurst]*nic.Packet
	kept    [nic.MaxBurst]*nic.Packet // to be freed when the burst is dealt with
	nKept   int
	inbound [nic.MaxBurst]sctpcore.Inbound
	nIn     int
	meta    inet.Meta
	// handing is what goes to each other worker.
	handing [MaxWorkers][nic.MaxBurst]stray
	nHand   [MaxWorkers]int
	handed  bool
	strays  [nic.MaxBurst]stray
}

// receiveBurst takes one burst off a queue and carries it as far as it goes.
func (w *worker) receiveBurst(q *rxQueue) bool {
	b := &w.rx
	n := q.port.nic.RxBurst(q.queue, b.pkts[:])
	if n == 0 {
		return false
	}
	q.count.RxPackets += uint64(n)
	tapped := w.tapped()
	for _, pkt := range b.pkts[:n] {
		q.count.RxBytes += uint64(pkt.Len())
		gone := w.sort(q.port, pkt)
		if tapped {
			w.tellReceived(q.port, pkt, gone)
		}
		if !gone {
			b.kept[b.nKept] = pkt
			b.nKept++
		}
	}
	w.endBurst()
	return true
}

// endBurst gives the sorted packets to the core and to other workers, and the
// buffers back.
func (w *worker) endBurst() {
	b := &w.rx
	w.feedCore()
	if b.handed {
		w.handOver()
	}
	w.frags.Recycle()
	if b.nKept > 0 {
		nic.Free(b.kept[:b.nKept])
		b.nKept = 0
	}
}

func (w *worker) feedCore() {
	if b := &w.rx; b.nIn > 0 {
		w.core.HandlePackets(w.now, b.inbound[:b.nIn])
		b.nIn = 0
	}
}

// sort finds out what a frame is for; it tells whether the packet has a new
// owner and must not be freed.
func (w *worker) sort(p *workerPort, pkt *nic.Packet) (gone bool) {
	m, now := &w.rx.meta, int64(w.now)
	switch p.parser.Parse(pkt.Data(), pkt.Flags, now, m) {
	case inet.SCTP:
		if o := w.d.steer.owner(m.Src, m.Payload, w.number); o != w.number {
			return w.stray(o, p, pkt, m)
		}
		flags := pkt.Flags
		if m.Reassembled {
			flags = 0 // they are of its last fragment
		}
		w.takeIn(p, flags, sctpcore.Inbound{Src: m.Src, Dst: m.Dst, Data: m.Payload, Port: uint32(p.index)})
	case inet.ARP, inet.ND:
		w.hear(p, pkt)
	case inet.EchoRequest:
		if len(w.tap.lanes) > 0 {
			w.tap.before = append(w.tap.before[:0], pkt.Data()...)
		}
		if n := p.responder.EchoReply(pkt.Data(), m, now); n > 0 {
			pkt.Truncate(n)
			pkt.Flags = 0
			w.enqueue(p, pkt)
			return true
		}
	case inet.ICMPError:
		if q, ok := inet.QuotedSCTP(m); ok {
			if o := w.d.steer.quoted(q.Dst, q.SCTP); o != w.number {
				w.tap.passed = w.copyTo(o, p, pkt, stray{kind: strayFrame})
			} else {
				w.core.HandleUnreachable(w.now, q.Src, q.Dst, q.SCTP, q.MTU, q.Protocol)
			}
		}
	case inet.Dropped:
		if m.Drop == inet.DropUnknownProtocol {
			w.answerUnknown(p, pkt, m)
		}
	}
	return false
}

// takeIn puts an SCTP packet of ours before the core, if it is intact.
func (w *worker) takeIn(p *workerPort, flags nic.Flags, in sctpcore.Inbound) {
	if !p.intact(flags, in.Data) {
		w.drops[DropChecksum]++
		return
	}
	w.rx.inbound[w.rx.nIn] = in
	w.rx.nIn++
}

// intact verifies an SCTP packet's CRC32c, unless the port did. What a port
// does not announce it is not believed.
func (p *workerPort) intact(flags nic.Flags, packet []byte) bool {
	if p.info.Caps.RxSCTPChecksum {
		if flags&nic.RxSCTPChecksumBad != 0 {
			return false
		}
		if flags&nic.RxSCTPChecksumGood != 0 {
			return true
		}
	}
	return wire.VerifyChecksum(packet)
}

// answerUnknown sends an ICMP error for a protocol that we do not speak.
func (w *worker) answerUnknown(p *workerPort, pkt *nic.Packet, m *inet.Meta) {
	n := p.responder.Unreachable(pkt.Data(), m, int64(w.now), w.scratch[:inet.MaxErrorFrame])
	if n > 0 {
		w.sendFrame(p, w.scratch[:n])
	}
}

// sendFrame sends a copy of a frame that is not an SCTP packet.
func (w *worker) sendFrame(p *workerPort, frame []byte) {
	pkt := p.copyOf(frame)
	if pkt == nil {
		w.drops[DropNoBuffer]++
		w.tellUnsent(p, frame)
		return
	}
	w.enqueue(p, pkt)
}

// copyOf is a packet of the port's pool with the frame in it; nil if the pool is
// empty.
func (p *port) copyOf(frame []byte) *nic.Packet {
	var one [1]*nic.Packet
	if p.nic.Alloc(one[:]) == 0 {
		return nil
	}
	b := one[0].Append(len(frame))
	if b == nil {
		nic.Free(one[:])
		return nil
	}
	copy(b, frame)
	return one[0]
}
