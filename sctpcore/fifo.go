package sctpcore

// fifo is a queue in a ring that doubles when it is full and never shrinks; what
// bounds it is said where it is used.
type fifo[T any] struct {
	ring []T // length is a power of two
	head uint64
	tail uint64
}

func (f *fifo[T]) len() int { return int(f.tail - f.head) }

// at is the i-th element counted from the front.
func (f *fifo[T]) at(i uint64) *T { return &f.ring[(f.head+i)&uint64(len(f.ring)-1)] }

func (f *fifo[T]) push(v T) { *f.add() = v }

// add appends an element, as it was left there, and returns it.
func (f *fifo[T]) add() *T {
	if int(f.tail-f.head) == len(f.ring) {
		f.grow()
	}
	f.tail++
	return &f.ring[(f.tail-1)&uint64(len(f.ring)-1)]
}

func (f *fifo[T]) grow() {
	bigger := make([]T, max(8, 2*len(f.ring)))
	for i := f.head; i != f.tail; i++ {
		bigger[i&uint64(len(bigger)-1)] = f.ring[i&uint64(len(f.ring)-1)]
	}
	f.ring = bigger
}

func (f *fifo[T]) pop() (v T, ok bool) {
	if f.head == f.tail {
		return v, false
	}
	i := f.head & uint64(len(f.ring)-1)
	v = f.ring[i]
	var zero T
	f.ring[i] = zero
	f.head++
	return v, true
}

// clear empties the queue and gives its memory back.
func (f *fifo[T]) clear() { *f = fifo[T]{head: f.tail, tail: f.tail} }
