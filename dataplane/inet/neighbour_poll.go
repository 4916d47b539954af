package inet

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// MaxControlFrame is the room in bytes that Poll needs for a frame: two tags,
// IPv6 and an advertisement with its option make 94.
const MaxControlFrame = 96

// Rounds of announcement when a link has come up (ANNOUNCE_NUM and
// ANNOUNCE_INTERVAL of RFC 5227) and the pause between two defences of an
// address (DEFEND_INTERVAL).
const (
	announceRounds   = 2
	announceInterval = 2 * Second
	defendInterval   = 10 * Second
)

// Announce makes the next Polls tell the link where our addresses are, by
// gratuitous ARP and unsolicited neighbour advertisements, twice: for a link
// that has come up, or an address that is new.
func (n *Neighbours) Announce(now int64) {
	n.announceAt, n.announceLeft, n.announceNext = now, announceRounds, 0
}

// Poll writes the next frame of the table's own (a question, an answer, an
// announcement) into buf, at least MaxControlFrame bytes, and returns its
// length; 0 if there is none. Call it until it gives 0, whenever NextDeadline
// has come or after Handle… and Lookup.
func (n *Neighbours) Poll(now int64, buf []byte) int {
	if len(buf) < MaxControlFrame {
		return 0
	}
	if a, ok := n.answers.pop(); ok {
		return n.putAnswer(buf, &a)
	}
	if now >= n.announceAt {
		if k := n.pollAnnounce(now, buf); k > 0 {
			return k
		}
	}
	if n.cursor == 0 {
		if now < n.next {
			return 0
		}
		n.sweepNext = Never
	}
	for n.cursor < len(n.entries) {
		e := &n.entries[n.cursor]
		n.cursor++
		if e.state == NeighbourNone {
			continue
		}
		k := 0
		if e.deadline <= now {
			k = n.expire(e, now, buf)
		}
		n.sweepNext = min(n.sweepNext, e.deadline)
		if k > 0 {
			return k
		}
	}
	n.cursor, n.next = 0, n.sweepNext
	return 0
}

func (n *Neighbours) pollAnnounce(now int64, buf []byte) int {
	if n.announceNext < len(n.iface.nets) {
		a := answer{kind: sendAnnouncement, our: n.iface.nets[n.announceNext].Addr}
		n.announceNext++
		return n.putAnswer(buf, &a)
	}
	n.announceNext, n.announceAt = 0, now+announceInterval
	if n.announceLeft--; n.announceLeft <= 0 {
		n.announceAt = Never
	}
	return 0
}

// ask begins the resolution of an entry; the next Poll sends the question.
func (n *Neighbours) ask(e *neighbour, now int64) {
	e.state, e.probes = Incomplete, 0
	n.gen++
	e.deadline = now
	n.arm(now)
}

// schedule sets an entry's deadline, rounded up to the tick.
func (n *Neighbours) schedule(e *neighbour, at int64) {
	if r := at % neighbourTick; r > 0 {
		at += neighbourTick - r
	}
	e.deadline = at
	n.arm(at)
}

func (n *Neighbours) arm(at int64) {
	n.next, n.sweepNext = min(n.next, at), min(n.sweepNext, at)
}

// expire does what an entry's deadline is for; it may write a frame.
func (n *Neighbours) expire(e *neighbour, now int64, buf []byte) int {
	switch e.state {
	case Reachable:
		e.state, e.deadline = Stale, Never
		n.gen++
		return 0
	case Delay:
		e.state, e.probes = Probe, 0
	case Incomplete, Probe:
	default:
		e.deadline = Never
		return 0
	}
	src := n.iface.SourceFor(e.addr)
	if int(e.probes) >= n.cfg.Solicits || src.IsZero() {
		n.fail(e, now)
		return 0
	}
	if !n.solicits.Take(now) {
		n.schedule(e, now+neighbourTick)
		return 0
	}
	e.probes++
	n.schedule(e, now+n.cfg.Retrans)
	var to MAC // zero is everybody who might be it
	if e.state == Probe {
		to = e.mac
	}
	return n.putSolicit(buf, src, e.addr, to)
}

func (n *Neighbours) fail(e *neighbour, now int64) {
	e.state, e.deadline, e.changed, e.mac = Failed, Never, now, MAC{}
	n.drops[DropNeighbourDead] += uint64(e.held.n)
	n.held.move(&n.dead, &e.held)
	n.gen++
}

// release writes the MAC into the packets held and makes them ready.
func (n *Neighbours) release(e *neighbour) {
	for i := e.held.head; i != 0; i = n.held.nodes[i-1].next {
		copy(n.held.nodes[i-1].pkt.Data(), e.mac[:])
	}
	n.held.move(&n.ready, &e.held)
}

// answer is a frame that Poll is to send.
type answer struct {
	kind answerKind
	mac  MAC
	to   wire.Addr
	our  wire.Addr
}

type answerKind uint8

const (
	sendReply        answerKind = iota // ARP reply or solicited advertisement
	sendAnnouncement                   // gratuitous ARP or unsolicited advertisement
)

// answerQueue is a bounded queue; the rate limit makes its bound hard to reach.
type answerQueue struct {
	ring    [64]answer
	head, n int
}

func (q *answerQueue) push(a answer) bool {
	if q.n == len(q.ring) {
		return false
	}
	q.ring[(q.head+q.n)%len(q.ring)] = a
	q.n++
	return true
}

func (q *answerQueue) pop() (answer, bool) {
	if q.n == 0 {
		return answer{}, false
	}
	a := q.ring[q.head]
	q.head, q.n = (q.head+1)%len(q.ring), q.n-1
	return a, true
}

// reply queues an answer if the rate allows.
func (n *Neighbours) reply(a answer, now int64) {
	if !n.replies.Take(now) || !n.answers.push(a) {
		n.drops[DropNeighbourRate]++
	}
}

func (n *Neighbours) putSolicit(b []byte, src, target wire.Addr, to MAC) int {
	if target.Is4() {
		dst := to
		if to.IsZero() {
			dst = BroadcastMAC
		}
		return n.putARP(b, arpRequest, dst, MAC{}, src, target)
	}
	dst, group := target, target
	if to.IsZero() {
		group = solicitedNode(target)
		dst, to = group, multicastMAC(group)
	}
	return n.putND(b, icmp6Solicit, 0, to, src, dst, target, ndOptSource)
}

func (n *Neighbours) putAnswer(b []byte, a *answer) int {
	if a.our.Is4() {
		if a.kind == sendAnnouncement {
			return n.putARP(b, arpRequest, BroadcastMAC, MAC{}, a.our, a.our)
		}
		return n.putARP(b, arpReply, a.mac, a.mac, a.our, a.to)
	}
	if a.kind == sendAnnouncement {
		return n.putND(b, icmp6Advertise, ndOverride, multicastMAC(allNodes), a.our, allNodes, a.our, ndOptTarget)
	}
	return n.putND(b, icmp6Advertise, ndSolicited|ndOverride, a.mac, a.our, a.to, a.our, ndOptTarget)
}

func (n *Neighbours) putARP(b []byte, op uint16, dst, targetMAC MAC, sender, target wire.Addr) int {
	k := n.iface.putLink(b, dst, etherARP)
	h := b[k : k+arpLen]
	binary.BigEndian.PutUint64(h, 0x0001_0800_0604<<16|uint64(op))
	copy(h[8:], n.iface.MAC[:])
	copy(h[14:], sender[12:])
	copy(h[18:], targetMAC[:])
	copy(h[24:], target[12:])
	return k + arpLen
}

func (n *Neighbours) putND(b []byte, kind, flags uint8, mac MAC, src, dst, target wire.Addr, option uint8) int {
	const length = ndLen + 8
	k := n.iface.putLink(b, mac, etherIPv6)
	h := b[k : k+ipv6Len+length]
	clear(h)
	h[0], h[5], h[6], h[7] = 6<<4, length, ProtoICMPv6, 255
	copy(h[8:], src[:])
	copy(h[24:], dst[:])
	m := h[ipv6Len:]
	m[0], m[4] = kind, flags
	copy(m[8:], target[:])
	m[ndLen], m[ndLen+1] = option, 1
	copy(m[ndLen+2:], n.iface.MAC[:])
	sum := ^Fold(Sum(pseudo6(src, dst, length, ProtoICMPv6), m))
	binary.BigEndian.PutUint16(m[2:], sum)
	return k + len(h)
}
