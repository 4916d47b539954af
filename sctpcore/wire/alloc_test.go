package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// readLikeAReceiver is the walk of a receiver, without the walker's checks.
func readLikeAReceiver(b []byte) (sum uint64) {
	if !VerifyChecksum(b) {
		return 0
	}
	p, err := ParsePacket(b)
	if err != nil {
		return 0
	}
	for rest := p.Chunks(); len(rest) > 0; {
		var c Chunk
		if c, rest, err = NextChunk(rest); err != nil {
			return sum
		}
		switch c.Type() {
		case ChunkData:
			d, _ := ParseData(c)
			sum += uint64(d.TSN()) + uint64(len(d.UserData()))
		case ChunkInit, ChunkInitAck:
			i, _ := ParseInit(c)
			for params := i.Params(); len(params) > 0; {
				var p Param
				if p, params, err = NextParam(params); err != nil {
					break
				}
				a, _ := ParamAddr(p)
				sum += uint64(a[15])
			}
		case ChunkSack:
			s, _ := ParseSack(c)
			for i := range s.NumGapBlocks() {
				_, end := s.GapBlock(i)
				sum += uint64(end)
			}
		case ChunkHeartbeat, ChunkHeartbeatAck:
			info, _ := ParseHeartbeat(c)
			sum += uint64(len(info))
		case ChunkError:
			for causes, _ := ParseError(c); len(causes) > 0; {
				var cause Cause
				cause, causes, _ = NextCause(causes)
				sum += uint64(cause.Code())
			}
		}
	}
	return sum
}

// buildAll writes one of each chunk to dst.
func buildAll(dst, scratch []byte, gaps []GapBlock, dups []TSN, heartbeat Chunk) []byte {
	PutHeader(dst[:CommonHeaderLen], 1, 2, 3)
	dst = dst[:CommonHeaderLen]
	start := len(dst)
	dst = AppendInit(dst, ChunkInitAck, 1, 2, 3, 4, 5)
	dst = AppendAddr(dst, addr4)
	dst = AppendAddr(dst, addr6)
	dst = AppendSupportedAddrTypes(dst, true, true)
	dst = AppendStateCookie(dst, heartbeat)
	dst = FinishChunk(dst, start)
	dst = AppendSack(dst, 1, 2, gaps, dups)
	dst = AppendHeartbeat(dst, ChunkHeartbeat, heartbeat)
	dst = AppendHeartbeatAck(dst, heartbeat)
	causes := AppendCauseMissingParam(scratch[:0], ParamStateCookie)
	causes = AppendCauseRestartNewAddrs(causes, addr4, addr6)
	causes = AppendCauseProtocolViolation(causes, "why")
	causes = AppendCauseStaleCookie(causes, 1)
	dst = AppendError(dst, causes)
	dst = AppendAbort(dst, true, causes)
	dst = AppendShutdown(dst, 1)
	dst = AppendCookieEcho(dst, heartbeat)
	dst = AppendCookieAck(dst)
	SetChecksum(dst)
	return dst
}

func TestNothingAllocates(t *testing.T) {
	dst, scratch := make([]byte, 2048), make([]byte, 512)
	gaps, dups := []GapBlock{{2, 3}}, []TSN{1}
	heartbeat := Chunk(unhex("04 00 000d 0001 0009 0102030405"))
	require.Zero(t, testing.AllocsPerRun(100, func() { buildAll(dst, scratch, gaps, dups, heartbeat) }))

	var all [][]byte
	for _, g := range allGoldens() {
		all = append(all, g.bytes())
	}
	p := packetOf(all...)
	require.NotZero(t, readLikeAReceiver(p))
	require.Zero(t, testing.AllocsPerRun(100, func() { readLikeAReceiver(p) }))
}

func BenchmarkPutDataHeader(b *testing.B) {
	var h [DataHeaderLen]byte
	tsn := TSN(0)
	for b.Loop() {
		PutDataHeader(h[:], FlagB|FlagE, 1400, tsn, 7, SSN(tsn), 46)
		tsn++
	}
}

// One DATA chunk of a packet, from its header to its fields.
func BenchmarkParseData(b *testing.B) {
	body := make([]byte, DataHeaderLen+1400)
	PutDataHeader(body, FlagB|FlagE, 1400, 1, 7, 1, 46)
	packet := packetOf(body)
	var sum uint64
	for b.Loop() {
		p, _ := ParsePacket(packet)
		c, _, _ := NextChunk(p.Chunks())
		d, _ := ParseData(c)
		sum += uint64(d.TSN()) + uint64(d.StreamID()) + uint64(d.SSN()) + uint64(len(d.UserData()))
	}
	if sum == 0 {
		b.Fatal("nothing was read")
	}
}

func BenchmarkSack(b *testing.B) {
	gaps := make([]GapBlock, 16)
	for i := range gaps {
		gaps[i] = GapBlock{uint16(4*i + 2), uint16(4*i + 3)}
	}
	buf := make([]byte, 0, 256)
	for b.Loop() {
		c, _, _ := NextChunk(AppendSack(buf, 12, 4660, gaps, nil))
		s, _ := ParseSack(c)
		for i := range s.NumGapBlocks() {
			if _, end := s.GapBlock(i); end == 0 {
				b.Fatal("a block is lost")
			}
		}
	}
}
