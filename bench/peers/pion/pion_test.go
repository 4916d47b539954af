package pion

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

func TestRun(t *testing.T) {
	for _, s := range []load.Spec{
		{Kind: load.Stream, Size: 16 << 10, Assocs: 1, Checksum: true},
		{Kind: load.Transact, Size: 100, Assocs: 2},
		{Kind: load.Setup, Assocs: load.SetupWave, Checksum: true},
	} {
		s.CPU = 1
		sample, err := Run(s)
		require.NoError(t, err, s.Name())
		require.NotZero(t, sample.Ops, s.Name())
	}
	_, err := Run(load.Spec{Kind: load.Idle, Assocs: 1})
	require.Error(t, err)
}

// The connection keeps packets apart and in order, and ends for both when one closes.
func TestPipe(t *testing.T) {
	a, b := newPipe()
	for _, n := range []int{1, load.MTU, 2 * load.MTU} {
		_, err := a.Write(make([]byte, n))
		require.NoError(t, err)
	}
	buf := make([]byte, 3*load.MTU)
	for _, want := range []int{1, load.MTU, 2 * load.MTU} {
		n, err := b.Read(buf)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	_, err := b.Read(buf)
	require.Equal(t, io.EOF, err)
}
