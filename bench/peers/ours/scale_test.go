package ours

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever their number, associations come up and each gets its turn.
func TestMany(t *testing.T) {
	for _, n := range []int{1, 33, 200} {
		s, err := Many(n, []int{64, 1400}, 1)
		require.NoError(t, err, "%d associations", n)
		require.Len(t, s.Packet, 2)
		require.Positive(t, s.Packet[0])
		require.Positive(t, s.Packet[1])
		require.Positive(t, s.Setups)
	}
}
