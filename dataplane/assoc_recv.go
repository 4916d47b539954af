package dataplane

import "github.com/trunkline-sctp/trunkline/sctpcore"

// receiveTurn is how many messages one association takes from the core before
// it is another's turn.
const receiveTurn = 256

// receive copies messages from the core into the receive ring. What does not
// fit stays in the core, where it closes the peer's window.
func (w *worker) receive(a *assoc) {
	if a.conn == nil {
		return
	}
	more, done := true, false
	for range receiveTurn {
		w.placeEvents(a, false)
		size, ok := w.core.Pending(a.id)
		if !ok {
			more, done = false, true
			break
		}
		room := w.scratch[:]
		if !a.conn.closed.Load() {
			if room = w.roomFor(a, size); room == nil {
				more = false
				break
			}
		}
		n, info, ok := w.core.Receive(w.now, a.id, room)
		if !ok {
			more, done = false, true
			break
		}
		if !a.conn.closed.Load() {
			a.put(n, &info)
		}
	}
	if a.ring.dirty() {
		a.ring.commit()
		a.conn.readable()
	}
	if more {
		w.moreToDo(a)
	}
	if done && a.ended {
		w.placeEvents(a, true)
		w.endReceive(a)
	}
}

// readable tells whoever reads that there is something.
func (c *Conn) readable() {
	c.in.ready.signal()
	c.watched.raise(ReadyReadable)
}

// endReceive tells the reader that it has seen everything, once.
func (w *worker) endReceive(a *assoc) {
	if !a.conn.in.ended.Load() {
		a.conn.in.ended.Store(true)
		a.conn.readable()
	}
	if a.down {
		w.forget(a)
	}
}

func (a *assoc) put(n int, info *sctpcore.Received) {
	r := record{size: uint32(n), stream: info.Stream, ssn: info.SSN, ppid: info.PPID, tsn: info.TSN, cum: info.CumTSN}
	if info.Unordered {
		r.flags |= recUnordered
	}
	if info.More {
		r.flags |= recMore
	}
	if info.Aborted {
		r.flags |= recAborted
	}
	a.ring.put(&r)
	a.records++
	a.midway = info.More
	if !info.More && !info.Aborted {
		a.received++
	}
}

// roomFor is room for a message of size bytes, or for a part of one that is
// longer than half of the largest ring; nil if the reader must go first, who
// then kicks.
func (w *worker) roomFor(a *assoc, size int) []byte {
	size = min(size, a.ring.max/2-recordHeader)
	if room := a.tryRoom(size); room != nil {
		return room
	}
	a.ring.commit() // it may be but padding, which the reader must take off
	a.conn.in.stalled.Store(true)
	room := a.tryRoom(size) // the reader may have read all before it could see that
	if room != nil {
		a.conn.in.stalled.Store(false)
		return room
	}
	a.conn.readable()
	return nil
}

func (a *assoc) tryRoom(size int) []byte {
	if a.ring.seg == nil {
		a.ring.grow(size)
		a.conn.in.first.Store(a.ring.seg)
	}
	room := a.ring.reserve(size)
	if room == nil && a.ring.grow(size) {
		room = a.ring.reserve(size)
	}
	return room
}
