package sctpcore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// invariants are what holds of an endpoint between any two calls, whatever packets
// it was given: sums equal what they sum up, queues are within their bounds,
// every block of the store has one owner. It returns the first that does not hold.
func invariants(e *Endpoint) error {
	owners := map[block]AssocID{}
	established, offPrimary := uint64(0), uint64(0)
	live, kept := 0, 0
	for slot, a := range e.slots {
		if a == nil {
			continue
		}
		kept++
		if a.slot != uint32(slot) {
			return fmt.Errorf("slot %d holds association of slot %d", slot, a.slot)
		}
		if a.state >= Established {
			established++
			if a.current != a.primary {
				offPrimary++
			}
		}
		if a.state != Closed {
			live++
			if err := a.checkIndex(); err != nil {
				return fmt.Errorf("%s: %w", a.state, err)
			}
			if err := a.checkTimers(); err != nil {
				return fmt.Errorf("%s: %w", a.state, err)
			}
			if err := a.checkExtensions(); err != nil {
				return fmt.Errorf("%s: %w", a.state, err)
			}
		}
		if err := a.checkOutbound(); err != nil {
			return fmt.Errorf("%s: %w", a.state, err)
		}
		if err := a.checkInbound(owners); err != nil {
			return fmt.Errorf("%s: %w", a.state, err)
		}
	}
	switch {
	case established != e.ctr.CurrEstab:
		return fmt.Errorf("%d associations are established, CurrEstab says %d", established, e.ctr.CurrEstab)
	case offPrimary != e.ctr.OffPrimary:
		return fmt.Errorf("%d associations are off their primary paths, OffPrimary says %d", offPrimary, e.ctr.OffPrimary)
	case live != e.tags.count:
		return fmt.Errorf("%d associations are live, the tag table has %d", live, e.tags.count)
	case e.replies.n < 0 || e.replies.n > maxReplies || e.replies.tokens < 0 || e.replies.tokens > e.replies.perSecond:
		return fmt.Errorf("%d answers wait, %d tokens are left", e.replies.n, e.replies.tokens)
	}
	if (len(e.spare)+kept)%slabLen != 0 {
		return fmt.Errorf("%d associations are spare, %d are kept", len(e.spare), kept)
	}
	for _, a := range e.spare[max(0, len(e.spare)-2):] { // those that came last
		if !reflect.ValueOf(a).Elem().IsZero() {
			return fmt.Errorf("a spare association is not empty: %+v", a)
		}
	}
	for k, first := range e.peers {
		for _, slot := range append([]uint32{first}, e.twins[k]...) {
			a := e.slots[slot]
			if a == nil || a.state == Closed || a.findPath(k.addr) < 0 || a.localPort != k.local || a.peerPort != k.peer {
				return fmt.Errorf("address %v of ports %d and %d leads to an association that does not have it", k.addr, k.local, k.peer)
			}
		}
	}
	for k := range e.twins {
		if _, ok := e.peers[k]; !ok || len(e.twins[k]) == 0 {
			return fmt.Errorf("address %v of ports %d and %d has twins and no first", k.addr, k.local, k.peer)
		}
	}
	return e.store.check(owners)
}

// stalled tells of an association that has user data to send, nothing in flight
// and nothing that would ever make it go on. It holds after PollTransmit had nothing more.
func stalled(e *Endpoint) error {
	for _, a := range e.slots {
		if a == nil || !a.mayCarryData() || a.out.flight > 0 || a.mute() {
			continue
		}
		if (a.out.pendingData() || a.out.lost > 0) && a.paths[a.current].state != Unconfirmed {
			return fmt.Errorf("%s: %d messages wait, %d chunks are lost, nothing is in flight: credit %d, cwnd %d, rwnd %d",
				a.state, a.out.messages.len(), a.out.lost, a.out.credit, a.paths[a.current].cwnd, a.out.peerRwnd)
		}
	}
	return nil
}

func (a *assoc) checkIndex() error {
	if a.e.tags.get(a.localTag) != a {
		return fmt.Errorf("tag %#x does not lead to the association", a.localTag)
	}
	if n := len(a.paths); n == 0 || n > a.e.cfg.Limits.PathsPerAssoc {
		return fmt.Errorf("%d paths", n)
	}
	if int(a.primary) >= len(a.paths) || int(a.current) >= len(a.paths) || int(a.initPath) >= len(a.paths) {
		return errors.New("primary, current or initial path does not exist")
	}
	for i := range a.paths {
		if a.e.byPeer(a.localPort, a.peerPort, a.paths[i].dst, a.locals...) != a {
			return fmt.Errorf("peer's address %v does not lead to the association", a.paths[i].dst)
		}
		if a.findPath(a.paths[i].dst) != i {
			return fmt.Errorf("peer's address %v twice", a.paths[i].dst)
		}
	}
	return nil
}

func (a *assoc) checkTimers() error {
	next := a.nextDeadline()
	n := &a.e.wheel.nodes[a.slot]
	if next != Never && (n.level < 0 || n.at > max(tickAfter(next), a.e.wheel.now+1)) {
		return fmt.Errorf("deadline %d is not in the wheel in time", next)
	}
	if (n.level < 0) != (a.armed == Never) || n.level >= 0 && tickAfter(a.armed) > max(n.at, a.e.wheel.now) {
		return fmt.Errorf("armed for %d, the wheel has tick %d on level %d", a.armed, n.at, n.level)
	}
	if a.state >= Established && a.t1 != Never {
		return errors.New("T1 runs in an established association")
	}
	if a.state >= Established && a.owed&(oweInit|oweCookieEcho) != 0 {
		return errors.New("an established association owes INIT or COOKIE ECHO")
	}
	for i := range a.paths {
		if p := &a.paths[i]; p.flight > 0 && p.t3 == Never {
			return fmt.Errorf("path %d has %d bytes in flight and no T3-rtx", i, p.flight)
		}
	}
	return nil
}

func (a *assoc) checkOutbound() error {
	o := &a.out
	if n := o.outstanding(); n < 0 || n > maxOutstanding || n > len(o.chunks) {
		return fmt.Errorf("%d chunks outstanding in a ring of %d", n, len(o.chunks))
	}
	flights := make([]int, len(a.paths))
	flight, lost := 0, 0
	for t := o.cumAcked + 1; t != o.nextTSN; t++ {
		c := o.chunk(t)
		if int(c.path) >= len(a.paths) {
			return fmt.Errorf("TSN %d is on path %d of %d", t, c.path, len(a.paths))
		}
		if err := o.checkMarks(t, c); err != nil {
			return err
		}
		switch c.state {
		case chunkSent:
			if p := &a.paths[c.path]; t.Less(p.oldest) {
				return fmt.Errorf("TSN %d is outstanding on path %d, whose oldest is said to be %d", t, c.path, p.oldest)
			}
			flights[c.path] += c.size()
			flight += int(c.n)
		case chunkLost:
			lost++
			if t.Less(o.lostFrom) {
				return fmt.Errorf("lost TSN %d is below lostFrom %d", t, o.lostFrom)
			}
		}
	}
	if flight != o.flight || lost != o.lost {
		return fmt.Errorf("flight is %d and %d chunks are lost; the chunks say %d and %d", o.flight, o.lost, flight, lost)
	}
	for i := range a.paths {
		if p := &a.paths[i]; a.state != Closed && flights[i] != p.flight || p.cwnd < p.payload() && a.state >= Established || p.errors < 0 {
			return fmt.Errorf("path %d: flight %d, its chunks %d, cwnd %d, errors %d", i, p.flight, flights[i], p.cwnd, p.errors)
		}
	}
	for i := range a.paths {
		if p := &a.paths[i]; a.state != Closed && p.rttPending && (p.rttTSN.LessEq(o.cumAcked) || !p.rttTSN.Less(o.nextTSN)) {
			return fmt.Errorf("path %d times TSN %d, outstanding is what is above %d and below %d", i, p.rttTSN, o.cumAcked, o.nextTSN)
		}
	}
	queued := 0
	for i := range uint64(o.messages.len()) {
		m := o.messages.at(i)
		queued += m.charge()
		if int(m.stream) >= len(o.nextSSN) && m.apart != failedMessage {
			return fmt.Errorf("message waits for stream %d of %d", m.stream, len(o.nextSSN))
		}
	}
	if queued != o.queued || o.peerRwnd < 0 || o.cut < o.messages.head || o.cut > o.messages.tail {
		return fmt.Errorf("queued is %d, its messages %d; peer's window %d", o.queued, queued, o.peerRwnd)
	}
	return nil
}

// checkMarks looks whether a chunk is in the sets of its state, and in no other.
func (o *outbound) checkMarks(t wire.TSN, c *outChunk) error {
	for s, want := range map[markSet]bool{
		inFlight: c.state == chunkSent, lostChunks: c.state == chunkLost, gapAcked: c.state == chunkGapAcked,
		ackable: c.state != chunkGapAcked && c.reneged < maxReneges, missable: c.state == chunkSent && !c.fast,
	} {
		if (o.marks.next(s, t, t+1) == t) != want {
			return fmt.Errorf("TSN %d, %+v, is %v to be in set %d", t, *c, want, s)
		}
	}
	return nil
}

func (a *assoc) checkInbound(owners map[block]AssocID) error {
	in := &a.in
	held, waiting, queued := 0, 0, 0
	own := func(b block) error {
		if other, twice := owners[b]; twice {
			return fmt.Errorf("block %v belongs to %d and %d", b, other, a.id)
		}
		owners[b] = a.id
		held += blockSizes[b.class]
		return nil
	}
	for i := range uint64(in.ready.len()) {
		if err := own(in.ready.at(i).block); err != nil {
			return err
		}
	}
	for i := range in.records {
		t := in.base + wire.TSN(i)
		r := in.record(t)
		if !r.held {
			continue
		}
		waiting++
		if err := own(r.block); err != nil {
			return err
		}
		if r.queued && r.complete {
			queued++
		}
		if !in.received(t) {
			return fmt.Errorf("TSN %d is held but not received (cum %d, base %d, runs %v)", t, in.cum, in.base, in.runs)
		}
	}
	switch {
	case held != in.held || waiting != in.waiting:
		return fmt.Errorf("held is %d and waiting %d; the chunks say %d and %d", in.held, in.waiting, held, waiting)
	case held > 2*in.limit:
		return fmt.Errorf("%d bytes are held, the receive buffer is %d", held, in.limit)
	case len(in.records) > maxWindow || len(in.runs) > maxRuns || len(in.dups) > maxDups:
		return fmt.Errorf("%d records, %d runs, %d duplicates", len(in.records), len(in.runs), len(in.dups))
	case a.state >= Established && !in.base.LessEq(in.cum+1):
		return fmt.Errorf("base %d is beyond cum %d", in.base, in.cum)
	}
	before := in.cum
	for _, r := range in.runs {
		if !(before + 1).Less(r.first) || r.last.Less(r.first) {
			return fmt.Errorf("runs %v do not ascend from cum %d", in.runs, in.cum)
		}
		before = r.last
	}
	if a.state == Closed {
		return nil // its streams are not looked at any more
	}
	return in.checkStreams(queued)
}

// checkStreams looks at the queues of complete messages that wait for their turn.
func (in *inbound) checkStreams(queued int) error {
	n := 0
	for i := range in.streams {
		s := &in.streams[i]
		if !s.waiting {
			continue
		}
		for t, ssn := s.head, wire.SSN(0); ; {
			r := in.at(t)
			if r == nil || !r.complete || int(r.stream) != i {
				return fmt.Errorf("stream %d waits for TSN %d, which is not a complete message of it", i, t)
			}
			if n++; n > queued {
				return fmt.Errorf("queue of stream %d goes in a circle", i)
			}
			if t != s.head && r.ssn.Less(ssn) {
				return fmt.Errorf("queue of stream %d is not in order", i)
			}
			if ssn = r.ssn; !r.linked {
				break
			}
			t = r.next
		}
	}
	if n != queued {
		return fmt.Errorf("%d messages are queued, the streams have %d", queued, n)
	}
	return nil
}

// check tells whether each block is either free once or owned once.
func (s *store) check(owners map[block]AssocID) error {
	if s.taken > s.limit || s.taken != len(s.slabs)*slabSize {
		return fmt.Errorf("store has taken %d bytes of %d in %d slabs", s.taken, s.limit, len(s.slabs))
	}
	inUse := make([]int32, len(s.slabs))
	for b := range owners {
		if l := &s.slabs[b.slab]; l.class != b.class || int32(b.off) >= l.cut {
			return fmt.Errorf("block %v is owned and not cut", b)
		}
		inUse[b.slab]++
	}
	for i := range s.slabs {
		l := &s.slabs[i]
		if l.used != inUse[i] {
			return fmt.Errorf("slab %d counts %d blocks in use, %d are owned", i, l.used, inUse[i])
		}
		free := l.cut/int32(blockSizes[l.class]) - l.used
		for off := l.free; off >= 0; off = int32(binary.NativeEndian.Uint32(l.memory[off:])) {
			if _, used := owners[block{slab: uint32(i), off: uint16(off), class: l.class}]; used {
				return fmt.Errorf("block at %d of slab %d is free and owned", off, i)
			}
			if free--; free < 0 {
				return fmt.Errorf("slab %d has a block free twice", i)
			}
		}
		if l.used > 0 && free != 0 {
			return fmt.Errorf("slab %d has lost %d blocks", i, free)
		}
	}
	for class, open := range s.open {
		for place, i := range open {
			if l := &s.slabs[i]; int(l.place) != place || int(l.class) != class {
				return fmt.Errorf("slab %d is in the wrong list", i)
			}
		}
	}
	return nil
}
