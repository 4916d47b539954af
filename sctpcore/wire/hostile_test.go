package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostileChunks is chunks that must be refused, with what refuses them.
var hostileChunks = []struct {
	name, hex string
	parse     func(Chunk) error
	want      error
}{
	{"chunk length 0", "00 03 0000 00000001 0000 0000 00000000", nil, ErrChunkLength},
	{"chunk length 3", "0b 00 0003", nil, ErrChunkLength},
	{"chunk length beyond the packet", "0b 00 0005", nil, ErrChunkLength},
	{"chunk length 65535", "00 03 ffff 00000001 0000 0000 00000000", nil, ErrChunkLength},
	{"DATA of 15 bytes", "00 03 000f 00000001 0000 0000 000000 00", parseData, ErrChunkLength},
	{"INIT of 19 bytes", "01 00 0013 00000001 000005dc 0001 0001 000000 00", parseInit, ErrChunkLength},
	{"SACK of 15 bytes", "03 00 000f 0000000c 00001234 0000 0000", parseSack, ErrChunkLength},
	{"SACK, one gap block too many", "03 00 0014 0000000c 00001234 0002 0000 0002 0003", parseSack, ErrChunkLength},
	{"SACK, one duplicate too many", "03 00 0014 0000000c 00001234 0001 0001 0002 0003", parseSack, ErrChunkLength},
	{"SACK, both counts 65535", "03 00 0010 0000000c 00001234 ffff ffff", parseSack, ErrChunkLength},
	{"HEARTBEAT without parameter", "04 00 0004", parseHeartbeat, ErrParamLength},
	{"HEARTBEAT, parameter length 0", "04 00 000c 0001 0000 01020304", parseHeartbeat, ErrParamLength},
	{"HEARTBEAT, parameter beyond the chunk", "04 00 000c 0001 0009 01020304", parseHeartbeat, ErrParamLength},
	{"HEARTBEAT with two parameters", "04 00 000c 0001 0004 0001 0004", parseHeartbeat, ErrParamLength},
	{"HEARTBEAT of another parameter", "04 00 000c 0007 0008 01020304", parseHeartbeat, ErrParamLength},
	{"HEARTBEAT ACK with 2 bytes behind", "05 00 000a 0001 0004 0102 0000", parseHeartbeat, ErrParamLength},
	{"ABORT, cause length 0", "06 00 0008 000c 0000", parseAbort, ErrCauseLength},
	{"ABORT, second cause beyond the chunk", "06 00 000c 0004 0004 000c 0005", parseAbort, ErrCauseLength},
	{"ABORT with 3 bytes", "06 00 0007 000c00 00", parseAbort, ErrCauseLength},
	{"SHUTDOWN of 4 bytes", "07 00 0004", parseShutdown, ErrChunkLength},
	{"SHUTDOWN of 12 bytes", "07 00 000c 00000001 00000002", parseShutdown, ErrChunkLength},
	{"ERROR without cause", "09 00 0004", parseError, ErrChunkLength},
	{"ERROR, cause length 3", "09 00 0008 000c 0003", parseError, ErrCauseLength},
	{"COOKIE ECHO without cookie", "0a 00 0004", parseCookieEcho, ErrChunkLength},
	{"SHUTDOWN COMPLETE of 8 bytes", "0e 00 0008 00000000", parseShutdownComplete, ErrChunkLength},
	{"AUTH of 7 bytes", "0f 00 0007 000000 00", parseAuth, ErrChunkLength},
	{"ASCONF without address", "c1 00 0008 00000001", parseAsconf, ErrChunkLength},
	{"ASCONF, address length 0", "c1 00 0010 00000001 0005 0000 c0000201", parseAsconf, ErrParamLength},
	{"ASCONF, IPv6 address of 4 bytes", "c1 00 0010 00000001 0006 0008 20010db8", parseAsconf, ErrParamLength},
	{"ASCONF, IPv6 address beyond the chunk", "c1 00 0018 00000001 0006 0014 20010db8 00000000 00000000", parseAsconf, ErrParamLength},
	{"ASCONF, a host name for the address", "c1 00 0010 00000001 000b 0008 61626300", parseAsconf, ErrParamLength},
	{"ASCONF ACK of 7 bytes", "80 00 0007 000000 00", parseAsconfAck, ErrChunkLength},
}

func parseData(c Chunk) error             { _, err := ParseData(c); return err }
func parseInit(c Chunk) error             { _, err := ParseInit(c); return err }
func parseSack(c Chunk) error             { _, err := ParseSack(c); return err }
func parseHeartbeat(c Chunk) error        { _, err := ParseHeartbeat(c); return err }
func parseAbort(c Chunk) error            { _, _, err := ParseAbort(c); return err }
func parseShutdown(c Chunk) error         { _, err := ParseShutdown(c); return err }
func parseError(c Chunk) error            { _, err := ParseError(c); return err }
func parseCookieEcho(c Chunk) error       { _, err := ParseCookieEcho(c); return err }
func parseShutdownComplete(c Chunk) error { _, err := ParseShutdownComplete(c); return err }
func parseEcne(c Chunk) error             { _, err := ParseEcne(c); return err }
func parseCwr(c Chunk) error              { _, err := ParseCwr(c); return err }

func TestHostileChunksAreRefused(t *testing.T) {
	for _, h := range hostileChunks {
		t.Run(h.name, func(t *testing.T) {
			b := unhex(h.hex)
			c, _, err := NextChunk(b)
			if h.parse == nil {
				require.ErrorIs(t, err, h.want)
				return
			}
			require.NoError(t, err)
			require.ErrorIs(t, h.parse(c), h.want)
			newWalker(t).packet(packetOf(b))
		})
	}
}

func TestParseRefusesOtherTypes(t *testing.T) {
	parsers := map[ChunkType]func(Chunk) error{
		ChunkData: parseData, ChunkInit: parseInit, ChunkInitAck: parseInit, ChunkSack: parseSack,
		ChunkHeartbeat: parseHeartbeat, ChunkHeartbeatAck: parseHeartbeat, ChunkAbort: parseAbort,
		ChunkShutdown: parseShutdown, ChunkError: parseError, ChunkCookieEcho: parseCookieEcho,
		ChunkEcne: parseEcne, ChunkCwr: parseCwr, ChunkShutdownComplete: parseShutdownComplete,
		ChunkAuth: parseAuth, ChunkAsconf: parseAsconf, ChunkAsconfAck: parseAsconfAck,
	}
	for want, parse := range parsers {
		for _, g := range append(chunkGoldens, extensionChunks...) {
			c := one(t, g.bytes())
			// A chunk of the right type, by any other golden, passes or fails on its length alone.
			if c.Type() == want || (want == ChunkInit || want == ChunkInitAck) && (c.Type() == ChunkInit || c.Type() == ChunkInitAck) ||
				(want == ChunkHeartbeat || want == ChunkHeartbeatAck) && (c.Type() == ChunkHeartbeat || c.Type() == ChunkHeartbeatAck) {
				require.NoError(t, parse(c), "%v as %v", g.name, want)
				continue
			}
			require.Error(t, parse(c), "%v as %v", g.name, want)
		}
	}
}

// Each prefix of each golden is an error, and with its length made right either an
// error or a valid view; never a panic.
func TestTruncatedPrefixes(t *testing.T) {
	for _, g := range allGoldens() {
		b := g.bytes()
		n := int(binary.BigEndian.Uint16(b[2:]))
		for cutAt := range len(b) + 1 {
			_, rest, err := NextChunk(b[:cutAt:cutAt])
			if cutAt < n {
				require.ErrorIs(t, err, ErrChunkLength, "%s cut at %d", g.name, cutAt)
			} else {
				require.NoError(t, err, "%s cut at %d", g.name, cutAt)
				require.Empty(t, rest)
			}
			w := newWalker(t)
			w.packet(packetOf(b[:cutAt]))
			require.Equal(t, cutAt >= n, w.chunks == 1)

			if cutAt >= 4 {
				short := bytes.Clone(b[:cutAt])
				binary.BigEndian.PutUint16(short[2:], uint16(cutAt))
				w.packet(packetOf(short))
			}
		}
	}
	for i := range CommonHeaderLen + 4 {
		_, err := ParsePacket(packetOf(AppendCookieAck(nil))[:i])
		require.ErrorIs(t, err, ErrPacketLength)
	}
	_, err := ParsePacket(packetOf(AppendCookieAck(nil)))
	require.NoError(t, err)
}

// Every 16-bit word of every golden is set to values at the edges of a length.
func TestLengthsAtTheEdges(t *testing.T) {
	for _, g := range allGoldens() {
		b := g.bytes()
		for at := 0; at+2 <= len(b); at += 2 {
			for _, v := range []int{0, 1, 3, 4, 5, 7, 8, len(b) - at, len(b) - at + 1, len(b), len(b) + 1, 0x7fff, 0x8000, 0xfffc, 0xffff} {
				m := bytes.Clone(b)
				binary.BigEndian.PutUint16(m[at:], uint16(v))
				newWalker(t).packet(packetOf(m, b))
			}
		}
	}
}

func TestChunksOfOnePacket(t *testing.T) {
	var all [][]byte
	for _, g := range chunkGoldens {
		all = append(all, g.bytes())
	}
	w := newWalker(t)
	w.packet(packetOf(all...))
	require.Equal(t, len(chunkGoldens), w.chunks)
	require.Equal(t, 6, w.params)
	require.Equal(t, 3, w.causes)

	c, rest, err := NextChunk(append(AppendCookieAck(nil), 0, 0, 0))
	require.NoError(t, err)
	require.Equal(t, ChunkCookieAck, c.Type())
	_, _, err = NextChunk(rest)
	require.ErrorIs(t, err, ErrChunkLength, "3 bytes that are nobody's padding")
	_, _, err = NextChunk(nil)
	require.ErrorIs(t, err, ErrChunkLength)
}

func TestAppendingToAViewLeavesTheNext(t *testing.T) {
	b := append(AppendShutdown(nil, 1), AppendCookieAck(nil)...)
	c, rest, err := NextChunk(b)
	require.NoError(t, err)
	_ = append(c, 0xff)
	require.Equal(t, AppendCookieAck(nil), rest)
}

// The last parameter may not reach over the chunk's end into what follows it.
func TestParameterMayNotStraddleTheChunk(t *testing.T) {
	b := AppendInit(nil, ChunkInit, 1, 1500, 1, 1, 0)
	b = AppendAddr(b, addr4)
	b = append(b, unhex("0007 0009 01020304")...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	b = append(b, AppendCookieAck(nil)...)
	c, rest, err := NextChunk(b)
	require.NoError(t, err)
	require.Equal(t, AppendCookieAck(nil), rest)
	i, err := ParseInit(c)
	require.NoError(t, err)
	_, params, err := NextParam(i.Params())
	require.NoError(t, err)
	_, _, err = NextParam(params)
	require.ErrorIs(t, err, ErrParamLength)
	require.False(t, wellFormed(i.Params()))
}

// The final padding may be counted in the chunk's length, left out, or missing.
func TestFinalPaddingOfParameters(t *testing.T) {
	const param = "0001 0005 07"
	for _, h := range []string{"04 00 0009" + param, "04 00 0009" + param + "000000", "04 00 000c" + param + "000000"} {
		info, err := ParseHeartbeat(one(t, unhex(h)))
		require.NoError(t, err, h)
		require.Equal(t, []byte{7}, info)
	}
}

func TestParametersOfWrongForm(t *testing.T) {
	for _, h := range []string{
		"0005 0004", "0005 0007 c00002", "0005 0009 c000020100", "0006 0013 20010db8 00000000 00000000 000000",
		"0006 0008 c0000201", "0005 0014 20010db8 00000000 00000000 00000001", "0007 0008 c0000201",
		"0006 0014 00000000 00000000 0000ffff c0000201", // IPv4-mapped
	} {
		_, ok := ParamAddr(oneParam(t, unhex(h)))
		require.False(t, ok, h)
	}
	for _, h := range []string{"0009 0004", "0009 0007 000000", "0009 0009 0000000000", "0007 0008 00000000"} {
		_, ok := ParseCookiePreservative(oneParam(t, unhex(h)))
		require.False(t, ok, h)
	}
	for _, h := range []string{"000c 0005 00", "000c 0007 000500", "000b 0006 0005"} {
		_, _, ok := ParseSupportedAddrTypes(oneParam(t, unhex(h)))
		require.False(t, ok, h)
	}
	v4, v6, ok := ParseSupportedAddrTypes(oneParam(t, unhex("000c 000a 000b ffff 0006")))
	require.Equal(t, []bool{false, true, true}, []bool{v4, v6, ok}, "host name and unknown types are ignored")
	for _, h := range []string{"0008 0004", "0008 0008 c123 0005", "0008 000c c123 0004 c123 0004", "0007 0008 c123 0004"} {
		_, ok := ParseUnrecognized(oneParam(t, unhex(h)))
		require.False(t, ok, h)
	}
	_, ok = ParseStateCookie(oneParam(t, unhex("0007 0004")))
	require.False(t, ok)
	_, ok = ParseHeartbeatInfo(oneParam(t, unhex("0007 0004")))
	require.False(t, ok)
}

func TestCausesOfWrongForm(t *testing.T) {
	for _, h := range []string{"0001 0006 0001", "0002 0006 0000", "0002 000a 00000002 0007", "0002 000a ffffffff 0007",
		"0002 0008 00000000", "0003 0004", "0003 000c 00000000 00000000", "0005 0004", "0005 0008 0005 0008",
		"0006 0006 c900", "0006 0008 c900 0005", "0008 0006 c123", "0009 0007 000000", "000b 0008 0005 0003"} {
		c := oneCause(t, unhex(h))
		_, a := c.InvalidStream()
		_, b := c.MissingParam(0)
		_, d := c.StaleCookie()
		_, e := c.UnresolvableAddr()
		_, f := c.UnrecognizedChunk()
		_, g := c.UnrecognizedParams()
		_, i := c.NoUserData()
		_, j := c.RestartNewAddrs()
		require.NotContains(t, []bool{a, b, d, e, f, g, i, j}, true, h)
	}
}

func TestNextCauseAndNextParamRefuseBadLengths(t *testing.T) {
	for _, h := range []string{"", "00", "000c00", "000c 0000", "000c 0003", "000c 0005", "000c ffff 00"} {
		_, _, err := NextCause(unhex(h))
		require.ErrorIs(t, err, ErrCauseLength, h)
		_, _, err = NextParam(unhex(h))
		require.ErrorIs(t, err, ErrParamLength, h)
	}
	_, err := ParseHeartbeat(nil)
	require.ErrorIs(t, err, ErrChunkLength)
}

// A chain of the shortest causes, as long as a chunk can be, is one loop.
func TestLongChainOfCauses(t *testing.T) {
	b := BeginChunk(nil, ChunkError, 0)
	for len(b)+4 <= maxLength {
		b = AppendCauseOutOfResource(b)
	}
	w := newWalker(t)
	w.packet(packetOf(FinishChunk(b, 0)))
	require.Equal(t, maxLength/4-1, w.causes)
}

// What a length field cannot express is not written at all.
func TestTooLongIsNotAppended(t *testing.T) {
	huge := make([]byte, 0x10000)
	dst := []byte{1, 2, 3, 4}
	for name, got := range map[string][]byte{
		"param":              AppendParam(dst, ParamStateCookie, huge[:65532]),
		"cause":              AppendCause(dst, CauseUserAbort, huge[:65532]),
		"protocol violation": AppendCauseProtocolViolation(dst, string(huge[:65532])),
		"missing parameters": AppendCauseMissingParam(dst, make([]ParamType, 32764)...),
		"new addresses":      AppendCauseRestartNewAddrs(dst, fill(make([]Addr, 3277), addr6)...),
		"cookie echo":        AppendCookieEcho(dst, huge[:65532]),
		"heartbeat":          AppendHeartbeat(dst, ChunkHeartbeat, huge[:65528]),
		"heartbeat ack":      AppendHeartbeatAck(dst, huge),
		"no heartbeat":       AppendHeartbeatAck(dst, huge[:3]),
		"abort":              AppendAbort(dst, false, huge[:65532]),
		"error":              AppendError(dst, huge[:65532]),
		"sack":               AppendSack(dst, 1, 1, make([]GapBlock, 16379), make([]TSN, 1)),
		"zero address":       AppendAddr(dst, Addr{}),
		"no address types":   AppendSupportedAddrTypes(dst, false, false),
	} {
		require.Equal(t, []byte{1, 2, 3, 4}, got, name)
	}
	for name, got := range map[string][]byte{
		"param":              AppendParam(nil, ParamStateCookie, huge[:65531]),
		"cause":              AppendCause(nil, CauseUserAbort, huge[:65531]),
		"protocol violation": AppendCauseProtocolViolation(nil, string(huge[:65531])),
		"missing parameters": AppendCauseMissingParam(nil, make([]ParamType, 32763)...),
		"new addresses":      AppendCauseRestartNewAddrs(nil, fill(make([]Addr, 3276), addr6)...),
		"cookie echo":        AppendCookieEcho(nil, huge[:65531]),
		"heartbeat":          AppendHeartbeat(nil, ChunkHeartbeat, huge[:65527]),
		"sack":               AppendSack(nil, 1, 1, make([]GapBlock, 16378), make([]TSN, 1)),
	} {
		n, next := cut(got)
		require.NotZero(t, n, name)
		require.Equal(t, len(got), next, name)
		require.Greater(t, n, 65500, name)
	}
}

func fill(list []Addr, a Addr) []Addr {
	for i := range list {
		list[i] = a
	}
	return list
}
