package inet

import (
	"encoding/binary"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// patch changes bytes of a frame; fix4 makes its IPv4 header checksum good again.
func patch(frame []byte, at int, b ...byte) []byte {
	f := append([]byte(nil), frame...)
	copy(f[at:], b)
	return f
}

func fix4(frame []byte) []byte {
	h := frame[14:34]
	clear(h[10:12])
	sum := Checksum(h)
	h[10], h[11] = byte(sum>>8), byte(sum)
	return frame
}

func ext6(t *testing.T, next uint8, headers ...[]byte) []byte {
	var b []byte
	for _, h := range headers {
		b = append(b, h...)
	}
	return build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, layers.IPProtocol(next)), gopacket.Payload(append(b, sctpBytes(40)...)))
}

// hostile is a frame and the counter that it must raise by one.
type hostile struct {
	name  string
	want  Drop
	frame []byte
}

// TestHostile sends every bad input below SCTP and wants it counted under its
// own name, once, and nothing else.
func TestHostile(t *testing.T) {
	for _, group := range []func(*testing.T) []hostile{
		hostileLinks, hostileIP, hostileExtensions, hostileFragments, hostileICMP, hostileARP, hostileND,
	} {
		for _, c := range group(t) {
			t.Run(c.name, func(t *testing.T) {
				s := newStack(t)
				v := s.take(c.frame)
				require.Contains(t, []Verdict{Dropped, ARP, ND}, v)
				require.EqualValues(t, 1, s.drops[c.want], "verdict %v, drop %v", v, s.m.Drop)
				require.EqualValues(t, 1, s.drops.Total())
				require.Zero(t, s.n.Len(), "a bad frame made an entry")
			})
		}
	}
}

// hostileLinks are bad at the link header.
func hostileLinks(t *testing.T) []hostile {
	to4 := func(mac MAC, dst string) []byte {
		return build(t, etherTo(mac, layers.EthernetTypeIPv4), ip4(peer4, addr(dst), layers.IPProtocolSCTP), sctpBytes(40))
	}
	return []hostile{
		{"empty", DropRunt, nil},
		{"runt", DropRunt, sctp4(t, 40)[:13]},
		{"cut tag", DropRunt, patch(sctp4(t, 40), 12, 0x81, 0)[:17]},
		{"ipx", DropEtherType, patch(sctp4(t, 40), 12, 0x81, 0x37)},
		{"802.3 length", DropEtherType, patch(sctp4(t, 40), 12, 0, 60)},
		{"tagged", DropVLAN, build(t, ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 9, Type: layers.EthernetTypeIPv4}, ip4(peer4, our4, 132), sctpBytes(20))},
		{"stacked", DropVLANStacked, build(t, ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{Type: layers.EthernetTypeDot1Q}, &layers.Dot1Q{Type: layers.EthernetTypeIPv4}, ip4(peer4, our4, 132), sctpBytes(20))},
		{"not our mac", DropNotOurMAC, to4(MAC{2, 9, 9, 9, 9, 9}, "192.0.2.1")},
		{"multicast source mac", DropSourceMAC, patch(sctp4(t, 40), 6, 1)},
		{"zero source mac", DropSourceMAC, patch(sctp4(t, 40), 6, 0, 0, 0, 0, 0, 0)},
		{"our own frame", DropReflected, patch(sctp4(t, 40), 6, ourMAC[:]...)},
		{"unicast ip in broadcast frame", DropLinkBroadcast, to4(BroadcastMAC, "192.0.2.1")},
	}
}

// hostileIP are bad in the IP header.
func hostileIP(t *testing.T) []hostile {
	from4 := func(src string) []byte {
		return build(t, ether(layers.EthernetTypeIPv4), ip4(addr(src), our4, layers.IPProtocolSCTP), sctpBytes(40))
	}
	to4 := func(mac MAC, dst string) []byte {
		return build(t, etherTo(mac, layers.EthernetTypeIPv4), ip4(peer4, addr(dst), layers.IPProtocolSCTP), sctpBytes(40))
	}
	from6 := func(src string) []byte {
		return build(t, ether(layers.EthernetTypeIPv6), ip6(addr(src), our6, layers.IPProtocolSCTP), sctpBytes(40))
	}
	to6 := func(dst string) []byte {
		return build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, addr(dst), layers.IPProtocolSCTP), sctpBytes(40))
	}
	mapped := patch(sctp6(t, 40), 14+8, make([]byte, 10)...)
	mapped = patch(mapped, 14+18, 0xff, 0xff, 192, 0, 2, 2)
	return []hostile{
		{"short ipv4", DropIPTruncated, sctp4(t, 40)[:33]},
		{"short ipv6", DropIPTruncated, sctp6(t, 40)[:53]},
		{"version 5", DropIPVersion, fix4(patch(sctp4(t, 40), 14, 0x55))},
		{"ipv4 in ipv6 ethertype", DropIPVersion, patch(sctp4(t, 40), 12, 0x86, 0xdd)},
		{"ipv6 in ipv4 ethertype", DropIPVersion, patch(sctp6(t, 40), 12, 8, 0)},
		{"ihl 4", DropIHL, patch(sctp4(t, 40), 14, 0x44)},
		{"ihl beyond packet", DropIHL, patch(sctp4(t, 12), 14, 0x4f)},
		{"total length short", DropIPLength, patch(sctp4(t, 40), 16, 0, 19)},
		{"total length beyond", DropIPLength, patch(sctp4(t, 40), 16, 0, 61)},
		{"payload length beyond", DropIPLength, patch(sctp6(t, 40), 18, 0, 41)},
		{"header checksum", DropIPChecksum, patch(sctp4(t, 40), 24, 1)},
		{"source multicast", DropSource, from4("224.0.0.5")},
		{"source broadcast", DropSource, from4("255.255.255.255")},
		{"source subnet broadcast", DropSource, from4("192.0.2.255")},
		{"source loopback", DropSource, from4("127.0.0.1")},
		{"source unspecified", DropSource, from4("0.0.0.0")},
		{"source class e", DropSource, from4("240.0.0.1")},
		{"source ipv6 multicast", DropSource, from6("ff02::1")},
		{"source ipv6 loopback", DropSource, from6("::1")},
		{"source ipv6 unspecified", DropSource, from6("::")},
		{"source ipv4-mapped", DropSource, mapped},
		{"land", DropSourceOurs, from4("192.0.2.1")},
		{"land ipv6", DropSourceOurs, from6("2001:db8::1")},
		{"to multicast", DropDestMulticast, to4(MAC{1, 0, 0x5e, 0, 0, 1}, "224.0.0.1")},
		{"sctp to all nodes", DropDestMulticast, to6("ff02::1")},
		{"to foreign group", DropDestMulticast, to6("ff02::1:ff00:99")},
		{"to broadcast", DropDestBroadcast, to4(BroadcastMAC, "255.255.255.255")},
		{"to subnet broadcast", DropDestBroadcast, to4(BroadcastMAC, "192.0.2.255")},
		{"to loopback", DropDestInvalid, to4(ourMAC, "127.0.0.1")},
		{"to ipv6 loopback", DropDestInvalid, to6("::1")},
		{"to somebody else", DropNotOurAddress, to4(ourMAC, "192.0.2.77")},
		{"to somebody else ipv6", DropNotOurAddress, to6("2001:db8::77")},
		{"udp", DropUnknownProtocol, build(t, ether(layers.EthernetTypeIPv4), ip4(peer4, our4, 17), sctpBytes(20))},
		{"udp6", DropUnknownProtocol, build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, 17), sctpBytes(20))},
		{"no next header", DropUnknownProtocol, ext6(t, 59)},
	}
}

// hostileExtensions are bad in IPv6 extension headers.
func hostileExtensions(t *testing.T) []hostile {
	longChain := make([][]byte, 9)
	for i := range longChain {
		longChain[i] = []byte{60, 0, 1, 4, 0, 0, 0, 0}
	}
	longChain[8][0] = ProtoSCTP
	return []hostile{
		{"extension beyond packet", DropExtensionChain, ext6(t, 60, []byte{ProtoSCTP, 200, 1, 4, 0, 0, 0, 0})},
		{"extension too many", DropExtensionChain, ext6(t, 60, longChain...)},
		{"hop-by-hop not first", DropExtensionChain, ext6(t, 60, []byte{0, 0, 1, 4, 0, 0, 0, 0}, []byte{ProtoSCTP, 0, 1, 4, 0, 0, 0, 0})},
		{"option that discards", DropExtensionOption, ext6(t, 60, []byte{ProtoSCTP, 0, 0x80, 4, 0, 0, 0, 0})},
		{"option beyond header", DropExtensionOption, ext6(t, 60, []byte{ProtoSCTP, 0, 1, 5, 0, 0, 0, 0})},
		{"jumbo payload", DropExtensionOption, ext6(t, 0, []byte{ProtoSCTP, 0, 0xc2, 4, 0, 1, 0, 0})},
		{"routing header", DropRoutingHeader, ext6(t, 43, append([]byte{ProtoSCTP, 2, 0, 1, 0, 0, 0, 0}, make([]byte, 16)...))},
	}
}

// hostileFragments are bad in a single fragment.
func hostileFragments(t *testing.T) []hostile {
	frag6 := func(offMore uint16, n int) []byte {
		return ext6(t, 44, append([]byte{ProtoSCTP, 0, byte(offMore >> 8), byte(offMore), 0, 0, 0, 9}, make([]byte, n)...))
	}
	frag4 := func(word uint16, n int) []byte {
		h := ip4(peer4, our4, layers.IPProtocolSCTP)
		h.Id, h.Flags, h.FragOffset = 1, layers.IPv4Flag(word>>13), word&0x1fff
		return build(t, ether(layers.EthernetTypeIPv4), h, sctpBytes(n))
	}
	nested := ext6(t, 44, []byte{44, 0, 0, 0, 0, 0, 0, 9}, []byte{ProtoSCTP, 0, 0, 0, 0, 0, 0, 9})
	return []hostile{
		{"fragment odd length", DropFragmentHeader, frag4(0x2000, 41)},
		{"fragment empty", DropFragmentHeader, frag4(0x2000, 0)},
		{"fragment beyond 64k", DropFragmentHeader, frag4(0x1fff, 48)},
		{"fragment6 cut", DropFragmentHeader, build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, 44), sctpBytes(7))},
		{"fragment6 odd length", DropFragmentHeader, frag6(1, 1)},
		{"fragment6 beyond 64k", DropFragmentHeader, frag6(0xfff8, 16)},
		{"fragment nested", DropFragmentNested, nested},
	}
}

// hostileICMP are bad ICMP messages, and errors about what we never sent.
func hostileICMP(t *testing.T) []hostile {
	rs := icmp6Frame(t, ip6(peer6, our6, 0), ourMAC, 133, 0, gopacket.Payload(make([]byte, 4)))
	quotedIHL := quoted4Frame(t, 3, 3, 0, our4, 132, 20)
	quotedIHL[42] = 0x4f // 60 bytes of header and nothing behind
	binary.BigEndian.PutUint16(quotedIHL[36:], 0)
	binary.BigEndian.PutUint16(quotedIHL[36:], Checksum(quotedIHL[34:]))
	return []hostile{
		{"icmp cut", DropICMPTruncated, build(t, ether(layers.EthernetTypeIPv4), ip4(peer4, our4, 1), sctpBytes(7))},
		{"icmp6 cut", DropICMPTruncated, build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, 58), sctpBytes(7))},
		{"icmp checksum", DropICMPChecksum, patch(echo4(t, 20), 36, 1)},
		{"icmp6 checksum", DropICMPChecksum, patch(echo6(t, 20), 56, 1)},
		{"redirect", DropICMPIgnored, quoted4Frame(t, 5, 1, 0, our4, 132, 40)},
		{"source quench", DropICMPIgnored, quoted4Frame(t, 4, 0, 0, our4, 132, 40)},
		{"time exceeded", DropICMPIgnored, quoted4Frame(t, 11, 0, 0, our4, 132, 40)},
		{"router solicitation", DropICMPIgnored, rs},
		{"quote of nobody's packet", DropICMPQuote, quoted4Frame(t, 3, 4, 576, addr("192.0.2.9"), 132, 40)},
		{"quote of udp", DropICMPQuote, quoted4Frame(t, 3, 3, 0, our4, 17, 40)},
		{"quote too short", DropICMPQuote, quoted4Frame(t, 3, 3, 0, our4, 132, 7)},
		{"quote with options beyond it", DropICMPQuote, quotedIHL},
		{"quote of nobody's packet ipv6", DropICMPQuote, quoted6Frame(t, 2, 0, 1280, addr("2001:db8::9"), 40)},
		{"quote too short ipv6", DropICMPQuote, quoted6Frame(t, 2, 0, 1280, our6, 7)},
		{"parameter problem of another kind", DropICMPQuote, quoted6Frame(t, 4, 0, 6, our6, 40)},
	}
}

// hostileARP are bad ARP packets and spoofs.
func hostileARP(t *testing.T) []hostile {
	return []hostile{
		{"arp cut", DropARPMalformed, arpFrame(t, ourMAC, 1, peerMAC, peer4, our4)[:41]},
		{"arp hardware", DropARPMalformed, patch(arpFrame(t, ourMAC, 1, peerMAC, peer4, our4), 15, 6)},
		{"arp operation", DropARPMalformed, arpFrame(t, ourMAC, 3, peerMAC, peer4, our4)},
		{"arp broadcast sender", DropARPMalformed, arpFrame(t, ourMAC, 2, BroadcastMAC, peer4, our4)},
		{"arp multicast address", DropARPMalformed, arpFrame(t, ourMAC, 2, peerMAC, addr("224.0.0.1"), our4)},
		{"arp sender is not the frame's", DropARPSpoof, arpFrame(t, ourMAC, 2, evilMAC, peer4, our4)},
		{"arp claims our address", DropARPConflict, arpFrame(t, BroadcastMAC, 1, peerMAC, our4, our4)},
		{"arp off link", DropARPOffLink, arpFrame(t, ourMAC, 2, peerMAC, addr("198.51.100.1"), our4)},
		{"arp for others", DropARPNotOurs, arpFrame(t, BroadcastMAC, 1, peerMAC, peer4, addr("192.0.2.9"))},
		{"arp unsolicited reply", DropARPUnsolicited, arpFrame(t, ourMAC, 2, peerMAC, peer4, our4)},
		{"arp announcement", DropARPUnsolicited, arpFrame(t, BroadcastMAC, 1, peerMAC, peer4, peer4)},
	}
}

// hostileND are bad neighbour discovery packets and spoofs.
func hostileND(t *testing.T) []hostile {
	ns := nsFrame(t, peer6, our6, &peerMAC)
	off6 := addr("2001:db8:1::9")
	return []hostile{
		{"ns cut", DropNDMalformed, icmp6Frame(t, hop255(peer6, our6), ourMAC, 135, 0, gopacket.Payload(make([]byte, 19)))},
		{"ns code", DropNDMalformed, icmp6Frame(t, hop255(peer6, our6), ourMAC, 135, 1, gopacket.Payload(append(make([]byte, 4), our6[:]...)))},
		{"ns multicast target", DropNDMalformed, icmp6Frame(t, hop255(peer6, our6), ourMAC, 135, 0, gopacket.Payload(append(make([]byte, 4), allNodes[:]...)))},
		{"ns option length 0", DropNDMalformed, icmp6Frame(t, hop255(peer6, our6), ourMAC, 135, 0, gopacket.Payload(append(append(make([]byte, 4), our6[:]...), make([]byte, 8)...)))},
		{"dad with option", DropNDMalformed, nsFrame(t, wire.Addr{}, our6, &peerMAC)},
		{"na solicited to all", DropNDMalformed, naFrame(t, allNodes, peer6, &peerMAC, 0x60)},
		{"ns through a router", DropNDHopLimit, patch(ns, 14+7, 254)},
		{"ns mac is not the frame's", DropNDSpoof, nsFrame(t, peer6, our6, &evilMAC)},
		{"na claims our address", DropNDConflict, naFrame(t, allNodes, our6, &peerMAC, 0x20)},
		{"ns off link", DropNDOffLink, nsFrame(t, off6, our6, &peerMAC)},
		{"ns for others", DropNDNotOurs, icmp6Frame(t, hop255(peer6, our6), ourMAC, 135, 0, gopacket.Payload(append(make([]byte, 4), peer6[:]...)))},
		{"na unsolicited", DropNDUnsolicited, naFrame(t, allNodes, peer6, &peerMAC, 0x20)},
	}
}

func hop255(src, dst wire.Addr) *layers.IPv6 {
	h := ip6(src, dst, 0)
	h.HopLimit = 255
	return h
}

func TestHostileNDInFragments(t *testing.T) {
	s := newStack(t)
	ns := nsFrame(t, peer6, our6, &peerMAC)
	h := hop255(peer6, solicitedNode(our6))
	h.NextHeader = layers.IPProtocolIPv6Fragment
	frame := build(t, etherTo(multicastMAC(solicitedNode(our6)), layers.EthernetTypeIPv6), h,
		gopacket.Payload(append([]byte{ProtoICMPv6, 0, 0, 0, 0, 0, 0, 1}, ns[54:]...)))
	require.Equal(t, Dropped, s.take(frame))
	require.EqualValues(t, 1, s.drops[DropNDFragmented])
}

func TestChecksumFlags(t *testing.T) {
	s := newStack(t)
	bad := patch(sctp4(t, 40), 24, 1)
	require.Equal(t, SCTP, s.p.Parse(bad, nic.RxIPChecksumGood, 0, &s.m), "the port said it is good")
	require.Equal(t, Dropped, s.p.Parse(sctp4(t, 40), nic.RxIPChecksumBad, 0, &s.m))
	require.EqualValues(t, 1, s.drops[DropIPChecksum])
}

func TestFragmentsWithoutReassembler(t *testing.T) {
	s := newStack(t)
	h := ip4(peer4, our4, layers.IPProtocolSCTP)
	h.Flags = layers.IPv4MoreFragments
	p := NewParser(s.iface, nil, s.drops)
	require.Equal(t, Dropped, p.Parse(build(t, ether(layers.EthernetTypeIPv4), h, sctpBytes(40)), 0, 0, &s.m))
	require.EqualValues(t, 1, s.drops[DropFragmentOff])
}

func TestDropNames(t *testing.T) {
	seen := map[string]bool{}
	for d := range NumDrops {
		require.NotEmpty(t, d.String(), "%d", d)
		require.False(t, seen[d.String()], d.String())
		seen[d.String()] = true
	}
	require.Equal(t, "invalid", NumDrops.String())
}
