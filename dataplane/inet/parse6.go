package inet

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Bounds of an IPv6 extension header chain. A sender has no use for more; a
// receiver may limit them (RFC 8504, section 5.3).
const (
	maxExtensions = 8  // headers
	maxOptions    = 32 // options in one header
)

// ipv6 checks an IPv6 header and goes on with what it carries.
func (p *Parser) ipv6(h ipv6, now int64, m *Meta) (Verdict, Drop) {
	if d := h.check(); d != DropNone {
		return Dropped, d
	}
	m.Src, m.Dst = wire.Addr(h[8:24]), wire.Addr(h[24:40])
	m.TrafficClass, m.HopLimit = h.trafficClass(), h[7]
	m.L3Len = ipv6Len
	end := ipv6Len + h.payloadLen()
	if d := p.addresses6(m); d != DropNone {
		return Dropped, d
	}
	if h[6] == ProtoSCTP { // the common case
		m.Proto, m.next, m.Payload = ProtoSCTP, 6, h[ipv6Len:end:end]
		return p.upper6(m)
	}
	c := chain{proto: h[6], next: 6, first: true}
	if d := c.skip(h[:end], ipv6Len); d != DropNone {
		return Dropped, d
	}
	m.Proto, m.next, m.L3Len = c.proto, c.next, c.off
	m.Payload = h[c.off:end:end]
	if c.proto == protoFragment {
		if v, d := p.fragment6(now, m); v != SCTP {
			return v, d
		}
	}
	return p.upper6(m)
}

// fragment6 takes the fragment header at the front of m.Payload. Verdict SCTP
// means that m is now about a whole datagram.
func (p *Parser) fragment6(now int64, m *Meta) (Verdict, Drop) {
	if len(m.Payload) < fragLen {
		return Dropped, DropFragmentHeader
	}
	b := m.Payload
	offMore := binary.BigEndian.Uint16(b[2:])
	f := fragment{
		id: binary.BigEndian.Uint32(b[4:]), offset: int(offMore &^ 7), more: offMore&1 != 0,
		proto: b[0],
	}
	m.Fragment = true
	m.Payload, m.L3Len = b[fragLen:], m.L3Len+fragLen
	if f.offset == 0 && !f.more { // atomic: whole by itself (RFC 6946)
		m.Proto = f.proto
	} else if v, d := p.reassemble(&f, now, m); v != SCTP {
		return v, d
	}
	c := chain{proto: m.Proto}
	if d := c.skip(m.Payload, 0); d != DropNone {
		return Dropped, d
	}
	if c.proto == protoFragment {
		return Dropped, DropFragmentNested
	}
	if !m.Reassembled {
		m.L3Len += c.off
	}
	m.Proto, m.Payload = c.proto, m.Payload[c.off:]
	return SCTP, DropNone
}

func (p *Parser) addresses6(m *Meta) Drop {
	src, dst := class6(m.Src), class6(m.Dst)
	// The unspecified source is for duplicate address detection only; upper6
	// lets nothing else pass.
	if src != classUnicast && src != classUnspecified && !p.iface.within(m.Src) {
		return DropSource
	}
	switch dst {
	case classMulticast:
		if !p.iface.hears(m.Dst) {
			return DropDestMulticast
		}
		// A source that is ours passes: HandleND counts it as a conflict, and
		// nothing but ND to a group gets beyond upper6.
		return DropNone
	case classUnspecified, classInvalid:
		if !p.iface.within(m.Dst) {
			return DropDestInvalid
		}
	}
	return p.unicast(m)
}

func (p *Parser) upper6(m *Meta) (Verdict, Drop) {
	if m.Proto == ProtoICMPv6 {
		return p.icmp6(m)
	}
	if m.Src.IsZero() {
		return Dropped, DropSource
	}
	if m.Dst[0] == 0xff {
		return Dropped, DropDestMulticast
	}
	if m.Proto == ProtoSCTP {
		return SCTP, DropNone
	}
	return Dropped, DropUnknownProtocol
}

// chain is a walk over IPv6 extension headers.
type chain struct {
	proto uint8       // of what comes at off
	first bool        // at the IPv6 header, the only place for hop-by-hop options
	next  frameOffset // of the field that named proto
	off   int
}

// skip walks b from off up to the first header that is not hop-by-hop, routing
// or destination options.
func (c *chain) skip(b []byte, off int) Drop {
	c.off = off
	for range maxExtensions {
		switch c.proto {
		case protoHopByHop, protoRouting, protoDestOptions:
		default:
			return DropNone
		}
		if len(b) < c.off+8 || len(b) < c.off+8+int(b[c.off+1])*8 {
			return DropExtensionChain
		}
		h := b[c.off : c.off+8+int(b[c.off+1])*8]
		switch {
		case c.proto == protoHopByHop && !c.first:
			return DropExtensionChain
		case c.proto == protoRouting && h[3] != 0: // segments left
			return DropRoutingHeader
		case c.proto != protoRouting && !optionsPass(h[2:]):
			return DropExtensionOption
		}
		c.proto, c.next, c.first = h[0], frameOffset(c.off), false
		c.off += len(h)
	}
	return DropExtensionChain
}

// optionsPass walks options. One that we do not know (and we know none but
// padding) may be skipped only if its two highest bits are 0 (RFC 8200, 4.2).
func optionsPass(o []byte) bool {
	for range maxOptions {
		switch {
		case len(o) == 0:
			return true
		case o[0] == 0: // Pad1
			o = o[1:]
			continue
		case len(o) < 2 || len(o) < 2+int(o[1]) || o[0]&0xc0 != 0:
			return false
		}
		o = o[2+int(o[1]):]
	}
	return len(o) == 0
}
