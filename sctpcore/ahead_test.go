package sctpcore

import (
	"reflect"
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

// Fields that are asked for together lie in whole cache lines.
func TestHotPartsBeginCacheLines(t *testing.T) {
	offset := func(s any, field string) uintptr {
		f, ok := reflect.TypeOf(s).FieldByName(field)
		require.True(t, ok, field)
		return f.Offset
	}
	for _, f := range []string{"room", "in", "out"} {
		require.Zero(t, offset(assoc{}, f)%64, f)
	}
	for _, f := range []string{"ready", "marks", "messages", "nextSSN", "streams", "paths"} {
		require.Zero(t, offset(room{}, f)%64, f)
	}
	require.Zero(t, reflect.TypeOf(path{}).Size()%64)
	require.Zero(t, reflect.TypeOf(assoc{}).Size()%64)
	require.Zero(t, uintptr(reflect.ValueOf(new(Endpoint).takeSpare()).UnsafePointer())%64)
	require.LessOrEqual(t, offset(assoc{}, "stats")+offset(tallies{}, "RxDataChunks")+8, offset(assoc{}, "in")+4*64)
}

// BenchmarkExpect is what asking costs in vain: everything is in cache.
func BenchmarkExpect(b *testing.B) {
	l := newCrowd(b, many, RFC9260Timers())
	for range b.N {
		l.e[0].Expect(l.id[0])
	}
}
