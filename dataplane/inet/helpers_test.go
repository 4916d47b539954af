package inet

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

var (
	ourMAC  = MAC{2, 0, 0, 0, 0, 1}
	peerMAC = MAC{2, 0, 0, 0, 0, 2}
	evilMAC = MAC{2, 0, 0, 0, 0, 0x66}

	our4, peer4 = addr("192.0.2.1"), addr("192.0.2.2")
	our6, peer6 = addr("2001:db8::1"), addr("2001:db8::2")
)

func addr(s string) wire.Addr { return wire.AddrFrom(netip.MustParseAddr(s)) }

func ip(a wire.Addr) net.IP {
	if a.IsZero() {
		return net.IPv6unspecified
	}
	return a.Netip().AsSlice()
}

func testIface(t testing.TB) *Iface {
	f, err := NewIface(IfaceConfig{
		MAC:   ourMAC,
		Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")},
	})
	require.NoError(t, err)
	return f
}

// build is the oracle's idea of a packet, with lengths and checksums computed.
func build(t testing.TB, l ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, l...))
	return append([]byte(nil), buf.Bytes()...)
}

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: peerMAC[:], DstMAC: ourMAC[:], EthernetType: kind}
}

func etherTo(dst MAC, kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: peerMAC[:], DstMAC: dst[:], EthernetType: kind}
}

func ip4(src, dst wire.Addr, proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, SrcIP: ip(src), DstIP: ip(dst), Protocol: proto}
}

func ip6(src, dst wire.Addr, next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, SrcIP: ip(src), DstIP: ip(dst), NextHeader: next}
}

// sctpBytes looks like a common header with one chunk; inet looks no deeper.
func sctpBytes(n int) gopacket.Payload {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + 1)
	}
	return b
}

func sctp4(t testing.TB, n int) []byte {
	return build(t, ether(layers.EthernetTypeIPv4), ip4(peer4, our4, layers.IPProtocolSCTP), sctpBytes(n))
}

func sctp6(t testing.TB, n int) []byte {
	return build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, layers.IPProtocolSCTP), sctpBytes(n))
}

func echo4(t testing.TB, n int) []byte {
	return build(t, ether(layers.EthernetTypeIPv4), ip4(peer4, our4, layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 7, Seq: 9}, sctpBytes(n))
}

func icmp6Frame(t testing.TB, h *layers.IPv6, dst MAC, kind, code uint8, body ...gopacket.SerializableLayer) []byte {
	h.NextHeader = layers.IPProtocolICMPv6
	c := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, code)}
	require.NoError(t, c.SetNetworkLayerForChecksum(h))
	return build(t, append([]gopacket.SerializableLayer{etherTo(dst, layers.EthernetTypeIPv6), h, c}, body...)...)
}

func echo6(t testing.TB, n int) []byte {
	return icmp6Frame(t, ip6(peer6, our6, 0), ourMAC, 128, 0, &layers.ICMPv6Echo{Identifier: 7, SeqNumber: 9}, sctpBytes(n))
}

func arpFrame(t testing.TB, dst MAC, op uint16, mac MAC, sender, target wire.Addr) []byte {
	s, d := sender.As4(), target.As4()
	return build(t, etherTo(dst, layers.EthernetTypeARP), &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: op, SourceHwAddress: mac[:], SourceProtAddress: s[:], DstHwAddress: make([]byte, 6), DstProtAddress: d[:],
	})
}

func nsFrame(t testing.TB, src, target wire.Addr, mac *MAC) []byte {
	group := solicitedNode(target)
	h := ip6(src, group, 0)
	h.HopLimit = 255
	b := &layers.ICMPv6NeighborSolicitation{TargetAddress: ip(target)}
	if mac != nil {
		b.Options = layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: mac[:]}}
	}
	return icmp6Frame(t, h, multicastMAC(group), 135, 0, b)
}

func naFrame(t testing.TB, dst, target wire.Addr, mac *MAC, flags uint8) []byte {
	h := ip6(target, dst, 0)
	h.HopLimit = 255
	to := ourMAC
	if dst[0] == 0xff {
		to = multicastMAC(dst)
	}
	b := &layers.ICMPv6NeighborAdvertisement{Flags: flags, TargetAddress: ip(target)}
	if mac != nil {
		b.Options = layers.ICMPv6Options{{Type: layers.ICMPv6OptTargetAddress, Data: mac[:]}}
	}
	return icmp6Frame(t, h, to, 136, 0, b)
}

// quoted4Frame is a router's error about a packet from our4 to peer4.
func quoted4Frame(t testing.TB, kind, code uint8, mtu uint16, src wire.Addr, proto layers.IPProtocol, n int) []byte {
	inner := build(t, ip4(src, peer4, proto), sctpBytes(n))
	return build(t, ether(layers.EthernetTypeIPv4), ip4(addr("192.0.2.254"), our4, layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, code), Seq: mtu}, gopacket.Payload(inner))
}

func quoted6Frame(t testing.TB, kind, code uint8, info uint32, src wire.Addr, n int) []byte {
	inner := build(t, ip6(src, peer6, layers.IPProtocolSCTP), sctpBytes(n))
	body := append([]byte{byte(info >> 24), byte(info >> 16), byte(info >> 8), byte(info)}, inner...)
	return icmp6Frame(t, ip6(addr("2001:db8::fe"), our6, 0), ourMAC, kind, code, gopacket.Payload(body))
}

// stack is all parts of one port.
type stack struct {
	t     testing.TB
	drops *Drops
	iface *Iface
	frags *Reassembler
	p     *Parser
	n     *Neighbours
	r     *Responder
	m     Meta
	now   int64
}

func newStack(t testing.TB) *stack {
	s := &stack{t: t, drops: new(Drops), iface: testIface(t), now: 1000 * Second}
	var err error
	s.frags, err = NewReassembler(ReassemblyConfig{Slots: 4}, s.drops)
	require.NoError(t, err)
	s.p = NewParser(s.iface, s.frags, s.drops)
	s.n, err = NewNeighbours(s.iface, NeighbourConfig{Entries: 64, HoldAll: 32, Seed: 42}, s.drops)
	require.NoError(t, err)
	s.r = NewResponder(s.iface, 1000, 1000, s.drops)
	return s
}

// take runs a frame through everything that a worker would.
func (s *stack) take(frame []byte) Verdict {
	v := s.p.Parse(frame, 0, s.now, &s.m)
	switch v {
	case ARP:
		s.n.HandleARP(&s.m, s.now)
	case ND:
		s.n.HandleND(&s.m, s.now)
	}
	return v
}

// poll collects what the table sends, as one line per frame.
func (s *stack) poll() (out []string) {
	var buf [MaxControlFrame]byte
	for range 1000 {
		n := s.n.Poll(s.now, buf[:])
		if n == 0 {
			return out
		}
		out = append(out, describe(s.t, buf[:n]))
	}
	s.t.Fatal("Poll never ends")
	return nil
}

func (s *stack) state(a wire.Addr) NeighbourState {
	for _, i := range s.n.Snapshot(nil) {
		if i.Addr == a {
			return i.State
		}
	}
	return NeighbourNone
}

func packet(room int, data []byte) *nic.Packet {
	p := nic.MakePacket(nil, make([]byte, room), 0)
	copy(p.Append(len(data)), data)
	return &p
}
