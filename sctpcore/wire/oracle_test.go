package wire

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
)

// decode has gopacket take a packet apart; it knows nothing of this package.
func decode(t *testing.T, b []byte) []gopacket.Layer {
	t.Helper()
	p := gopacket.NewPacket(b, layers.LayerTypeSCTP, gopacket.DecodeOptions{NoCopy: true})
	require.Nil(t, p.ErrorLayer(), "%x", b)
	return p.Layers()
}

// tlvs is a list of parameters or causes in gopacket's form, by any of its names.
func tlvs[T ~struct {
	Type         uint16
	Length       uint16
	ActualLength int
	Value        []byte
}](list []T) (out []layers.SCTPParameter) {
	for _, p := range list {
		out = append(out, layers.SCTPParameter(p))
	}
	return out
}

func requireParams(t *testing.T, got []layers.SCTPParameter, b []byte) {
	t.Helper()
	for _, q := range got {
		p, rest, err := NextParam(b)
		require.NoError(t, err)
		require.Equal(t, q.Type, uint16(p.Type()))
		require.Equal(t, int(q.Length), len(p))
		require.Equal(t, q.Value[:len(p.Value())], p.Value())
		b = rest
	}
	require.Empty(t, b)
}

// What we build and what is captured, gopacket reads as we do.
func TestGopacketReadsTheSame(t *testing.T) {
	packets := capturedPackets(t)
	for _, g := range allGoldens() {
		switch b := g.bytes(); ChunkType(b[0]) {
		case ChunkEcne, ChunkCwr, ChunkAuth, ChunkAsconf, ChunkAsconfAck, 0xc9: // unknown to gopacket
		default:
			packets = append(packets, packetOf(b))
		}
	}
	compared := map[ChunkType]int{}
	for _, b := range packets {
		p, err := ParsePacket(b)
		require.NoError(t, err)
		found := decode(t, b)
		header := found[0].(*layers.SCTP)
		require.Equal(t, uint16(header.SrcPort), p.SrcPort())
		require.Equal(t, uint16(header.DstPort), p.DstPort())
		require.Equal(t, header.VerificationTag, p.VerificationTag())
		c := one(t, p.Chunks())
		compareChunk(t, found[1], c)
		compared[c.Type()]++
	}
	for _, ct := range []ChunkType{ChunkData, ChunkInit, ChunkInitAck, ChunkSack, ChunkHeartbeat, ChunkHeartbeatAck, ChunkAbort,
		ChunkShutdown, ChunkShutdownAck, ChunkError, ChunkCookieEcho, ChunkCookieAck, ChunkShutdownComplete} {
		require.NotZero(t, compared[ct], "%v", ct)
	}
}

func compareChunk(t *testing.T, layer gopacket.Layer, c Chunk) {
	t.Helper()
	head := func(h layers.SCTPChunk) {
		require.Equal(t, uint8(h.Type), uint8(c.Type()))
		require.Equal(t, h.Flags, c.Flags())
		require.Equal(t, int(h.Length), len(c))
	}
	switch l := layer.(type) {
	case *layers.SCTPData:
		head(l.SCTPChunk)
		d, err := ParseData(c)
		require.NoError(t, err)
		require.Equal(t, []bool{l.Unordered, l.BeginFragment, l.EndFragment}, []bool{d.Unordered(), d.Beginning(), d.Ending()})
		require.Equal(t, l.TSN, uint32(d.TSN()))
		require.Equal(t, l.StreamId, d.StreamID())
		require.Equal(t, l.StreamSequence, uint16(d.SSN()))
		require.Equal(t, uint32(l.PayloadProtocol), d.PPID())
		require.Equal(t, l.Payload, d.UserData())
	case *layers.SCTPInit:
		head(l.SCTPChunk)
		i, err := ParseInit(c)
		require.NoError(t, err)
		require.Equal(t, []uint32{l.InitiateTag, l.AdvertisedReceiverWindowCredit, l.InitialTSN},
			[]uint32{i.InitiateTag(), i.AdvertisedReceiverWindowCredit(), uint32(i.InitialTSN())})
		require.Equal(t, []uint16{l.OutboundStreams, l.InboundStreams}, []uint16{i.OutboundStreams(), i.InboundStreams()})
		requireParams(t, tlvs(l.Parameters), i.Params())
	case *layers.SCTPSack:
		head(l.SCTPChunk)
		s, err := ParseSack(c)
		require.NoError(t, err)
		require.Equal(t, l.CumulativeTSNAck, uint32(s.CumulativeTSNAck()))
		require.Equal(t, l.AdvertisedReceiverWindowCredit, s.AdvertisedReceiverWindowCredit())
		require.Equal(t, []int{int(l.NumGapACKs), int(l.NumDuplicateTSNs)}, []int{s.NumGapBlocks(), s.NumDuplicates()})
		compareSackEntries(t, l, s)
	case *layers.SCTPHeartbeat:
		head(l.SCTPChunk)
		requireParams(t, tlvs(l.Parameters), c.Value())
	case *layers.SCTPError:
		head(l.SCTPChunk)
		requireParams(t, tlvs(l.Parameters), c.Value())
	case *layers.SCTPShutdown:
		head(l.SCTPChunk)
		tsn, err := ParseShutdown(c)
		require.NoError(t, err)
		require.Equal(t, l.CumulativeTSNAck, uint32(tsn))
	case *layers.SCTPShutdownAck:
		head(l.SCTPChunk)
	case *layers.SCTPCookieEcho:
		head(l.SCTPChunk)
		cookie, err := ParseCookieEcho(c)
		require.NoError(t, err)
		require.Equal(t, l.Cookie, cookie)
	case *layers.SCTPEmptyLayer:
		head(l.SCTPChunk)
	default:
		require.Fail(t, "gopacket found another layer", "%T for %v", layer, c.Type())
	}
}

// gopacket takes a gap block for 2 bytes where it is 4, so it finds half of the edges
// and, behind them, no duplicates: those are compared where there are no blocks.
func compareSackEntries(t *testing.T, l *layers.SCTPSack, s Sack) {
	t.Helper()
	var edges []uint16
	for i := range s.NumGapBlocks() {
		start, end := s.GapBlock(i)
		edges = append(edges, start, end)
	}
	require.ElementsMatch(t, l.GapACKs, edges[:len(edges)/2])
	if len(edges) > 0 {
		return
	}
	var tsns []uint32
	for i := range s.NumDuplicates() {
		tsns = append(tsns, uint32(s.Duplicate(i)))
	}
	require.ElementsMatch(t, l.DuplicateTSNs, tsns)
}
