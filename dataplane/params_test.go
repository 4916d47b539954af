package dataplane

import (
	"syscall"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Parameters begin as the options say, on both sides, and change while messages flow.
func TestParams(t *testing.T) {
	s := newAlone(t, 2, nil)
	begin := sctpcore.Params{Timers: sctpcore.TelecomTimers(), MaxSegment: 500, Nagle: true}
	c, srv := s.joinWith(&AssocOptions{Params: &begin})
	for _, x := range []*Conn{c, srv} {
		p, err := x.Params()
		require.NoError(t, err)
		require.Equal(t, begin, p)
		info, err := x.Info()
		require.NoError(t, err)
		require.Equal(t, 500, info.FragmentSize)
	}
	dst := addrs("127.0.0.1")[0]
	next := begin
	next.MaxSegment, next.Nagle, next.SACKFrequency = 0, false, 1
	require.NoError(t, c.SetParams(&next))
	got, err := c.Params()
	require.NoError(t, err)
	require.Equal(t, next, got)
	s.says(c, srv, "hello")
	bad := next
	bad.RTOMin = -1
	require.ErrorIs(t, c.SetParams(&bad), syscall.EINVAL)
	require.ErrorIs(t, c.SetParams(&bad), sctpcore.ErrInvalid)

	own, err := c.PathParams(dst)
	require.NoError(t, err)
	require.Equal(t, begin.HBInterval, own.HBInterval)
	own.MTU, own.NoHeartbeat = 1200, true
	require.NoError(t, c.SetPathParams(dst, &own))
	paths, err := c.Paths()
	require.NoError(t, err)
	require.Equal(t, 1200, paths[0].MTU)
	again, err := c.PathParams(dst)
	require.NoError(t, err)
	require.Equal(t, own, again)
	before := paths[0].HeartbeatsSent
	require.NoError(t, c.Heartbeat(dst))
	end := s.now + 10*int64(begin.HBInterval)
	s.until(100, "a while", func() bool { return s.now > end })
	paths, err = c.Paths()
	require.NoError(t, err)
	require.EqualValues(t, 1, paths[0].HeartbeatsSent-before, "the one that was asked for")
	own.MTU = 0
	require.NoError(t, c.SetPathParams(dst, &own))
	paths, err = c.Paths()
	require.NoError(t, err)
	require.Equal(t, 9000, paths[0].MTU)

	other := addrs("192.0.2.1")[0]
	_, err = c.PathParams(other)
	for _, err := range []error{err, c.Heartbeat(other), c.SetPathParams(other, &own)} {
		require.ErrorIs(t, err, sctpcore.ErrAddress)
		require.ErrorIs(t, err, syscall.EINVAL)
	}
	require.NoError(t, c.Abort(""))
	s.settle()
	require.Error(t, srv.SetParams(&next))
}

// An idle association closes itself.
func TestAutoclose(t *testing.T) {
	s := newAlone(t, 1, nil)
	c, srv := s.joinWith(nil)
	p, err := c.Params()
	require.NoError(t, err)
	p.Autoclose = 5 * sctpcore.Second
	require.NoError(t, c.SetParams(&p))
	for range 4 {
		end := s.now + 3e9
		s.until(4, "a while", func() bool { return s.now > end })
		s.says(srv, c, "still here")
	}
	s.until(6, "end", func() bool { return isClosed(c.Done()) && isClosed(srv.Done()) })
	require.NoError(t, c.Err())
}

// Marks are in the headers of the next packet, and go with the association.
func TestMarksOfPackets(t *testing.T) {
	r := newRawPeer(t, 1)
	begin := sctpcore.Params{Timers: sctpcore.RFC9260Timers(), Class: 0x88, Hops: 9}
	c, err := r.d.Begin(nil, &Addr{IPs: addrs("10.0.1.2"), Port: 7}, &AssocOptions{Params: &begin})
	require.NoError(t, err)
	headers := func(packets []gopacket.Packet) *layers.IPv4 {
		t.Helper()
		all := find[*layers.IPv4](packets, layers.LayerTypeIPv4)
		require.Len(t, all, 1)
		return all[0]
	}
	again := func() *layers.IPv4 {
		t.Helper()
		r.now += 70e9
		return headers(r.exchange(r.arp(layers.ARPReply)))
	}
	r.exchange()
	h := headers(r.exchange(r.arp(layers.ARPReply)))
	require.Equal(t, []uint8{0x88, 9}, []uint8{h.TOS, h.TTL})
	require.NotZero(t, h.Flags&layers.IPv4DontFragment)
	p, err := c.PathParams(addrs("10.0.1.2")[0])
	require.NoError(t, err)
	p.Class, p.NoDiscovery = sctpcore.Mark{Set: true, Value: 0x20}, true
	require.NoError(t, c.SetPathParams(addrs("10.0.1.2")[0], &p))
	h = again()
	require.Equal(t, []uint8{0x20, 9}, []uint8{h.TOS, h.TTL})
	require.Zero(t, h.Flags&layers.IPv4DontFragment)
	begin.Hops = 0
	require.NoError(t, c.SetParams(&begin))
	require.EqualValues(t, 64, again().TTL)
	w := r.d.workers[0]
	require.Len(t, w.egress.byKey, 1, "those before are given back")
	require.NoError(t, c.Abort(""))
	r.exchange()
	require.Empty(t, w.egress.byKey)
}

// TestDefaultsAreOfNewAssociations: timers and buffers of those that exist stay.
func TestDefaultsAreOfNewAssociations(t *testing.T) {
	s := newAlone(t, 2, nil)
	ln := s.listen(s.bind(7, "127.0.0.1"))
	old, _ := s.join(s.bind(9, "127.0.0.1"), ln, "127.0.0.1")
	was, err := old.Params()
	require.NoError(t, err)
	timers, limits := sctpcore.TelecomTimers(), sctpcore.DefaultLimits()
	limits.ReceiveBuffer = 1 << 16
	require.NoError(t, s.d.SetDefaults(timers, limits))
	fresh, accepted := s.join(s.bind(10, "127.0.0.1"), ln, "127.0.0.1")
	for _, c := range []*Conn{fresh, accepted} {
		p, err := c.Params()
		require.NoError(t, err)
		require.Equal(t, timers, p.Timers)
		info, err := c.Info()
		require.NoError(t, err)
		require.Equal(t, 1<<16, info.Rwnd)
	}
	p, err := old.Params()
	require.NoError(t, err)
	require.Equal(t, was, p)

	limits.MaxMessage--
	require.ErrorIs(t, s.d.SetDefaults(timers, limits), syscall.EINVAL)
}
