package inet

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

func loopIface(t *testing.T) *Iface {
	f, err := NewIface(IfaceConfig{MAC: ourMAC, Loopback: true,
		Addrs: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")},
		Also:  []netip.Addr{our4.Netip(), our6.Netip()}})
	require.NoError(t, err)
	return f
}

// On the loopback all is our own and from our own MAC; other addresses are still none.
func TestLoopbackParses(t *testing.T) {
	f := loopIface(t)
	var drops Drops
	p := NewParser(f, nil, &drops)
	for _, c := range []struct {
		src, dst string
		want     Drop
	}{
		{"127.0.0.1", "127.0.0.1", DropNone},
		{"127.0.0.1", "127.9.9.9", DropNone},
		{our4.String(), our4.String(), DropNone},
		{our4.String(), "127.0.0.1", DropNone},
		{"::1", "::1", DropNone},
		{our6.String(), "::1", DropNone},
		{"127.0.0.1", "192.0.2.77", DropNotOurAddress},
		{"127.0.0.1", "0.0.0.0", DropDestInvalid},
		{"240.0.0.1", "127.0.0.1", DropSource},
		{"::1", "2001:db8::77", DropNotOurAddress},
	} {
		var tp Template
		src, dst := addr(c.src), addr(c.dst)
		require.NoError(t, tp.Set(&TemplateConfig{Iface: f, DstMAC: ourMAC, Src: src, Dst: dst}))
		frame := make([]byte, tp.Len(), 200)
		tp.Put(frame, 40)
		var m Meta
		want := SCTP
		if c.want != DropNone {
			want = Dropped
		}
		require.Equal(t, want, p.Parse(append(frame, sctpBytes(40)...), 0, 0, &m), "%s to %s", c.src, c.dst)
		require.Equal(t, c.want, m.Drop, "%s to %s", c.src, c.dst)
	}
	// Elsewhere none of it passes.
	s := newStack(t)
	require.Equal(t, Dropped, s.take(build(t, ether(layers.EthernetTypeIPv4), ip4(addr("127.0.0.1"), our4, layers.IPProtocolSCTP), sctpBytes(40))))
}

// The way to our own addresses is the loopback, whatever source is asked for.
func TestLoopbackRoutes(t *testing.T) {
	outer, err := NewIface(IfaceConfig{MAC: MAC{2, 0, 0, 0, 1, 1}, Addrs: []netip.Prefix{netip.PrefixFrom(our4.Netip(), 24), netip.PrefixFrom(our6.Netip(), 64)}})
	require.NoError(t, err)
	r, err := NewRoutes([]*Iface{outer, loopIface(t)}, nil)
	require.NoError(t, err)
	var none wire.Addr
	for _, c := range []struct {
		src, dst, want wire.Addr
		port           int
	}{
		{none, our4, our4, 1}, {our4, our4, our4, 1}, {our4, addr("127.0.0.1"), our4, 1},
		{none, addr("127.0.0.3"), addr("127.0.0.3"), 1}, {none, addr("::1"), addr("::1"), 1},
		{our4, peer4, our4, 0}, {none, peer6, our6, 0},
	} {
		h, ok := r.LookupFrom(c.src, c.dst)
		require.True(t, ok)
		require.Equal(t, []any{c.port, c.want, c.dst}, []any{h.Port, h.Src, h.Via}, "%v from %v", c.dst, c.src)
		if c.src.IsZero() {
			again, ok := r.Lookup(c.dst)
			require.True(t, ok)
			require.Equal(t, h, again)
		}
		var hops [4]Hop
		require.Equal(t, 1, r.Candidates(c.src, c.dst, hops[:]))
		require.Equal(t, h, hops[0])
	}
	r.SetPort(1, false)
	_, ok := r.Lookup(our4)
	require.False(t, ok)
}
