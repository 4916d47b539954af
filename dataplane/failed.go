package dataplane

import (
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// failed is what an association that has ended leaves in its send ring.
type failed struct {
	recordReader
	number uint64 // of the message at the cursor
	unsent uint64 // the first of which nothing was sent
	off    int    // bytes of it that were given out
}

// TakeFailed gives, once the association has ended, the messages that Send took and the
// peer did not acknowledge, in order, one or as much of one as fits in b with each call:
// then More is set and the rest comes with the next one. Of m Stream, PPID, Context,
// Unordered, Sent, N and More are set. ok is false when there is none, or none any more.
// Those that an EventSendFailed told of are not among them.
func (c *Conn) TakeFailed(b []byte, m *Message) (n int, ok bool) {
	s := &c.out
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.ended.Load() {
		return 0, false
	}
	f := &s.failed
	if f.seg == nil { // it ended before the worker had looked at the ring
		f.recordReader = (&recordReader{seg: s.first.Load()}).from()
	}
	for {
		h, payload, ok := f.next()
		if !ok {
			return 0, false
		}
		if h.flags&recDropped != 0 {
			f.skip(&h)
			continue
		}
		n = copy(b, payload[f.off:])
		*m = h.outgoing(f.number < f.unsent)
		m.N = n
		if f.off += n; f.off < len(payload) {
			m.More = true
			return n, true
		}
		f.skip(&h)
		f.off = 0
		f.number++
		return n, true
	}
}

// outgoing is the attributes of a message to send.
func (h *record) outgoing(sent bool) Message {
	return Message{Stream: h.stream, PPID: h.ppid, Context: h.tsn, Unordered: h.flags&recUnordered != 0, Sent: sent}
}

// tellFailed tells of a message that will not be sent, with a copy of it.
func (w *worker) tellFailed(a *assoc, e *sctpcore.Event, h *record, payload []byte) {
	m := h.outgoing(false)
	m.Data = slices.Clone(payload)
	m.N = len(payload)
	w.tellMore(a, e, &m)
}

// queued finds the message that the core took under a number and has not released.
func (a *assoc) queued(number uint64) (h record, payload []byte, ok bool) {
	r := a.freed.from()
	for n := a.released; ; r.skip(&h) {
		if h, payload, ok = r.next(); !ok {
			return h, nil, false
		}
		if h.flags&recDropped == 0 {
			if n == number {
				return h, payload, true
			}
			n++
		}
	}
}
