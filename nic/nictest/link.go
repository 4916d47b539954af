package nictest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

// testLink takes the link down and up: it shows, it counts, it stops traffic
// and it gives it back.
func testLink(t *testing.T, p *pair) {
	before := p.a.Link()
	err := p.a.SetLink(false)
	if errors.Is(err, nic.ErrNotSupported) {
		t.Skip("the port cannot set its link: " + err.Error())
	}
	require.NoError(t, err)
	waitLink(t, p.a, false)
	require.Greater(t, p.a.Link().Changes, before.Changes)

	errorsBefore := p.a.Stats().TxErrors
	transmit(t, p.a, build(t, p.a, p.b, 0, 100, 100, 100))
	require.True(t, Poll(timeout, func() bool { return p.a.Stats().TxErrors >= errorsBefore+3 }),
		"frames sent on a link that is down count as TxErrors")
	require.Zero(t, drain(p.b), "frames came through a link that is down")

	down := p.a.Link().Changes
	require.NoError(t, p.a.SetLink(false), "down is no error when it is down")
	require.NoError(t, p.a.SetLink(true))
	waitLink(t, p.a, true)
	waitLink(t, p.b, true)
	require.Greater(t, p.a.Link().Changes, down)
	transmit(t, p.a, build(t, p.a, p.b, 10, 100))
	transmit(t, p.b, build(t, p.b, p.a, 11, 100))
	nic.Free(receive(t, p.b, 1))
	nic.Free(receive(t, p.a, 1))
}

func testClose(t *testing.T, p *pair) {
	transmit(t, p.a, build(t, p.a, p.b, 0, 100, 100))
	for range 2 {
		require.NoError(t, p.a.Close())
		require.NoError(t, p.b.Close())
	}
}
