package sctpcore

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// quote is the beginning of a packet from Z to A, as ICMP quotes it.
func (r *rawPeer) quote(tag uint32, more ...byte) []byte {
	b := make([]byte, wire.CommonHeaderLen)
	wire.PutHeader(b, portZ, portA, tag)
	return append(b, more...)
}

// ICMP errors (RFC 9260, section 10): only those that quote a packet which we can have
// sent mean anything.
func TestUnreachable(t *testing.T) {
	r := rawEstablished(t, nil)
	bad := uint64(0)
	refuse := func(name string, src, dst wire.Addr, quoted []byte) {
		t.Helper()
		for _, protocol := range []bool{false, true} {
			r.e.HandleUnreachable(r.now, src, dst, quoted, 0, protocol)
			r.e.HandleUnreachable(r.now, src, dst, quoted, 600, protocol)
			bad += 2
		}
		require.Equal(t, bad, r.e.ctr.Drops.BadICMP, name)
		require.Equal(t, []int{0, 1500}, []int{int(r.assoc().paths[0].errors), int(r.assoc().paths[0].mtu)}, name)
	}
	refuse("nothing quoted", r.dst, r.src, nil)
	refuse("seven bytes", r.dst, r.src, r.quote(r.mine)[:7])
	refuse("wrong tag", r.dst, r.src, r.quote(r.mine+1))
	refuse("our own tag", r.dst, r.src, r.quote(r.theirs))
	refuse("tag 0", r.dst, r.src, r.quote(0))
	refuse("tag 0 and another INIT", r.dst, r.src, r.quote(0, 1, 0, 0, 20, 1, 2, 3, 4))
	refuse("another destination", r.dst, addrOf(9, 9), r.quote(r.mine))
	refuse("ports turned round", r.dst, r.src, packet(r.mine))
	r.works()
	tooBig := func(mtu int) int {
		r.e.HandleUnreachable(r.now, r.dst, r.src, r.quote(r.mine)[:8], mtu, false)
		return int(r.assoc().paths[0].mtu)
	}
	require.Equal(t, 1500, tooBig(1501), "never larger")
	require.Equal(t, 1500, tooBig(68), "not below what the core works with")
	require.Equal(t, 1280, tooBig(1280))
	r.e.HandleUnreachable(r.now, r.dst, r.src, r.quote(r.mine), 0, false)
	require.EqualValues(t, 1, r.assoc().paths[0].errors)
	r.works()
}

// IPv4 and IPv6 addresses in one association; the peer is told those that it can use
// (RFC 9260, sections 3.3.2.1.5 and 5.1.2).
func TestBothFamilies(t *testing.T) {
	six := wire.AddrFrom(netip.MustParseAddr("2001:db8::2"))
	peers := wire.AddrFrom(netip.MustParseAddr("2001:db8::1"))
	for name, c := range map[string]struct {
		types        []byte
		want4, want6 bool
	}{
		"any":  {nil, true, true},
		"both": {wire.AppendSupportedAddrTypes(nil, true, true), true, true},
		"four": {wire.AppendSupportedAddrTypes(nil, true, false), true, false},
		"six":  {wire.AppendSupportedAddrTypes(nil, false, true), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRawPeer(t, nil)
			require.NoError(t, r.e.Listen(portZ, &ListenParams{Locals: []wire.Addr{r.dst, six}}))
			ack := r.open(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, peers), c.types)
			require.Equal(t, c.want4, paramOf(ack.chunk(0), wire.ParamIPv4) != nil)
			require.Equal(t, c.want6, paramOf(ack.chunk(0), wire.ParamIPv6) != nil)
			r.say(r.echo())
			require.GreaterOrEqual(t, r.assoc().findPath(peers), 0)
			r.works()
		})
	}
	// Without an IPv6 address of our own the peer's is of no use.
	r := newRawPeer(t, nil)
	r.establish(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, peers))
	require.Equal(t, -1, r.assoc().findPath(peers))
	r.works()
}
