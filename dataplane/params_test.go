package dataplane

import (
	"net/netip"
	"syscall"
	"testing"

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

	require.NoError(t, c.SetPathParams(dst, &sctpcore.PathParams{MTU: 1200, NoHeartbeat: true}))
	paths, err := c.Paths()
	require.NoError(t, err)
	require.Equal(t, 1200, paths[0].MTU)
	own, err := c.PathParams(dst)
	require.NoError(t, err)
	require.Equal(t, sctpcore.PathParams{MTU: 1200, NoHeartbeat: true, HBInterval: begin.HBInterval, MaxRetrans: begin.PathMaxRetrans, PFMaxRetrans: begin.PFMaxRetrans}, own)
	before := paths[0].HeartbeatsSent
	require.NoError(t, c.Heartbeat(dst))
	end := s.now + 10*int64(begin.HBInterval)
	s.until(100, "a while", func() bool { return s.now > end })
	paths, err = c.Paths()
	require.NoError(t, err)
	require.EqualValues(t, 1, paths[0].HeartbeatsSent-before, "the one that was asked for")
	require.NoError(t, c.SetPathParams(netip.Addr{}, &sctpcore.PathParams{MaxRetrans: 9}))
	own, err = c.PathParams(dst)
	require.NoError(t, err)
	require.Equal(t, 9, own.MaxRetrans)
	require.False(t, own.NoHeartbeat)
	paths, err = c.Paths()
	require.NoError(t, err)
	require.Equal(t, 9000, paths[0].MTU)

	other := addrs("192.0.2.1")[0]
	_, err = c.PathParams(other)
	for _, err := range []error{err, c.Heartbeat(other), c.SetPathParams(other, nil)} {
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
