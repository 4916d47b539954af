package inet

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// FuzzFrame gives two frames, the second a little later, to all that reads
// frames. Checksums are taken as good so that the fuzzer gets behind them.
func FuzzFrame(f *testing.F) {
	data := sctpBytes(96)
	for _, frame := range [][]byte{
		sctp4(f, 40), sctp6(f, 40), echo4(f, 8), echo6(f, 8),
		arpFrame(f, BroadcastMAC, 1, peerMAC, peer4, our4), arpFrame(f, ourMAC, 2, peerMAC, peer4, our4),
		nsFrame(f, peer6, our6, &peerMAC), nsFrame(f, wire.Addr{}, our6, nil), naFrame(f, our6, peer6, &peerMAC, 0x60),
		quoted4Frame(f, 3, 4, 1400, our4, layers.IPProtocolSCTP, 40), quoted6Frame(f, 2, 0, 1400, our6, 40),
		build(f, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, 60), gopacket.Payload(append([]byte{ProtoSCTP, 0, 1, 4, 0, 0, 0, 0}, data...))),
	} {
		f.Add(frame, sctp4(f, 20))
	}
	f.Add(frag4(f, 1, data, 0, 48), frag4(f, 1, data, 48, 96))
	f.Add(frag6(f, 1, ProtoSCTP, data, 0, 48), frag6(f, 1, ProtoSCTP, data, 48, 96))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newStack(t)
		s.n.Lookup(peer4, s.now)
		s.n.Lookup(peer6, s.now)
		for _, frame := range [][]byte{first, second, first} {
			before := s.drops.Total()
			frame = goodChecksums(frame)
			v := s.p.Parse(frame, nic.RxIPChecksumGood, s.now, &s.m)
			s.checkVerdict(v, frame, before)
			s.now += Second
			s.frags.Recycle()
			s.poll()
		}
		s.now += 60 * Second
		s.frags.Expire(s.now)
		require.Zero(t, s.frags.InUse())
		s.poll()
		require.LessOrEqual(t, s.n.Len(), 5)
	})
}

// checkVerdict holds what Parse promises of each verdict and uses it.
func (s *stack) checkVerdict(v Verdict, frame []byte, before uint64) {
	t, m := s.t, &s.m
	if v == Dropped {
		require.NotEqual(t, DropNone, m.Drop)
		require.Equal(t, before+1, s.drops.Total())
		var out [MaxErrorFrame]byte
		s.r.Unreachable(frame, m, s.now, out[:])
		return
	}
	require.Equal(t, before, s.drops.Total())
	if v == Held {
		return
	}
	if !m.Reassembled {
		require.LessOrEqual(t, m.L2Len+m.L3Len+len(m.Payload), len(frame))
		if len(m.Payload) > 0 {
			require.Same(t, &frame[m.L2Len+m.L3Len], &m.Payload[0])
		}
	}
	switch v {
	case SCTP:
		require.True(t, s.iface.Owns(m.Dst))
		require.Equal(t, classUnicast, classOf(m.Src))
	case ARP:
		s.n.HandleARP(m, s.now)
	case ND:
		s.n.HandleND(m, s.now)
	case EchoRequest:
		require.LessOrEqual(t, s.r.EchoReply(frame, m, s.now), len(frame))
	case ICMPError:
		q, ok := QuotedSCTP(m)
		require.True(t, ok)
		require.GreaterOrEqual(t, len(q.SCTP), minQuote)
		require.True(t, s.iface.Owns(q.Src))
	}
}

// goodChecksums is a copy of frame in which the ICMP checksum of an untagged
// packet without options is right.
func goodChecksums(frame []byte) []byte {
	f := append([]byte(nil), frame...)
	if len(f) < 62 {
		return f
	}
	fix := func(b []byte, acc uint64) {
		b[2], b[3] = 0, 0
		sum := ^Fold(Sum(acc, b))
		b[2], b[3] = byte(sum>>8), byte(sum)
	}
	switch h := f[14:]; {
	case f[12] == 8 && f[13] == 0 && h[0] == 0x45 && h[9] == ProtoICMPv4:
		if n := ipv4(h).totalLen(); n >= 28 && n <= len(h) {
			fix(h[20:n], 0)
		}
	case f[12] == 0x86 && f[13] == 0xdd && h[6] == ProtoICMPv6:
		if n := ipv6(h).payloadLen(); n >= 8 && n <= len(h)-40 {
			fix(h[40:40+n], pseudo6(wire.Addr(h[8:24]), wire.Addr(h[24:40]), n, ProtoICMPv6))
		}
	}
	return f
}
