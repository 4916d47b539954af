package dataplane

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// All that a configuration says of addresses and routes is replaced at once.
func TestNetworkIsReplaced(t *testing.T) {
	forRenumbered(t, func(t *testing.T, workers int, ip6 bool) {
		r := newRenumbered(t, workers, ip6, nil, following)
		old, fresh, kept := addrOf(0, 0, ip6), within64(addrOf(0, 0, ip6), 77), addrOf(0, 0, !ip6)
		others := []netip.Addr{kept.Addr(), addrOf(0, 1, ip6).Addr(), addrOf(0, 1, !ip6).Addr()}
		r.flows("before", r.peers(append(others, old.Addr())...))

		far := netip.MustParsePrefix("198.51.100.0/24")
		via := addrOf(1, 0, false).Addr()
		route := RouteConfig{Dst: far, Via: via, Port: "a0"}
		off := route
		off.Via = netip.MustParseAddr("203.0.113.1")
		before := r.a.Addrs()
		addrs := map[string][]netip.Prefix{"a0": {fresh, kept}}
		require.Error(t, r.a.SetNetwork(addrs, []RouteConfig{off}))
		require.ErrorIs(t, r.a.SetNetwork(map[string][]netip.Prefix{"a0": nil}, nil), sctpcore.ErrLastAddress)
		require.Error(t, r.a.SetNetwork(map[string][]netip.Prefix{"none": {fresh}}, nil))
		require.Error(t, r.a.SetNetwork(map[string][]netip.Prefix{"a0": {fresh, addrOf(0, 1, ip6)}}, nil), "it is on another port")
		require.Equal(t, before, r.a.Addrs())

		if ip6 { // the route needs an address of its family
			addrs["a0"] = []netip.Prefix{kept, fresh}
		}
		require.NoError(t, r.a.SetNetwork(addrs, []RouteConfig{route}))
		r.flows("replaced", r.peers(append(others, fresh.Addr())...))
		require.True(t, r.told(0, sctpcore.EventAsconf, sctpcore.DeleteAddress, old.Addr()))
		for _, w := range r.a.workers {
			hop, ok := w.routes.LookupFrom(wire.Addr{}, wire.AddrFrom(far.Addr().Next()))
			require.True(t, ok)
			require.Equal(t, via, hop.Via.Netip())
		}
		require.NoError(t, r.a.SetNetwork(nil, nil))
		_, ok := r.a.workers[0].routes.LookupFrom(wire.Addr{}, wire.AddrFrom(far.Addr().Next()))
		require.False(t, ok)
		require.True(t, r.a.Owns(fresh.Addr()))
	})
}
