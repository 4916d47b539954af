package dataplane

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

var reconfiguring = &AssocOptions{Extensions: &sctpcore.Extensions{Asconf: true}}

// dialFrom dials from one address of side a.
func (l *lab) dialFrom(ln *Listener, cable int) (client, server *Conn) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	la := ln.Addr().(*Addr)
	client, err := l.a.Dial(ctx, &Addr{IPs: []netip.Addr{addrOf(0, cable, false).Addr()}},
		&Addr{IPs: la.IPs[:1], Port: la.Port}, reconfiguring)
	require.NoError(l.t, err)
	server, err = ln.AcceptSCTP()
	require.NoError(l.t, err)
	return client, server
}

// The dialling side moves from one cable to the other while messages go both ways, then
// the first cable is cut.
func TestMoveToAnotherAddress(t *testing.T) {
	for _, workers := range []int{1, 2} {
		l := newLab(t, labOptions{cables: 2, tune: func(_ int, c *Config) {
			c.CPUs = c.CPUs[:0]
			for range workers {
				c.CPUs = append(c.CPUs, -1)
			}
		}})
		l.mustMove(t)
	}
}

func (l *lab) mustMove(t *testing.T) {
	ln, err := l.b.Listen(&Addr{Port: 5000}, reconfiguring)
	require.NoError(t, err)
	c, s := l.dialFrom(ln, 0)
	old, fresh := addrOf(0, 0, false).Addr(), addrOf(0, 1, false).Addr()
	mine, theirs := c.Events(100), s.Events(100)
	require.Equal(t, []netip.Addr{old}, c.LocalAddr().(*Addr).IPs)
	pump(t, c, s, 500, 3000)

	require.NoError(t, c.AddLocal(fresh))
	e := await(t, mine, sctpcore.EventAsconf)
	require.Equal(t, []any{sctpcore.AddAddress, wire.CauseCode(0), wire.AddrFrom(fresh)}, []any{e.Op, e.Cause, e.Addr})
	require.Equal(t, fresh, await(t, theirs, sctpcore.EventAddressAdded).Dst)
	require.Equal(t, []netip.Addr{old, fresh}, c.LocalAddr().(*Addr).IPs)
	require.Equal(t, []netip.Addr{old, fresh}, s.RemoteAddr().(*Addr).IPs)
	confirmed(t, c)
	confirmed(t, s)
	paths, err := c.Paths()
	require.NoError(t, err)
	require.Equal(t, fresh, paths[1].Src.Netip(), "the second path comes from the address of its cable")

	require.NoError(t, c.SetPeerPrimary(fresh))
	require.Equal(t, fresh, await(t, theirs, sctpcore.EventAddressPrimary).Dst)
	require.Equal(t, sctpcore.SetPeerPrimary, await(t, mine, sctpcore.EventAsconf).Op)
	pumpThrough(t, c, s, 500, 3000, func() { _ = c.RemoveLocal(old) })
	require.Equal(t, sctpcore.DeleteAddress, await(t, mine, sctpcore.EventAsconf).Op)
	require.Equal(t, old, await(t, theirs, sctpcore.EventAddressRemoved).Dst)
	require.ErrorIs(t, c.RemoveLocal(fresh), sctpcore.ErrLastAddress)
	require.Error(t, c.AddLocal(netip.MustParseAddr("192.0.2.1")))
	require.Equal(t, []netip.Addr{fresh}, c.LocalAddr().(*Addr).IPs)
	require.Equal(t, []netip.Addr{fresh}, s.RemoteAddr().(*Addr).IPs)
	require.NoError(t, l.wires[0][0].SetLink(false))
	pump(t, c, s, 500, 3000)
	pump(t, s, c, 500, 3000)
	paths, err = s.Paths()
	require.NoError(t, err)
	require.Len(t, paths, 1)
	require.Equal(t, l.wires[1][1].Info().Name, paths[0].Port)
}

// From the only address to another one in one step.
func TestRenumber(t *testing.T) {
	l := newLab(t, labOptions{cables: 2})
	ln, err := l.b.Listen(&Addr{Port: 5000}, reconfiguring)
	require.NoError(t, err)
	c, s := l.dialFrom(ln, 0)
	events := c.Events(100)
	old, fresh := addrOf(0, 0, false).Addr(), addrOf(0, 1, false).Addr()
	require.NoError(t, c.SetLocals(old), "nothing to do")
	require.ErrorIs(t, c.SetLocals(), sctpcore.ErrLastAddress)
	require.Error(t, c.SetLocals(fresh, netip.MustParseAddr("192.0.2.1")))
	require.NoError(t, c.SetLocals(fresh))
	for op := sctpcore.AddressOp(0); op != sctpcore.DeleteAddress; {
		e := await(t, events, sctpcore.EventAsconf)
		require.Zero(t, e.Cause)
		op = e.Op
	}
	require.NoError(t, l.wires[0][0].SetLink(false))
	pump(t, c, s, 500, 3000)
	pump(t, s, c, 500, 3000)
	require.Equal(t, []netip.Addr{fresh}, s.RemoteAddr().(*Addr).IPs)
}

func TestAuthenticatedConn(t *testing.T) {
	l := newLab(t, labOptions{})
	key := sctpcore.AuthKey{ID: 4, Secret: []byte("secret")}
	opt := &AssocOptions{Extensions: &sctpcore.Extensions{Auth: &sctpcore.AuthParams{
		Chunks: []wire.ChunkType{wire.ChunkData}, Keys: []sctpcore.AuthKey{key}, ActiveKey: 4, Required: true}}}
	c, s := l.connect(opt)
	pump(t, c, s, 300, 3000)
	info, err := c.Auth()
	require.NoError(t, err)
	require.True(t, info.On)
	require.Equal(t, []uint16{4}, info.Keys)
	events := s.Events(10)
	for _, x := range []*Conn{c, s} {
		require.NoError(t, x.SetKey(sctpcore.AuthKey{ID: 5, Secret: []byte("another")}))
	}
	require.NoError(t, c.SetActiveKey(5))
	pump(t, c, s, 300, 3000)
	e := await(t, events, sctpcore.EventAuth)
	require.Equal(t, []any{sctpcore.AuthNewKey, uint16(5)}, []any{e.Auth, e.Key})
	require.NoError(t, c.DeactivateKey(4))
	require.ErrorIs(t, c.DeleteKey(5), sctpcore.ErrKey)
	require.NoError(t, c.DeleteKey(4))
	require.ErrorIs(t, c.AddLocal(addrOf(0, 0, false).Addr()), sctpcore.ErrUnsupported)
	require.Zero(t, l.b.Stats().Core.Drops.Unauthenticated)
}

func TestListenerAddresses(t *testing.T) {
	l := newLab(t, labOptions{cables: 2})
	first, second := addrOf(1, 0, false).Addr(), addrOf(1, 1, false).Addr()
	ln, err := l.b.Listen(&Addr{IPs: []netip.Addr{first}, Port: 5000}, reconfiguring)
	require.NoError(t, err)
	require.ErrorIs(t, ln.RemoveLocal(first), sctpcore.ErrLastAddress)
	require.Error(t, ln.AddLocal(netip.MustParseAddr("192.0.2.1")))
	require.NoError(t, ln.AddLocal(second))
	require.ErrorIs(t, ln.AddLocal(second), sctpcore.ErrAddress)
	require.NoError(t, ln.RemoveLocal(first))
	require.Equal(t, []netip.Addr{second}, ln.Addr().(*Addr).IPs)
	require.ErrorIs(t, ln.SetKeys(nil, 1), sctpcore.ErrKey)
	require.NoError(t, ln.SetKeys([]sctpcore.AuthKey{{ID: 1}}, 1))
	c, s := l.dialFrom(ln, 1)
	require.Equal(t, []netip.Addr{second}, c.RemoteAddr().(*Addr).IPs)
	pump(t, s, c, 10, 100)
	require.NoError(t, c.Close())
	<-c.Done()
	require.Error(t, c.AddLocal(addrOf(0, 0, false).Addr()))
}
