package wire

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// The formats of RFC 4895 and RFC 5061, by hand from their figures and examples.

const zeros20 = "00000000 00000000 00000000 00000000 00000000"

var extensionChunks = []golden{
	{
		name: "AUTH", hex: "0f 00 001c 0102 0001" + zeros20,
		build: func(dst []byte) []byte { return AppendAuth(dst, 0x0102, HMACSHA1) },
		read: func(t *testing.T, b []byte) {
			a, err := ParseAuth(one(t, b))
			require.NoError(t, err)
			require.Equal(t, uint16(0x0102), a.KeyID())
			require.Equal(t, HMACSHA1, a.HMACID())
			require.Equal(t, make([]byte, 20), a.HMAC())
		},
	},
	{
		name: "ASCONF", hex: "c1 00 0030 fffffffe 0005 0008 c0000201" +
			"c001 001c 01023474 0006 0014 20010db8 00000000 00000000 00000001" + "c005 0004",
		build: func(dst []byte) []byte {
			start := len(dst)
			dst = AppendAsconf(dst, 0xfffffffe, addr4)
			dst = AppendAddressRequest(dst, ParamAddIP, 0x01023474, addr6)
			return FinishChunk(AppendParam(dst, ParamSuccessIndication, nil), start)
		},
		read: func(t *testing.T, b []byte) {
			a, err := ParseAsconf(one(t, b))
			require.NoError(t, err)
			require.Equal(t, Serial(0xfffffffe), a.Serial())
			require.Equal(t, addr4, a.Address())
			p, rest, err := NextParam(a.Params())
			require.NoError(t, err)
			id, addr, ok := ParseAddressRequest(p)
			require.Equal(t, []any{uint32(0x01023474), addr6, true}, []any{id, addr, ok})
			require.Equal(t, ParamSuccessIndication, oneParam(t, rest).Type())
		},
	},
	{
		name: "ASCONF by the IPv6 wildcard", hex: "c1 00 001c 00000001 0006 0014 00000000 00000000 00000000 00000000",
		build: func(dst []byte) []byte { return FinishChunk(AppendAsconf(dst, 1, Addr{}), len(dst)) },
		read: func(t *testing.T, b []byte) {
			a, err := ParseAsconf(one(t, b))
			require.NoError(t, err)
			require.True(t, a.Address().IsWildcard())
			require.Empty(t, a.Params())
		},
	},
	{
		name: "ASCONF ACK, all done", hex: "80 00 0008 fffffffe",
		build: func(dst []byte) []byte { return FinishChunk(AppendAsconfAck(dst, 0xfffffffe), len(dst)) },
		read: func(t *testing.T, b []byte) {
			a, err := ParseAsconfAck(one(t, b))
			require.NoError(t, err)
			require.Equal(t, Serial(0xfffffffe), a.Serial())
			require.Empty(t, a.Params())
		},
	},
	{
		// RFC 5061, section 4.3.1.
		name: "ASCONF ACK, a delete refused",
		hex: "80 00 0024 00000007" + "c003 001c 01023476" +
			"00a0 0014" + "c002 0010 01023476 0005 0008 c0000201",
		build: func(dst []byte) []byte {
			start := len(dst)
			cause := AppendCauseRefusedRequest(nil, CauseDeleteLastAddr, AppendAddressRequest(nil, ParamDeleteIP, 0x01023476, addr4))
			return FinishChunk(AppendErrorCauseIndication(AppendAsconfAck(dst, 7), 0x01023476, cause), start)
		},
		read: func(t *testing.T, b []byte) {
			a, err := ParseAsconfAck(one(t, b))
			require.NoError(t, err)
			id, causes, ok := ParseErrorCauseIndication(oneParam(t, a.Params()))
			require.True(t, ok)
			require.Equal(t, uint32(0x01023476), id)
			c := oneCause(t, causes)
			require.Equal(t, CauseDeleteLastAddr, c.Code())
			p, ok := c.RefusedRequest()
			require.True(t, ok)
			id, addr, ok := ParseAddressRequest(p)
			require.Equal(t, []any{ParamDeleteIP, uint32(0x01023476), addr4, true}, []any{p.Type(), id, addr, ok})
		},
	},
	{
		name: "ASCONF ACK, cause with padding", hex: "80 00 0020 00000007" + "c005 0008 00000001" + "c003 000d 00000002 0004 0005 aa 000000",
		build: func(dst []byte) []byte {
			start := len(dst)
			dst = AppendSuccessIndication(AppendAsconfAck(dst, 7), 1)
			dst = AppendErrorCauseIndication(dst, 2, AppendCause(nil, CauseOutOfResource, []byte{0xaa}))
			// The final padding may be counted: here it is.
			dst = FinishChunk(dst, start)
			dst[start+3] = 0x20
			return dst
		},
		read: func(t *testing.T, b []byte) {
			a, err := ParseAsconfAck(one(t, b))
			require.NoError(t, err)
			p, rest, err := NextParam(a.Params())
			require.NoError(t, err)
			id, ok := ParseSuccessIndication(p)
			require.Equal(t, []any{uint32(1), true}, []any{id, ok})
			id, causes, ok := ParseErrorCauseIndication(oneParam(t, rest))
			require.Equal(t, []any{uint32(2), true}, []any{id, ok})
			require.Equal(t, []byte{0xaa}, oneCause(t, causes).Value())
		},
	},
}

var extensionParams = []golden{
	{
		name: "Random", hex: "8002 0008 01020304",
		build: func(dst []byte) []byte { return AppendRandom(dst, []byte{1, 2, 3, 4}) },
		read: func(t *testing.T, b []byte) {
			r, ok := ParseRandom(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, []byte{1, 2, 3, 4}, r)
		},
	},
	{
		name: "Chunk List", hex: "8003 0007 c1 80 00 00",
		build: func(dst []byte) []byte { return AppendChunkList(dst, ChunkAsconf, ChunkAsconfAck, ChunkData) },
		read: func(t *testing.T, b []byte) {
			list, ok := ParseChunkList(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, []byte{0xc1, 0x80, 0}, list)
		},
	},
	{
		name: "Requested HMAC Algorithm", hex: "8004 000a 0003 0001 0002 0000",
		build: func(dst []byte) []byte { return AppendHMACs(dst, HMACSHA256, HMACSHA1, 2) },
		read: func(t *testing.T, b []byte) {
			list, ok := ParseHMACs(oneParam(t, b))
			require.True(t, ok)
			require.Len(t, list, 6)
			require.Equal(t, []HMACID{HMACSHA256, HMACSHA1, 2}, []HMACID{HMACAt(list, 0), HMACAt(list, 1), HMACAt(list, 2)})
		},
	},
	{
		name: "Supported Extensions", hex: "8008 0007 c1 80 0f 00",
		build: func(dst []byte) []byte { return AppendSupportedExtensions(dst, ChunkAsconf, ChunkAsconfAck, ChunkAuth) },
		read: func(t *testing.T, b []byte) {
			list, ok := ParseSupportedExtensions(oneParam(t, b))
			require.True(t, ok)
			require.Equal(t, []byte{0xc1, 0x80, 0x0f}, list)
		},
	},
	{
		name: "Adaptation Layer Indication", hex: "c006 0008 01020304",
		build: func(dst []byte) []byte { return AppendAdaptation(dst, 0x01020304) },
		read: func(t *testing.T, b []byte) {
			code, ok := ParseAdaptation(oneParam(t, b))
			require.Equal(t, []any{uint32(0x01020304), true}, []any{code, ok})
		},
	},
	{
		name: "Set Primary IP Address", hex: "c004 0010 01023479 0005 0008 c0000201", // RFC 5061, 4.2.4
		build: func(dst []byte) []byte { return AppendAddressRequest(dst, ParamSetPrimary, 0x01023479, addr4) },
		read: func(t *testing.T, b []byte) {
			p := oneParam(t, b)
			id, addr, ok := ParseAddressRequest(p)
			require.Equal(t, []any{uint32(0x01023479), addr4, true}, []any{id, addr, ok})
			id, ok = p.Correlation()
			require.Equal(t, []any{uint32(0x01023479), true}, []any{id, ok})
		},
	},
}

var extensionCauses = []golden{
	{
		name: "Unsupported HMAC Identifier", hex: "0105 0006 0002 0000",
		build: func(dst []byte) []byte { return AppendCauseUnsupportedHMAC(dst, 2) },
		read: func(t *testing.T, b []byte) {
			c := oneCause(t, b)
			id, ok := c.UnsupportedHMAC()
			require.Equal(t, []any{HMACID(2), true}, []any{id, ok})
			require.Equal(t, "Unsupported HMAC Identifier", c.Code().String())
		},
	},
	{
		name: "Association Aborted Due to Illegal ASCONF-ACK", hex: "00a3 0004",
		build: func(dst []byte) []byte { return AppendCause(dst, CauseIllegalAsconfAck, nil) },
		read: func(t *testing.T, b []byte) {
			_, ok := oneCause(t, b).RefusedRequest()
			require.False(t, ok)
		},
	},
}

func TestExtensionsOfWrongForm(t *testing.T) {
	for _, h := range []string{
		"c001 0004", "c001 0008 00000001", "c001 000c 00000001 0005 0004", // no address
		"c001 000c 00000001 0005 0008",                                          // truncated IPv4
		"c001 0018 00000001 0006 0014 20010db8 00000000 00000000 ",              // truncated IPv6
		"c001 0018 00000001 0006 0010 20010db8 00000000 00000000",               // IPv6 of 12 bytes
		"c002 0018 00000001 0005 0008 c0000201 0005 0008 c0000202",              // two addresses
		"c004 0010 00000001 000b 0008 61626300",                                 // a host name
		"c005 0010 00000001 0005 0008 c0000201",                                 // of another type
		"c001 001c 00000001 0006 0014 00000000 00000000 0000ffff c0000201",      // IPv4-mapped
		"c001 0014 00000001 0005 0008 c0000201 00000000",                        // something behind
		"c001 0011 00000001 0005 0009 c000020100 000000",                        // IPv4 of 5 bytes
		"c001 0010 00000001 0005 0000 c0000201", "c001 0010 00000001 0005 0003", // length 0 and 3
	} {
		b := unhex(h)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		p, _, err := NextParam(b)
		if err != nil {
			continue
		}
		_, _, ok := ParseAddressRequest(p)
		require.False(t, ok, h)
	}
	for _, h := range []string{"c003 0008 00000001", "c003 000c 00000001 00a0 0003", "c003 000c 00000001 00a0 0005", "c005 000c 00000001 00a0 0004"} {
		_, _, ok := ParseErrorCauseIndication(oneParam(t, unhex(h)))
		require.False(t, ok, h)
	}
	_, ok := ParseSuccessIndication(oneParam(t, unhex("c005 0004")))
	require.False(t, ok)
	_, ok = ParseAdaptation(oneParam(t, unhex("c006 0004")))
	require.False(t, ok)
	_, ok = ParseHMACs(oneParam(t, unhex("8004 0007 000300")))
	require.False(t, ok)
	_, ok = ParseChunkList(AppendParam(nil, ParamChunkList, make([]byte, 257)))
	require.False(t, ok)
	_, ok = oneParam(t, unhex("c001 0004")).Correlation()
	require.False(t, ok)
	for _, h := range []string{"0105 0004", "0105 0008 00010000", "00a0 0006 0001", "00a5 0008 c0010004"} {
		c := oneCause(t, unhex(h))
		_, a := c.UnsupportedHMAC()
		_, b := c.RefusedRequest()
		require.False(t, a || b, h)
	}
	require.Equal(t, []int{0, 20, 0, 32, 0}, []int{HMACID(0).Len(), HMACSHA1.Len(), HMACID(2).Len(), HMACSHA256.Len(), HMACID(4).Len()})
	dst := []byte{1, 2, 3, 4}
	require.Equal(t, dst, AppendErrorCauseIndication(dst, 1, make([]byte, 0x10000)))
	require.True(t, Serial(0xffffffff).Less(0))
	require.False(t, Serial(0).Less(0xffffffff))
	require.True(t, Serial(0x7fffffff).Less(0x80000000))
	require.True(t, AddrFrom4([4]byte{}).IsWildcard())
	require.False(t, addr4.IsWildcard())
	require.Equal(t, []string{"AUTH", "ASCONF", "ASCONF ACK"}, []string{ChunkAuth.String(), ChunkAsconf.String(), ChunkAsconfAck.String()})
	require.Equal(t, hex.EncodeToString(AppendAuth(nil, 0, HMACSHA256)), "0f00002800000003"+hex.EncodeToString(make([]byte, 32)))
}

func parseAuth(c Chunk) error      { _, err := ParseAuth(c); return err }
func parseAsconf(c Chunk) error    { _, err := ParseAsconf(c); return err }
func parseAsconfAck(c Chunk) error { _, err := ParseAsconfAck(c); return err }

// extension calls every accessor of the views of extensions.
func (w *walker) extension(c Chunk) {
	if a, err := ParseAuth(c); err == nil {
		w.sink += uint64(a.KeyID()) + uint64(a.HMACID()) + uint64(a.HMACID().Len()) + uint64(len(a.HMAC()))
	}
	if a, err := ParseAsconf(c); err == nil {
		w.sink += uint64(a.Serial()) + uint64(a.Address()[15])
		w.paramList(a.Params())
	}
	if a, err := ParseAsconfAck(c); err == nil {
		w.sink += uint64(a.Serial())
		w.paramList(a.Params())
	}
}

func (w *walker) extensionParam(p Param) {
	ParseRandom(p)
	ParseChunkList(p)
	ParseSupportedExtensions(p)
	ParseAdaptation(p)
	p.Correlation()
	ParseSuccessIndication(p)
	if list, ok := ParseHMACs(p); ok {
		for i := range len(list) / 2 {
			w.sink += uint64(HMACAt(list, i))
		}
	}
	if id, addr, ok := ParseAddressRequest(p); ok {
		again := AppendAddressRequest(nil, p.Type(), id, addr)
		if string(again) != string(p) {
			w.fail("request %x was built again as %x", p, again)
		}
	}
	if _, causes, ok := ParseErrorCauseIndication(p); ok {
		w.causeList(causes)
	}
}
