package serve

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// served runs a handler on one end of a cable in memory and gives a connection
// to it from the other; end asks it to stop and gives what accept returned.
func served(t *testing.T, handle func(*dataplane.Conn, config.Service) error, s config.Service) (c *dataplane.Conn, end func() error) {
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
	near, far := begin(a, "10.0.0.1/24"), begin(b, "10.0.0.2/24")
	at := &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Port: 7}
	l, err := far.Listen(at, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	ended := make(chan error, 1)
	go func() { ended <- accept(ctx, l, func(c *dataplane.Conn) { _ = handle(c, s) }) }()
	c, err = near.Dial(ctx, nil, at, nil)
	require.NoError(t, err)
	return c, func() error { cancel(); return <-ended }
}

func TestEchoGivesEveryMessageBack(t *testing.T) {
	c, end := served(t, echo, config.Service{})
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
	require.NoError(t, end())
}

func TestDiscardTakesAllAndSaysNothing(t *testing.T) {
	c, end := served(t, discard, config.Service{})
	for range 100 {
		require.NoError(t, c.Send([]byte("gone"), &dataplane.Message{}))
	}
	require.NoError(t, c.Close())
	var m dataplane.Message
	_, err := c.Recv(make([]byte, 10), &m)
	require.True(t, errors.Is(err, io.EOF) || err != nil)
	<-c.Done()
	require.NoError(t, c.Err())
	require.NoError(t, end())
}

func TestChargenWalksThroughItsStreams(t *testing.T) {
	c, end := served(t, chargen, config.Service{Length: 72, Streams: 3})
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
	require.NoError(t, end())
}

// TestServiceEndsGracefully: the end of the service is a graceful shutdown for
// those who are connected.
func TestServiceEndsGracefully(t *testing.T) {
	c, end := served(t, echo, config.Service{})
	require.NoError(t, c.Send([]byte("x"), &dataplane.Message{}))
	var m dataplane.Message
	_, err := c.Recv(make([]byte, 10), &m)
	require.NoError(t, err)
	require.NoError(t, end())
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

func TestRunNeedsAService(t *testing.T) {
	err := Run(context.Background(), &config.File{Path: "f.yaml"}, io.Discard, io.Discard)
	require.EqualError(t, err, "f.yaml: nothing to serve; add `sockets: {}` for programs, or `service: {kind: echo}` (or discard, chargen)")
}
