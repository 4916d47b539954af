package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is expected need not come, nor exist: asking changes nothing.
func TestExpectChangesNothing(t *testing.T) {
	l := newCrowd(t, many, RFC9260Timers())
	e := l.e[0]
	require.True(t, e.crowded())
	for _, id := range []AssocID{0, l.id[0], l.id[0] + 1, l.id[0] + 1<<indexBits, 1<<32 - 1} {
		e.Expect(id)
	}
	require.Equal(t, Established, e.assoc(l.id[0]).state)
	require.NoError(t, e.Abort(l.now, l.id[0], nil))
	e.Forget(l.id[0])
	e.Expect(l.id[0])
	e.expectPackets([]Inbound{{}, {Data: make([]byte, 12)}, {Data: make([]byte, 13)}})
	for i := range 4 {
		e.expectPacket([]Inbound{{}, {Data: make([]byte, 12)}, {Data: []byte{4: 1, 12: 0}}}, i)
		e.expectTransmit(uint64(i))
		e.expectTimers(i)
	}
	require.NoError(t, invariants(e))
}

// BenchmarkExpect is what asking costs in vain: everything is in cache.
func BenchmarkExpect(b *testing.B) {
	l := newCrowd(b, many, RFC9260Timers())
	for range b.N {
		l.e[0].Expect(l.id[0])
	}
}
