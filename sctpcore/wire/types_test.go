package wire

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestUnknownTypesByTheirHighBits(t *testing.T) {
	for _, c := range []struct {
		bits         uint8
		stop, report bool
	}{{0x00, true, false}, {0x40, true, true}, {0x80, false, false}, {0xc0, false, true}} {
		for low := range uint8(0x40) {
			ct, pt := ChunkType(c.bits|low), ParamType(c.bits|low)<<8|ParamType(low)
			require.Equal(t, []bool{c.stop, c.report}, []bool{ct.StopOnUnknown(), ct.ReportUnknown()}, "%v", ct)
			require.Equal(t, []bool{c.stop, c.report}, []bool{pt.StopOnUnknown(), pt.ReportUnknown()}, "%v", pt)
		}
	}
}

func TestSerialArithmeticWraps(t *testing.T) {
	require.True(t, TSN(0xffffffff).Less(0))
	require.False(t, TSN(0).Less(0xffffffff))
	require.True(t, TSN(0xffffffff).LessEq(0))
	require.True(t, TSN(5).LessEq(5))
	require.False(t, TSN(5).Less(5))
	require.True(t, TSN(0x7fffffff).Less(0x80000000))
	require.True(t, TSN(0x80000000).Less(0xffffffff))
	require.True(t, SSN(0xffff).Less(0))
	require.False(t, SSN(0).Less(0xffff))
	require.True(t, SSN(0x7fff).Less(0x8000))
	require.False(t, SSN(7).Less(7))
	rapid.Check(t, func(t *rapid.T) {
		a, d := TSN(rapid.Uint32().Draw(t, "tsn")), TSN(rapid.Uint32Range(1, 1<<31-1).Draw(t, "step"))
		if !a.Less(a+d) || (a + d).Less(a) || !a.LessEq(a+d) || (a + d).LessEq(a) {
			t.Fatalf("%d and %d further", a, d)
		}
		s, e := SSN(rapid.Uint16().Draw(t, "ssn")), SSN(rapid.Uint16Range(1, 1<<15-1).Draw(t, "step"))
		if !s.Less(s+e) || (s + e).Less(s) {
			t.Fatalf("%d and %d further", s, e)
		}
	})
}

func TestNames(t *testing.T) {
	require.Equal(t, "DATA", ChunkData.String())
	require.Equal(t, "SHUTDOWN COMPLETE", ChunkShutdownComplete.String())
	require.Equal(t, "chunk type 16", ChunkType(16).String())
	require.Equal(t, "chunk type 255", ChunkType(255).String())
	require.Equal(t, "Invalid Stream Identifier", CauseInvalidStream.String())
	require.Equal(t, "Protocol Violation", CauseProtocolViolation.String())
	require.Equal(t, "cause code 0", CauseCode(0).String())
	require.Equal(t, "cause code 14", CauseCode(14).String())
	seen := map[string]bool{}
	for _, p := range []ParamType{ParamHeartbeatInfo, ParamIPv4, ParamIPv6, ParamStateCookie, ParamUnrecognized,
		ParamCookiePreservative, ParamHostName, ParamSupportedAddrTypes, ParamECN, ParamForwardTSN, ParamSupportedExtensions, ParamRandom, ParamChunkList,
		ParamRequestedHMAC, ParamAddIP, ParamDeleteIP, ParamErrorCauseIndication, ParamSetPrimary, ParamSuccessIndication, ParamAdaptationLayer} {
		require.NotContains(t, p.String(), "0x")
		require.False(t, seen[p.String()])
		seen[p.String()] = true
	}
	require.Equal(t, "parameter type 0x1234", ParamType(0x1234).String())
}

func TestPad4(t *testing.T) {
	for n, want := range []int{0, 4, 4, 4, 4, 8, 8, 8, 8, 12} {
		require.Equal(t, want, Pad4(n))
	}
}

func TestAddr(t *testing.T) {
	for _, s := range []string{"192.0.2.1", "0.0.0.0", "2001:db8::1", "::1", "::ffff:192.0.2.1", "fe80::1%eth0"} {
		n := netip.MustParseAddr(s)
		a := AddrFrom(n)
		require.Equal(t, n.Unmap().WithZone(""), a.Netip(), s)
		require.Equal(t, n.Unmap().Is4(), a.Is4(), s)
		require.Equal(t, n.Unmap().WithZone("").String(), a.String())
		require.False(t, a.IsZero())
		if a.Is4() {
			require.Equal(t, n.Unmap().As4(), a.As4())
			require.Equal(t, a, AddrFrom4(a.As4()))
		}
	}
	require.True(t, AddrFrom(netip.Addr{}).IsZero())
	require.False(t, Addr{}.Netip().IsValid())
}
