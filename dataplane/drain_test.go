package dataplane

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// TestDrainDeliversAndRefuses: what was sent arrives, both ends are told of a graceful end,
// and nobody begins anew.
func TestDrainDeliversAndRefuses(t *testing.T) {
	l := newLab(t, labOptions{tune: func(_ int, c *Config) { c.CPUs = []int{-1, -1} }})
	c, s := l.connect(nil)
	require.NoError(t, s.Send([]byte("last words"), nil))
	require.NoError(t, c.Send([]byte("theirs"), nil))
	require.Eventually(t, func() bool { // else its worker might see the SHUTDOWN first
		info, err := c.Info()
		return err == nil && info.TxMessages == 1
	}, 60*time.Second, time.Millisecond)
	require.Zero(t, l.b.Drain(t.Context()))
	<-c.Done()
	require.NoError(t, c.Err())
	require.NoError(t, s.Err())
	room := make([]byte, 20)
	n, err := c.Recv(room, nil)
	require.NoError(t, err)
	require.Equal(t, "last words", string(room[:n]))
	_, err = c.Recv(room, nil)
	require.ErrorIs(t, err, io.EOF)
	n, err = s.Recv(room, nil)
	require.NoError(t, err)
	require.Equal(t, "theirs", string(room[:n]))

	_, err = l.b.Listen(&Addr{Port: 9}, nil)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.b.Dial(t.Context(), nil, &Addr{IPs: l.a.Addrs(), Port: 7}, nil)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.a.Dial(t.Context(), nil, &Addr{IPs: l.b.Addrs(), Port: 7}, nil)
	var refused *AssocError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, sctpcore.ReasonPeerAbort, refused.Reason)
	require.Zero(t, l.b.Drain(t.Context()), "again")
}

// TestDrainGivesUp: an association whose peer answers no more is left to Close.
func TestDrainGivesUp(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(nil)
	other, _ := l.connect(nil)
	for _, w := range l.wires {
		w[0].SetLink(false)
		w[1].SetLink(false)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	left := -1
	for left < 0 { // the worker has not much time to answer
		left = l.b.Drain(ctx)
	}
	require.Equal(t, 2, left)
	require.NoError(t, l.b.Close())
	<-s.Done()
	require.Error(t, s.Err())
	require.NoError(t, c.Abort(""))
	require.NoError(t, other.Abort(""))
}
