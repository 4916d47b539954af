package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// outbound is the sending half of an association. Messages wait in a queue and
// are cut into chunks when the windows let them go; chunks that are not
// cumulatively acknowledged stand in a ring indexed by TSN. The user data itself
// stays where Send found it.
type outbound struct {
	messages fifo[outMessage] // head is the number of messages released
	cut      uint64           // number of the message that is being cut
	cutOff   int              // bytes of it that are in chunks
	cutSSN   uint16           // its stream sequence number, once one is
	nextSSN  []uint16         // per stream

	chunks   []outChunk // ring; length is a power of two
	marks    marks      // the same chunks by state
	cumAcked wire.TSN
	nextTSN  wire.TSN

	queued   int // bytes accepted and not released
	flight   int // bytes of user data outstanding on all paths
	peerRwnd int // bytes
	lost     int // chunks in state chunkLost
	lostFrom wire.TSN
	force    bool // one packet of lost chunks may go out whatever cwnd says
	credit   int  // packets of new data that Max.Burst still allows
	burstAt  Time // when credit was given last
	closed   bool // the peer's window was too small for a chunk when it told us last
	answered bool // and it told so after T3-rtx expired last
	probing  bool // chunk probe was sent beyond the peer's window
	refused  bool // and the peer told of a closed window since
	probe    wire.TSN
	progress Time // when cumAcked moved last, or later: when data was sent and none was under way

	recovering bool // fast recovery, until recoverTo is acknowledged
	recoverTo  wire.TSN
	highestGap wire.TSN // highest TSN that the last SACK gap-acknowledged

	sent             uint64 // DATA chunks, those sent again included
	txSacks, rxSacks uint64
	acked            uint64 // messages released before the association ended
}

type outMessage struct {
	data   []byte
	ppid   uint32
	stream uint16
	flags  SendFlags
	apart  uint8 // 0 goes with the others; failedMessage; else Message.Via
}

// failedMessage marks a message whose stream does not exist: it is passed over.
const failedMessage = 255

// next is the message that is cut next, while there is pendingData.
func (o *outbound) next() *outMessage { return o.messages.at(o.cut - o.messages.head) }

// freshPath is the path that new DATA of a message takes: the current one, unless it was
// given another that works.
func (a *assoc) freshPath(m *outMessage) int {
	if m.apart == 0 {
		return int(a.current)
	}
	return a.pathApart(m)
}

func (a *assoc) pathApart(m *outMessage) int {
	if i := int(m.apart) - 1; i < len(a.paths) && a.usable(i) {
		return i
	}
	return int(a.current)
}

// minCharge is what a message counts for at least in the send buffer, so that
// tiny ones cannot make its bookkeeping larger than its data.
const minCharge = 64

func (m *outMessage) charge() int { return max(len(m.data), minCharge) }

// chunkState is the life of a chunk after its first transmission:
//
//	sent ⇄ gapAcked        acknowledged by a gap block; reneging takes it back
//	sent → lost → sent     marked by T3-rtx, fast retransmit or a dead link; sent again
//	any  → gone            its TSN is cumulatively acknowledged
type chunkState uint8

const (
	chunkSent chunkState = iota
	chunkLost
	chunkGapAcked
)

type outChunk struct {
	message uint64
	off     uint32
	n       uint16
	ssn     uint16
	flags   uint8 // of the DATA chunk
	path    uint8
	state   chunkState
	missing uint8 // miss indications (RFC 9260, section 7.2.4)
	reneged uint8 // gap acknowledgements taken back since it was sent last
	fast    bool  // was fast retransmitted: not again
	again   bool  // was sent more than once
	away    bool  // lost by a timeout or a dead link: another path is tried
}

// maxReneges bounds the work that a peer makes by taking gap acknowledgements back
// and giving them again. SACKs that overtake each other look alike, a few times.
const maxReneges = 8

// size is what a chunk counts for on its path: header, user data and padding
// (RFC 9260, section 7.2). The peer's window counts user data only.
func (c *outChunk) size() int { return wire.DataHeaderLen + wire.Pad4(int(c.n)) }

// maxOutstanding bounds the chunks of one association that are not cumulatively
// acknowledged.
const maxOutstanding = 1 << 16

func (o *outbound) init(streams int, first wire.TSN) {
	o.nextSSN = zeroed(o.nextSSN, streams)
	o.nextTSN, o.cumAcked, o.lostFrom, o.highestGap = first, first-1, first, first-1
}

func (o *outbound) chunk(t wire.TSN) *outChunk { return &o.chunks[int(t)&(len(o.chunks)-1)] }

// first is the first outstanding chunk of a set from t on; nextTSN if there is none.
func (o *outbound) first(s markSet, t wire.TSN) wire.TSN { return o.marks.next(s, t, o.nextTSN) }

func (o *outbound) outstanding() int { return int(o.nextTSN - o.cumAcked - 1) }

// add makes room for the chunk of nextTSN and returns it; nil at maxOutstanding.
func (o *outbound) add() *outChunk {
	if n := o.outstanding(); n == len(o.chunks) {
		if n == maxOutstanding {
			return nil
		}
		bigger := make([]outChunk, max(16, 2*n))
		sets := newMarks(len(bigger))
		for t := o.cumAcked + 1; t != o.nextTSN; t++ {
			bigger[int(t)&(len(bigger)-1)] = *o.chunk(t)
			sets.put(t, o.chunk(t))
		}
		o.chunks, o.marks = bigger, sets
	}
	return o.chunk(o.nextTSN)
}

// dropAll gives up every message.
func (o *outbound) dropAll() {
	o.acked = o.messages.head
	o.messages.clear()
	o.chunks, o.marks = nil, marks{}
	o.queued, o.flight, o.lost = 0, 0, 0
	o.cut, o.cutOff = o.messages.head, 0
	o.cumAcked = o.nextTSN - 1
}

// Send queues a message (SEND). The first error leaves nothing queued.
func (e *Endpoint) Send(now Time, id AssocID, m *Message) error {
	a := e.assoc(id)
	if a == nil {
		return ErrNoAssociation
	}
	o := &a.out
	switch {
	case a.state == Closed || a.state > Established:
		return ErrClosing
	case len(m.Data) == 0:
		return ErrEmpty
	case len(m.Data) > e.cfg.Limits.MaxMessage:
		return ErrMessageTooLong
	case int(m.Stream) >= max(len(o.nextSSN), 1):
		return ErrStream
	}
	charge := max(len(m.Data), minCharge)
	if o.queued+charge > e.cfg.Limits.SendBuffer && o.queued > 0 {
		return ErrWouldBlock
	}
	e.begin(now)
	q := o.messages.add()
	q.data, q.ppid, q.stream, q.flags, q.apart = m.Data, m.PPID, m.Stream, m.Flags, min(m.Via, MaxPaths+1)
	o.queued += charge
	if o.flight == 0 {
		a.renewCredit()
	}
	a.wantTransmit()
	return nil
}

// Released is how many messages of those accepted by Send, counted from the
// first and in that order, the core needs no more. After EventDown it needs none, and
// those beyond Released were not acknowledged.
func (e *Endpoint) Released(id AssocID) uint64 {
	a := e.assoc(id)
	switch {
	case a == nil:
		return 0
	case a.state == Closed:
		return a.out.acked
	}
	return a.out.messages.head
}

// maxBurst is Max.Burst with 0 as no limit.
func (a *assoc) maxBurst() int {
	if a.params.MaxBurst == 0 {
		return 1 << 30
	}
	return a.params.MaxBurst
}

// renewCredit allows Max.Burst packets once nothing is in flight. What a SACK gave
// lives an RTO, as a window does that is not used (RFC 9260, section 7.2.1): a
// sender whose bursts are acknowledged whole must not be cut back by that.
func (a *assoc) renewCredit() {
	o := &a.out
	if a.e.now-o.burstAt > a.paths[a.current].rto {
		o.credit = 0
	}
	o.credit = max(o.credit, a.maxBurst())
}

// pendingData tells whether there is user data that was never sent.
func (o *outbound) pendingData() bool { return o.cut < o.messages.tail }

// idle tells whether every accepted message has been acknowledged.
func (o *outbound) idle() bool { return !o.pendingData() && o.outstanding() == 0 }

// fragmentSize is the most user data in one DATA chunk: what fits in a packet
// on any path, so that a chunk can be sent again on each (RFC 9260, section 6.9).
func (a *assoc) fragmentSize() int {
	if a.fragment == 0 {
		a.fragment = int32(a.findFragment())
	}
	return int(a.fragment)
}

func (a *assoc) findFragment() int {
	size := 1 << 16
	for i := range a.paths {
		size = min(size, a.paths[i].payload())
	}
	size -= wire.DataHeaderLen + a.authRoom()
	if most := a.params.MaxSegment; most > 0 {
		return min(size, most)
	}
	return size
}

// lose marks a sent chunk for retransmission, on another path if away is set.
func (a *assoc) lose(t wire.TSN, c *outChunk, away bool) {
	o := &a.out
	p := &a.paths[c.path]
	c.state, c.away = chunkLost, away
	o.marks.put(t, c)
	p.flight -= c.size()
	o.flight -= int(c.n)
	// RFC 9260, 6.2.1, C: "When a DATA chunk is marked for retransmission, add
	// the data size of the chunk to rwnd."
	o.peerRwnd += int(c.n)
	if o.lost == 0 || t.Less(o.lostFrom) {
		o.lostFrom = t
	}
	o.lost++
	if p.rttPending && p.rttTSN == t {
		p.rttPending = false
	}
}

// markLost marks every chunk that is outstanding on path i.
func (a *assoc) markLost(i int) {
	o := &a.out
	for t := o.first(inFlight, o.cumAcked+1); t != o.nextTSN; t = o.first(inFlight, t+1) {
		if c := o.chunk(t); int(c.path) == i {
			a.lose(t, c, true)
		}
	}
	if o.lost > 0 {
		o.force = true
	}
}

// t3Expired handles the expiry of T3-rtx of path i (RFC 9260, section 6.3.3).
func (a *assoc) t3Expired(i int, now Time) {
	p := &a.paths[i]
	o := &a.out
	p.timeouts++
	a.stats.Timeouts++
	a.e.ctr.T3RtxExpireds++
	// 7.2.3: "ssthresh = max(cwnd / 2, 4 * PMDCS); cwnd = PMDCS".
	m := p.payload()
	p.ssthresh = max(p.cwnd/2, 4*m)
	p.cwnd, p.partialBytesAcked, p.single = m, 0, true
	p.backOff(&a.params.Timers)
	// 6.1, A: "the sender SHOULD NOT consider the association or any particular
	// destination transport address failed" while a closed window is answered.
	excused := o.closed && o.answered
	o.answered = false
	a.markLost(i)
	if !excused {
		a.pathError(i, now)
		if a.assocError(now) {
			return
		}
	}
	a.e.ctr.T3Retransmits++
	o.recovering = false
	a.wantTransmit()
}

// ageWindow lets the window of a path that was idle decay (RFC 9260, section 7.2.1).
func (p *path) ageWindow(now Time) {
	if p.flight > 0 || p.lastData == longAgo {
		return
	}
	floor := 4 * p.payload()
	p.aged = max(p.aged, p.lastData)
	for ; now-p.aged > p.rto && p.cwnd > floor; p.aged += p.rto {
		if p.aged == p.lastData {
			p.ssthresh = p.cwnd // "before the first cwnd adjustment"
		}
		p.cwnd = max(p.cwnd/2, floor)
	}
}
