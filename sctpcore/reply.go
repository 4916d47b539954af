package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// reply is a packet that answers another one on the spot: INIT ACK, HEARTBEAT
// ACK, ABORT or ERROR to a stranger and the like. It is built when the question
// is handled, since its contents are not kept anywhere else.
type reply struct {
	buf      []byte
	src, dst wire.Addr
	egress   uint32
	inPort   int32
	assoc    AssocID
}

// replies holds answers until the next PollTransmit: at most maxReplies, and at
// most perSecond in a second. What does not fit is dropped and counted, since
// a peer that wants an answer asks again (RFC 5062).
type replies struct {
	queue     [maxReplies]reply
	head, n   int
	perSecond int
	tokens    int
	refilled  Time
}

const (
	maxReplies = 128
	replySize  = 1452 // fits an IPv6 packet of 1500 bytes
)

func (r *replies) init(perSecond int) {
	memory := make([]byte, maxReplies*replySize)
	for i := range r.queue {
		r.queue[i].buf = memory[i*replySize : i*replySize : (i+1)*replySize]
	}
	r.perSecond, r.tokens = perSecond, perSecond
}

// allow spends a token on an answer to a packet of no association; such ones get
// half the queue, so that a flood does not silence the associations.
func (e *Endpoint) allow() bool {
	r := &e.replies
	if gone := e.now - r.refilled; gone >= Millisecond {
		gained := int64(min(gone, Second)) * int64(r.perSecond) / int64(Second)
		if gained > 0 {
			r.tokens = min(r.perSecond, r.tokens+int(gained))
			r.refilled = e.now
		}
	}
	if r.n >= maxReplies/2 || r.tokens == 0 {
		e.ctr.Drops.RateLimited++
		return false
	}
	r.tokens--
	return true
}

// newReply takes the next place for an answer to in; nil, counted, if none is free.
func (e *Endpoint) newReply(in *Inbound) *reply {
	r := &e.replies
	if r.n == maxReplies {
		e.ctr.Drops.RateLimited++
		return nil
	}
	q := &r.queue[(r.head+r.n)%maxReplies]
	r.n++
	q.buf = q.buf[:0]
	q.src, q.dst, q.inPort, q.egress, q.assoc = in.Dst, in.Src, int32(in.Port), 0, 0
	return q
}

// dropReply gives back the place that newReply gave last.
func (e *Endpoint) dropReply() { e.replies.n-- }

// begin writes the common header.
func (q *reply) begin(src, dst uint16, tag uint32) {
	q.buf = q.buf[:wire.CommonHeaderLen]
	wire.PutHeader(q.buf, src, dst, tag)
}

// answer starts a reply to packet p, which is of no association, with its ports
// turned round; nil, counted, if there may be none.
func (e *Endpoint) answer(in *Inbound, p wire.Packet, tag uint32) *reply {
	if !e.allow() {
		return nil
	}
	q := e.newReply(in)
	if q != nil {
		q.begin(p.DstPort(), p.SrcPort(), tag)
		e.ctr.OutCtrlChunks++
	}
	return q
}

// take moves answers into out.
func (r *replies) take(out []Outbound) int {
	n := 0
	for n < len(out) && r.n > 0 {
		q := &r.queue[r.head]
		r.head = (r.head + 1) % maxReplies
		r.n--
		o := &out[n]
		if len(q.buf) > len(o.Buf) {
			continue
		}
		o.N = copy(o.Buf, q.buf)
		o.Src, o.Dst, o.Egress, o.InPort = q.src, q.dst, q.egress, q.inPort
		o.Assoc, o.Path, o.HasData = q.assoc, 0, false
		n++
	}
	return n
}
