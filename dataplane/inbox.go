package dataplane

import (
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Events that the reader of a connection asked for come among the messages, each where
// it happened. The worker holds an event back until all messages that were received
// before it are in the ring, and it is in the midst of none; then it puts it into the
// inbox with the number of records before it. The reader takes it when it has read as
// many. So an event takes no room in the ring.

// EventSet is a set of kinds of events.
type EventSet uint32

// EventsOf is the set of these kinds.
func EventsOf(kinds ...sctpcore.EventKind) (s EventSet) {
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// AllEvents are all kinds but EventSenderDry, which may come with every message, and
// EventPathAdded, which is the dataplane's own affair.
const AllEvents EventSet = (1<<sctpcore.NumEvents - 1) &^ (1<<sctpcore.EventSenderDry | 1<<sctpcore.EventPathAdded)

func (s EventSet) has(k sctpcore.EventKind) bool { return s&(1<<k) != 0 }

// maxInbox bounds the events of one connection that nobody has read, but for those of
// its beginning and end.
const maxInbox = 1024

// inbox is the events that are placed.
type inbox struct {
	n    atomic.Int32
	mu   sync.Mutex
	list []placed
}

type placed struct {
	e  *PathEvent
	at uint64 // records before it
}

func (b *inbox) put(e *PathEvent, at uint64) {
	b.mu.Lock()
	b.list = append(b.list, placed{e, at})
	b.mu.Unlock()
	b.n.Add(1) // before the next record is committed, so that whoever sees that sees this
}

// first is the event after so many records; nil if there is none.
func (b *inbox) first(taken uint64) *PathEvent {
	if b.n.Load() == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.list[0].at > taken {
		return nil
	}
	return b.list[0].e
}

// take is first, and takes it out.
func (b *inbox) take(taken uint64) *PathEvent {
	e := b.first(taken)
	if e != nil {
		b.mu.Lock()
		b.list[0] = placed{}
		if b.list = b.list[1:]; len(b.list) == 0 {
			b.list = nil
		}
		b.mu.Unlock()
		b.n.Add(-1)
	}
	return e
}

// await has an event wait for its place, if the reader wants it.
func (w *worker) await(a *assoc, v *PathEvent) {
	if !a.events.has(v.Kind) || a.conn.closed.Load() {
		return
	}
	if len(a.waiting)+int(a.conn.in.events.n.Load()) >= maxInbox && v.Kind != sctpcore.EventUp && v.Kind != sctpcore.EventDown {
		w.d.feed.dropped.Add(1)
		return
	}
	a.waiting = append(a.waiting, *v)
	w.placeEvents(a, false)
}

// placeEvents puts the events whose place has come before the reader; all if no more
// messages come.
func (w *worker) placeEvents(a *assoc, all bool) {
	if len(a.waiting) == 0 || a.midway && !all {
		return
	}
	n := 0
	for n < len(a.waiting) && (all || a.waiting[n].Received <= a.received) {
		v := a.waiting[n]
		a.conn.in.events.put(&v, a.records)
		n++
	}
	if n == 0 {
		return
	}
	if a.waiting = a.waiting[n:]; len(a.waiting) == 0 {
		a.waiting = nil
	}
	a.conn.readable()
}

// SetEvents changes what AssocOptions.Events said, for events from now on. A set that
// has EventSenderDry and had not tells it at once if all is acknowledged.
func (c *Conn) SetEvents(s EventSet) error {
	return c.onWorker(func(w *worker, a *assoc) error {
		was := a.events
		a.events = s
		if !was.has(sctpcore.EventSenderDry) && s.has(sctpcore.EventSenderDry) && a.dry() {
			w.tellDry(a)
		}
		return nil
	})
}
