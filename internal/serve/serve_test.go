package serve

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// served runs a service on one end of a cable in memory and gives a connection to it
// from the other; end drains the dataplane and closes the service.
func served(t *testing.T, c config.Service) (conn *dataplane.Conn, s *Service, end func()) {
	t.Helper()
	near, far := joined(t)
	c.Port = 7
	s, err := Start(far, c)
	require.NoError(t, err)
	return dialPort(t, near, 7), s, func() { require.Zero(t, far.Drain(t.Context())); s.Close() }
}

// joined is two dataplanes on a cable in memory, of which far has 10.0.0.2.
func joined(t *testing.T) (near, far *dataplane.Dataplane) {
	t.Helper()
	a, b := mem.NewPair(mem.Options{})
	begin := func(p nic.Port, addr string) *dataplane.Dataplane {
		d, err := dataplane.New(dataplane.Config{
			Ports:  []dataplane.PortConfig{{Port: p, Addrs: []netip.Prefix{netip.MustParsePrefix(addr)}}},
			Timers: sctpcore.TelecomTimers(),
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()); require.NoError(t, p.Close()) })
		return d
	}
	return begin(a, "10.0.0.1/24"), begin(b, "10.0.0.2/24")
}

// dialPort makes an association with a port of far.
func dialPort(t *testing.T, near *dataplane.Dataplane, port uint16) *dataplane.Conn {
	t.Helper()
	c, err := near.Dial(t.Context(), nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Port: port}, nil)
	require.NoError(t, err)
	return c
}

func TestEchoGivesEveryMessageBack(t *testing.T) {
	c, _, end := served(t, config.Service{Kind: "echo"})
	room := make([]byte, 300_000)
	for i, size := range []int{1, 1400, 1453, roomBytes, roomBytes + 1, 200_000} {
		out := bytes.Repeat([]byte{byte('a' + i)}, size)
		require.NoError(t, c.Send(out, &dataplane.Message{Stream: uint16(i), PPID: 46}))
		in := []byte{}
		var m dataplane.Message
		for more := true; more; more = m.More {
			n, err := c.Recv(room, &m)
			require.NoError(t, err)
			in = append(in, room[:n]...)
		}
		require.Equal(t, out, in)
		require.EqualValues(t, i, m.Stream)
		require.EqualValues(t, 46, m.PPID)
	}
	require.NoError(t, c.Close())
	<-c.Done()
	require.NoError(t, c.Err())
	end()
}

func TestDiscardTakesAllAndSaysNothing(t *testing.T) {
	c, _, end := served(t, config.Service{Kind: "discard"})
	for range 100 {
		require.NoError(t, c.Send([]byte("gone"), &dataplane.Message{}))
	}
	require.NoError(t, c.Close())
	var m dataplane.Message
	_, err := c.Recv(make([]byte, 10), &m)
	require.True(t, errors.Is(err, io.EOF) || err != nil)
	<-c.Done()
	require.NoError(t, c.Err())
	end()
}

func TestChargenWalksThroughItsStreams(t *testing.T) {
	c, _, end := served(t, config.Service{Kind: "chargen", Length: 72, Streams: 3})
	var m dataplane.Message
	room := make([]byte, 100)
	seen := map[uint16]int{}
	for range 60 {
		n, err := c.Recv(room, &m)
		require.NoError(t, err)
		require.Equal(t, 72, n)
		seen[m.Stream]++
	}
	require.Len(t, seen, 3)
	require.NoError(t, c.Abort("enough"))
	end()
}

// TestServiceEndsGracefully: the end of the service is a graceful shutdown for
// those who are connected.
func TestServiceEndsGracefully(t *testing.T) {
	c, _, end := served(t, config.Service{Kind: "echo"})
	require.NoError(t, c.Send([]byte("x"), &dataplane.Message{}))
	var m dataplane.Message
	_, err := c.Recv(make([]byte, 10), &m)
	require.NoError(t, err)
	end()
	<-c.Done()
	require.NoError(t, c.Err())
}

func TestFromFlags(t *testing.T) {
	_, err := FromFlags([]string{"nothing:x"}, []string{"10.0.0.1/24"}, "telecom", "auto")
	require.Error(t, err)
	_, err = FromFlags([]string{"af_packet:x"}, []string{"10.0.0.1"}, "telecom", "auto")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "flags:")
}

// TestChangeLeavesAssociationsAlone: those that are served go on as they
// began, new ones are served as the change says, at the port that it says.
func TestChangeLeavesAssociationsAlone(t *testing.T) {
	near, far := joined(t)
	s, err := Start(far, config.Service{Kind: "echo", Port: 7})
	require.NoError(t, err)
	room := make([]byte, 20)
	echoes := func(c *dataplane.Conn) {
		t.Helper()
		require.NoError(t, c.Send([]byte("back, please"), nil))
		n, err := c.Recv(room, nil)
		require.NoError(t, err)
		require.Equal(t, "back, please", string(room[:n]))
	}
	old := dialPort(t, near, 7)
	echoes(old)
	require.NoError(t, s.Change(config.Service{Kind: "chargen", Port: 19, Length: 5, Streams: 1}))
	moved := dialPort(t, near, 19)
	n, err := moved.Recv(room, nil)
	require.NoError(t, err)
	require.Equal(t, 5, n)
	require.NoError(t, s.Change(config.Service{Kind: "echo", Port: 19}))
	echoes(dialPort(t, near, 19))
	echoes(old)
	n, err = moved.Recv(room, nil)
	require.NoError(t, err)
	require.Equal(t, 5, n)

	_, err = near.Dial(t.Context(), nil, &dataplane.Addr{IPs: far.Addrs(), Port: 7}, nil)
	require.Error(t, err, "nobody listens there any more")
	taken, err := far.Listen(&dataplane.Addr{Port: 8}, nil)
	require.NoError(t, err)
	require.ErrorContains(t, s.Change(config.Service{Kind: "discard", Port: 8}), "choose another service.port")
	require.NoError(t, taken.Close())
	require.Equal(t, "echo on 10.0.0.2:19", s.String())
	require.NoError(t, s.Change(config.Service{}))
	require.Equal(t, "no service", s.String())
	echoes(old)
	_, err = near.Dial(t.Context(), nil, &dataplane.Addr{IPs: far.Addrs(), Port: 19}, nil)
	require.Error(t, err)
	s.Close()
}

// TestAcceptedTooLate: an association that was taken from a listener while that was closed is
// aborted; nobody would serve it.
func TestAcceptedTooLate(t *testing.T) {
	near, far := joined(t)
	s, err := Start(far, config.Service{Kind: "echo", Port: 7})
	require.NoError(t, err)
	was := s.listener
	l, err := far.Listen(&dataplane.Addr{Port: 8}, nil)
	require.NoError(t, err)
	c := dialPort(t, near, 8)
	taken, err := l.AcceptSCTP()
	require.NoError(t, err)
	require.NoError(t, s.Change(config.Service{}))
	s.admit(was, taken)
	<-c.Done()
	require.ErrorContains(t, c.Err(), "aborted by peer")
	s.Close()
}
