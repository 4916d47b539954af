package tape

// chunk is what is taken off a lane at once, at least one record.
const chunk = 256 << 10

// Merge reads lanes in the order of time, as far as they show it.
type Merge struct {
	sources []source
}

// source is a lane as its reader sees it.
type source struct {
	lane    *Lane
	buffer  []byte
	pending []byte // of buffer: taken off the lane, not read yet
}

// NewMerge makes a reader of lanes, which have no other.
func NewMerge(lanes ...*Lane) *Merge {
	m := &Merge{sources: make([]source, len(lanes))}
	for i, l := range lanes {
		m.sources[i] = source{lane: l, buffer: make([]byte, max(chunk, HeaderLen+l.snap))}
	}
	return m
}

// Waiting is how many bytes of records wait: HeaderLen and Kept for each.
func (m *Merge) Waiting() (bytes int) {
	for i := range m.sources {
		bytes += m.sources[i].lane.ring.Len() + len(m.sources[i].pending)
	}
	return bytes
}

// Next takes the oldest record; false if there is none now. The frame is the caller's
// until the next call.
func (m *Merge) Next() (oldest Record, frame []byte, ok bool) {
	var first *source
	for i := range m.sources {
		s := &m.sources[i]
		if r, ok := s.next(); ok && (first == nil || r.Time < oldest.Time) {
			first, oldest = s, r
		}
	}
	if first == nil {
		return oldest, nil, false
	}
	end := HeaderLen + oldest.Kept
	frame = first.pending[HeaderLen:end:end]
	first.pending = first.pending[end:]
	return oldest, frame, true
}

// next is the oldest record of the source; false if there is none.
func (s *source) next() (r Record, ok bool) {
	if !s.whole() {
		n := copy(s.buffer, s.pending)
		n += s.lane.ring.Pop(s.buffer[n:])
		s.pending = s.buffer[:n]
		if !s.whole() {
			return Record{}, false
		}
	}
	return parse(s.pending), true
}

// whole tells whether pending begins with a whole record.
func (s *source) whole() bool {
	return len(s.pending) >= HeaderLen && len(s.pending) >= HeaderLen+parse(s.pending).Kept
}
