package inet

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

func testRoutes(t testing.TB) *Routes {
	port := func(last byte, addrs ...string) *Iface {
		c := IfaceConfig{MAC: MAC{2, 0, 0, 0, 1, last}}
		for _, a := range addrs {
			c.Addrs = append(c.Addrs, netip.MustParsePrefix(a))
		}
		f, err := NewIface(c)
		require.NoError(t, err)
		return f
	}
	static := func(dst, via string, port, metric int) StaticRoute {
		return StaticRoute{netip.MustParsePrefix(dst), netip.MustParseAddr(via), port, metric}
	}
	r, err := NewRoutes([]*Iface{
		port(0, "10.0.0.1/24", "2001:db8:a::1/64"),
		port(1, "10.1.0.1/24", "10.1.9.1/24", "2001:db8:b::1/64"),
		port(2, "10.2.0.1/24"),
	}, []StaticRoute{
		static("0.0.0.0/0", "10.1.0.254", 1, 20),
		static("0.0.0.0/0", "10.0.0.254", 0, 10),
		static("172.16.0.0/12", "10.2.0.254", 2, 0),
		static("172.16.5.0/24", "10.1.9.254", 1, 0),
		static("::/0", "2001:db8:a::fe", 0, 0),
		static("::/0", "fe80::1", 1, 5),
	})
	require.NoError(t, err)
	return r
}

func TestRoutesLookup(t *testing.T) {
	r := testRoutes(t)
	check := func(dst string, port int, via, src string) {
		t.Helper()
		h, ok := r.Lookup(addr(dst))
		require.True(t, ok)
		require.Equal(t, []any{port, via, src}, []any{h.Port, h.Via.String(), h.Src.String()}, dst)
	}
	check("10.0.0.7", 0, "10.0.0.7", "10.0.0.1")
	check("10.1.9.7", 1, "10.1.9.7", "10.1.9.1")
	check("172.16.5.1", 1, "10.1.9.254", "10.1.9.1")
	check("172.17.5.1", 2, "10.2.0.254", "10.2.0.1")
	check("8.8.8.8", 0, "10.0.0.254", "10.0.0.1")
	check("2001:db8:b::9", 1, "2001:db8:b::9", "2001:db8:b::1")
	check("2001:db8:ffff::9", 0, "2001:db8:a::fe", "2001:db8:a::1")

	gen := r.Generation()
	other := r.Clone()
	r.SetPort(0, true)
	require.Equal(t, gen, r.Generation(), "no news")
	r.SetPort(0, false)
	require.NotEqual(t, gen, r.Generation())
	check("8.8.8.8", 1, "10.1.0.254", "10.1.0.1")
	check("10.0.0.7", 1, "10.1.0.254", "10.1.0.1")
	check("2001:db8:ffff::9", 1, "fe80::1", "2001:db8:b::1")
	r.SetPort(1, false)
	_, ok := r.Lookup(addr("8.8.8.8"))
	require.False(t, ok)
	check("172.16.5.1", 2, "10.2.0.254", "10.2.0.1")
	h, _ := other.Lookup(addr("8.8.8.8"))
	require.Equal(t, 0, h.Port, "a clone has links of its own")
	r.SetPort(0, true)
	check("8.8.8.8", 0, "10.0.0.254", "10.0.0.1")
}

func TestRoutesLookupFrom(t *testing.T) {
	r := testRoutes(t)
	h, ok := r.LookupFrom(addr("10.1.0.1"), addr("8.8.8.8"))
	require.True(t, ok)
	require.Equal(t, Hop{Port: 1, Via: addr("10.1.0.254"), Src: addr("10.1.0.1"), Metric: 20, Up: true}, h)
	h, _ = r.LookupFrom(addr("10.2.0.1"), addr("8.8.8.8"))
	require.Equal(t, Hop{Port: 0, Via: addr("10.0.0.254"), Src: addr("10.0.0.1"), Metric: 10, Up: true}, h, "its port has no way")
	r.SetPort(1, false)
	h, _ = r.LookupFrom(addr("10.1.0.1"), addr("8.8.8.8"))
	require.Equal(t, 0, h.Port)
	require.Equal(t, addr("10.0.0.1"), h.Src)
	_, ok = r.LookupFrom(addr("2001:db8:b::1"), addr("2001:db8:b::5"))
	require.True(t, ok, "by the default route of port 0")
}

func TestRoutesCandidates(t *testing.T) {
	r := testRoutes(t)
	ports := func(src wire.Addr, dst string) (out []int) {
		var hops [8]Hop
		for _, h := range hops[:r.Candidates(src, addr(dst), hops[:])] {
			out = append(out, h.Port)
		}
		return out
	}
	require.Equal(t, []int{1, 2, 0, 1}, ports(wire.Addr{}, "172.16.5.1"))
	require.Equal(t, []int{2, 1, 0, 1}, ports(addr("10.2.0.1"), "172.16.5.1"))
	r.SetPort(2, false)
	require.Equal(t, []int{1, 0, 1, 2}, ports(addr("10.2.0.1"), "172.16.5.1"))
	var one [1]Hop
	require.Equal(t, 1, r.Candidates(wire.Addr{}, addr("8.8.8.8"), one[:]))
	require.True(t, one[0].Up)
}

func TestRoutesRefuse(t *testing.T) {
	f := testIface(t)
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	for name, s := range map[string]StaticRoute{
		"no destination": {Via: a("192.0.2.2")},
		"no such port":   {Dst: p("0.0.0.0/0"), Via: a("192.0.2.2"), Port: 1},
		"negative port":  {Dst: p("0.0.0.0/0"), Via: a("192.0.2.2"), Port: -1},
		"no next hop":    {Dst: p("0.0.0.0/0")},
		"other family":   {Dst: p("0.0.0.0/0"), Via: a("2001:db8::2")},
		"off link":       {Dst: p("0.0.0.0/0"), Via: a("198.51.100.1")},
		"ourselves":      {Dst: p("0.0.0.0/0"), Via: a("192.0.2.1")},
	} {
		_, err := NewRoutes([]*Iface{f}, []StaticRoute{s})
		require.Error(t, err, name)
	}
}

func TestIfaceRefuses(t *testing.T) {
	ok := IfaceConfig{MAC: ourMAC, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/31"), netip.MustParsePrefix("192.0.2.9/32")}}
	_, err := NewIface(ok)
	require.NoError(t, err)
	for name, c := range map[string]IfaceConfig{
		"no mac":        {},
		"group mac":     {MAC: MAC{1}},
		"vlan":          {MAC: ourMAC, VLAN: 4095},
		"outer only":    {MAC: ourMAC, OuterVLAN: 5},
		"multicast":     {MAC: ourMAC, Addrs: []netip.Prefix{netip.MustParsePrefix("224.0.0.1/24")}},
		"broadcast":     {MAC: ourMAC, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.255/24")}},
		"invalid":       {MAC: ourMAC, Addrs: []netip.Prefix{{}}},
		"address twice": {MAC: ourMAC, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("192.0.2.1/25")}},
	} {
		_, err := NewIface(c)
		require.Error(t, err, name)
	}
}

func TestAlsoAccepts(t *testing.T) {
	f, err := NewIface(IfaceConfig{MAC: ourMAC, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24")},
		Also: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	require.NoError(t, err)
	var m Meta
	require.Equal(t, SCTP, NewParser(f, nil, new(Drops)).Parse(sctp4(t, 40), 0, 0, &m))
	require.False(t, f.Owns(our4), "but not announced")
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct {
		prefix, addr string
		want         bool
	}{
		{"192.0.2.1/24", "192.0.2.255", true}, {"192.0.2.1/24", "192.0.3.1", false},
		{"0.0.0.0/0", "203.0.113.1", true}, {"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true}, {"::/0", "203.0.113.1", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true}, {"2001:db8::/33", "2001:db8:8000::1", false},
		{"2001:db8::/64", "2001:db8::ffff", true}, {"2001:db8::/65", "2001:db8::8000:0:0:1", false},
		{"2001:db8::1/128", "2001:db8::1", true}, {"2001:db8::1/128", "2001:db8::2", false},
	} {
		p := PrefixFrom(netip.MustParsePrefix(c.prefix))
		require.Equal(t, c.want, p.Contains(addr(c.addr)), "%+v", c)
		require.Equal(t, netip.MustParsePrefix(c.prefix).Masked(), p.Netip())
		require.Equal(t, netip.MustParsePrefix(c.prefix).Bits(), p.Bits())
	}
	var zero Prefix
	require.False(t, zero.Contains(wire.Addr{}))
	require.False(t, zero.Netip().IsValid())
}
