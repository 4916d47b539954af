package fault

import (
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Bounds and defaults of Config.
const (
	DefaultQueueDepth   = 4096
	DefaultReorderDelay = time.Millisecond
	MaxDelay            = time.Hour // far beyond any timer of SCTP; keeps sums of times in range
)

// Direction says which way frames go, seen from the port's user.
type Direction uint8

// Directions.
const (
	None Direction = 0
	Rx   Direction = 1
	Tx   Direction = 2
	Both Direction = Rx | Tx
)

// Impairment is what happens to the frames of one direction. Probabilities are
// per frame, 0 to 1, and durations 0 to MaxDelay; what is outside counts as the
// nearest bound (NaN as 0). The zero value does nothing.
type Impairment struct {
	Loss      float64 // the frame vanishes
	Duplicate float64 // it comes twice, the copy first
	Corrupt   float64 // one bit behind the Ethernet header is flipped
	Reorder   float64 // it is held ReorderDelay longer, so that others overtake it

	Delay        time.Duration // every frame is held this long
	Jitter       time.Duration // and up to this much longer, evenly spread, without overtaking
	ReorderDelay time.Duration // 0 is DefaultReorderDelay
}

// Config is a wrapper's configuration.
type Config struct {
	Rx, Tx Impairment

	// What follows is read by Wrap only.

	Seed       uint64
	Clock      nic.Clock // nil is nic.Monotonic
	QueueDepth int       // frames held at most per queue and direction; 0 is DefaultQueueDepth
}

// oneIn is a probability of 1 as a threshold for 53 random bits.
const oneIn = 1 << 53

// rules are an Impairment made ready for use.
type rules struct {
	loss, duplicate, corrupt, reorder uint64 // thresholds, 0..oneIn
	delay, jitter, reorderDelay       int64  // ns
}

func (i Impairment) compile() *rules {
	if i.ReorderDelay == 0 {
		i.ReorderDelay = DefaultReorderDelay
	}
	return &rules{
		loss:         threshold(i.Loss),
		duplicate:    threshold(i.Duplicate),
		corrupt:      threshold(i.Corrupt),
		reorder:      threshold(i.Reorder),
		delay:        bounded(i.Delay),
		jitter:       bounded(i.Jitter),
		reorderDelay: bounded(i.ReorderDelay),
	}
}

// idle tells whether the rules change nothing.
func (r *rules) idle() bool {
	return r.loss|r.duplicate|r.corrupt|r.reorder == 0 && r.delay|r.jitter == 0
}

func threshold(p float64) uint64 {
	if !(p > 0) { // and NaN
		return 0
	}
	return uint64(min(p, 1) * oneIn)
}

func bounded(d time.Duration) int64 { return int64(max(0, min(d, MaxDelay))) }
