package capture

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Filter chooses frames. Any thread may use it.
type Filter struct {
	steps []step
	rawIP int // the port whose frames are IP packets
}

// op is what a step asks.
type op uint8

const (
	askTx op = iota
	askDropped
	askReason    // n is the code
	askInterface // n is the port's index
	askEther     // n is the EtherType
	askVLAN
	askICMP
	askSCTP
	askAddr // value and mask
	askPort
	askTag
	askChunk
	askPPID
)

// side is which end of a packet is asked for.
type side uint8

const (
	either side = iota
	source
	destination
)

// step is a question and where to go on from its answer. A place below 0 is the end, all
// others are below the step's own.
type step struct {
	op          op
	side        side
	yes, no     int16
	n           uint32
	value, mask [2]uint64
}

const (
	accepted = -1
	refused  = -2
)

// Match tells whether the filter lets a frame pass. It does not allocate.
func (f *Filter) Match(frame *dataplane.Frame) bool {
	at := int16(len(f.steps)) - 1
	if at < 0 {
		return true
	}
	var v view
	v.look(frame, frame.Port == f.rawIP)
	for at >= 0 {
		if s := &f.steps[at]; s.ask(&v) {
			at = s.yes
		} else {
			at = s.no
		}
	}
	return at == accepted
}

func (s *step) ask(v *view) bool {
	switch s.op {
	case askTx:
		return v.frame.Tx
	case askDropped:
		return v.frame.Drops.Any()
	case askReason:
		return v.frame.Drops.Has(dataplane.DropCode(s.n))
	case askInterface:
		return v.frame.Port == int(s.n)
	case askEther:
		return v.etherType == uint16(s.n)
	case askVLAN:
		return v.vlan == uint16(s.n)
	case askICMP:
		return v.etherType == etherIPv4 && v.proto == inet.ProtoICMPv4 || v.etherType == etherIPv6 && v.proto == inet.ProtoICMPv6
	case askSCTP:
		return v.proto == inet.ProtoSCTP
	case askAddr:
		return s.side != destination && s.within(v.src) || s.side != source && s.within(v.dst)
	case askPort:
		return v.sctp != nil && (s.side != destination && uint32(binary.BigEndian.Uint16(v.sctp)) == s.n ||
			s.side != source && uint32(binary.BigEndian.Uint16(v.sctp[2:])) == s.n)
	case askTag:
		return v.sctp != nil && binary.BigEndian.Uint32(v.sctp[4:]) == s.n
	case askChunk:
		return v.hasChunk(uint8(s.n), -1)
	case askPPID:
		return v.hasChunk(uint8(wire.ChunkData), int64(s.n))
	}
	return false
}

func (s *step) within(a wire.Addr) bool {
	return binary.BigEndian.Uint64(a[:])&s.mask[0] == s.value[0] && binary.BigEndian.Uint64(a[8:])&s.mask[1] == s.value[1] && !a.IsZero()
}

// node is a filter as it was read: a question, or and, or, not of others.
type node struct {
	kind        nodeKind
	left, right *node // not has left only
	step        step  // of a question
}

type nodeKind uint8

const (
	question nodeKind = iota
	allOf
	anyOf
	noneOf
)

// compile adds the steps of a node, whose answers lead to yes and no, and returns where
// it begins. What comes after is compiled first, so all jumps go down.
func (f *Filter) compile(n *node, yes, no int16) (begin int16) {
	switch n.kind {
	case allOf:
		return f.compile(n.left, f.compile(n.right, yes, no), no)
	case anyOf:
		return f.compile(n.left, yes, f.compile(n.right, yes, no))
	case noneOf:
		return f.compile(n.left, no, yes)
	}
	s := n.step
	s.yes, s.no = yes, no
	f.steps = append(f.steps, s)
	return int16(len(f.steps)) - 1
}
