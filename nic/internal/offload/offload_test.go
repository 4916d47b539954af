package offload

import (
	"fmt"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

var all = nic.Capabilities{TxSCTPChecksum: true, TxIPChecksum: true, RxSCTPChecksum: true, RxIPChecksum: true}

type noPool struct{}

func (noPool) Free([]*nic.Packet) {}

// reference has gopacket build an SCTP frame with right checksums.
func reference(t *testing.T, v6 bool, tags int) (frame []byte, l2, l3 int) {
	stack := []gopacket.SerializableLayer{}
	etherType := layers.EthernetTypeIPv4
	l3 = 20
	if v6 {
		etherType, l3 = layers.EthernetTypeIPv6, 40
	}
	types := append(make([]layers.EthernetType, 0), etherType)
	for range tags {
		types = append([]layers.EthernetType{layers.EthernetTypeDot1Q}, types...)
	}
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	stack = append(stack, &layers.Ethernet{SrcMAC: mac, DstMAC: mac, EthernetType: types[0]})
	for _, next := range types[1:] {
		stack = append(stack, &layers.Dot1Q{VLANIdentifier: 7, Type: next})
	}
	if v6 {
		stack = append(stack, &layers.IPv6{
			Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolSCTP,
			SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2"),
		})
	} else {
		stack = append(stack, &layers.IPv4{
			Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolSCTP, Id: 77,
			SrcIP: net.IP{10, 1, 2, 3}, DstIP: net.IP{10, 4, 5, 6},
		})
	}
	stack = append(stack, &layers.SCTP{SrcPort: 5000, DstPort: 6000, VerificationTag: 0xdeadbeef},
		gopacket.Payload{6, 0, 0, 9, 1, 2, 3, 4, 5, 0, 0, 0})
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true, FixLengths: true}, stack...))
	l2 = etherLen + tags*tagLen
	return buf.Bytes()[:l2+l3+12+12], l2, l3 // without Ethernet's padding
}

func forFrames(t *testing.T, f func(t *testing.T, frame []byte, l2, l3 int, v6 bool)) {
	for _, v6 := range []bool{false, true} {
		for tags := range maxTags + 1 {
			t.Run(fmt.Sprintf("v6=%v/tags=%d", v6, tags), func(t *testing.T) {
				frame, l2, l3 := reference(t, v6, tags)
				f(t, frame, l2, l3, v6)
			})
		}
	}
}

// TestVerifyAgreesWithGopacket: right frames are good, with trailing padding
// as well; each flipped bit of the SCTP packet makes them bad; no truncated
// frame makes it panic or say good.
func TestVerifyAgreesWithGopacket(t *testing.T) {
	forFrames(t, func(t *testing.T, frame []byte, l2, l3 int, v6 bool) {
		good := nic.RxSCTPChecksumGood
		if !v6 {
			good |= nic.RxIPChecksumGood
		}
		require.Equal(t, good, Verify(frame, all))
		require.Equal(t, good, Verify(append(append([]byte{}, frame...), 0, 0, 0, 9), all))
		require.Zero(t, Verify(frame, nic.Capabilities{}))
		for bit := (l2 + l3) * 8; bit < len(frame)*8; bit++ {
			frame[bit/8] ^= 1 << (bit % 8)
			require.Equal(t, good&^nic.RxSCTPChecksumGood|nic.RxSCTPChecksumBad, Verify(frame, all), "bit %d", bit)
			frame[bit/8] ^= 1 << (bit % 8)
		}
		for n := range frame {
			require.Zero(t, Verify(frame[:n:n], all), "cut to %d bytes", n)
		}
	})
}

func TestInsertAgreesWithGopacket(t *testing.T) {
	forFrames(t, func(t *testing.T, frame []byte, l2, l3 int, v6 bool) {
		pkt := nic.MakePacket(noPool{}, make([]byte, 512), 0)
		copy(pkt.Append(len(frame)), frame)
		d := pkt.Data()
		for i := range 4 {
			d[l2+l3+8+i] = 0x5a
		}
		pkt.L2Len, pkt.L3Len = uint8(l2), uint8(l3)
		pkt.Flags = nic.TxSCTPChecksum | nic.TxIPv6
		if !v6 {
			d[l2+10], d[l2+11] = 0xa5, 0xa5
			pkt.Flags = nic.TxSCTPChecksum | nic.TxIPChecksum | nic.TxIPv4
		}
		require.True(t, Insert(&pkt, nic.Capabilities{}))
		require.NotEqual(t, frame, d, "not announced, not done")
		for range 2 {
			require.True(t, Insert(&pkt, all))
			require.Equal(t, frame, d)
		}
	})
}

func TestInsertRefusesLengthsThatDoNotFit(t *testing.T) {
	frame, _, _ := reference(t, false, 0)
	pkt := nic.MakePacket(noPool{}, make([]byte, 512), 0)
	copy(pkt.Append(len(frame)), frame)
	for _, bad := range []struct {
		l2, l3 uint8
		flags  nic.Flags
	}{
		{14, 20, nic.TxSCTPChecksum}, // no version
		{14, 20, nic.TxSCTPChecksum | nic.TxIPv6},
		{0, 20, nic.TxSCTPChecksum | nic.TxIPv4},
		{14, 0, nic.TxSCTPChecksum | nic.TxIPv4},
		{14, 255, nic.TxSCTPChecksum | nic.TxIPv4},
		{255, 20, nic.TxIPChecksum | nic.TxIPv4},
	} {
		pkt.L2Len, pkt.L3Len, pkt.Flags = bad.l2, bad.l3, bad.flags
		require.False(t, Insert(&pkt, all), "%+v", bad)
	}
	require.Equal(t, frame, pkt.Data(), "a refused packet is left alone")
}

func TestFragmentsHaveNoVerdict(t *testing.T) {
	frame, l2, _ := reference(t, false, 0)
	frame[l2+6] = 0x20 // more fragments
	require.Equal(t, nic.RxIPChecksumBad, Verify(frame, all))
}
