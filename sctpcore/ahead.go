package sctpcore

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// With many associations each packet, timer and message meets one that is in no
// cache: a dozen lines of memory, some 100 ns each if they come one after the
// other. The endpoint therefore asks for what the next ones of a burst need while
// it works on this one. Asking changes nothing: what was asked for in vain costs a
// little time.

const (
	// ahead is how many packets or associations lie between asking and use: enough for
	// memory to answer, few enough for the first-level cache to hold the answers.
	ahead = 4
	// many is how many associations there must be: fewer are in cache anyway.
	many = 128
)

// crowded tells whether asking ahead pays.
func (e *Endpoint) crowded() bool { return e.tags.count >= many }

// tagOf is a packet's verification tag; 0, which no association has, if the
// packet is too short.
func tagOf(in *Inbound) uint32 {
	if len(in.Data) <= wire.CommonHeaderLen {
		return 0
	}
	return binary.BigEndian.Uint32(in.Data[4:])
}

// expectPackets asks for the entries of the tag table that packets are looked up
// in, and for the associations of the first ones.
func (e *Endpoint) expectPackets(pkts []Inbound) {
	last := uint32(0)
	for i := range pkts {
		if tag := tagOf(&pkts[i]); tag != last {
			prefetchTag(e.tags.home(tag))
			last = tag
		}
	}
	for i := range ahead {
		e.expectPacket(pkts, i)
	}
}

// expectPacket asks for the association of packet i, unless the one before has
// the same.
func (e *Endpoint) expectPacket(pkts []Inbound, i int) {
	if i >= len(pkts) {
		return
	}
	tag := tagOf(&pkts[i])
	if tag == 0 || i > 0 && tag == tagOf(&pkts[i-1]) {
		return
	}
	switch a := e.tags.get(tag); {
	case a == nil:
	case wire.ChunkType(pkts[i].Data[wire.CommonHeaderLen]) == wire.ChunkData:
		prefetchInbound(a)
	default:
		prefetchOutbound(a)
	}
}

// expectTransmit asks for the association that comes i-th in line for PollTransmit.
func (e *Endpoint) expectTransmit(i uint64) {
	if i < uint64(e.transmit.len()) {
		prefetchOutbound(*e.transmit.at(i))
	}
}

// expectTimers asks for the i-th association whose timers are due.
func (e *Endpoint) expectTimers(i int) {
	if i < len(e.due) {
		if a := e.slots[e.due[i]]; a != nil {
			prefetchTimers(a)
		}
	}
}

// Expect says that the association will be used soon, by Send for example: its
// memory is asked for. It pays where many associations are used in turn, some
// four of them in advance; it is never needed.
func (e *Endpoint) Expect(id AssocID) {
	if i := id.slot(); e.crowded() && i < uint32(len(e.slots)) && e.slots[i] != nil {
		prefetchOutbound(e.slots[i])
	}
}
