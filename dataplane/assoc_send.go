package dataplane

import (
	"errors"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// sendTurn is how many messages one association hands to the core before it is
// another's turn.
const sendTurn = 256

// send hands records of the send ring to the core, which keeps the bytes where
// they are until it releases them.
func (w *worker) send(a *assoc) {
	if a.conn == nil || !a.up || a.down || a.blocked || a.shutdown {
		return
	}
	if a.read.seg == nil {
		first := a.conn.out.first.Load()
		a.read.seg, a.freed.seg = first, first
	}
	if w.relinking.left.has(a.id.Slot()) {
		w.relink(a.id.Slot())
	}
	var m sctpcore.Message
	for range sendTurn {
		h, payload, ok := a.read.next()
		if !ok {
			w.sentAll(a)
			return
		}
		m.Data, m.Stream, m.PPID, m.Flags, m.Via = payload, h.stream, h.ppid, 0, uint8(h.cum)
		if h.flags&recUnordered != 0 {
			m.Flags |= sctpcore.Unordered
		}
		if h.flags&recSackNow != 0 {
			m.Flags |= sctpcore.SackNow
		}
		err := w.core.Send(w.now, a.id, &m)
		if errors.Is(err, sctpcore.ErrWouldBlock) {
			a.blocked = true
			w.freeSent(a)
			return
		}
		if err != nil {
			w.drops[DropSendRefused]++
			a.read.mark(recDropped)
			why := sctpcore.ReasonShutdown
			if errors.Is(err, sctpcore.ErrStream) { // it was queued before the peer said how many there are
				why = sctpcore.ReasonNoStream
			}
			w.tellFailed(a, &sctpcore.Event{Kind: sctpcore.EventSendFailed, Reason: why, Stream: m.Stream}, &h, payload)
		} else {
			a.unsaid = true
		}
		a.read.skip(&h)
	}
	w.freeSent(a)
	w.moreToDo(a)
}

// sentAll follows when the send ring is handed over whole. Only a close that
// attend has seen, and found to be no abort, ends the association gracefully.
func (w *worker) sentAll(a *assoc) {
	w.freeSent(a)
	if a.closedAt != 0 || a.finished {
		a.shutdown = true
		_ = w.core.Shutdown(w.now, a.id) // refused only if it is shutting down already
	}
}

// freeSent gives the room of released messages back to the application.
func (w *worker) freeSent(a *assoc) {
	if a.freed.seg == nil {
		return
	}
	released, from, underWay := w.core.Released(a.id), a.freed.pos, false
	for a.freed.behind(&a.read) {
		h := a.freed.at()
		if h.flags&recPad != 0 {
			a.freed.pos += uint64(h.size)
			continue
		}
		if h.flags&recDropped == 0 {
			if underWay = a.released == released; underWay {
				break
			}
			a.released++
		}
		a.freed.skip(&h)
	}
	if underWay {
		w.relinking.busy.add(a.id.Slot())
	} else {
		w.relinking.busy.remove(a.id.Slot())
	}
	out := &a.conn.out
	if a.freed.pos == from && out.room.asleep.Load() == 0 && !out.wanting.Load() {
		return
	}
	if a.closedAt != 0 {
		a.closedAt = w.now
	}
	a.freed.release()
	if a.unsaid && a.events.has(sctpcore.EventSenderDry) && a.dry() {
		w.tellDry(a)
	}
	seg := a.freed.seg
	if int(seg.tail.Load()-a.freed.pos) <= len(seg.buf)/2 {
		out.room.signal()
		if out.wanting.Load() {
			out.wanting.Store(false)
			a.conn.watched.raise(ReadyWritable)
		}
	}
}

// dry tells whether all that was queued is acknowledged.
func (a *assoc) dry() bool {
	if a.read.seg == nil {
		return a.conn.out.first.Load() == nil
	}
	if a.freed.behind(&a.read) {
		return false
	}
	_, _, more := a.read.next()
	return !more
}

// tellDry tells that all is acknowledged, until something is sent.
func (w *worker) tellDry(a *assoc) {
	a.unsaid = false
	w.tell(a, &sctpcore.Event{Kind: sctpcore.EventSenderDry})
}

// abortLingering ends associations that were closed and whose peer keeps its
// window shut: T5-shutdown-guard runs only once all data is delivered.
func (w *worker) abortLingering() {
	w.lingering = slices.DeleteFunc(w.lingering, func(a *assoc) bool {
		if a.down || a.shutdown {
			return true
		}
		late := w.now-a.closedAt > w.patience
		if late {
			w.drops[DropLingering]++
			_ = w.core.Abort(w.now, a.id, []byte("closed, and the peer takes nothing"))
		}
		return late
	})
}

// moreToDo has the association looked at again in the next iteration.
func (w *worker) moreToDo(a *assoc) {
	if !a.again {
		a.again = true
		w.again = append(w.again, a)
	}
}
