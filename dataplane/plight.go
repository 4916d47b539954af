package dataplane

import (
	"math"
	"math/bits"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Plight is how bad it is for an association: what is to be said of the worst of its paths.
// The higher, the worse.
type Plight uint8

// The plights of associations.
const (
	noPlight        Plight = iota // it has no paths yet, or no more
	AllActive                     // it is well
	SomeUnconfirmed               // a path is not known to work yet
	SomeFailing                   // a path is potentially failed
	SomeInactive                  // a path is inactive, or no port leads there
	NoneLeft                      // and so are all others
	NumPlights                    // above every plight
)

var plightNames = [...]string{"", "active", "unconfirmed", "failing", "inactive", "lost"}

// String is one word for it.
func (p Plight) String() string { return plightNames[p] }

// worst is the association's plight now.
func (a *assoc) worst() (worst Plight) {
	left := false
	for i := range a.paths {
		p, is := &a.paths[i], AllActive
		switch {
		case p.counted == nil:
			continue // it is new, or dropped
		case p.port == nil || p.state == sctpcore.Inactive:
			is = SomeInactive
		case p.state == sctpcore.PotentiallyFailed:
			is = SomeFailing
		case p.state == sctpcore.Unconfirmed:
			is = SomeUnconfirmed
		}
		left = left || is != SomeInactive
		worst = max(worst, is)
	}
	if worst == SomeInactive && !left {
		return NoneLeft
	}
	return worst
}

// judge follows a change of the association's paths, or of one's state or port.
func (w *worker) judge(a *assoc) {
	if now := a.worst(); now != a.plight {
		w.plights[a.plight].remove(a.id.Slot())
		if a.plight = now; now != noPlight {
			w.plights[now].add(a.id.Slot())
		}
	}
}

// places are some of the core's places for associations: those in one plight. So who
// looks for the few that are in trouble does not go through all.
type places struct {
	count int
	bits  []uint64
}

func (s *places) add(place int) {
	for len(s.bits) <= place/64 {
		s.bits = append(s.bits, 0)
	}
	if !s.has(place) {
		s.count++
		s.bits[place/64] |= 1 << (place % 64)
	}
}

// fill adds the first n.
func (s *places) fill(n int) {
	s.bits = slices.Grow(s.bits[:0], (n+63)/64)[:(n+63)/64]
	for i := range s.bits {
		s.bits[i] = ^uint64(0)
	}
	if n%64 != 0 {
		s.bits[n/64] = 1<<(n%64) - 1
	}
	s.count = n
}

func (s *places) remove(place int) {
	if s.has(place) {
		s.count--
		s.bits[place/64] &^= 1 << (place % 64)
	}
}

func (s *places) has(place int) bool {
	return s.count > 0 && place/64 < len(s.bits) && s.bits[place/64]&(1<<(place%64)) != 0
}

// next is the first of them at a place or behind it; MaxInt if there is none.
func (s *places) next(place int) int {
	for i := place / 64; i < len(s.bits) && s.count > 0; i++ {
		word := s.bits[i]
		if i == place/64 {
			word &= ^uint64(0) << (place % 64)
		}
		if word != 0 {
			return i*64 + bits.TrailingZeros64(word)
		}
	}
	return math.MaxInt
}
