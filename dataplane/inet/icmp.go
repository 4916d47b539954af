package inet

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// icmp4 sorts an ICMPv4 message. Of errors only Destination Unreachable is of
// use to SCTP (RFC 9260, section 10, rule ICMP1).
func (p *Parser) icmp4(m *Meta) (Verdict, Drop) {
	b := m.Payload
	switch {
	case len(b) < icmpLen:
		return Dropped, DropICMPTruncated
	case Fold(Sum(0, b)) != 0xffff:
		return Dropped, DropICMPChecksum
	case b[0] == icmp4Echo && b[1] == 0:
		return EchoRequest, DropNone
	case b[0] == icmp4Unreachable:
		return p.quote(m)
	}
	return Dropped, DropICMPIgnored
}

// icmp6 sorts an ICMPv6 message. Of errors Destination Unreachable, Packet Too
// Big and Parameter Problem are of use (RFC 9260, section 10, rule ICMP2).
func (p *Parser) icmp6(m *Meta) (Verdict, Drop) {
	b := m.Payload
	if len(b) < icmpLen {
		return Dropped, DropICMPTruncated
	}
	if Fold(Sum(pseudo6(m.Src, m.Dst, len(b), ProtoICMPv6), b)) != 0xffff {
		return Dropped, DropICMPChecksum
	}
	if b[0] == icmp6Solicit || b[0] == icmp6Advertise {
		return p.nd(m)
	}
	switch {
	case m.Src.IsZero():
		return Dropped, DropSource
	case m.Dst[0] == 0xff:
		return Dropped, DropDestMulticast
	case b[0] == icmp6Echo && b[1] == 0:
		return EchoRequest, DropNone
	case b[0] == icmp6Unreachable, b[0] == icmp6TooBig, b[0] == icmp6ParamProblem:
		return p.quote(m)
	}
	return Dropped, DropICMPIgnored
}

// nd makes the checks of RFC 4861, sections 7.1.1 and 7.1.2.
func (p *Parser) nd(m *Meta) (Verdict, Drop) {
	h := nd(m.Payload)
	if m.HopLimit != 255 {
		return Dropped, DropNDHopLimit
	}
	if m.Fragment {
		return Dropped, DropNDFragmented
	}
	if d := h.check(); d != DropNone {
		return Dropped, d
	}
	if class6(h.target()) != classUnicast {
		return Dropped, DropNDMalformed
	}
	group := m.Dst[0] == 0xff
	if h[0] == icmp6Solicit {
		_, option := h.linkAddr(ndOptSource)
		if m.Src.IsZero() && (option || m.Dst != solicitedNode(h.target())) {
			return Dropped, DropNDMalformed
		}
		return ND, DropNone
	}
	if m.Src.IsZero() || group && h.flags()&ndSolicited != 0 {
		return Dropped, DropNDMalformed
	}
	return ND, DropNone
}

// minQuote is how much of an SCTP packet an error must quote to be of use: the
// common header up to and with the verification tag (RFC 792).
const minQuote = 8

// quote accepts an error only if it quotes an SCTP packet sent from one of our
// addresses: we never sent anything else that could provoke one.
func (p *Parser) quote(m *Meta) (Verdict, Drop) {
	q, ok := QuotedSCTP(m)
	if !ok || !p.iface.Accepts(q.Src) || classOf(q.Dst) != classUnicast {
		return Dropped, DropICMPQuote
	}
	return ICMPError, DropNone
}

// Quoted is the SCTP packet that an ICMP error quotes.
type Quoted struct {
	Src, Dst wire.Addr // of the quoted packet: Src is ours, Dst is the peer's
	// SCTP is the quoted packet from the common header on, 8 bytes or more, a
	// view of Meta.Payload.
	SCTP []byte
	// MTU is the next hop's, in bytes of IP packet, if the packet was too big,
	// else 0. A router that does not tell (RFC 1191, section 4) counts as 576.
	MTU int
	// Protocol: the host at Dst does not speak SCTP (protocol unreachable,
	// unrecognized next header).
	Protocol bool
}

// QuotedSCTP reads a message of verdict ICMPError, for the core's
// HandleUnreachable; ok is false if it quotes no SCTP packet.
func QuotedSCTP(m *Meta) (q Quoted, ok bool) {
	if len(m.Payload) < icmpLen {
		return Quoted{}, false
	}
	if m.Proto == ProtoICMPv6 {
		return quoted6(m.Payload)
	}
	return quoted4(m.Payload)
}

// tooBigUnknown is the MTU to go on with when a router does not tell its own:
// what every IPv4 host must be able to take (RFC 791, section 3.2).
const tooBigUnknown = 576

func quoted4(b []byte) (q Quoted, ok bool) {
	h := ipv4(b[icmpLen:])
	// The total length may be beyond the quote, so check does not apply.
	if len(h) < ipv4Len || h[0]>>4 != 4 || h.headerLen() < ipv4Len ||
		len(h) < h.headerLen()+minQuote || h.proto() != ProtoSCTP || h.offset() != 0 {
		return Quoted{}, false
	}
	q.Src, q.Dst = wire.AddrFrom4(h.src4()), wire.AddrFrom4(h.dst4())
	end := min(max(h.totalLen(), h.headerLen()), len(h))
	q.SCTP = h[h.headerLen():end]
	switch b[1] {
	case icmp4CodeFragNeeded:
		q.MTU = int(binary.BigEndian.Uint16(b[6:]))
		if q.MTU == 0 {
			q.MTU = tooBigUnknown
		}
	case icmp4CodeProtocol:
		q.Protocol = true
	}
	return q, len(q.SCTP) >= minQuote
}

func quoted6(b []byte) (q Quoted, ok bool) {
	h := b[icmpLen:]
	if len(h) < ipv6Len || h[0]>>4 != 6 {
		return Quoted{}, false
	}
	// Of extension headers we send that of fragments alone.
	l4, next := ipv6Len, h[6]
	if next == protoFragment && len(h) >= ipv6Len+fragLen && binary.BigEndian.Uint16(h[ipv6Len+2:])&^7 == 0 {
		l4, next = ipv6Len+fragLen, h[ipv6Len]
	}
	if next != ProtoSCTP || len(h) < l4+minQuote {
		return Quoted{}, false
	}
	q.Src, q.Dst = wire.Addr(h[8:24]), wire.Addr(h[24:40])
	if class6(q.Src) != classUnicast || class6(q.Dst) != classUnicast {
		return Quoted{}, false
	}
	q.SCTP = h[l4:max(l4, min(len(h), ipv6Len+int(binary.BigEndian.Uint16(h[4:]))))]
	switch b[0] {
	case icmp6TooBig:
		q.MTU = int(min(binary.BigEndian.Uint32(b[4:]), 65535))
	case icmp6ParamProblem:
		// Other codes mean that the header was damaged (rule ICMP4).
		if b[1] != icmp6CodeNextHeader {
			return Quoted{}, false
		}
		q.Protocol = true
	}
	return q, len(q.SCTP) >= minQuote
}
