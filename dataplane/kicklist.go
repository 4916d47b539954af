package dataplane

import "sync/atomic"

// linePad keeps what one thread writes out of the cache lines of what another reads
// or writes. It is two lines because processors fetch them in pairs.
type linePad [128]byte

// kickList is the connections that want their worker's attention. Any goroutine
// pushes, the worker takes all. A connection is on it at most once (Conn.kicked),
// so it needs no memory of its own and cannot be full.
type kickList struct {
	top atomic.Pointer[Conn]
}

func (l *kickList) push(c *Conn) {
	for {
		top := l.top.Load()
		c.nextKick = top
		if l.top.CompareAndSwap(top, c) {
			return
		}
	}
}

// take empties the list and gives it in the order of the pushes, linked by nextKick.
func (l *kickList) take() *Conn {
	if l.top.Load() == nil {
		return nil
	}
	var first *Conn
	for c := l.top.Swap(nil); c != nil; {
		next := c.nextKick
		c.nextKick = first
		first, c = c, next
	}
	return first
}
