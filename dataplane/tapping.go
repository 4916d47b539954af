package dataplane

import (
	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/tape"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// tapping is how a worker tells Taps of frames. Without lanes nobody looks.
type tapping struct {
	lanes []*tapLane
	now   int64 // of the burst
	marks dropMarks
	// passed: the frame just sorted went to another worker, which tells of it.
	passed bool
	before []byte // the frame just sorted, if it was answered in place
	frame  Frame
}

// dropMarks are the counts of drops before a frame: those that it may move.
type dropMarks struct {
	own  [numDrops]uint64
	inet inet.Drops
	core sctpcore.Drops
}

// tapped tells, before a burst of received frames, whether somebody looks.
func (w *worker) tapped() bool {
	if len(w.tap.lanes) == 0 {
		return false
	}
	w.tap.now, w.tap.passed = w.d.cfg.Clock(), false
	w.mark()
	return true
}

func (w *worker) mark() {
	w.tap.marks = dropMarks{w.drops, w.inetDrops, w.core.Counters().Drops}
}

// charged is what the counts of drops have moved by since the mark, and marks anew. Most
// frames move none, which three comparisons tell.
func (w *worker) charged() (codes DropCodes) {
	m, now := &w.tap.marks, w.core.Counters()
	if m.own == w.drops && m.inet == w.inetDrops && m.core == now.Drops {
		return codes
	}
	codes = m.moved(w.drops[:], w.inetDrops[:], &now.Drops)
	w.mark()
	return codes
}

// tellReceived has the core handle the packet just sorted, and tells what became of it.
// gone says that the packet is not ours any more.
func (w *worker) tellReceived(p *workerPort, pkt *nic.Packet, gone bool) {
	w.feedCore()
	t := &w.tap
	if t.passed {
		t.passed = false
		return
	}
	r := tape.Record{Port: uint16(p.index), Reasons: w.charged()}
	data := t.before
	if !gone {
		data = pkt.Data()
	}
	if p.iface.Loopback {
		r.Flags, r.L2, r.L3 = asSent(data)
	}
	w.tellOne(&r, data)
}

// asSent is what the sender of a frame on the loopback left to the port to do, which
// never does it.
func asSent(frame []byte) (flags nic.Flags, l2, l3 uint8) {
	version, packet := sctpInside(frame)
	l3 = uint8(len(frame) - len(packet) - etherLen)
	switch version {
	case 4:
		return nic.TxIPv4 | nic.TxIPChecksum | nic.TxSCTPChecksum, etherLen, l3
	case 6:
		return nic.TxIPv6 | nic.TxSCTPChecksum, etherLen, l3
	}
	return 0, 0, 0
}

// tellStray is tellReceived of what another worker handed over. That one tells of ARP and
// ND, and of fragments.
func (w *worker) tellStray(p *workerPort, s *stray, gone bool) {
	if s.pkt != nil && s.kind != strayNeighbour {
		w.tellReceived(p, s.pkt, gone)
		return
	}
	w.feedCore()
	w.mark()
}

// tellStrayLost tells of a packet that the other worker's ring had no room for. The caller
// counts it.
func (w *worker) tellStrayLost(s *stray) {
	if len(w.tap.lanes) == 0 || s.kind == strayNeighbour {
		return
	}
	w.tap.now = w.d.cfg.Clock()
	r := tape.Record{Port: s.port}
	r.Reasons[0] = uint8(codeOf(DropHandOverFull))
	w.tellOne(&r, s.pkt.Data())
}

// tellOne tells of one frame; the time is set.
func (w *worker) tellOne(r *tape.Record, data []byte) {
	w.stageFrame(0, r, data)
	for _, l := range w.tap.lanes {
		l.commit(r.Port, 1)
	}
}

// stageFrame stages the i-th frame of a burst.
func (w *worker) stageFrame(i int, r *tape.Record, data []byte) {
	t := &w.tap
	r.Time = t.now
	t.frame = Frame{Data: data, Length: len(data), Port: int(r.Port), Tx: r.Tx, Drops: DropCodes(r.Reasons)}
	for _, l := range t.lanes {
		l.stage(i, &t.frame, r)
	}
	t.frame.Data = nil
}

// txBurst sends by a queue of ours, and tells of what the port took.
func (w *worker) txBurst(p *workerPort, pkts []*nic.Packet) int {
	if len(w.tap.lanes) == 0 {
		return p.nic.TxBurst(p.txQueue, pkts)
	}
	w.tap.now = w.d.cfg.Clock()
	for i, pkt := range pkts { // before the port owns them
		w.stageFrame(i, sentRecord(p, pkt), pkt.Data())
	}
	n := p.nic.TxBurst(p.txQueue, pkts)
	for _, l := range w.tap.lanes {
		l.commit(uint16(p.index), n)
	}
	return n
}

func sentRecord(p *workerPort, pkt *nic.Packet) *tape.Record {
	return &tape.Record{Port: uint16(p.index), Tx: true, Flags: pkt.Flags, L2: pkt.L2Len, L3: pkt.L3Len}
}

// tellLost tells of frames that are dropped instead of sent. The caller counts them.
func (w *worker) tellLost(p *workerPort, why DropCode, pkts ...*nic.Packet) {
	if len(w.tap.lanes) == 0 {
		return
	}
	w.tap.now = w.d.cfg.Clock()
	for _, pkt := range pkts {
		r := sentRecord(p, pkt)
		r.Reasons[0] = uint8(why)
		w.tellOne(r, pkt.Data())
	}
}

// tellUnsent is tellLost of a frame that got no buffer.
func (w *worker) tellUnsent(p *workerPort, frame []byte) {
	if len(w.tap.lanes) == 0 {
		return
	}
	w.tap.now = w.d.cfg.Clock()
	r := tape.Record{Port: uint16(p.index), Tx: true}
	r.Reasons[0] = uint8(codeOf(DropNoBuffer))
	w.tellOne(&r, frame)
}

// tellHeadless is tellLost of an SCTP packet that got no headers: it is shown with a plain
// IP header. src may be zero.
func (w *worker) tellHeadless(why Drop, src, dst wire.Addr, pkt *nic.Packet) {
	if len(w.tap.lanes) == 0 {
		return
	}
	w.tap.now = w.d.cfg.Clock()
	n := inet.PutHeader(w.scratch[:], src, dst, pkt.Len())
	length := n + copy(w.scratch[n:], pkt.Data())
	wire.SetChecksum(w.scratch[n:length])
	r := tape.Record{Port: uint16(len(w.ports)), Tx: true}
	r.Reasons[0] = uint8(codeOf(why))
	w.tellOne(&r, w.scratch[:length])
}
