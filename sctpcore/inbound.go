package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// inbound is the receiving half of an association: which TSNs came (cum and the
// runs beyond it), the chunks that wait for others, and the queue of what the
// application can read.
type inbound struct {
	limit int // receive buffer, bytes
	held  int // bytes charged for what is stored

	cum  wire.TSN // highest TSN received in sequence
	runs []tsnRun // received beyond cum, ascending, not touching
	dups []wire.TSN

	base    wire.TSN   // no record is held below it
	waiting int        // records held
	records []inRecord // ring by TSN; length is a power of two
	streams []inStream

	ready    fifo[readyRun] // bounded by limit: every element is charged a block
	readPos  int            // where in its first run the chunk begins that is read next
	readOff  int            // bytes of that chunk's user data that were read
	read     uint64         // messages read
	cutShort bool           // before it, the rest of a message will never come
	sackNow  bool           // this packet wants an immediate SACK
	partial  partialDelivery

	packets    int32 // with DATA since the last SACK
	enough     int32 // of them for one at once
	advertised int   // a_rwnd last told to the peer
	promised   int   // bytes of data that the windows told to the peer let it send
}

type tsnRun struct{ first, last wire.TSN }

// inStream is a stream's place in its sequence; head is the first of the complete
// messages that wait for an earlier one, linked by inRecord.next in SSN order.
type inStream struct {
	next    wire.SSN
	waiting bool
	head    wire.TSN
}

// inRecord is a received chunk that cannot be delivered yet. Chunks of one message
// have TSNs in a row; the first and the last record of a run know each other
// (peer), so that a fragment joins its neighbours in constant time.
type inRecord struct {
	block    block
	peer     wire.TSN // other end of the run
	next     wire.TSN // next waiting message of the stream, if linked
	bytes    uint32   // of user data in the run, if it is the first of it and there is Params.PartialDelivery
	n        uint16   // bytes of the chunk
	stream   uint16
	ssn      wire.SSN
	flags    uint8
	held     bool
	complete bool // first record of a message that waits for its turn
	queued   bool // in its stream's queue
	linked   bool // next is set
}

// partialDelivery is the message that is being delivered before it is complete.
type partialDelivery struct {
	active bool
	next   wire.TSN
	stream uint16
	ssn    uint16
}

const (
	// maxWindow bounds how far, in TSNs, records may reach; DATA beyond is dropped.
	maxWindow = 1 << 14
	// maxRuns bounds the runs beyond cum; DATA that would open another is dropped.
	maxRuns = 512
	// maxDups is how many duplicate TSNs a SACK reports at the most.
	maxDups = 16
	// maxGapBlocks is how many gap blocks a SACK reports at the most.
	maxGapBlocks = 256
)

func (in *inbound) init(streams int, first wire.TSN) {
	in.cum, in.base = first-1, first
	in.streams = zeroed(in.streams, streams)
	in.advertised, in.promised = in.limit, in.limit
	in.packets = 1 << 20 // 5.1: "After the reception of the first DATA chunk … the endpoint MUST immediately respond with a SACK chunk"
}

func (in *inbound) record(t wire.TSN) *inRecord { return &in.records[int(t)&(len(in.records)-1)] }

// at is the record of TSN t if one is held.
func (in *inbound) at(t wire.TSN) *inRecord {
	if t.Less(in.base) || int(t-in.base) >= len(in.records) {
		return nil
	}
	if r := in.record(t); r.held {
		return r
	}
	return nil
}

// rwnd is the window to advertise.
func (in *inbound) rwnd() int { return max(0, in.limit-in.held) }

func (in *inbound) highest() wire.TSN {
	if n := len(in.runs); n > 0 {
		return in.runs[n-1].last
	}
	return in.cum
}

// received tells whether TSN t came before.
func (in *inbound) received(t wire.TSN) bool {
	if t.LessEq(in.cum) {
		return true
	}
	for i := len(in.runs) - 1; i >= 0 && t.LessEq(in.runs[i].last); i-- {
		if in.runs[i].first.LessEq(t) {
			return true
		}
	}
	return false
}

// accept notes TSN t, which was not received before, as received; false if it
// would open one run too many.
func (in *inbound) accept(t wire.TSN) bool {
	if t == in.cum+1 {
		in.cum = t
		if len(in.runs) > 0 && in.runs[0].first == t+1 {
			in.cum = in.runs[0].last
			in.runs = in.runs[:copy(in.runs, in.runs[1:])]
		}
		return true
	}
	i := len(in.runs)
	for i > 0 && t.Less(in.runs[i-1].first) {
		i--
	}
	// Run i-1 begins before t, run i after it.
	if i > 0 && in.runs[i-1].last+1 == t {
		in.runs[i-1].last = t
		if i < len(in.runs) && in.runs[i].first == t+1 {
			in.runs[i-1].last = in.runs[i].last
			in.runs = append(in.runs[:i], in.runs[i+1:]...)
		}
		return true
	}
	if i < len(in.runs) && in.runs[i].first == t+1 {
		in.runs[i].first = t
		return true
	}
	if len(in.runs) == maxRuns {
		return false
	}
	in.runs = append(in.runs, tsnRun{})
	copy(in.runs[i+1:], in.runs[i:])
	in.runs[i] = tsnRun{t, t}
	return true
}

// handleData takes in one DATA chunk (RFC 9260, section 6.2).
func (a *assoc) handleData(d wire.Data, now Time) {
	in := &a.in
	t := d.TSN()
	if len(d.UserData()) == 0 {
		// 6.2: "an endpoint that receives a DATA chunk with no user data SHOULD
		// send an ABORT chunk with an error cause set to 'No User Data'".
		a.e.ctr.Drops.EmptyData++
		a.abortNoUserData(t, now)
		return
	}
	if in.received(t) {
		a.e.ctr.Drops.DuplicateTSN++
		a.stats.DuplicateTSNs++
		if len(in.dups) < maxDups {
			in.dups = append(in.dups, t)
		}
		in.sackNow = true
		return
	}
	if int(d.StreamID()) >= len(in.streams) {
		a.badStream(d, t)
		return
	}
	if !a.roomFor(t, len(d)) {
		in.sackNow = true
		return
	}
	if in.outOfPlace(d, t) {
		a.e.ctr.Drops.BadFragment++
		a.abort(ReasonProtocol, wire.CauseProtocolViolation, []byte("fragments contradict each other"), now)
		return
	}
	class := blockClass(len(d))
	if !a.e.store.has(class) {
		a.e.ctr.Drops.NoStore++
		in.sackNow = true
		return
	}
	if !in.accept(t) {
		a.e.ctr.Drops.TSNOutsideWindow++
		in.sackNow = true
		return
	}
	if len(in.runs) > 0 {
		a.less.OutOfSequenceTSNs++
	}
	b := a.e.store.put(class, d)
	in.held += blockSizes[class]
	in.promised = max(0, in.promised-len(d.UserData()))
	in.sackNow = in.sackNow || len(in.runs) > 0 || d.Immediate()
	a.stats.RxDataChunks++
	if d.Unordered() {
		a.e.ctr.InUnorderChunks++
		a.less.RxUnordered++
	} else {
		a.e.ctr.InOrderChunks++
	}
	a.place(d, t, b)
}

// badStream answers DATA for a stream that does not exist; its TSN counts as
// received all the same (RFC 9260, section 6.5).
func (a *assoc) badStream(d wire.Data, t wire.TSN) {
	a.e.ctr.Drops.BadStream++
	if int(t-a.in.base) >= maxWindow || !a.in.accept(t) {
		return
	}
	a.in.advanceBase()
	a.in.sackNow = true
	cause := wire.AppendCauseInvalidStream(a.e.scratch[:0], d.StreamID())
	a.replyError(cause)
}

// roomFor tells whether TSN t, a chunk of n bytes, may be taken in.
func (a *assoc) roomFor(t wire.TSN, n int) bool {
	in := &a.in
	if int(t-in.base) >= maxWindow {
		a.e.ctr.Drops.TSNOutsideWindow++
		return false
	}
	size := blockSizes[blockClass(n)]
	if in.held+size <= in.limit {
		return true
	}
	// The window counts data, the limit blocks: what the peer was told it may send
	// is taken all the same, up to almost twice the limit, and so is what fills a gap,
	// since that alone can free what waits behind. The rest is for the chunk that
	// comes next, without which all would wait for ever.
	most := 2*in.limit - max(in.limit/32, blockSizes[blockClass(a.e.cfg.MTU)])
	if n-wire.DataHeaderLen <= in.promised && in.held+size <= most {
		return true
	}
	if in.ready.len() == 0 { // nothing else could ever make room
		a.deliverPart(0)
	}
	fills := t.Less(in.highest())
	switch {
	case t == in.cum+1 && in.held+size <= 2*in.limit && (fills || in.ready.len() == 0):
		return true // in sequence without a gap, it waits for the application
	case fills && in.held+size <= most:
		return true
	}
	a.e.ctr.Drops.NoReceiveBuffer++
	return false
}

// outOfPlace tells whether a chunk's B and E bits contradict its neighbours'.
func (in *inbound) outOfPlace(d wire.Data, t wire.TSN) bool {
	same := func(r *inRecord) bool {
		return r.stream == d.StreamID() && (r.flags&wire.FlagU != 0) == d.Unordered() &&
			(d.Unordered() || r.ssn == d.SSN())
	}
	before := in.at(t - 1)
	bad := false
	switch {
	case in.partial.active && in.partial.next == t:
		bad = d.Beginning() || d.StreamID() != in.partial.stream
	case d.Beginning():
		bad = before != nil && before.flags&wire.FlagE == 0
	case before != nil:
		bad = before.flags&wire.FlagE != 0 || !same(before)
	default:
		bad = in.received(t - 1) // what came before it was complete
	}
	if bad {
		return true
	}
	after := in.at(t + 1)
	if after == nil {
		return false
	}
	if d.Ending() {
		return after.flags&wire.FlagB == 0
	}
	return after.flags&wire.FlagB != 0 || !same(after)
}

// place delivers a chunk or keeps it until it can be delivered.
func (a *assoc) place(d wire.Data, t wire.TSN, b block) {
	in := &a.in
	switch {
	case in.partial.active && in.partial.next == t:
		in.continuePartial(a, readyRun{b, uint32(len(d)), d.Ending()}, d)
	case d.Beginning() && d.Ending() && !in.partial.active && (d.Unordered() || in.streams[d.StreamID()].next == d.SSN()):
		in.ready.push(readyRun{b, uint32(len(d)), true})
		a.countMessage()
		if !d.Unordered() {
			in.streams[d.StreamID()].next++
			a.deliverWaiting(d.StreamID())
		}
	default:
		a.hold(d, b)
		if point := a.params.PartialDelivery; point > 0 {
			in.advanceBase()
			a.deliverPart(point)
		}
	}
	in.advanceBase()
	if in.ready.len() > 0 {
		a.tellOnce(toldReadable, EventReadable)
	}
}
