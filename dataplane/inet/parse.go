package inet

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Verdict says what a frame is for.
type Verdict uint8

// The verdicts of Parse.
const (
	Dropped     Verdict = iota // counted; Meta.Drop says why
	SCTP                       // Meta.Payload is an SCTP packet for us
	ARP                        // for Neighbours.HandleARP
	ND                         // for Neighbours.HandleND
	EchoRequest                // for Responder.EchoReply
	ICMPError                  // quotes an SCTP packet with our source: for QuotedSCTP
	Held                       // a fragment, copied by the Reassembler; no more to do
)

var verdictNames = [...]string{"dropped", "sctp", "arp", "nd", "echo_request", "icmp_error", "held"}

// String is the verdict's name.
func (v Verdict) String() string { return verdictNames[v] }

// Meta is what Parse found in a frame. It is reused from call to call; a field
// that the verdict does not speak of may hold anything.
type Meta struct {
	// Payload is the upper-layer packet, from the SCTP common header, the ICMP
	// header or the ARP header on, cut to the length that IP says (Ethernet
	// padding removed). It is a view of the frame, at frame[L2Len+L3Len:], or,
	// if Reassembled, of the Reassembler's memory until its Recycle.
	Payload      []byte
	Src, Dst     wire.Addr // of the IP header; for ARP sender and target
	SrcMAC       MAC
	DstMAC       MAC
	VLAN         uint16 // the inner tag's VID, 0 without a tag
	L2Len        int    // bytes up to the IP or ARP header, 14 to 22
	L3Len        int    // bytes of the IP header with options or extension headers
	Proto        uint8  // of Payload: ProtoSCTP, ProtoICMPv4, …
	TrafficClass uint8  // TOS or traffic class, ECN in the lowest two bits
	HopLimit     uint8  // or TTL
	Reassembled  bool   // Payload is a whole datagram made of fragments
	Fragment     bool   // the frame had an IPv6 fragment header or was an IPv4 fragment
	Drop         Drop   // of verdict Dropped

	next frameOffset // of the field that named Proto; not of a Fragment
}

// frameOffset is counted in bytes from the beginning of the IP header.
type frameOffset uint16

// Parser sorts the frames of one port. One thread.
type Parser struct {
	iface *Iface
	frags *Reassembler
	drops *Drops
}

// NewParser makes a Parser for a port. frags may be nil: fragments are then
// dropped; one Reassembler may serve the Parsers of all ports of a thread, and
// so may one Drops.
func NewParser(f *Iface, frags *Reassembler, drops *Drops) *Parser {
	return &Parser{iface: f, frags: frags, drops: drops}
}

// SetIface has the port's addresses be those of f.
func (p *Parser) SetIface(f *Iface) { p.iface = f }

// Parse sorts one frame, fills m and counts what it drops. flags are the
// packet's nic flags; the rx ones of the IPv4 header checksum are believed. It
// keeps nothing of frame.
func (p *Parser) Parse(frame []byte, flags nic.Flags, now int64, m *Meta) Verdict {
	v, d := p.link(frame, flags, now, m)
	m.Drop = d
	if v == Dropped && d != DropNone {
		p.drops[d]++
	}
	return v
}

// link takes off the Ethernet header and the tags.
func (p *Parser) link(frame []byte, flags nic.Flags, now int64, m *Meta) (Verdict, Drop) {
	if len(frame) < etherLen {
		return Dropped, DropRunt
	}
	m.DstMAC, m.SrcMAC = MAC(frame[:6]), MAC(frame[6:12])
	m.Reassembled, m.Fragment = false, false
	if m.DstMAC != p.iface.MAC && !m.DstMAC.IsMulticast() {
		return Dropped, DropNotOurMAC
	}
	if m.SrcMAC == p.iface.MAC && !p.iface.Loopback {
		return Dropped, DropReflected
	}
	if m.SrcMAC.IsMulticast() || m.SrcMAC.IsZero() {
		return Dropped, DropSourceMAC
	}
	etherType, d := p.tags(frame, m)
	if d != DropNone {
		return Dropped, d
	}
	l3 := frame[m.L2Len:]
	switch etherType {
	case etherIPv4:
		return p.ipv4(ipv4(l3), flags, now, m)
	case etherIPv6:
		return p.ipv6(ipv6(l3), now, m)
	case etherARP:
		return p.arp(l3, m)
	}
	return Dropped, DropEtherType
}

// tags checks the frame's tags against the port's and gives the EtherType.
func (p *Parser) tags(frame []byte, m *Meta) (uint16, Drop) {
	var vid [2]uint16
	n, tags := 12, 0
	etherType := binary.BigEndian.Uint16(frame[n:])
	for etherType == etherVLAN || etherType == etherQinQ {
		if tags == len(vid) {
			return 0, DropVLANStacked
		}
		if len(frame) < n+vlanLen+2 {
			return 0, DropRunt
		}
		vid[tags] = binary.BigEndian.Uint16(frame[n+2:]) & 0xfff
		tags, n = tags+1, n+vlanLen
		etherType = binary.BigEndian.Uint16(frame[n:])
	}
	m.L2Len, m.VLAN = n+2, vid[0]
	if p.iface.OuterVLAN != 0 {
		m.VLAN = vid[1]
		if tags != 2 || vid[0] != p.iface.OuterVLAN || vid[1] != p.iface.VLAN {
			return 0, DropVLAN
		}
		return etherType, DropNone
	}
	if tags > 1 {
		return 0, DropVLANStacked
	}
	// A tag with VID 0 carries a priority only (IEEE 802.1Q, 6.9).
	if vid[0] != p.iface.VLAN {
		return 0, DropVLAN
	}
	return etherType, DropNone
}

// arp checks an ARP packet as far as a stranger's can be checked.
func (p *Parser) arp(b []byte, m *Meta) (Verdict, Drop) {
	h := arp(b)
	if d := h.check(); d != DropNone {
		return Dropped, d
	}
	m.Payload, m.L3Len, m.Proto = b[:arpLen:arpLen], 0, 0
	m.Src, m.Dst = wire.AddrFrom4(h.sender4()), wire.AddrFrom4(h.target4())
	sender, target := class4(h.sender4()), class4(h.target4())
	probe := sender == classUnspecified && h.op() == arpRequest // RFC 5227
	if sender != classUnicast && !probe || target != classUnicast ||
		h.senderMAC().IsMulticast() || h.senderMAC().IsZero() {
		return Dropped, DropARPMalformed
	}
	return ARP, DropNone
}

// ipv4 checks an IPv4 header and goes on with what it carries.
func (p *Parser) ipv4(h ipv4, flags nic.Flags, now int64, m *Meta) (Verdict, Drop) {
	if d := h.check(); d != DropNone {
		return Dropped, d
	}
	// A TTL below 2 is no reason to drop (RFC 1122, section 3.2.1.7).
	if flags&nic.RxIPChecksumBad != 0 || flags&nic.RxIPChecksumGood == 0 && !h.checksumGood() {
		return Dropped, DropIPChecksum
	}
	m.Src, m.Dst = wire.AddrFrom4(h.src4()), wire.AddrFrom4(h.dst4())
	m.TrafficClass, m.HopLimit, m.Proto = h[1], h[8], h.proto()
	m.L3Len, m.next = h.headerLen(), 9
	m.Payload = h[m.L3Len:h.totalLen():h.totalLen()]
	if d := p.addresses4(h, m); d != DropNone {
		return Dropped, d
	}
	if h.isFragment() {
		m.Fragment = true
		f := fragment{id: uint32(h.id()), offset: h.offset(), more: h.more(), proto: m.Proto}
		if v, d := p.reassemble(&f, now, m); v != SCTP {
			return v, d
		}
	}
	return p.upper4(m)
}

func (p *Parser) addresses4(h ipv4, m *Meta) Drop {
	if class4(h.src4()) != classUnicast && !p.iface.within(m.Src) || p.iface.isBroadcast(m.Src) {
		return DropSource
	}
	switch class4(h.dst4()) {
	case classMulticast:
		return DropDestMulticast
	case classBroadcast:
		return DropDestBroadcast
	case classUnspecified, classInvalid:
		if !p.iface.within(m.Dst) {
			return DropDestInvalid
		}
	}
	return p.unicast(m)
}

// unicast checks a packet to a unicast address.
func (p *Parser) unicast(m *Meta) Drop {
	switch {
	case (p.iface.Owns(m.Src) || m.Src == m.Dst) && !p.iface.Loopback:
		return DropSourceOurs
	case !p.iface.Accepts(m.Dst):
		if p.iface.isBroadcast(m.Dst) {
			return DropDestBroadcast
		}
		return DropNotOurAddress
	case m.DstMAC.IsMulticast():
		return DropLinkBroadcast
	}
	return DropNone
}

func (p *Parser) upper4(m *Meta) (Verdict, Drop) {
	switch m.Proto {
	case ProtoSCTP:
		return SCTP, DropNone
	case ProtoICMPv4:
		return p.icmp4(m)
	}
	return Dropped, DropUnknownProtocol
}

// reassemble adds the fragment m.Payload. Verdict SCTP means that m.Payload is
// now the whole datagram, whatever it carries.
func (p *Parser) reassemble(f *fragment, now int64, m *Meta) (Verdict, Drop) {
	if p.frags == nil {
		return Dropped, DropFragmentOff
	}
	f.src, f.dst, f.data = m.Src, m.Dst, m.Payload
	whole, d := p.frags.add(f, now)
	if d != DropNone {
		return Dropped, d
	}
	if whole == nil {
		return Held, DropNone
	}
	m.Payload, m.Proto, m.Reassembled = whole, f.proto, true
	return SCTP, DropNone
}
