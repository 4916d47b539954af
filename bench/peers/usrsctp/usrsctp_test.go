//go:build cgo && !nousrsctp

package usrsctp

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

// Messages in fragments arrive, with checksums verified, in packets as long as ours.
// One test only: the library cannot be started twice in a process.
func TestRun(t *testing.T) {
	const rto = time.Second // the least
	begun := time.Now()
	s, err := Run(load.Spec{Kind: load.Stream, Size: 16 << 10, Assocs: 3, Checksum: true, CPU: 1})
	require.NoError(t, err)
	require.NotZero(t, s.Ops)
	require.Greater(t, s.Packets, 11*s.Ops, "a message of 16 KiB takes at least 12 packets, less those under way")
	if time.Since(begun) < rto {
		require.Zero(t, s.Resent)
	}
}
