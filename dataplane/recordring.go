package dataplane

import (
	"encoding/binary"
	"sync/atomic"
)

// A record ring carries messages between an application's goroutine and a
// worker: a header of fixed size and the payload in one piece behind it.
//
//	record: | size u32 | flags u16 | stream u16 | ppid u32 | tsn u32 | ssn u16 | - u16 | cum u32 | payload | to the next multiple of 8 |
//
// A record that does not fit in one piece before the ring's end is preceded by
// padding that fills the ring to its end. A ring begins small and grows by
// chaining a segment of twice the size behind it, so an idle connection costs
// nothing and a busy one at most twice its bound.
const (
	recordHeader = 24
	recordAlign  = 8

	minSegment = 16 << 10 // bytes; holds a handful of packets' worth of messages
)

// Flags of a record.
const (
	recPad       uint16 = 1 << iota // fill up to the ring's end
	recDropped                      // refused by the core, as an event told: counts in no Released
	recUnordered                    // Message.Unordered
	recSackNow                      // Message.SackNow
	recMore                         // Message.More
	recAborted                      // no message: the one that goes on ends here
)

// record is a record's header.
type record struct {
	size   uint32
	flags  uint16
	stream uint16
	ppid   uint32
	tsn    uint32 // of a message to send its context
	ssn    uint16
	cum    uint32 // of a message to send its Via
}

// footprint is the room that a record with n bytes of payload takes.
func footprint(n int) int { return (recordHeader + n + recordAlign - 1) &^ (recordAlign - 1) }

// segment is one ring of a chain, with one producer and one consumer. Positions
// count bytes and never wrap; the size is a power of two.
type segment struct {
	buf  []byte
	next atomic.Pointer[segment] // set by the producer after its last record here
	_    [64]byte
	tail atomic.Uint64 // the producer's: everything before it may be read
	_    [56]byte
	head atomic.Uint64 // the consumer's: everything before it may be written over
	_    [56]byte
}

func newSegment(size int) *segment { return &segment{buf: make([]byte, size)} }

func (s *segment) offset(pos uint64) int { return int(pos & uint64(len(s.buf)-1)) }

// recordWriter is the producer's side of a chain.
type recordWriter struct {
	seg  *segment
	pos  uint64 // end of what is written, committed or not
	head uint64 // the consumer's head as last seen
	max  int    // bytes: the largest segment
}

// fits tells whether a message of n bytes can ever be put in a segment.
func (w *recordWriter) fits(n int) bool { return footprint(n) <= w.max }

// free is the room left in the present segment, in bytes.
func (w *recordWriter) free() int {
	w.head = w.seg.head.Load()
	return len(w.seg.buf) - int(w.pos-w.head)
}

// reserve gives n bytes of payload room in one piece, or nil. It may write
// padding, so commit also when it gave nil. put makes it a record.
func (w *recordWriter) reserve(n int) []byte {
	need, size := footprint(n), len(w.seg.buf)
	rest := size - w.seg.offset(w.pos)
	want := need
	if rest < need {
		want = rest
	}
	if size-int(w.pos-w.head) < want && w.free() < want {
		return nil
	}
	if rest < need {
		w.pad(rest)
		if w.free() < need {
			return nil
		}
	}
	off := w.seg.offset(w.pos) + recordHeader
	return w.seg.buf[off : off+n : off+n]
}

func (w *recordWriter) pad(rest int) {
	b := w.seg.buf[w.seg.offset(w.pos):]
	binary.LittleEndian.PutUint32(b, uint32(rest))
	binary.LittleEndian.PutUint16(b[4:], recPad)
	w.pos += uint64(rest)
}

// put writes the header in front of the payload room that reserve gave; r.size
// is at most what was reserved.
func (w *recordWriter) put(r *record) {
	off := w.seg.offset(w.pos)
	b := w.seg.buf[off : off+recordHeader]
	binary.LittleEndian.PutUint32(b, r.size)
	binary.LittleEndian.PutUint16(b[4:], r.flags)
	binary.LittleEndian.PutUint16(b[6:], r.stream)
	binary.LittleEndian.PutUint32(b[8:], r.ppid)
	binary.LittleEndian.PutUint32(b[12:], r.tsn)
	binary.LittleEndian.PutUint16(b[16:], r.ssn)
	binary.LittleEndian.PutUint32(b[20:], r.cum)
	w.pos += uint64(footprint(int(r.size)))
}

// commit lets the consumer see what was put.
func (w *recordWriter) commit() { w.seg.tail.Store(w.pos) }

// dirty tells whether there is something to commit.
func (w *recordWriter) dirty() bool { return w.seg != nil && w.seg.tail.Load() != w.pos }

// grow chains a segment that takes a message of n bytes and is larger than the
// present one; false if the bound is reached. It commits first.
func (w *recordWriter) grow(n int) bool {
	size := minSegment
	if w.seg != nil {
		size = len(w.seg.buf) * 2
	}
	for size < footprint(n) {
		size *= 2
	}
	if size > w.max {
		return false
	}
	next := newSegment(size)
	if w.seg != nil {
		w.commit()
		w.seg.next.Store(next)
	}
	w.seg, w.pos, w.head = next, 0, 0
	return true
}

// recordReader is the consumer's side of a chain, or a second cursor behind it.
type recordReader struct {
	seg  *segment
	pos  uint64
	tail uint64 // the producer's tail as last seen
}

// next gives the record at the cursor without moving past it; it steps over
// padding and into the next segment. ok is false when there is none.
func (r *recordReader) next() (h record, payload []byte, ok bool) {
	for {
		if r.pos == r.tail && !r.refill() {
			return record{}, nil, false
		}
		h = r.at()
		if h.flags&recPad == 0 {
			off := r.seg.offset(r.pos) + recordHeader
			return h, r.seg.buf[off : off+int(h.size) : off+int(h.size)], true
		}
		r.pos += uint64(h.size)
	}
}

// refill looks for more than was seen; false when the cursor is at the end.
func (r *recordReader) refill() bool {
	if r.seg == nil {
		return false
	}
	following := r.seg.next.Load()
	if r.tail = r.seg.tail.Load(); r.pos != r.tail {
		return true
	}
	if following == nil {
		return false
	}
	r.seg.head.Store(r.pos)
	r.seg, r.pos, r.tail = following, 0, following.tail.Load()
	return r.pos != r.tail || r.refill()
}

// at reads the header at the cursor; of padding only size and flags count.
func (r *recordReader) at() (h record) {
	off := r.seg.offset(r.pos)
	b := r.seg.buf[off:]
	h.size = binary.LittleEndian.Uint32(b)
	h.flags = binary.LittleEndian.Uint16(b[4:])
	if h.flags&recPad != 0 {
		return h
	}
	b = b[:recordHeader]
	h.stream = binary.LittleEndian.Uint16(b[6:])
	h.ppid = binary.LittleEndian.Uint32(b[8:])
	h.tsn = binary.LittleEndian.Uint32(b[12:])
	h.ssn = binary.LittleEndian.Uint16(b[16:])
	h.cum = binary.LittleEndian.Uint32(b[20:])
	return h
}

// from is a cursor of its own at the same place.
func (r *recordReader) from() recordReader {
	c := recordReader{seg: r.seg, pos: r.pos}
	if c.seg != nil {
		c.tail = c.seg.tail.Load()
	}
	return c
}

// skip moves the cursor past the record that next gave.
func (r *recordReader) skip(h *record) { r.pos += uint64(footprint(int(h.size))) }

// mark adds flags to the header at the cursor.
func (r *recordReader) mark(flags uint16) {
	b := r.seg.buf[r.seg.offset(r.pos)+4:]
	binary.LittleEndian.PutUint16(b, binary.LittleEndian.Uint16(b)|flags)
}

// release gives everything before the cursor back to the producer.
func (r *recordReader) release() {
	if r.seg != nil {
		r.seg.head.Store(r.pos)
	}
}

// behind tells whether the cursor has not reached other, which reads the same
// chain further on; it steps over segments that are done with.
func (r *recordReader) behind(other *recordReader) bool {
	for r.seg != other.seg {
		if r.pos != r.seg.tail.Load() {
			return true
		}
		r.seg, r.pos = r.seg.next.Load(), 0
	}
	return r.pos != other.pos
}
