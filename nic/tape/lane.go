package tape

import (
	"fmt"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
)

// Bounds of what is asked of lanes.
const (
	DefaultBuffer = 4 << 20 // bytes: 3 ms of 10 Gbit/s
	MaxBuffer     = 1 << 30
	etherLen      = 14
	// slack is what a frame may have beyond MTU and Ethernet header before it is cut: two
	// VLAN tags, and room to see that it was too long.
	slack = 64
)

// Sizes are NewLane's for options that say to keep snapLen bytes of each frame, 0 being whole
// ones, and to have room for bufferBytes, 0 being DefaultBuffer, at ports of this MTU or less. The errors
// are for options out of range.
func Sizes(snapLen, bufferBytes, mtu int) (snap, bytes int, err error) {
	whole := mtu + etherLen + slack
	switch {
	case snapLen < 0:
		return 0, 0, fmt.Errorf("SnapLen %d is negative: use 0 for whole frames", snapLen)
	case bufferBytes < 0 || bufferBytes > MaxBuffer:
		return 0, 0, fmt.Errorf("BufferBytes %d is outside 0..%d", bufferBytes, MaxBuffer)
	case snapLen == 0 || snapLen > whole:
		snapLen = whole
	}
	if bufferBytes == 0 {
		bufferBytes = DefaultBuffer
	}
	return snapLen, bufferBytes, nil
}

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
