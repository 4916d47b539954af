package capture

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Link and IP headers, in bytes, and what they name.
const (
	etherLen = 14
	tagLen   = 4
	ip4Len   = 20
	ip6Len   = 40
	arpLen   = 28 // Ethernet and IPv4

	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherVLAN = 0x8100
	etherQinQ = 0x88a8
	etherIPv6 = 0x86dd

	hopByHop, routing, fragment, destOptions = 0, 43, 44, 60 // IPv6 extension headers
	maxExtensions                            = 8
)

// view is what filters want to know of a frame. What it does not have is zero.
type view struct {
	frame     *dataplane.Frame
	etherType uint16
	vlan      uint16 // the inner tag's VID
	proto     uint8  // of an IP packet
	src, dst  wire.Addr
	sctp      []byte // from the common header on, unless it is not a datagram's first fragment
}

// look takes a frame apart as far as it makes sense.
func (v *view) look(f *dataplane.Frame, rawIP bool) {
	*v = view{frame: f}
	b := f.Data
	if rawIP {
		if len(b) > 0 && b[0]>>4 == 6 {
			v.ip6(b)
		} else {
			v.ip4(b)
		}
		return
	}
	for at := etherLen; len(b) >= at; at += tagLen {
		switch v.etherType = binary.BigEndian.Uint16(b[at-2:]); v.etherType {
		case etherVLAN, etherQinQ:
			if len(b) < at+tagLen {
				return
			}
			v.vlan = binary.BigEndian.Uint16(b[at:]) & 0xfff
		case etherIPv4:
			v.ip4(b[at:])
			return
		case etherIPv6:
			v.ip6(b[at:])
			return
		case etherARP:
			if len(b) >= at+arpLen {
				v.src, v.dst = wire.AddrFrom4([4]byte(b[at+14:])), wire.AddrFrom4([4]byte(b[at+24:]))
			}
			return
		default:
			return
		}
	}
}

func (v *view) ip4(b []byte) {
	if len(b) < ip4Len || b[0]>>4 != 4 {
		return
	}
	v.etherType, v.proto = etherIPv4, b[9]
	v.src, v.dst = wire.AddrFrom4([4]byte(b[12:])), wire.AddrFrom4([4]byte(b[16:]))
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if binary.BigEndian.Uint16(b[6:])&0x1fff == 0 {
		v.upper(b, header, total)
	}
}

func (v *view) ip6(b []byte) {
	if len(b) < ip6Len {
		return
	}
	v.etherType, v.proto = etherIPv6, b[6]
	v.src, v.dst = wire.Addr(b[8:24]), wire.Addr(b[24:40])
	at, total := ip6Len, ip6Len+int(binary.BigEndian.Uint16(b[4:]))
	for range maxExtensions {
		if len(b) < at+8 {
			return
		}
		switch v.proto {
		case hopByHop, routing, destOptions:
			v.proto, at = b[at], at+8+8*int(b[at+1])
		case fragment:
			first := binary.BigEndian.Uint16(b[at+2:])&0xfff8 == 0
			v.proto, at = b[at], at+8
			if !first {
				return
			}
		default:
			v.upper(b, at, total)
			return
		}
	}
}

// upper finds the SCTP packet between two places of an IP packet.
func (v *view) upper(b []byte, at, end int) {
	if end = min(end, len(b)); v.proto == inet.ProtoSCTP && at >= ip4Len && end >= at+wire.CommonHeaderLen {
		v.sctp = b[at:end]
	}
}

// hasChunk tells whether the packet has a chunk of a type; of DATA, if ppid is not
// negative, one with that payload protocol identifier.
func (v *view) hasChunk(kind uint8, ppid int64) bool {
	if v.sctp == nil {
		return false
	}
	const header, ppidAt = 4, 12
	for b := v.sctp[wire.CommonHeaderLen:]; len(b) >= header; {
		length := int(binary.BigEndian.Uint16(b[2:]))
		if length < header {
			return false
		}
		if b[0] == kind && (ppid < 0 || len(b) >= ppidAt+4 && int64(binary.BigEndian.Uint32(b[ppidAt:])) == ppid) {
			return true
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return false
}
