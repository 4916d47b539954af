package sctpcore

import (
	"math/bits"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// marks are sets of outstanding chunks: a bit of each set for each place of the
// ring. A SACK so visits the chunks whose state it changes and passes over the rest
// 64 at a time. Bits of places that are not outstanding mean nothing.
type marks struct {
	words []markWord
	size  int // places of the ring, a power of two
}

// markWord is 64 places. What is neither sent nor lost is gap-acknowledged.
type markWord struct {
	sent, lost uint64
	fast       uint64 // was fast retransmitted: misses count no more
	tired      uint64 // was taken back too often: gap blocks count no more
}

// markSet is a set of chunks that can be gone through.
type markSet uint8

const (
	inFlight markSet = iota
	lostChunks
	gapAcked
	ackable  // a gap block acknowledges them anew
	missable // a SACK that does not acknowledge them counts as a miss
)

func newMarks(size int) marks { return marks{words: make([]markWord, (size+63)/64), size: size} }

// put files chunk c of TSN t under the sets that it now belongs to.
func (m *marks) put(t wire.TSN, c *outChunk) {
	i := int(t) & (m.size - 1)
	w, bit := &m.words[i>>6], uint64(1)<<(i&63)
	w.sent, w.lost, w.fast, w.tired = w.sent&^bit, w.lost&^bit, w.fast&^bit, w.tired&^bit
	switch c.state {
	case chunkSent:
		w.sent |= bit
	case chunkLost:
		w.lost |= bit
	}
	if c.fast {
		w.fast |= bit
	}
	if c.reneged >= maxReneges {
		w.tired |= bit
	}
}

// putSent files the chunks from t on and before end, which are in state chunkSent
// and nothing else.
func (m *marks) putSent(t, end wire.TSN) {
	for t != end {
		i := int(t) & (m.size - 1)
		n := min(64-i&63, m.size-i, int(end-t))
		w, run := &m.words[i>>6], ^uint64(0)>>(64-n)<<(i&63)
		w.sent, w.lost, w.fast, w.tired = w.sent|run, w.lost&^run, w.fast&^run, w.tired&^run
		t += wire.TSN(n)
	}
}

func (w *markWord) of(s markSet) uint64 {
	switch s {
	case inFlight:
		return w.sent
	case lostChunks:
		return w.lost
	case gapAcked:
		return ^(w.sent | w.lost)
	case ackable:
		return (w.sent | w.lost) &^ w.tired
	}
	return w.sent &^ w.fast
}

// count is how many TSNs of a set there are from t on and before end.
func (m *marks) count(s markSet, t, end wire.TSN) (n int) {
	for t.Less(end) {
		i := int(t) & (m.size - 1)
		places := min(64-i&63, m.size-i, int(end-t))
		n += bits.OnesCount64(m.words[i>>6].of(s) >> (i & 63) << (64 - places))
		t += wire.TSN(places)
	}
	return n
}

// next is the first TSN of a set from t on and before end; end if there is none.
func (m *marks) next(s markSet, t, end wire.TSN) wire.TSN {
	for t.Less(end) {
		i := int(t) & (m.size - 1)
		w, places := m.words[i>>6].of(s)>>(i&63), min(64-i&63, m.size-i)
		if n := bits.TrailingZeros64(w); n < places {
			t += wire.TSN(n)
			break
		}
		t += wire.TSN(places)
	}
	if t.Less(end) {
		return t
	}
	return end
}
