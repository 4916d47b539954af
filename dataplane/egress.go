package dataplane

import (
	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// egress is how packets from src to dst leave: the port, the neighbour and the
// headers. All paths between the same addresses by the same way share one.
type egress struct {
	egressKey
	port       *workerPort
	template   inet.Template
	generation uint32 // of the port's neighbours, when resolved was found out; 0 is never
	resolved   bool   // the template has the neighbour's MAC
	offload    bool   // the port fills in the CRC32c
	refs       int32
}

type egressKey struct {
	src, dst, via wire.Addr
	index         int    // of the port
	downs         uint32 // of the port, then: it may come up again with another MAC
	marks         sctpcore.Marks
}

// lost tells whether the link has been down since a path was mapped to it: what was on its
// way did not arrive, also if the link is up again.
func (e *egress) lost() bool { return e.downs != e.port.downs }

// egressTable maps the core's egress handles to egresses: handle n is the n-th
// slot, 0 is none. A slot is free when no path refers to it. At most two paths'
// worth per association exist, so Limits bound it; maxEgress does in any case.
type egressTable struct {
	slots []*egress // [0] is nil
	byKey map[egressKey]uint32
	free  []uint32
}

// maxEgress bounds a worker's table: egresses, not associations, which share them.
const maxEgress = 1 << 20

func newEgressTable() egressTable {
	return egressTable{slots: make([]*egress, 1), byKey: make(map[egressKey]uint32)}
}

// get is the egress of a handle, nil for 0.
func (t *egressTable) get(handle uint32) *egress {
	if handle < uint32(len(t.slots)) {
		return t.slots[handle]
	}
	return nil
}

// acquire gives a handle with one more reference; 0 if the table is full or
// the addresses make no path.
func (t *egressTable) acquire(k egressKey, p *workerPort) uint32 {
	if h, ok := t.byKey[k]; ok {
		t.slots[h].refs++
		return h
	}
	e := &egress{}
	if !e.set(k, p) {
		return 0
	}
	var h uint32
	switch n := len(t.free); {
	case n > 0:
		h, t.free = t.free[n-1], t.free[:n-1]
	case len(t.slots) < maxEgress:
		h = uint32(len(t.slots))
		t.slots = append(t.slots, nil)
	default:
		return 0
	}
	e.refs = 1
	t.slots[h], t.byKey[k] = e, h
	return h
}

func (t *egressTable) release(handle uint32) {
	e := t.get(handle)
	if e == nil {
		return
	}
	if e.refs--; e.refs == 0 {
		delete(t.byKey, e.egressKey)
		t.slots[handle] = nil
		t.free = append(t.free, handle)
	}
}

// set prepares the headers; false if the addresses make no path.
func (e *egress) set(k egressKey, p *workerPort) bool {
	e.egressKey, e.port, e.generation, e.resolved = k, p, 0, false
	c := inet.TemplateConfig{Iface: p.iface, Src: k.src, Dst: k.dst, DSCP: k.marks.Class >> 2, HopLimit: k.marks.Hops,
		Flow: k.marks.Flow.Value, HasFlow: k.marks.Flow.Set, MayBeCut: k.marks.MayBeCut}
	if e.offload = p.info.Caps.TxSCTPChecksum; e.offload {
		c.Flags |= nic.TxSCTPChecksum
	}
	if p.info.Caps.TxIPChecksum {
		c.Flags |= nic.TxIPChecksum
	}
	return e.template.Set(&c) == nil
}

// answerCache has the egresses of packets that are on no path: answers to INIT
// and to packets out of the blue. Its size bounds what a flood of them costs in
// memory; an entry is made anew when another destination takes its place.
type answerCache struct {
	entries [64]egress
	routes  [64]uint32 // generation of the routes when the entry was made
}

// answerTo is the egress of a packet that is on no path, by the port that has
// its source address if there is a choice; nil if there is no way, counted and told of.
func (w *worker) answerTo(o *sctpcore.Outbound, pkt *nic.Packet) *egress {
	k := directoryKey{peer: o.Dst}
	i := k.hash() % uint64(len(w.transient.entries))
	e := &w.transient.entries[i]
	if g := w.routes.Generation(); w.transient.routes[i] != g || e.dst != o.Dst || e.src != o.Src || o.Src.IsZero() {
		w.transient.routes[i] = 0
		hop, ok := w.routes.LookupFrom(o.Src, o.Dst)
		if !ok {
			w.drops[DropNoRoute]++
			w.tellHeadless(DropNoRoute, o.Src, o.Dst, pkt)
			return nil
		}
		src := o.Src
		if src.IsZero() {
			src = hop.Src
		}
		if !e.set(egressKey{src: src, dst: o.Dst, via: hop.Via, index: hop.Port}, &w.ports[hop.Port]) {
			w.drops[DropNoSource]++
			w.tellHeadless(DropNoSource, src, o.Dst, pkt)
			return nil
		}
		w.transient.routes[i] = g
	}
	return e
}
