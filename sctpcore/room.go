package sctpcore

import (
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// room is memory of an association for what most associations need: two paths,
// a few messages and chunks under way, and as many streams as peers commonly ask
// for. What needs more gets slices of its own. It lies beside the association's
// other fields, so that an association that was not in use for a while comes
// into cache as a few neighbouring lines and not from a dozen places.
type room struct {
	ready    [4]readyRun
	marks    [1]markWord
	chunks   [4]outChunk
	messages [4]outMessage
	nextSSN  [64]uint16
	streams  [64]inStream
	paths    [2]path
}

// furnish lets a new association use its room.
func (a *assoc) furnish() {
	r := &a.room
	a.paths = r.paths[:0]
	a.out.messages.ring, a.out.nextSSN = r.messages[:], r.nextSSN[:0]
	a.out.chunks, a.out.marks = r.chunks[:], marks{words: r.marks[:], size: len(r.chunks)}
	a.in.ready.ring, a.in.streams = r.ready[:], r.streams[:0]
}

// zeroed is a slice of n zeros, in the memory of s if that is enough.
func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// slabLen is how many associations are allocated together: so many that the runtime
// puts no header of its own before them, so that they begin a cache line each.
const slabLen = 32

// takeSpare gives an association that is all zero: a spare one or a new one.
func (e *Endpoint) takeSpare() *assoc {
	if len(e.spare) == 0 {
		slab := make([]assoc, slabLen)
		for i := range slab {
			e.spare = append(e.spare, &slab[slabLen-1-i])
		}
	}
	last := len(e.spare) - 1
	a := e.spare[last]
	e.spare = e.spare[:last]
	return a
}

// putSpare takes an association back of which nobody knows any more, for the next
// one: what an endpoint once needed it keeps, at most for Limits.Associations. It is
// emptied here, so that it holds on to nothing.
func (e *Endpoint) putSpare(a *assoc) {
	*a = assoc{}
	e.spare = append(e.spare, a)
}

// sharedParams is what one asks for who gives p, or if that is nil Timers t alone, or
// nothing: Config.Timers. Those that ask for the same as the one before share it.
func (e *Endpoint) sharedParams(p *Params, t *Timers) *Params {
	var want Params
	switch {
	case p != nil:
		want = *p
	case t != nil:
		want.Timers = *t
	default:
		return e.params
	}
	if e.lastParams == nil || *e.lastParams != want {
		own := want
		e.lastParams = &own
	}
	return e.lastParams
}

// sharedLocals is the same for our addresses.
func (e *Endpoint) sharedLocals(locals []wire.Addr) []wire.Addr {
	if !slices.Equal(e.lastLocals, locals) {
		e.lastLocals = slices.Clone(locals)
	}
	return e.lastLocals
}
