package dataplane

import (
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// sendCut sends an SCTP packet in fragments of IP packets of mtu bytes, and frees
// it. That is rare: a chunk was too long when its path's MTU had shrunk, and can
// have no other length once it has a TSN.
func (w *worker) sendCut(e *egress, pkt *nic.Packet, mtu int) {
	wire.SetChecksum(pkt.Data()) // no port fills in that of fragments
	for off := 0; off < pkt.Len(); {
		n, end := e.template.PutFragment(w.scratch[:], pkt.Data(), off, mtu)
		piece := e.port.copyOf(w.scratch[:n])
		if piece == nil {
			w.drops[DropNoBuffer]++
			w.tellUnsent(e.port, w.scratch[:n])
			break
		}
		w.dispatch(e, piece)
		off = end
	}
	w.discard(pkt)
}
