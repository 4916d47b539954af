package dataplane

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The ring against a queue of messages: whatever is put in comes out once, in
// order and intact, through padding, growth and a second cursor that frees.
func TestRecordRingIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := recordWriter{max: minSegment << rapid.IntRange(0, 3).Draw(t, "doublings")}
		require.True(t, w.grow(1))
		read := recordReader{seg: w.seg}
		freed := read
		var queued, held []record
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				size := rapid.OneOf(rapid.IntRange(1, 200), rapid.IntRange(1, w.max-recordHeader)).Draw(t, "size")
				room := w.reserve(size)
				if room == nil && w.grow(size) {
					room = w.reserve(size)
				}
				if room != nil {
					r := record{size: uint32(size), stream: uint16(n), ppid: uint32(n), tsn: ^uint32(n), ssn: uint16(n * 3), flags: recUnordered}
					pattern(room, n)
					w.put(&r)
					queued = append(queued, r)
					n++
				}
				w.commit()
			},
			"read": func(t *rapid.T) {
				h, payload, ok := read.next()
				require.Equal(t, len(queued) > 0, ok)
				if !ok {
					return
				}
				require.Equal(t, queued[0], h)
				want := make([]byte, h.size)
				pattern(want, int(h.ppid))
				require.Equal(t, want, payload)
				if h.ppid%5 == 0 {
					read.mark(recDropped)
					h.flags |= recDropped
				}
				read.skip(&h)
				held, queued = append(held, h), queued[1:]
			},
			"free": func(t *rapid.T) {
				for freed.behind(&read) && rapid.Bool().Draw(t, "more") {
					h := freed.at()
					if h.flags&recPad != 0 {
						freed.pos += uint64(h.size)
						continue
					}
					require.Equal(t, held[0], h)
					held = held[1:]
					freed.skip(&h)
				}
				freed.release()
			},
			"": func(t *rapid.T) { require.LessOrEqual(t, len(w.seg.buf), w.max) },
		})
		// An emptied ring takes the largest message there is.
		for _, _, ok := read.next(); ok; _, _, ok = read.next() {
			h, _, _ := read.next()
			read.skip(&h)
		}
		for freed.behind(&read) {
			h := freed.at()
			if h.flags&recPad != 0 {
				freed.pos += uint64(h.size)
			} else {
				freed.skip(&h)
			}
		}
		freed.release()
		largest := w.max - recordHeader
		room := w.reserve(largest)
		if room == nil && !w.grow(largest) { // padding was written: take it off
			w.commit()
			_, _, ok := read.next()
			require.False(t, ok)
			read.release()
			room = w.reserve(largest)
			require.NotNil(t, room)
		}
	})
}

func TestRecordRingRefusesWhatNeverFits(t *testing.T) {
	w := recordWriter{max: minSegment}
	require.True(t, w.fits(minSegment-recordHeader))
	require.False(t, w.fits(minSegment-recordHeader+1))
	require.True(t, w.grow(1))
	require.False(t, w.grow(1), "the bound is reached")
}

func BenchmarkRecordRing(b *testing.B) {
	w := recordWriter{max: 1 << 16}
	w.grow(1 << 15)
	r := recordReader{seg: w.seg}
	b.ReportAllocs()
	for b.Loop() {
		_ = w.reserve(64)
		w.put(&record{size: 64})
		w.commit()
		h, _, ok := r.next()
		if !ok {
			b.Fatal("empty")
		}
		r.skip(&h)
		r.release()
	}
}
