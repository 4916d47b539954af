package dataplane

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

// rawPeer is a dataplane driven by hand and, at the other end of its cable,
// frames made and read by gopacket.
type rawPeer struct {
	t    testing.TB
	port *mem.Port // the test's end
	ours *mem.Port
	d    *Dataplane
	now  int64
}

func newRawPeer(t testing.TB, workers int) *rawPeer {
	r := &rawPeer{t: t, now: 1}
	r.ours, r.port = mem.NewPair(mem.Options{})
	cpus := make([]int, workers)
	for i := range cpus {
		cpus[i] = -1
	}
	var err error
	r.d, err = New(Config{Manual: true, Clock: func() int64 { return r.now }, CPUs: cpus, Seed: &[32]byte{7},
		Ports: []PortConfig{{Port: r.ours, Addrs: []netip.Prefix{addrOf(0, 0, false), addrOf(0, 0, true)}}}})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.d.Close())
		require.NoError(t, r.ours.Close())
		require.NoError(t, r.port.Close())
		for _, p := range []*mem.Port{r.ours, r.port} {
			x := p.XStats()
			require.Equal(t, x[0].Value, x[1].Value, "packets lost from the pool")
		}
	})
	return r
}

// exchange sends frames and returns what comes back.
func (r *rawPeer) exchange(frames ...[]byte) (answers []gopacket.Packet) {
	for _, f := range frames {
		var one [1]*nic.Packet
		require.Equal(r.t, 1, r.port.Alloc(one[:]))
		b := one[0].Append(len(f))
		require.NotNil(r.t, b)
		copy(b, f)
		require.Equal(r.t, 1, r.port.TxBurst(0, one[:]))
	}
	for range 4 {
		r.now += 1_000_000
		r.d.Step()
	}
	var in [64]*nic.Packet
	for n := r.port.RxBurst(0, in[:]); n > 0; n = r.port.RxBurst(0, in[:]) {
		for _, p := range in[:n] {
			frame := append([]byte(nil), p.Data()...)
			answers = append(answers, gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default))
		}
		r.port.Free(in[:n])
	}
	return answers
}

func (r *rawPeer) frame(ls ...gopacket.SerializableLayer) []byte {
	us, them := r.ours.Info().MAC, r.port.Info().MAC
	eth := &layers.Ethernet{SrcMAC: them[:], DstMAC: us[:], EthernetType: layers.EthernetTypeIPv4}
	if arp, ok := ls[0].(*layers.ARP); ok {
		eth.EthernetType = layers.EthernetTypeARP
		if arp.Operation == layers.ARPRequest {
			eth.DstMAC = net.HardwareAddr{255, 255, 255, 255, 255, 255}
		}
	}
	b := gopacket.NewSerializeBuffer()
	require.NoError(r.t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		append([]gopacket.SerializableLayer{eth}, ls...)...))
	return b.Bytes()
}

func (r *rawPeer) ip(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: net.IP{10, 0, 1, 2}, DstIP: net.IP{10, 0, 1, 1}}
}

func (r *rawPeer) arp(op uint16) []byte {
	them := r.port.Info().MAC
	us := make([]byte, 6)
	if op == layers.ARPReply {
		m := r.ours.Info().MAC
		us = m[:]
	}
	return r.frame(&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6,
		ProtAddressSize: 4, Operation: op, SourceHwAddress: them[:], SourceProtAddress: []byte{10, 0, 1, 2},
		DstHwAddress: us, DstProtAddress: []byte{10, 0, 1, 1}})
}

func find[T gopacket.Layer](packets []gopacket.Packet, kind gopacket.LayerType) (out []T) {
	for _, p := range packets {
		if l := p.Layer(kind); l != nil {
			out = append(out, l.(T))
		}
	}
	return out
}

func TestARPAndEchoAreAnswered(t *testing.T) {
	for _, workers := range []int{1, 2} {
		r := newRawPeer(t, workers)
		replies := find[*layers.ARP](r.exchange(r.arp(layers.ARPRequest)), layers.LayerTypeARP)
		require.Len(t, replies, 1, "one answer, however many workers")
		mac := r.ours.Info().MAC
		require.EqualValues(t, layers.ARPReply, replies[0].Operation)
		require.Equal(t, mac[:], replies[0].SourceHwAddress)

		echo := r.frame(r.ip(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 7, Seq: 9}, gopacket.Payload("ping"))
		pongs := find[*layers.ICMPv4](r.exchange(echo), layers.LayerTypeICMPv4)
		require.Len(t, pongs, 1)
		require.EqualValues(t, 9, pongs[0].Seq)
		require.Equal(t, "ping", string(pongs[0].Payload))

		udp := r.frame(r.ip(layers.IPProtocolUDP), gopacket.Payload("not for us"))
		errs := find[*layers.ICMPv4](r.exchange(udp), layers.LayerTypeICMPv4)
		require.Len(t, errs, 1)
		require.EqualValues(t, layers.CreateICMPv4TypeCode(3, 2), errs[0].TypeCode, "protocol unreachable")
	}
}

func TestAnswersWaitForTheNeighbour(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		r := newRawPeer(t, workers)
		// An INIT to nobody's port: the ABORT needs ARP first.
		init := &layers.SCTP{SrcPort: 5000, DstPort: 7}
		chunk := gopacket.Payload([]byte{1, 0, 0, 20, 0, 0, 0, 99, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1})
		answers := r.exchange(r.frame(r.ip(layers.IPProtocolSCTP), init, chunk))
		asks := find[*layers.ARP](answers, layers.LayerTypeARP)
		require.Len(t, asks, 1, "%d workers", workers)
		require.Equal(t, []byte{10, 0, 1, 2}, asks[0].DstProtAddress)
		require.Empty(t, find[*layers.SCTP](answers, layers.LayerTypeSCTP))
		aborts := find[*layers.SCTP](r.exchange(r.arp(layers.ARPReply)), layers.LayerTypeSCTP)
		require.Len(t, aborts, 1, "%d workers: the answer reaches whoever asked", workers)
		require.EqualValues(t, 99, aborts[0].VerificationTag)
		require.EqualValues(t, 6, aborts[0].Payload[0], "ABORT")
		require.Zero(t, dropCount(t, r.d, "inet_arp_unsolicited"), "one worker asked")
		r.exchange(r.arp(layers.ARPReply))
		require.EqualValues(t, 1, dropCount(t, r.d, "inet_arp_unsolicited"), "nobody asked again; counted once")
	}
}

func TestBadChecksumIsCounted(t *testing.T) {
	r := newRawPeer(t, 1)
	f := r.frame(r.ip(layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 5000, DstPort: 7}, gopacket.Payload([]byte{11, 0, 0, 4}))
	f[14+20+8] ^= 1 // the checksum itself
	require.Empty(t, r.exchange(f))
	require.EqualValues(t, 1, dropCount(t, r.d, "dataplane_sctp_checksum"))
	require.EqualValues(t, 1, r.d.Stats().Core.ChecksumErrors)
}

// Frames of all kinds, mangled: the dataplane lives, answers on, and loses no
// packet.
func TestHostileFrames(t *testing.T) {
	r := newRawPeer(t, 2)
	seeds := [][]byte{
		r.arp(layers.ARPRequest), r.arp(layers.ARPReply),
		r.frame(r.ip(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, gopacket.Payload("ping")),
		r.frame(r.ip(layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 5000, DstPort: 7}, gopacket.Payload([]byte{1, 0, 0, 20, 0, 0, 0, 99, 0, 1, 0, 0, 0, 10, 0, 10, 0, 0, 0, 1})),
		r.frame(r.ip(layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 5000, DstPort: 7, VerificationTag: 1 << 31}, gopacket.Payload([]byte{6, 1, 0, 4})),
	}
	rapid.Check(t, func(t *rapid.T) {
		f := append([]byte(nil), rapid.SampledFrom(seeds).Draw(t, "frame")...)
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			f[rapid.IntRange(12, len(f)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		f = f[:rapid.IntRange(1, len(f)).Draw(t, "length")]
		r.exchange(f, f)
	})
	require.Len(t, find[*layers.ARP](r.exchange(r.arp(layers.ARPRequest)), layers.LayerTypeARP), 1)
	require.Zero(t, r.d.Stats().Associations)
}
