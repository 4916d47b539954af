package inet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// TestFragmentsArrive cuts packets, has the oracle look at the pieces and the
// peer's parser put them together.
func TestFragmentsArrive(t *testing.T) {
	for _, a := range [][2]wire.Addr{{our4, peer4}, {our6, peer6}} {
		for _, vlan := range []uint16{0, 100} {
			for _, size := range []int{561, 1480, 1481, 9000} {
				t.Run(fmt.Sprint(a, vlan, size), func(t *testing.T) { fragmentsArrive(t, a[0], a[1], vlan, size) })
			}
		}
	}
}

func fragmentsArrive(t *testing.T, src, dst wire.Addr, vlan uint16, size int) {
	const mtu = 576
	ours, err := NewIface(IfaceConfig{MAC: ourMAC, VLAN: vlan})
	require.NoError(t, err)
	theirs, err := NewIface(IfaceConfig{MAC: peerMAC, VLAN: vlan, Addrs: []netip.Prefix{netip.PrefixFrom(dst.Netip(), 24)}})
	require.NoError(t, err)
	var drops Drops
	frags, err := NewReassembler(ReassemblyConfig{}, &drops)
	require.NoError(t, err)
	parser := NewParser(theirs, frags, &drops)
	var tpl Template
	require.NoError(t, tpl.Set(&TemplateConfig{Iface: ours, DstMAC: peerMAC, Src: src, Dst: dst}))
	whole := make([]byte, size)
	for i := range whole {
		whole[i] = byte(i * 7)
	}
	for range 2 { // two datagrams do not mix
		frame := make([]byte, mtu+MaxTemplateLen)
		var m Meta
		for off := 0; off < size; {
			n, end := tpl.PutFragment(frame, whole, off, mtu)
			require.Greater(t, end, off)
			require.LessOrEqual(t, n, tpl.Len()-int(tpl.n-tpl.l2)+mtu)
			decoded := gopacket.NewPacket(frame[:n], layers.LayerTypeEthernet, gopacket.Default)
			if h, ok := decoded.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok {
				require.Zero(t, h.Flags&layers.IPv4DontFragment)
			}
			want := Held
			if off = end; off == size {
				want = SCTP
			}
			require.Equal(t, want, parser.Parse(frame[:n], 0, Second, &m))
		}
		require.Equal(t, whole, m.Payload)
		frags.Recycle()
	}
	require.Zero(t, drops.Total())
}

// TestQuotedFragment: a router may refuse the first fragment too.
func TestQuotedFragment(t *testing.T) {
	var tpl Template
	require.NoError(t, tpl.Set(&TemplateConfig{Iface: testIface(t), DstMAC: peerMAC, Src: our6, Dst: peer6}))
	frame := make([]byte, 2000)
	sctp := []byte(sctpBytes(3000))
	for off := 0; off < len(sctp); {
		n, end := tpl.PutFragment(frame, sctp, off, 1400)
		b := append(make([]byte, icmpLen), frame[etherLen:n]...)
		b[0] = icmp6TooBig
		binary.BigEndian.PutUint32(b[4:], 1280)
		q, ok := QuotedSCTP(&Meta{Proto: ProtoICMPv6, Payload: b})
		require.Equal(t, off == 0, ok, "only the first has the ports")
		if ok {
			require.True(t, bytes.Equal(sctp[:end], q.SCTP))
			require.Equal(t, 1280, q.MTU)
		}
		off = end
	}
}
