package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// hold keeps a chunk in the ring, joins it with its neighbours, and delivers the
// message if that made it whole and it is its turn.
func (a *assoc) hold(d wire.Data, b block) {
	in := &a.in
	t := d.TSN()
	in.growRecords(t)
	r := in.record(t)
	*r = inRecord{}
	r.block, r.n, r.peer, r.held = b, uint16(len(d)), t, true
	r.stream, r.ssn, r.flags = d.StreamID(), d.SSN(), d.Flags()
	in.waiting++
	first, last := t, t
	if r.flags&wire.FlagB == 0 {
		if before := in.at(t - 1); before != nil {
			first = before.peer
		}
	}
	if r.flags&wire.FlagE == 0 {
		if after := in.at(t + 1); after != nil {
			last = after.peer
		}
	}
	in.record(first).peer, in.record(last).peer = last, first
	if a.params.PartialDelivery > 0 {
		in.countRun(first, t, last, len(d.UserData()))
	}
	if in.record(first).flags&wire.FlagB != 0 && in.record(last).flags&wire.FlagE != 0 {
		a.completed(first)
	}
}

// countRun counts the user data of a run, from first to last, which TSN t of n bytes has
// made of what stood on either side of it.
func (in *inbound) countRun(first, t, last wire.TSN, n int) {
	if last != t {
		n += int(in.record(t + 1).bytes)
	}
	if first != t {
		n += int(in.record(first).bytes)
	}
	in.record(first).bytes = uint32(n)
}

func (in *inbound) growRecords(t wire.TSN) {
	need := int(t-in.base) + 1
	if need <= len(in.records) {
		return
	}
	size := max(16, len(in.records))
	for size < need {
		size *= 2
	}
	bigger := make([]inRecord, size)
	for i := range len(in.records) {
		u := in.base + wire.TSN(i)
		bigger[int(u)&(size-1)] = *in.record(u)
	}
	in.records = bigger
}

// completed handles a message, beginning at TSN first, whose fragments are all here.
func (a *assoc) completed(first wire.TSN) {
	in := &a.in
	r := in.record(first)
	switch {
	case in.partial.active:
		r.complete = true // resumed when the partial delivery ends
	case r.flags&wire.FlagU != 0:
		a.deliver(first)
	case r.ssn == in.streams[r.stream].next:
		in.streams[r.stream].next++
		a.deliver(first)
		a.deliverWaiting(r.stream)
	case r.ssn.Less(in.streams[r.stream].next):
		// The peer used a stream sequence number again: it can never be delivered.
		a.e.ctr.Drops.BadFragment++
		a.discard(first)
	default:
		r.complete = true
		in.link(first)
	}
}

// link puts a complete message into its stream's queue, by SSN. Messages come
// nearly in order, and a queue holds what one loss delays, so a walk is short.
func (in *inbound) link(first wire.TSN) {
	r := in.record(first)
	r.queued = true
	s := &in.streams[r.stream]
	if !s.waiting || r.ssn.Less(in.record(s.head).ssn) {
		r.next, r.linked = s.head, s.waiting
		s.head, s.waiting = first, true
		return
	}
	at := in.record(s.head)
	for at.linked && !r.ssn.Less(in.record(at.next).ssn) {
		at = in.record(at.next)
	}
	r.next, r.linked = at.next, at.linked
	at.next, at.linked = first, true
}

// deliverWaiting delivers the messages of a stream whose turn has come.
func (a *assoc) deliverWaiting(stream uint16) {
	in := &a.in
	s := &in.streams[stream]
	for s.waiting && !in.partial.active {
		first := s.head
		r := in.record(first)
		if s.next.Less(r.ssn) {
			return
		}
		s.head, s.waiting = r.next, r.linked
		if r.ssn != s.next {
			a.e.ctr.Drops.BadFragment++
			a.discard(first)
			continue
		}
		s.next++
		a.deliver(first)
	}
}

// deliver moves a whole message from the ring to the ready queue.
func (a *assoc) deliver(first wire.TSN) {
	in := &a.in
	last := in.record(first).peer
	if last != first {
		a.e.ctr.ReasmUsrMsgs++
	}
	for t := first; t.LessEq(last); t++ {
		in.ready.push(in.take(t))
	}
	a.countMessage()
	a.tellOnce(toldReadable, EventReadable)
}

// discard drops a message that is in the ring.
func (a *assoc) discard(first wire.TSN) {
	in := &a.in
	for t, last := first, in.record(first).peer; t.LessEq(last); t++ {
		b := in.take(t).block
		in.held -= blockSizes[b.class]
		a.e.store.release(b)
	}
}

// take empties the record of TSN t.
func (in *inbound) take(t wire.TSN) readyRun {
	r := in.record(t)
	r.held = false
	in.waiting--
	return readyRun{r.block, uint32(r.n), r.flags&wire.FlagE != 0}
}

// advanceBase moves base up to the first TSN that is held or not received.
func (in *inbound) advanceBase() {
	if in.waiting == 0 {
		in.base = in.cum + 1
		return
	}
	for in.base.LessEq(in.cum) && !in.record(in.base).held {
		in.base++
	}
}

// deliverPart starts delivering the first message that is held, incomplete, in parts if
// that many bytes of it are here in a row (RFC 9260, section 6.9).
func (a *assoc) deliverPart(least int) {
	in := &a.in
	if in.partial.active || in.waiting == 0 {
		return
	}
	r := in.at(in.base)
	if r == nil || r.flags&wire.FlagB == 0 || r.complete || int(r.bytes) < least || in.cum.Less(in.base) {
		return
	}
	if r.flags&wire.FlagU == 0 && r.ssn != in.streams[r.stream].next {
		return
	}
	first, last := in.base, r.peer
	in.partial = partialDelivery{active: true, next: last + 1, stream: r.stream, ssn: uint16(r.ssn)}
	for t := first; t.LessEq(last); t++ {
		in.ready.push(in.take(t))
	}
	in.advanceBase()
	a.tellOnce(toldReadable, EventReadable)
}

// continuePartial delivers chunk d, the next piece of the message that is under way,
// and whatever follows it in the ring.
func (in *inbound) continuePartial(a *assoc, r readyRun, d wire.Data) {
	in.ready.push(r)
	for in.partial.next++; !r.ends; in.partial.next++ {
		if in.at(in.partial.next) == nil {
			return
		}
		r = in.take(in.partial.next)
		in.ready.push(r)
	}
	in.partial.active = false
	a.countMessage()
	if !d.Unordered() {
		in.streams[d.StreamID()].next++
	}
	a.resume()
}

// resume delivers what had to wait for a partial delivery to end.
func (a *assoc) resume() {
	in := &a.in
	for t := in.base; t.LessEq(in.highest()) && in.waiting > 0; t++ {
		if r := in.at(t); r != nil && r.complete && !r.queued {
			r.complete = false
			a.completed(t)
		}
	}
	for i := range in.streams {
		a.deliverWaiting(uint16(i))
	}
}
