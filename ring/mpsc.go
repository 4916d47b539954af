package ring

import (
	"reflect"
	"sync/atomic"
)

// MPSC is a queue with any number of pushing threads and one popping thread.
//
// A push reserves a run of positions by moving tail, copies its elements into
// them, and publishes the run by one store: runEnd of its first slot becomes
// the position behind the run. The popper goes from run to run. Positions
// count up for ever, so what a former lap left in runEnd is never beyond the
// position of the slot, and a run that is reserved but not yet published looks
// empty.
//
// A pusher that is preempted between the two steps therefore corrupts nothing
// and holds up no other pusher: later runs wait behind its own until it runs
// again, and count against the capacity meanwhile. Elements of one Push stay
// together and in order; pushes of one thread stay in order.
type MPSC[T any] struct {
	slots  []T
	runEnd []atomic.Uint64
	wipe   bool
	_      pad

	tail     atomic.Uint64 // next position to reserve, moved by the pushers
	seenHead atomic.Uint64 // the pushers' copy of head, never ahead of it
	_        pad

	head  atomic.Uint64 // next position to pop, written by the popper
	ready uint64        // the popper's own: what is before it was published
	_     pad
}

// NewMPSC makes a ring for at least capacity elements: the capacity is rounded
// up to a power of two. It panics if capacity is not in 1..MaxCapacity.
func NewMPSC[T any](capacity int) *MPSC[T] {
	n := roundUp(capacity)
	return &MPSC[T]{
		slots:  make([]T, n),
		runEnd: make([]atomic.Uint64, n),
		wipe:   hasPointers(reflect.TypeFor[T]()),
	}
}

// Push appends the first elements of v that fit and returns how many did. It
// retries only when another pusher has just succeeded. Any thread.
func (r *MPSC[T]) Push(v []T) int {
	at, n := r.reserve(len(v))
	if n == 0 {
		return 0
	}
	put(r.slots, at, v[:n])
	r.publish(at, n)
	return n
}

// reserve takes up to want positions from at on for the caller.
func (r *MPSC[T]) reserve(want int) (at uint64, n int) {
	for {
		tail := r.tail.Load()
		free := r.free(tail, r.seenHead.Load())
		if free < want {
			head := r.head.Load()
			r.seenHead.Store(head)
			free = r.free(tail, head)
		}
		n = min(want, free)
		if n <= 0 {
			return 0, 0
		}
		if r.tail.CompareAndSwap(tail, tail+uint64(n)) {
			return tail, n
		}
	}
}

// free is the room at tail if the popper is at head. A head read long before
// tail may give less than nothing, one read after an old tail too much: then
// tail has moved and the reservation fails.
func (r *MPSC[T]) free(tail, head uint64) int {
	return len(r.slots) - int(int64(tail-head))
}

// publish shows the popper the n elements from at on.
func (r *MPSC[T]) publish(at uint64, n int) {
	r.runEnd[at&uint64(len(r.slots)-1)].Store(at + uint64(n))
}

// Pop moves the oldest elements, at most len(v), into v and returns how many.
// The popping thread only.
func (r *MPSC[T]) Pop(v []T) int {
	head := r.head.Load()
	for r.ready-head < uint64(len(v)) {
		end := r.runEnd[r.ready&uint64(len(r.slots)-1)].Load()
		if end <= r.ready {
			v = v[:r.ready-head]
			break
		}
		r.ready = end
	}
	if len(v) == 0 {
		return 0
	}
	take(r.slots, head, v, r.wipe)
	r.head.Store(head + uint64(len(v)))
	return len(v)
}

// Len is the number of elements in the ring, with those that a pusher has
// reserved and not yet published; a recent value beside other threads. Any
// thread.
func (r *MPSC[T]) Len() int {
	head := r.head.Load() // first: tail can only be ahead of it
	return int(min(r.tail.Load()-head, uint64(len(r.slots))))
}

// Cap is the number of elements that fit. Any thread.
func (r *MPSC[T]) Cap() int { return len(r.slots) }
