package inet

import "encoding/binary"

// Sizes of headers in bytes.
const (
	etherLen = 14
	vlanLen  = 4
	ipv4Len  = 20
	ipv6Len  = 40
	arpLen   = 28 // Ethernet and IPv4
	icmpLen  = 8
	ndLen    = 24 // neighbour solicitation or advertisement without options
	fragLen  = 8
)

// EtherTypes.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherVLAN = 0x8100
	etherIPv6 = 0x86dd
	etherQinQ = 0x88a8
)

// Protocol numbers.
const (
	ProtoICMPv4 = 1
	ProtoICMPv6 = 58
	ProtoSCTP   = 132

	protoHopByHop    = 0
	protoRouting     = 43
	protoFragment    = 44
	protoDestOptions = 60
)

// ICMPv4 types and codes (RFC 792, RFC 1191).
const (
	icmp4EchoReply   = 0
	icmp4Unreachable = 3
	icmp4Echo        = 8

	icmp4CodeProtocol   = 2
	icmp4CodeFragNeeded = 4
)

// ICMPv6 types and codes (RFC 4443, RFC 4861).
const (
	icmp6Unreachable  = 1
	icmp6TooBig       = 2
	icmp6ParamProblem = 4
	icmp6Echo         = 128
	icmp6EchoReply    = 129
	icmp6Solicit      = 135
	icmp6Advertise    = 136

	icmp6CodeNextHeader = 1 // of Parameter Problem: unrecognized next header
)

// ipv4 is a view of an IPv4 packet; check makes every accessor safe.
type ipv4 []byte

func (h ipv4) check() Drop {
	switch {
	case len(h) < ipv4Len:
		return DropIPTruncated
	case h[0]>>4 != 4:
		return DropIPVersion
	case h.headerLen() < ipv4Len || h.headerLen() > len(h):
		return DropIHL
	case h.totalLen() < h.headerLen() || h.totalLen() > len(h):
		return DropIPLength
	}
	return DropNone
}

func (h ipv4) headerLen() int     { return int(h[0]&15) * 4 }
func (h ipv4) totalLen() int      { return int(binary.BigEndian.Uint16(h[2:])) }
func (h ipv4) id() uint16         { return binary.BigEndian.Uint16(h[4:]) }
func (h ipv4) flagsOff() uint16   { return binary.BigEndian.Uint16(h[6:]) }
func (h ipv4) isFragment() bool   { return h.flagsOff()&0x3fff != 0 }
func (h ipv4) more() bool         { return h.flagsOff()&0x2000 != 0 }
func (h ipv4) offset() int        { return int(h.flagsOff()&0x1fff) * 8 }
func (h ipv4) proto() uint8       { return h[9] }
func (h ipv4) src4() [4]byte      { return [4]byte(h[12:]) }
func (h ipv4) dst4() [4]byte      { return [4]byte(h[16:]) }
func (h ipv4) checksumGood() bool { return Fold(Sum(0, h[:h.headerLen()])) == 0xffff }

// ipv6 is a view of an IPv6 packet; check makes every accessor safe.
type ipv6 []byte

func (h ipv6) check() Drop {
	switch {
	case len(h) < ipv6Len:
		return DropIPTruncated
	case h[0]>>4 != 6:
		return DropIPVersion
	case ipv6Len+h.payloadLen() > len(h):
		return DropIPLength
	}
	return DropNone
}

func (h ipv6) trafficClass() uint8 { return h[0]<<4 | h[1]>>4 }
func (h ipv6) payloadLen() int     { return int(binary.BigEndian.Uint16(h[4:])) }

// arp is a view of an ARP packet for Ethernet and IPv4 (RFC 826).
type arp []byte

const (
	arpRequest = 1
	arpReply   = 2
)

func (h arp) check() Drop {
	if len(h) < arpLen || binary.BigEndian.Uint64(h)>>16 != 0x0001_0800_0604 ||
		h.op() != arpRequest && h.op() != arpReply {
		return DropARPMalformed
	}
	return DropNone
}

func (h arp) op() uint16       { return binary.BigEndian.Uint16(h[6:]) }
func (h arp) senderMAC() MAC   { return MAC(h[8:14]) }
func (h arp) sender4() [4]byte { return [4]byte(h[14:18]) }
func (h arp) target4() [4]byte { return [4]byte(h[24:28]) }

// nd is a view of a neighbour solicitation or advertisement from the ICMPv6
// header on; check makes every accessor safe.
type nd []byte

const (
	ndOptSource = 1 // source link-layer address
	ndOptTarget = 2 // target link-layer address

	ndSolicited = 0x40
	ndOverride  = 0x20
)

func (h nd) check() Drop {
	if len(h) < ndLen || h[1] != 0 || h[8] == 0xff {
		return DropNDMalformed
	}
	for o := h[ndLen:]; len(o) > 0; {
		// "Nodes MUST silently discard an ND packet that contains an option
		// with length zero" (RFC 4861, section 4.6).
		if len(o) < 2 || o[1] == 0 || int(o[1])*8 > len(o) {
			return DropNDMalformed
		}
		o = o[int(o[1])*8:]
	}
	return DropNone
}

func (h nd) flags() uint8     { return h[4] }
func (h nd) target() [16]byte { return [16]byte(h[8:24]) }

// linkAddr is the MAC in the first option of that type and of 8 bytes.
func (h nd) linkAddr(option uint8) (MAC, bool) {
	for o := h[ndLen:]; len(o) >= 8; o = o[int(o[1])*8:] {
		if o[0] == option && o[1] == 1 {
			return MAC(o[2:8]), true
		}
	}
	return MAC{}, false
}
