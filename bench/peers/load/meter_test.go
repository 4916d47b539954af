package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is measured begins after the warm-up and counts only its own operations.
func TestMeterLeavesTheWarmUpOut(t *testing.T) {
	var ops, packets uint64
	m := Meter{Step: func() uint64 { ops++; packets += 3; return ops }, Packets: func() uint64 { return packets }, Steps: 5}
	s, err := m.Run(Spec{Kind: Stream, Assocs: 100, CPU: 5 * time.Millisecond})
	require.NoError(t, err)
	require.Less(t, s.Ops, ops-warmPerAssoc*100, "the warm-up is at least 8 operations per association")
	require.NotZero(t, s.Ops)
	require.Equal(t, 3*s.Ops, s.Packets)
	require.GreaterOrEqual(t, s.CPU, 5*time.Millisecond)
	require.InDelta(t, float64(s.CPU)/float64(s.Ops), s.NsPerOp(), 1e-9)
}

func TestNamesTellSpecsApart(t *testing.T) {
	a := Spec{Kind: Stream, Size: 64, Assocs: 1, Checksum: true}
	b := a
	b.Checksum = false
	require.NotEqual(t, a.Name(), b.Name())
	b = a
	b.CPU = time.Second
	require.Equal(t, a.Name(), b.Name(), "how long it is measured is not part of what is measured")
	require.NotContains(t, a.Name(), " ")
}

func TestBufferHoldsTwoMessages(t *testing.T) {
	for _, size := range []int{64, 1400, 64 << 10} {
		for _, n := range []int{1, 1000} {
			require.GreaterOrEqual(t, Spec{Size: size, Assocs: n}.Buffer(), 2*size)
		}
	}
}
