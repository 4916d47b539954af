package ring

import (
	"reflect"
	"sync/atomic"
)

// SPSC is a queue with one pushing and one popping thread.
//
// Each side owns an index and keeps a copy of the other's, which it refreshes
// only when the copy says full (or empty): while the ring is neither, the two
// threads share no cache line but those of the elements.
type SPSC[T any] struct {
	slots []T
	wipe  bool
	_     pad

	tail     atomic.Uint64 // next position to push, written by the pusher
	seenHead uint64        // the pusher's copy of head
	_        pad

	head     atomic.Uint64 // next position to pop, written by the popper
	seenTail uint64        // the popper's copy of tail
	_        pad
}

// NewSPSC makes a ring for at least capacity elements: the capacity is rounded
// up to a power of two. It panics if capacity is not in 1..MaxCapacity.
func NewSPSC[T any](capacity int) *SPSC[T] {
	return &SPSC[T]{
		slots: make([]T, roundUp(capacity)),
		wipe:  hasPointers(reflect.TypeFor[T]()),
	}
}

// Push appends the first elements of v that fit and returns how many did.
// The pushing thread only.
func (r *SPSC[T]) Push(v []T) int {
	tail := r.tail.Load()
	free := uint64(len(r.slots)) - (tail - r.seenHead)
	if free < uint64(len(v)) {
		r.seenHead = r.head.Load()
		free = uint64(len(r.slots)) - (tail - r.seenHead)
		v = v[:min(uint64(len(v)), free)]
	}
	if len(v) == 0 {
		return 0
	}
	put(r.slots, tail, v)
	r.tail.Store(tail + uint64(len(v)))
	return len(v)
}

// Pop moves the oldest elements, at most len(v), into v and returns how many.
// The popping thread only.
func (r *SPSC[T]) Pop(v []T) int {
	head := r.head.Load()
	ready := r.seenTail - head
	if ready < uint64(len(v)) {
		r.seenTail = r.tail.Load()
		ready = r.seenTail - head
		v = v[:min(uint64(len(v)), ready)]
	}
	if len(v) == 0 {
		return 0
	}
	take(r.slots, head, v, r.wipe)
	r.head.Store(head + uint64(len(v)))
	return len(v)
}

// Len is the number of elements in the ring, exact for a thread that is alone
// and a recent value beside others. Any thread.
func (r *SPSC[T]) Len() int {
	head := r.head.Load() // first: tail can only be ahead of it
	return int(min(r.tail.Load()-head, uint64(len(r.slots))))
}

// Cap is the number of elements that fit. Any thread.
func (r *SPSC[T]) Cap() int { return len(r.slots) }
