package tape

import (
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
)

// Lane is the way of one polling thread's frames. A burst is staged, then as much of
// it as turned out to be so is committed by one push.
type Lane struct {
	snap   int
	staged []byte
	ends   [nic.MaxBurst]int // in staged, of each record
	n      int
	ring   *ring.SPSC[byte]
	_      [128]byte
}

// NewLane makes a lane that keeps snap bytes of each frame and has room for bytes, at
// least two bursts of whole frames, rounded up to a power of two.
func NewLane(snap, bytes int) *Lane {
	burst := nic.MaxBurst * (HeaderLen + snap)
	return &Lane{snap: snap, staged: make([]byte, burst), ring: ring.NewSPSC[byte](max(bytes, 2*burst))}
}

// Stage adds a record of a frame, at most MaxBurst of them before Commit. Length and
// Kept are set here.
func (l *Lane) Stage(r Record, frame []byte) {
	r.Length, r.Kept = len(frame), min(len(frame), l.snap)
	at := 0
	if l.n > 0 {
		at = l.ends[l.n-1]
	}
	r.put(l.staged[at:])
	at += HeaderLen
	at += copy(l.staged[at:], frame[:r.Kept])
	l.ends[l.n] = at
	l.n++
}

// Staged is how many records are staged.
func (l *Lane) Staged() int { return l.n }

// Commit passes the first n staged records on, forgets the others, and returns how many
// of the n did not fit.
func (l *Lane) Commit(n int) (missed int) {
	free := l.ring.Cap() - l.ring.Len()
	fit := n
	for fit > 0 && l.ends[fit-1] > free {
		fit--
	}
	if fit > 0 {
		l.ring.Push(l.staged[:l.ends[fit-1]])
	}
	l.n = 0
	return n - fit
}
