package sctpcore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// outstanding has Z send n small chunks that stay outstanding; first is their first TSN.
func outstanding(t testing.TB, n int) (r *rawPeer, first wire.TSN) {
	r = rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
	a := r.assoc()
	a.paths[0].cwnd = 1 << 30
	first = a.out.nextTSN
	for range n {
		require.NoError(t, r.e.Send(r.now, r.id, &Message{Data: make([]byte, 16)}))
	}
	r.poll()
	require.Equal(t, n, a.out.outstanding())
	return r, first
}

// holes are n gap blocks spread over window chunks, the last one ending at the last.
func holes(n, window int) (gaps []wire.GapBlock) {
	step := window / n
	for i := range n {
		gaps = append(gaps, gap(uint16(i*step+2), uint16((i+1)*step)))
	}
	return gaps
}

// BenchmarkSack is one SACK with gap blocks over a window of chunks, nothing of which
// is news; that is what each SACK costs beside the chunks whose state it changes.
func BenchmarkSack(b *testing.B) {
	for _, window := range []int{256, 4096} {
		for _, n := range []int{1, 16, 256} {
			if 2*n > window {
				n = window / 2
			}
			b.Run(fmt.Sprintf("window=%d/gaps=%d", window, n), func(b *testing.B) {
				r, first := outstanding(b, window)
				s, err := wire.ParseSack(wire.Chunk(sackChunk(first-1, holes(n, window)...)))
				require.NoError(b, err)
				a := r.assoc()
				for b.Loop() {
					a.handleSack(s, r.now)
				}
			})
		}
	}
}

// BenchmarkSackOfHostilePeer is a peer that takes back and gives again, in turns,
// what it said to have.
func BenchmarkSackOfHostilePeer(b *testing.B) {
	const window = 4096
	r, first := outstanding(b, window)
	var sacks [2]wire.Sack
	for i, gaps := range [][]wire.GapBlock{{gap(2, window)}, nil} {
		s, err := wire.ParseSack(wire.Chunk(sackChunk(first-1, gaps...)))
		require.NoError(b, err)
		sacks[i] = s
	}
	a := r.assoc()
	for i := 0; b.Loop(); i++ {
		a.handleSack(sacks[i%2], r.now)
	}
}
