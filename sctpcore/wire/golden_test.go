package wire

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden is bytes written by hand from the RFC's figures, and how to build and read
// them. Spaces in hex are for the eye.
type golden struct {
	name  string
	hex   string
	build func(dst []byte) []byte
	read  func(t *testing.T, b []byte)
}

func (g golden) bytes() []byte { return unhex(g.hex) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

var (
	addr4 = AddrFrom(netip.MustParseAddr("192.0.2.1"))
	addr6 = AddrFrom(netip.MustParseAddr("2001:db8::1"))
)

// one cuts what must be the only chunk of b.
func one(t *testing.T, b []byte) Chunk {
	t.Helper()
	c, rest, err := NextChunk(b)
	require.NoError(t, err)
	require.Empty(t, rest)
	return c
}

func oneParam(t *testing.T, b []byte) Param {
	t.Helper()
	p, rest, err := NextParam(b)
	require.NoError(t, err)
	require.Empty(t, rest)
	return p
}

func oneCause(t *testing.T, b []byte) Cause {
	t.Helper()
	c, rest, err := NextCause(b)
	require.NoError(t, err)
	require.Empty(t, rest)
	return c
}

func buildInit(t ChunkType) func(dst []byte) []byte {
	return func(dst []byte) []byte {
		start := len(dst)
		dst = AppendInit(dst, t, 0x01020304, 0x00010000, 10, 0xfffe, 0xfffffffe)
		dst = AppendAddr(dst, addr4)
		dst = AppendParam(dst, 0xc123, []byte{0xaa})
		dst = AppendParam(dst, ParamStateCookie, []byte{1, 2, 3, 4, 5})
		return FinishChunk(dst, start)
	}
}

func readInit(want ChunkType) func(t *testing.T, b []byte) {
	return func(t *testing.T, b []byte) {
		c := one(t, b)
		require.Equal(t, want, c.Type())
		i, err := ParseInit(c)
		require.NoError(t, err)
		require.Equal(t, uint32(0x01020304), i.InitiateTag())
		require.Equal(t, uint32(0x00010000), i.AdvertisedReceiverWindowCredit())
		require.Equal(t, uint16(10), i.OutboundStreams())
		require.Equal(t, uint16(0xfffe), i.InboundStreams())
		require.Equal(t, TSN(0xfffffffe), i.InitialTSN())
		p, rest, err := NextParam(i.Params())
		require.NoError(t, err)
		a, ok := ParamAddr(p)
		require.True(t, ok)
		require.Equal(t, addr4, a)
		p, rest, err = NextParam(rest)
		require.NoError(t, err)
		require.Equal(t, ParamType(0xc123), p.Type())
		require.Equal(t, []byte{0xaa}, p.Value())
		cookie, ok := ParseStateCookie(oneParam(t, rest))
		require.True(t, ok)
		require.Equal(t, []byte{1, 2, 3, 4, 5}, cookie)
	}
}

// The length of INIT counts the padding of the second parameter, not of the last.
const initBody = "00 002d 01020304 00010000 000a fffe fffffffe" +
	"0005 0008 c0000201" + "c123 0005 aa 000000" + "0007 0009 0102030405 000000"

var chunkGoldens = []golden{
	{
		name: "DATA", hex: "00 0b 0013 fffffffe 0102 fffe 0000002e 414243 00",
		build: func(dst []byte) []byte {
			start := len(dst)
			dst = append(dst, make([]byte, DataHeaderLen)...)
			PutDataHeader(dst[start:], FlagI|FlagB|FlagE, 3, 0xfffffffe, 0x0102, 0xfffe, 46)
			return append(dst, "ABC\x00"...)
		},
		read: func(t *testing.T, b []byte) {
			d, err := ParseData(one(t, b))
			require.NoError(t, err)
			require.Equal(t, []bool{true, true, false, true},
				[]bool{d.Beginning(), d.Ending(), d.Unordered(), d.Immediate()})
			require.Equal(t, TSN(0xfffffffe), d.TSN())
			require.Equal(t, uint16(0x0102), d.StreamID())
			require.Equal(t, SSN(0xfffe), d.SSN())
			require.Equal(t, uint32(46), d.PPID())
			require.Equal(t, []byte("ABC"), d.UserData())
		},
	},
	{
		name: "DATA unordered, without user data", hex: "00 04 0010 00000001 0000 0000 00000000",
		build: func(dst []byte) []byte {
			start := len(dst)
			dst = append(dst, make([]byte, DataHeaderLen)...)
			PutDataHeader(dst[start:], FlagU, 0, 1, 0, 0, 0)
			return dst
		},
		read: func(t *testing.T, b []byte) {
			d, err := ParseData(one(t, b))
			require.NoError(t, err)
			require.Equal(t, []bool{false, false, true, false},
				[]bool{d.Beginning(), d.Ending(), d.Unordered(), d.Immediate()})
			require.Empty(t, d.UserData())
		},
	},
	{name: "INIT", hex: "01" + initBody, build: buildInit(ChunkInit), read: readInit(ChunkInit)},
	{name: "INIT ACK", hex: "02" + initBody, build: buildInit(ChunkInitAck), read: readInit(ChunkInitAck)},
	{
		name: "INIT without parameters", hex: "01 00 0014 00000001 000005dc 0001 0001 00000000",
		build: func(dst []byte) []byte {
			start := len(dst)
			return FinishChunk(AppendInit(dst, ChunkInit, 1, 1500, 1, 1, 0), start)
		},
		read: func(t *testing.T, b []byte) {
			i, err := ParseInit(one(t, b))
			require.NoError(t, err)
			require.Empty(t, i.Params())
		},
	},
	{
		// The example of RFC 9260, section 3.3.4, and a duplicate.
		name: "SACK", hex: "03 00 001c 0000000c 00001234 0002 0001 0002 0003 0005 0005 0000000b",
		build: func(dst []byte) []byte {
			return AppendSack(dst, 12, 4660, []GapBlock{{2, 3}, {5, 5}}, []TSN{11})
		},
		read: func(t *testing.T, b []byte) {
			s, err := ParseSack(one(t, b))
			require.NoError(t, err)
			require.Equal(t, TSN(12), s.CumulativeTSNAck())
			require.Equal(t, uint32(4660), s.AdvertisedReceiverWindowCredit())
			require.Equal(t, 2, s.NumGapBlocks())
			require.Equal(t, 1, s.NumDuplicates())
			start, end := s.GapBlock(0)
			require.Equal(t, GapBlock{2, 3}, GapBlock{start, end})
			start, end = s.GapBlock(1)
			require.Equal(t, GapBlock{5, 5}, GapBlock{start, end})
			require.Equal(t, TSN(11), s.Duplicate(0))
		},
	},
	{
		name: "SACK of duplicates alone", hex: "03 00 0018 ffffffff 00000000 0000 0002 ffffffff fffffffe",
		build: func(dst []byte) []byte {
			return AppendSack(dst, 0xffffffff, 0, nil, []TSN{0xffffffff, 0xfffffffe})
		},
		read: func(t *testing.T, b []byte) {
			s, err := ParseSack(one(t, b))
			require.NoError(t, err)
			require.Equal(t, []int{0, 2}, []int{s.NumGapBlocks(), s.NumDuplicates()})
			require.Equal(t, []TSN{0xffffffff, 0xfffffffe}, []TSN{s.Duplicate(0), s.Duplicate(1)})
		},
	},
	{
		name: "HEARTBEAT", hex: "04 00 000d 0001 0009 0102030405 000000",
		build: func(dst []byte) []byte { return AppendHeartbeat(dst, ChunkHeartbeat, []byte{1, 2, 3, 4, 5}) },
		read: func(t *testing.T, b []byte) {
			info, err := ParseHeartbeat(one(t, b))
			require.NoError(t, err)
			require.Equal(t, []byte{1, 2, 3, 4, 5}, info)
		},
	},
	{
		name: "HEARTBEAT ACK", hex: "05 00 000d 0001 0009 0102030405 000000",
		build: func(dst []byte) []byte {
			return AppendHeartbeatAck(dst, unhex("04 ff 000d 0001 0009 0102030405"))
		},
		read: func(t *testing.T, b []byte) {
			c := one(t, b)
			require.Equal(t, ChunkHeartbeatAck, c.Type())
			info, err := ParseHeartbeat(c)
			require.NoError(t, err)
			require.Equal(t, []byte{1, 2, 3, 4, 5}, info)
		},
	},
	{
		name: "ABORT", hex: "06 00 0009 000c 0005 62 000000",
		build: func(dst []byte) []byte {
			return AppendAbort(dst, false, AppendCauseUserAbort(nil, []byte("b")))
		},
		read: func(t *testing.T, b []byte) {
			causes, tBit, err := ParseAbort(one(t, b))
			require.NoError(t, err)
			require.False(t, tBit)
			c := oneCause(t, causes)
			require.Equal(t, CauseUserAbort, c.Code())
			require.Equal(t, []byte("b"), c.Value())
		},
	},
	{
		name: "ABORT reflected, without cause", hex: "06 01 0004",
		build: func(dst []byte) []byte { return AppendAbort(dst, true, nil) },
		read: func(t *testing.T, b []byte) {
			causes, tBit, err := ParseAbort(one(t, b))
			require.NoError(t, err)
			require.True(t, tBit)
			require.Empty(t, causes)
		},
	},
	{
		name: "SHUTDOWN", hex: "07 00 0008 fedcba98",
		build: func(dst []byte) []byte { return AppendShutdown(dst, 0xfedcba98) },
		read: func(t *testing.T, b []byte) {
			tsn, err := ParseShutdown(one(t, b))
			require.NoError(t, err)
			require.Equal(t, TSN(0xfedcba98), tsn)
		},
	},
	{
		name: "SHUTDOWN ACK", hex: "08 00 0004", build: AppendShutdownAck,
		read: func(t *testing.T, b []byte) { require.Equal(t, ChunkShutdownAck, one(t, b).Type()) },
	},
	{
		name: "ERROR of two causes", hex: "09 00 0016 000d 0005 78 000000 0002 000a 00000001 0007 0000",
		build: func(dst []byte) []byte {
			causes := AppendCauseProtocolViolation(nil, "x")
			return AppendError(dst, AppendCauseMissingParam(causes, ParamStateCookie))
		},
		read: func(t *testing.T, b []byte) {
			causes, err := ParseError(one(t, b))
			require.NoError(t, err)
			c, rest, err := NextCause(causes)
			require.NoError(t, err)
			require.Equal(t, CauseProtocolViolation, c.Code())
			require.Equal(t, CauseMissingParam, oneCause(t, rest).Code())
		},
	},
	{
		name: "COOKIE ECHO", hex: "0a 00 0006 c0c1 0000",
		build: func(dst []byte) []byte { return AppendCookieEcho(dst, []byte{0xc0, 0xc1}) },
		read: func(t *testing.T, b []byte) {
			cookie, err := ParseCookieEcho(one(t, b))
			require.NoError(t, err)
			require.Equal(t, []byte{0xc0, 0xc1}, cookie)
		},
	},
	{
		name: "COOKIE ACK", hex: "0b 00 0004", build: AppendCookieAck,
		read: func(t *testing.T, b []byte) { require.Equal(t, ChunkCookieAck, one(t, b).Type()) },
	},
	{
		name: "ECNE", hex: "0c 00 0008 80000001",
		build: func(dst []byte) []byte { return AppendEcne(dst, 0x80000001) },
		read: func(t *testing.T, b []byte) {
			tsn, err := ParseEcne(one(t, b))
			require.NoError(t, err)
			require.Equal(t, TSN(0x80000001), tsn)
		},
	},
	{
		name: "CWR", hex: "0d 00 0008 80000001",
		build: func(dst []byte) []byte { return AppendCwr(dst, 0x80000001) },
		read: func(t *testing.T, b []byte) {
			tsn, err := ParseCwr(one(t, b))
			require.NoError(t, err)
			require.Equal(t, TSN(0x80000001), tsn)
		},
	},
	{
		name: "SHUTDOWN COMPLETE reflected", hex: "0e 01 0004",
		build: func(dst []byte) []byte { return AppendShutdownComplete(dst, true) },
		read: func(t *testing.T, b []byte) {
			tBit, err := ParseShutdownComplete(one(t, b))
			require.NoError(t, err)
			require.True(t, tBit)
		},
	},
	{
		name: "a chunk of an unknown type", hex: "c9 5a 0007 010203 00",
		build: func(dst []byte) []byte {
			start := len(dst)
			return FinishChunk(append(BeginChunk(dst, 201, 0x5a), 1, 2, 3), start)
		},
		read: func(t *testing.T, b []byte) {
			c := one(t, b)
			require.Equal(t, ChunkType(201), c.Type())
			require.Equal(t, uint8(0x5a), c.Flags())
			require.Equal(t, []byte{1, 2, 3}, c.Value())
		},
	},
}

var paramGoldens = []golden{
	{
		name: "Heartbeat Info", hex: "0001 0006 0102 0000",
		build: func(dst []byte) []byte { return AppendHeartbeatInfo(dst, []byte{1, 2}) },
		read: func(t *testing.T, b []byte) {
			info, ok := ParseHeartbeatInfo(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, []byte{1, 2}, info)
		},
	},
	{
		name: "IPv4 Address", hex: "0005 0008 c0000201",
		build: func(dst []byte) []byte { return AppendAddr(dst, addr4) },
		read: func(t *testing.T, b []byte) {
			a, ok := ParamAddr(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, addr4, a)
		},
	},
	{
		name: "IPv6 Address", hex: "0006 0014 20010db8 00000000 00000000 00000001",
		build: func(dst []byte) []byte { return AppendAddr(dst, addr6) },
		read: func(t *testing.T, b []byte) {
			a, ok := ParamAddr(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, addr6, a)
		},
	},
	{
		name: "State Cookie", hex: "0007 0007 010203 00",
		build: func(dst []byte) []byte { return AppendStateCookie(dst, []byte{1, 2, 3}) },
		read: func(t *testing.T, b []byte) {
			cookie, ok := ParseStateCookie(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, []byte{1, 2, 3}, cookie)
		},
	},
	{
		name: "Unrecognized Parameter", hex: "0008 0009 c123 0005 aa 000000",
		build: func(dst []byte) []byte { return AppendUnrecognized(dst, unhex("c123 0005 aa")) },
		read: func(t *testing.T, b []byte) {
			p, ok := ParseUnrecognized(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, Param(unhex("c123 0005 aa")), p)
		},
	},
	{
		name: "Cookie Preservative", hex: "0009 0008 0000ea60",
		build: func(dst []byte) []byte { return AppendCookiePreservative(dst, 60000) },
		read: func(t *testing.T, b []byte) {
			ms, ok := ParseCookiePreservative(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, uint32(60000), ms)
		},
	},
	{
		name: "Host Name Address", hex: "000b 0006 6100 0000",
		build: func(dst []byte) []byte { return AppendParam(dst, ParamHostName, []byte("a\x00")) },
		read:  func(t *testing.T, b []byte) { require.Equal(t, ParamHostName, oneParam(t, b).Type()) },
	},
	{
		name: "Supported Address Types, both", hex: "000c 0008 0005 0006",
		build: func(dst []byte) []byte { return AppendSupportedAddrTypes(dst, true, true) },
		read:  readAddrTypes(true, true),
	},
	{
		name: "Supported Address Types, IPv4", hex: "000c 0006 0005 0000",
		build: func(dst []byte) []byte { return AppendSupportedAddrTypes(dst, true, false) },
		read:  readAddrTypes(true, false),
	},
	{
		name: "Supported Address Types, IPv6", hex: "000c 0006 0006 0000",
		build: func(dst []byte) []byte { return AppendSupportedAddrTypes(dst, false, true) },
		read:  readAddrTypes(false, true),
	},
	{
		name: "ECN Capable", hex: "8000 0004",
		build: func(dst []byte) []byte { return AppendParam(dst, ParamECN, nil) },
		read:  func(t *testing.T, b []byte) { require.Equal(t, ParamECN, oneParam(t, b).Type()) },
	},
	{
		name: "a copy", hex: "c123 0005 aa 000000",
		build: func(dst []byte) []byte { return AppendParamCopy(dst, unhex("c123 0005 aa")) },
		read:  func(t *testing.T, b []byte) { require.Equal(t, ParamType(0xc123), oneParam(t, b).Type()) },
	},
}

func readAddrTypes(want4, want6 bool) func(t *testing.T, b []byte) {
	return func(t *testing.T, b []byte) {
		v4, v6, ok := ParseSupportedAddrTypes(oneParam(t, b))
		require.Equal(t, []bool{want4, want6, true}, []bool{v4, v6, ok})
	}
}

var causeGoldens = []golden{
	{
		name: "Invalid Stream Identifier", hex: "0001 0008 0102 0000",
		build: func(dst []byte) []byte { return AppendCauseInvalidStream(dst, 0x0102) },
		read: func(t *testing.T, b []byte) {
			stream, ok := oneCause(t, b).InvalidStream()
			require.True(t, ok)
			require.Equal(t, uint16(0x0102), stream)
		},
	},
	{
		name: "Missing Mandatory Parameter", hex: "0002 000e 00000003 0007 8000 000b 0000",
		build: func(dst []byte) []byte {
			return AppendCauseMissingParam(dst, ParamStateCookie, ParamECN, ParamHostName)
		},
		read: func(t *testing.T, b []byte) {
			c := oneCause(t, b)
			for i, want := range []ParamType{ParamStateCookie, ParamECN, ParamHostName} {
				p, ok := c.MissingParam(i)
				require.True(t, ok)
				require.Equal(t, want, p)
			}
			for _, i := range []int{-1, 3, 1 << 40} {
				_, ok := c.MissingParam(i)
				require.False(t, ok)
			}
		},
	},
	{
		name: "Stale Cookie Error", hex: "0003 0008 000f4240",
		build: func(dst []byte) []byte { return AppendCauseStaleCookie(dst, 1000000) },
		read: func(t *testing.T, b []byte) {
			us, ok := oneCause(t, b).StaleCookie()
			require.True(t, ok)
			require.Equal(t, uint32(1000000), us)
		},
	},
	{
		name: "Out of Resource", hex: "0004 0004", build: AppendCauseOutOfResource,
		read: func(t *testing.T, b []byte) { require.Equal(t, CauseOutOfResource, oneCause(t, b).Code()) },
	},
	{
		name: "Unresolvable Address", hex: "0005 000a 000b 0006 6100 0000",
		build: func(dst []byte) []byte { return AppendCauseUnresolvableAddr(dst, unhex("000b 0006 6100")) },
		read: func(t *testing.T, b []byte) {
			p, ok := oneCause(t, b).UnresolvableAddr()
			require.True(t, ok)
			require.Equal(t, ParamHostName, p.Type())
		},
	},
	{
		name: "Unrecognized Chunk Type", hex: "0006 000b c9 5a 0007 010203 00",
		build: func(dst []byte) []byte {
			return AppendCauseUnrecognizedChunk(dst, unhex("c9 5a 0007 010203"))
		},
		read: func(t *testing.T, b []byte) {
			c, ok := oneCause(t, b).UnrecognizedChunk()
			require.True(t, ok)
			require.Equal(t, ChunkType(0xc9), c.Type())
		},
	},
	{
		name: "Invalid Mandatory Parameter", hex: "0007 0004", build: AppendCauseInvalidParam,
		read: func(t *testing.T, b []byte) { require.Equal(t, CauseInvalidParam, oneCause(t, b).Code()) },
	},
	{
		name: "Unrecognized Parameters", hex: "0008 0011 c123 0005 aa 000000 4123 0005 bb 000000",
		build: func(dst []byte) []byte {
			params := AppendParamCopy(nil, unhex("c123 0005 aa"))
			return AppendCauseUnrecognizedParams(dst, AppendParamCopy(params, unhex("4123 0005 bb")))
		},
		read: func(t *testing.T, b []byte) {
			params, ok := oneCause(t, b).UnrecognizedParams()
			require.True(t, ok)
			p, rest, err := NextParam(params)
			require.NoError(t, err)
			require.Equal(t, ParamType(0xc123), p.Type())
			require.Equal(t, ParamType(0x4123), oneParam(t, rest).Type())
		},
	},
	{
		name: "No User Data", hex: "0009 0008 fffffffe",
		build: func(dst []byte) []byte { return AppendCauseNoUserData(dst, 0xfffffffe) },
		read: func(t *testing.T, b []byte) {
			tsn, ok := oneCause(t, b).NoUserData()
			require.True(t, ok)
			require.Equal(t, TSN(0xfffffffe), tsn)
		},
	},
	{
		name: "Cookie Received While Shutting Down", hex: "000a 0004", build: AppendCauseCookieWhileShuttingDown,
		read: func(t *testing.T, b []byte) {
			require.Equal(t, CauseCookieWhileShuttingDown, oneCause(t, b).Code())
		},
	},
	{
		name:  "Restart of an Association with New Addresses",
		hex:   "000b 0020 0005 0008 c0000201 0006 0014 20010db8 00000000 00000000 00000001",
		build: func(dst []byte) []byte { return AppendCauseRestartNewAddrs(dst, addr4, addr6) },
		read: func(t *testing.T, b []byte) {
			params, ok := oneCause(t, b).RestartNewAddrs()
			require.True(t, ok)
			p, rest, err := NextParam(params)
			require.NoError(t, err)
			a, ok := ParamAddr(p)
			require.True(t, ok)
			require.Equal(t, addr4, a)
			a, ok = ParamAddr(oneParam(t, rest))
			require.True(t, ok)
			require.Equal(t, addr6, a)
		},
	},
	{
		name: "User-Initiated Abort", hex: "000c 0007 627965 00",
		build: func(dst []byte) []byte { return AppendCauseUserAbort(dst, []byte("bye")) },
		read:  func(t *testing.T, b []byte) { require.Equal(t, []byte("bye"), oneCause(t, b).Value()) },
	},
	{
		name: "Protocol Violation", hex: "000d 0009 776f726473 000000",
		build: func(dst []byte) []byte { return AppendCauseProtocolViolation(dst, "words") },
		read:  func(t *testing.T, b []byte) { require.Equal(t, []byte("words"), oneCause(t, b).Value()) },
	},
	{
		name: "a cause of an unknown code", hex: "fff0 0006 0102 0000",
		build: func(dst []byte) []byte { return AppendCause(dst, 0xfff0, []byte{1, 2}) },
		read:  func(t *testing.T, b []byte) { require.Equal(t, CauseCode(0xfff0), oneCause(t, b).Code()) },
	},
}

// allGoldens is every golden as a chunk: parameters inside an INIT, causes inside
// an ERROR.
func allGoldens() []golden {
	all := append([]golden(nil), chunkGoldens...)
	all = append(all, extensionChunks...)
	for _, g := range append(paramGoldens, extensionParams...) {
		b := AppendInit(nil, ChunkInit, 1, 1500, 1, 1, 0)
		g.hex = hex.EncodeToString(FinishChunk(append(b, g.bytes()...), 0))
		all = append(all, g)
	}
	for _, g := range append(causeGoldens, extensionCauses...) {
		g.hex = hex.EncodeToString(AppendError(nil, g.bytes()))
		all = append(all, g)
	}
	return all
}

func TestGoldenBytesBothWays(t *testing.T) {
	for kind, list := range map[string][]golden{
		"chunk": append(chunkGoldens, extensionChunks...),
		"param": append(paramGoldens, extensionParams...),
		"cause": append(causeGoldens, extensionCauses...),
	} {
		for _, g := range list {
			t.Run(kind+" "+g.name, func(t *testing.T) {
				want := g.bytes()
				require.Zero(t, len(want)%4, "the golden lacks its padding")
				// An offset of 3 shows that padding counts from the element, not from dst.
				for _, before := range []int{0, 3, 12} {
					buf := make([]byte, before+len(want)+8)
					for i := range buf {
						buf[i] = 0xa5
					}
					got := g.build(buf[:before])
					require.Equal(t, hex.EncodeToString(want), hex.EncodeToString(got[before:]))
					require.Same(t, &buf[0], &got[0], "the builder left the buffer")
					for i, b := range buf {
						if i < before || i >= before+len(want) {
							require.Equal(t, byte(0xa5), b, "byte %d outside was written", i)
						}
					}
				}
				g.read(t, want)
			})
		}
	}
}

// Chunks read the same with other bytes for padding.
func TestPaddingBytesAreIgnored(t *testing.T) {
	for _, g := range append(chunkGoldens, extensionChunks...) {
		b := g.bytes()
		c, _, err := NextChunk(b)
		require.NoError(t, err)
		for i := len(c); i < len(b); i++ {
			b[i] = 0xee
		}
		g.read(t, b)
		g.read(t, b[:len(c)]) // and with none at all
	}
}
