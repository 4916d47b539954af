package inet

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// verify has the oracle check every checksum of a packet.
func verify(t testing.TB, p gopacket.Packet) {
	if c, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok {
		require.NoError(t, c.SetNetworkLayerForChecksum(p.NetworkLayer()))
	}
	err, bad := p.VerifyChecksums()
	require.NoError(t, err)
	require.Empty(t, bad, "%x", p.Data())
}

// describe decodes a frame with the oracle, which must find it whole and its
// checksums right, and says what it is in a line.
func describe(t testing.TB, frame []byte) string {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	require.Nil(t, p.ErrorLayer(), "%x", frame)
	verify(t, p)
	eth := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	require.Equal(t, ourMAC[:], []byte(eth.SrcMAC))
	to := MAC(eth.DstMAC)
	if a, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
		require.Equal(t, ourMAC[:], a.SourceHwAddress)
		s, d := wire.AddrFrom4([4]byte(a.SourceProtAddress)), wire.AddrFrom4([4]byte(a.DstProtAddress))
		if a.Operation == layers.ARPRequest {
			return fmt.Sprintf("%v ARP who has %v tell %v", to, d, s)
		}
		require.Equal(t, to[:], a.DstHwAddress)
		return fmt.Sprintf("%v ARP %v is here for %v", to, s, d)
	}
	h, ok := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
	if !ok {
		return "?"
	}
	require.EqualValues(t, 255, h.HopLimit)
	if n, ok := p.Layer(layers.LayerTypeICMPv6NeighborSolicitation).(*layers.ICMPv6NeighborSolicitation); ok {
		require.Equal(t, layers.ICMPv6OptSourceAddress, n.Options[0].Type)
		require.Equal(t, ourMAC[:], n.Options[0].Data)
		return fmt.Sprintf("%v NS %v>%v who has %v", to, h.SrcIP, h.DstIP, n.TargetAddress)
	}
	n := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement)
	require.Equal(t, layers.ICMPv6OptTargetAddress, n.Options[0].Type)
	require.Equal(t, ourMAC[:], n.Options[0].Data)
	return fmt.Sprintf("%v NA %v>%v %v flags %02x", to, h.SrcIP, h.DstIP, n.TargetAddress, n.Flags)
}

// TestGoldenSCTP4 holds the codec to bytes written down by hand.
func TestGoldenSCTP4(t *testing.T) {
	golden, err := hex.DecodeString("020000000001" + "020000000002" + "0800" +
		"4500" + "0020" + "0000" + "4000" + "4084" + "b656" + "c0000202" + "c0000201" +
		"0708" + "0b59" + "11223344" + "00000000")
	require.NoError(t, err)
	s := newStack(t)
	require.Equal(t, SCTP, s.take(append(golden, 0xa5, 0xa5)), s.m.Drop.String()) // with padding
	require.Equal(t, peer4, s.m.Src)
	require.Equal(t, our4, s.m.Dst)
	require.Equal(t, golden[34:], s.m.Payload)
	require.Equal(t, []int{14, 20}, []int{s.m.L2Len, s.m.L3Len})
	require.Equal(t, peerMAC, s.m.SrcMAC)
	require.Zero(t, s.drops.Total())
}

func TestParseVerdicts(t *testing.T) {
	hop := &layers.IPv6HopByHop{Options: []*layers.IPv6HopByHopOption{{OptionType: 5, OptionLength: 4, OptionData: []byte{0, 0, 0, 0}}}}
	hop.NextHeader = layers.IPProtocolIPv6Destination
	dest := &layers.IPv6Destination{Options: []*layers.IPv6DestinationOption{{OptionType: 0x1e, OptionLength: 4, OptionData: []byte{1, 2, 3, 4}}}}
	dest.NextHeader = layers.IPProtocolSCTP
	options := ip4(peer4, our4, layers.IPProtocolSCTP)
	options.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
	ecn := ip4(peer4, our4, layers.IPProtocolSCTP)
	ecn.TOS, ecn.TTL = 0xbb, 1
	prio := build(t, ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{Priority: 5, Type: layers.EthernetTypeIPv4},
		ip4(peer4, our4, layers.IPProtocolSCTP), sctpBytes(40))
	for name, c := range map[string]struct {
		frame   []byte
		want    Verdict
		src     wire.Addr
		l2, l3  int
		payload int
	}{
		"sctp4":         {sctp4(t, 40), SCTP, peer4, 14, 20, 40},
		"sctp4 padded":  {append(sctp4(t, 12), make([]byte, 14)...), SCTP, peer4, 14, 20, 12},
		"sctp4 jumbo":   {sctp4(t, 8900), SCTP, peer4, 14, 20, 8900},
		"sctp4 options": {build(t, ether(layers.EthernetTypeIPv4), options, sctpBytes(40)), SCTP, peer4, 14, 24, 40},
		"sctp4 ecn":     {build(t, ether(layers.EthernetTypeIPv4), ecn, sctpBytes(40)), SCTP, peer4, 14, 20, 40},
		"sctp4 prio":    {prio, SCTP, peer4, 18, 20, 40},
		"sctp6":         {sctp6(t, 40), SCTP, peer6, 14, 40, 40},
		"sctp6 padded":  {append(sctp6(t, 12), 1, 2, 3), SCTP, peer6, 14, 40, 12},
		"sctp6 ext": {build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, layers.IPProtocolIPv6HopByHop), hop, dest, sctpBytes(40)),
			SCTP, peer6, 14, 56, 40},
		"echo4":   {echo4(t, 32), EchoRequest, peer4, 14, 20, 40},
		"echo6":   {echo6(t, 32), EchoRequest, peer6, 14, 40, 40},
		"arp":     {arpFrame(t, BroadcastMAC, 1, peerMAC, peer4, our4), ARP, peer4, 14, 0, 28},
		"ns":      {nsFrame(t, peer6, our6, &peerMAC), ND, peer6, 14, 40, 32},
		"dad":     {nsFrame(t, wire.Addr{}, our6, nil), ND, wire.Addr{}, 14, 40, 24},
		"na":      {naFrame(t, our6, peer6, &peerMAC, 0x60), ND, peer6, 14, 40, 32},
		"unreach": {quoted4Frame(t, 3, 1, 0, our4, layers.IPProtocolSCTP, 8), ICMPError, addr("192.0.2.254"), 14, 20, 36},
		"too big": {quoted6Frame(t, 2, 0, 1400, our6, 100), ICMPError, addr("2001:db8::fe"), 14, 40, 148},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			require.Equal(t, c.want, s.p.Parse(c.frame, 0, s.now, &s.m), s.m.Drop.String())
			require.Equal(t, []int{c.l2, c.l3, c.payload}, []int{s.m.L2Len, s.m.L3Len, len(s.m.Payload)})
			require.Equal(t, c.src, s.m.Src)
			require.Equal(t, c.frame[c.l2+c.l3:c.l2+c.l3+c.payload], s.m.Payload)
			require.Zero(t, s.drops.Total())

			// Every shorter frame is dropped and counted once.
			whole := c.l2 + c.l3 + c.payload
			for n := range whole {
				s.drops = new(Drops)
				s.p.drops = s.drops
				require.Equal(t, Dropped, s.p.Parse(c.frame[:n:n], 0, s.now, &s.m), "prefix of %d", n)
				require.NotEqual(t, DropNone, s.m.Drop, "prefix of %d", n)
				require.EqualValues(t, 1, s.drops[s.m.Drop], "prefix of %d", n)
				require.EqualValues(t, 1, s.drops.Total(), "prefix of %d", n)
			}
		})
	}
}

func TestParseVLAN(t *testing.T) {
	tagged := func(vids ...uint16) []byte {
		l := []gopacket.SerializableLayer{ether(layers.EthernetTypeDot1Q)}
		for i, v := range vids {
			next := layers.EthernetTypeDot1Q
			if i == len(vids)-1 {
				next = layers.EthernetTypeIPv4
			}
			l = append(l, &layers.Dot1Q{VLANIdentifier: v, Type: next})
		}
		return build(t, append(l, ip4(peer4, our4, layers.IPProtocolSCTP), sctpBytes(40))...)
	}
	for _, c := range []struct {
		outer, vlan uint16
		frame       []byte
		want        Drop
	}{
		{0, 100, tagged(100), DropNone},
		{0, 100, tagged(101), DropVLAN},
		{0, 100, sctp4(t, 40), DropVLAN},
		{0, 0, tagged(100), DropVLAN},
		{0, 0, tagged(0), DropNone},
		{0, 100, tagged(100, 5), DropVLANStacked},
		{7, 100, tagged(7, 100), DropNone},
		{7, 100, tagged(100, 7), DropVLAN},
		{7, 100, tagged(100), DropVLAN},
		{7, 100, tagged(7, 100, 1), DropVLANStacked},
	} {
		f, err := NewIface(IfaceConfig{MAC: ourMAC, VLAN: c.vlan, OuterVLAN: c.outer,
			Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}})
		require.NoError(t, err)
		var m Meta
		v := NewParser(f, nil, new(Drops)).Parse(c.frame, 0, 0, &m)
		require.Equal(t, c.want, m.Drop, "%+v", c)
		if v == SCTP {
			require.Equal(t, c.vlan, m.VLAN)
			require.Equal(t, []byte(sctpBytes(40)), m.Payload)
		}
	}
}

// TestTemplate compares headers with the oracle's, byte for byte.
func TestTemplate(t *testing.T) {
	for _, c := range []struct {
		outer, vlan uint16
		src, dst    wire.Addr
		flags       nic.Flags
	}{
		{0, 0, our4, peer4, 0},
		{0, 0, our4, peer4, nic.TxIPChecksum | nic.TxSCTPChecksum},
		{0, 100, our4, peer4, 0},
		{7, 100, our4, peer4, 0},
		{0, 0, our6, peer6, nic.TxSCTPChecksum},
		{7, 100, our6, peer6, 0},
	} {
		f, err := NewIface(IfaceConfig{MAC: ourMAC, VLAN: c.vlan, OuterVLAN: c.outer})
		require.NoError(t, err)
		var tpl Template
		require.NoError(t, tpl.Set(&TemplateConfig{Iface: f, DstMAC: evilMAC, Src: c.src, Dst: c.dst, DSCP: 46, Flags: c.flags}))
		tpl.SetMAC(peerMAC)
		require.Equal(t, peerMAC, tpl.MAC())
		for id, n := range []int{12, 1400, 65515 - 128, 1} {
			pkt := packet(65536+128, sctpBytes(n))
			for i := range pkt.Offset() {
				pkt.Room()[i] = 0xa5
			}
			require.True(t, tpl.Write(pkt))
			l := []gopacket.SerializableLayer{}
			e := &layers.Ethernet{SrcMAC: ourMAC[:], DstMAC: peerMAC[:], EthernetType: layers.EthernetTypeIPv4}
			kind := layers.EthernetTypeIPv4
			if !c.src.Is4() {
				kind = layers.EthernetTypeIPv6
			}
			e.EthernetType = kind
			l = append(l, e)
			if c.outer != 0 {
				e.EthernetType = layers.EthernetTypeQinQ
				l = append(l, &layers.Dot1Q{VLANIdentifier: c.outer, Type: layers.EthernetTypeDot1Q})
			} else if c.vlan != 0 {
				e.EthernetType = layers.EthernetTypeDot1Q
			}
			if c.vlan != 0 {
				l = append(l, &layers.Dot1Q{VLANIdentifier: c.vlan, Type: kind})
			}
			want := nic.TxIPv4 | c.flags
			l3 := 20
			if c.src.Is4() {
				h := ip4(c.src, c.dst, layers.IPProtocolSCTP)
				h.TOS, h.Id, h.Flags = 46<<2, uint16(id+1), layers.IPv4DontFragment
				l = append(l, h)
			} else {
				h := ip6(c.src, c.dst, layers.IPProtocolSCTP)
				h.TrafficClass, h.FlowLabel = 46<<2, flowLabel(c.src, c.dst)
				l = append(l, h)
				want, l3 = nic.TxIPv6|c.flags, 40
			}
			golden := build(t, append(l, sctpBytes(n))...)[:tpl.Len()+n] // the oracle pads
			if c.flags&nic.TxIPChecksum != 0 {
				golden[14+10], golden[14+11] = 0, 0
			}
			require.True(t, bytes.Equal(golden, pkt.Data()), "%+v\n%x\n%x", c, golden[:tpl.Len()], pkt.Data()[:tpl.Len()])
			require.Equal(t, want, pkt.Flags)
			require.EqualValues(t, l3, pkt.L3Len)
			require.EqualValues(t, tpl.Len()-l3, pkt.L2Len)
		}
	}
}

// TestTemplateMarks: traffic class, hop limit, flow label and DF are as they are asked for.
func TestTemplateMarks(t *testing.T) {
	headers := func(c TemplateConfig) gopacket.Packet {
		c.Iface, c.DstMAC = testIface(t), peerMAC
		var tpl Template
		require.NoError(t, tpl.Set(&c))
		pkt := packet(256, sctpBytes(12))
		require.True(t, tpl.Write(pkt))
		p := gopacket.NewPacket(pkt.Data(), layers.LayerTypeEthernet, gopacket.Default)
		require.Nil(t, p.ErrorLayer())
		verify(t, p)
		return p
	}
	for _, cut := range []bool{false, true} {
		h := headers(TemplateConfig{Src: our4, Dst: peer4, DSCP: 46, HopLimit: 3, Flow: 9, HasFlow: true, MayBeCut: cut}).Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		require.Equal(t, []uint8{46 << 2, 3}, []uint8{h.TOS, h.TTL})
		require.Equal(t, cut, h.Flags&layers.IPv4DontFragment == 0)
	}
	for _, flow := range []uint32{0, 1, 0xfffff} {
		h := headers(TemplateConfig{Src: our6, Dst: peer6, DSCP: 46, HopLimit: 3, Flow: flow, HasFlow: true}).Layer(layers.LayerTypeIPv6).(*layers.IPv6)
		require.Equal(t, []uint32{46 << 2, 3, flow}, []uint32{uint32(h.TrafficClass), uint32(h.HopLimit), h.FlowLabel})
	}
}

func TestTemplateRefuses(t *testing.T) {
	var tpl Template
	require.False(t, tpl.Write(packet(256, sctpBytes(12))), "unset")
	f := testIface(t)
	require.Error(t, tpl.Set(&TemplateConfig{Iface: f, Src: our4, Dst: peer6}))
	require.Error(t, tpl.Set(&TemplateConfig{Iface: f, Src: our4, Dst: peer4, DSCP: 64}))
	require.NoError(t, tpl.Set(&TemplateConfig{Iface: f, Src: our4, Dst: peer4}))
	p := packet(256, sctpBytes(12))
	p.Prepend(100)
	require.False(t, tpl.Write(p), "no headroom")
	require.Equal(t, 112, p.Len())
	require.False(t, tpl.Write(packet(70000, sctpBytes(65516))), "too long")
}

func TestEchoReply(t *testing.T) {
	withOptions := ip4(peer4, our4, layers.IPProtocolICMPv4)
	withOptions.Options = []layers.IPv4Option{{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}}}
	for name, frame := range map[string][]byte{
		"4": append(echo4(t, 33), 0, 0, 0), "6": append(echo6(t, 33), 0, 0),
		"4 with options": build(t, ether(layers.EthernetTypeIPv4), withOptions,
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 7, Seq: 9}, sctpBytes(33)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			require.Equal(t, EchoRequest, s.take(frame))
			n := s.r.EchoReply(frame, &s.m, s.now)
			p := gopacket.NewPacket(frame[:n], layers.LayerTypeEthernet, gopacket.Default)
			require.Nil(t, p.ErrorLayer())
			verify(t, p)
			eth := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
			require.Equal(t, []byte(peerMAC[:]), []byte(eth.DstMAC))
			require.Equal(t, []byte(ourMAC[:]), []byte(eth.SrcMAC))
			require.Equal(t, s.m.Dst.String(), p.NetworkLayer().NetworkFlow().Src().String())
			require.Equal(t, s.m.Src.String(), p.NetworkLayer().NetworkFlow().Dst().String())
			if c, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok {
				require.Equal(t, "EchoReply", c.TypeCode.String())
				require.Equal(t, []uint16{7, 9}, []uint16{c.Id, c.Seq})
				require.Equal(t, []byte(sctpBytes(33)), c.LayerPayload())
			} else {
				c := p.Layer(layers.LayerTypeICMPv6Echo).(*layers.ICMPv6Echo)
				require.Equal(t, []uint16{7, 9}, []uint16{c.Identifier, c.SeqNumber})
				require.Equal(t, []byte(sctpBytes(33)), c.LayerPayload())
				require.EqualValues(t, 129, p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6).TypeCode.Type())
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	udp4 := build(t, ether(layers.EthernetTypeIPv4), ip4(peer4, our4, layers.IPProtocolUDP), sctpBytes(1400))
	udp6 := build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, layers.IPProtocolUDP), sctpBytes(1400))
	for _, frame := range [][]byte{udp4, udp6} {
		s := newStack(t)
		require.Equal(t, Dropped, s.take(frame))
		var out [MaxErrorFrame]byte
		n := s.r.Unreachable(frame, &s.m, s.now, out[:])
		p := gopacket.NewPacket(out[:n], layers.LayerTypeEthernet, gopacket.Default)
		verify(t, p)
		if c, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok {
			require.Equal(t, "DestinationUnreachable(Protocol)", c.TypeCode.String())
			require.Equal(t, 576+14, n)
			require.Equal(t, frame[14:14+548], c.LayerPayload())
		} else {
			c := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
			require.Equal(t, "ParameterProblem(UnrecognizedNextHeader)", c.TypeCode.String())
			require.Equal(t, 1280+14, n)
			require.Equal(t, []byte{0, 0, 0, 6}, c.LayerPayload()[:4])
		}
		// Never about anything else.
		require.Equal(t, SCTP, s.take(sctp4(t, 40)))
		require.Zero(t, s.r.Unreachable(sctp4(t, 40), &s.m, s.now, out[:]))
	}
	// The limit holds and is counted.
	s := newStack(t)
	s.r = NewResponder(s.iface, 10, 10, s.drops)
	var out [MaxErrorFrame]byte
	sent := 0
	for range 100 {
		s.take(udp4)
		if s.r.Unreachable(udp4, &s.m, s.now, out[:]) > 0 {
			sent++
		}
		e := echo4(t, 8)
		s.take(e)
		if s.r.EchoReply(e, &s.m, s.now) > 0 {
			sent++
		}
	}
	require.Equal(t, 20, sent)
	require.EqualValues(t, 180, s.drops[DropICMPRateLimited])
}

func TestQuotedSCTP(t *testing.T) {
	for _, c := range []struct {
		frame []byte
		want  Quoted
		n     int
	}{
		{quoted4Frame(t, 3, 1, 0, our4, layers.IPProtocolSCTP, 8), Quoted{Src: our4, Dst: peer4}, 8},
		{quoted4Frame(t, 3, 2, 0, our4, layers.IPProtocolSCTP, 60), Quoted{Src: our4, Dst: peer4, Protocol: true}, 60},
		{quoted4Frame(t, 3, 4, 1400, our4, layers.IPProtocolSCTP, 60), Quoted{Src: our4, Dst: peer4, MTU: 1400}, 60},
		{quoted4Frame(t, 3, 4, 0, our4, layers.IPProtocolSCTP, 60), Quoted{Src: our4, Dst: peer4, MTU: 576}, 60},
		{quoted6Frame(t, 1, 0, 0, our6, 60), Quoted{Src: our6, Dst: peer6}, 60},
		{quoted6Frame(t, 2, 0, 1400, our6, 60), Quoted{Src: our6, Dst: peer6, MTU: 1400}, 60},
		{quoted6Frame(t, 2, 0, 1<<31, our6, 60), Quoted{Src: our6, Dst: peer6, MTU: 65535}, 60},
		{quoted6Frame(t, 4, 1, 6, our6, 60), Quoted{Src: our6, Dst: peer6, Protocol: true}, 60},
	} {
		s := newStack(t)
		require.Equal(t, ICMPError, s.take(c.frame), s.m.Drop.String())
		q, ok := QuotedSCTP(&s.m)
		require.True(t, ok)
		c.want.SCTP = []byte(sctpBytes(c.n))
		require.Equal(t, c.want, q)
	}
}

func TestChecksums(t *testing.T) {
	odd := []byte{0x12, 0x34, 0xff, 0xff, 0xab}
	require.Equal(t, ^uint16(0xbd34), Checksum(odd)) // 1234 + ffff + ab00 = 1bd33, folded bd34
	b := bytes.Repeat([]byte{0xff, 0xfe, 0x80}, 1000)
	sum := Checksum(b)
	was := uint16(b[500])<<8 | uint16(b[501])
	b[500], b[501] = 0x12, 0x34
	require.Equal(t, Checksum(b), Adjust(sum, was, 0x1234))
}
