package inet

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// NeighbourState is what is believed of a neighbour (RFC 4861, section 7.3.2),
// for ARP as well.
type NeighbourState uint8

// The states.
const (
	NeighbourNone NeighbourState = iota // not in the table, and no room to put it there
	Incomplete                          // asked for, not answered yet
	Reachable                           // answered a short time ago
	Stale                               // MAC known but not asked for of late
	Delay                               // used while stale; a probe follows
	Probe                               // being asked whether it is still there
	Failed                              // did not answer
)

var neighbourStateNames = [...]string{"NONE", "INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE", "FAILED"}

// String is the RFC's name of the state.
func (s NeighbourState) String() string { return neighbourStateNames[s] }

// Usable tells whether the MAC may be sent to.
func (s NeighbourState) Usable() bool { return s >= Reachable && s <= Probe }

// NeighbourConfig bounds and times a table; zero values are the defaults.
type NeighbourConfig struct {
	Entries  int // neighbours, at most 65536; 0 is 1024. Beyond it the least useful goes
	Hold     int // packets held per neighbour; 0 is 8. Beyond it the oldest goes
	HoldAll  int // packets held by all neighbours together; 0 is 512. Beyond it new ones are refused
	Solicits int // questions before giving up, MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT; 0 is 3

	Reachable int64 // ns, REACHABLE_TIME, varied by half either way; 0 is 30 s
	Retrans   int64 // ns between questions, RETRANS_TIMER; 0 is 1 s
	Delay     int64 // ns, DELAY_FIRST_PROBE_TIME; 0 is 5 s
	FailHold  int64 // ns during which a failed neighbour is not asked again; 0 is 1 s
	Lock      int64 // ns during which a MAC does not change again; 0 is 1 s

	SolicitsPerSecond int // 0 is 500; beyond it questions wait
	AnswersPerSecond  int // 0 is 1000; beyond it nothing is answered

	// LooseMAC accepts ARP and ND whose link-layer address differs from the
	// frame's source MAC, as some router redundancy protocols send them.
	LooseMAC bool
	// Seed keys the table's hash and its jitter; production takes it from
	// crypto/rand.
	Seed uint64
}

// neighbourTick is the grain of deadlines, so that however many entries wait
// the table is swept at most 100 times per second.
const neighbourTick = Second / 100

// Neighbours is the ARP and ND table of one port. It is driven like the core:
// Handle… and verbs put in, Poll… takes out. Entries are made only by our own
// lookups and by requests addressed to us from a connected subnet; announcements
// change what exists. One thread.
//
// A neighbour in use is asked again, to its MAC, about every 30 s: that costs less
// than to have acknowledgements confirm it, which RFC 4861, section 7.3.1, leaves
// open.
type Neighbours struct {
	iface   *Iface
	drops   *Drops
	cfg     NeighbourConfig
	entries []neighbour
	buckets []int32 // index+1 of the first entry
	free    int32   // index+1 of the first unused entry
	hand    int     // where eviction looks next
	count   int
	gen     uint32

	next      int64 // when the sweep has something to do
	sweepNext int64 // the same, being worked out by the sweep
	cursor    int   // where the sweep is; 0 is not begun

	held    heldPool
	ready   heldList
	dead    heldList
	answers answerQueue

	solicits, replies Bucket
	defendAt          int64 // no conflict is answered before
	announceAt        int64
	announceLeft      int // rounds
	announceNext      int // address in this round
}

type neighbour struct {
	addr     wire.Addr
	mac      MAC
	state    NeighbourState
	probes   uint8
	own      bool // we looked it up; else learnt from a request
	link     int32
	deadline int64
	lastUse  int64
	changed  int64 // when the MAC was set, or when it failed
	lifetime int64 // of Reachable
	held     heldList
}

// NewNeighbours makes an empty table with all the memory it will ever use.
func NewNeighbours(f *Iface, cfg NeighbourConfig, drops *Drops) (*Neighbours, error) {
	cfg.setDefaults()
	if cfg.Entries < 1 || cfg.Entries > 65536 || cfg.Hold < 1 || cfg.HoldAll < cfg.Hold || cfg.HoldAll > 65536 {
		return nil, fmt.Errorf("inet: neighbour table wants 1 to 65536 entries and holds 1 to 65536 packets, have %d and %d per entry, %d in all",
			cfg.Entries, cfg.Hold, cfg.HoldAll)
	}
	if cfg.Solicits < 1 || cfg.Solicits > 100 || cfg.Reachable <= 0 || cfg.Retrans <= 0 || cfg.Delay < 0 || cfg.FailHold < 0 || cfg.Lock < 0 {
		return nil, fmt.Errorf("inet: neighbour times must be above 0 and solicitations within 1 to 100")
	}
	n := &Neighbours{
		iface: f, cfg: cfg, drops: drops,
		entries: make([]neighbour, cfg.Entries),
		buckets: make([]int32, 1<<bits.Len(uint(cfg.Entries))),
		next:    Never, sweepNext: Never, announceAt: Never, defendAt: -1 << 62, gen: 1,
		held:     newHeldPool(cfg.HoldAll),
		solicits: NewBucket(cfg.SolicitsPerSecond, max(10, cfg.SolicitsPerSecond/10)),
		replies:  NewBucket(cfg.AnswersPerSecond, max(10, cfg.AnswersPerSecond/10)),
	}
	for i := len(n.entries) - 1; i >= 0; i-- {
		n.entries[i].link, n.free = n.free, int32(i+1)
	}
	return n, nil
}

// SetIface has the port's addresses and MAC be those of f. Neighbours that are on no subnet
// any more fail when they are asked next.
func (n *Neighbours) SetIface(f *Iface) { n.iface = f }

func (c *NeighbourConfig) setDefaults() {
	for _, v := range []struct {
		field *int
		value int
	}{{&c.Entries, 1024}, {&c.Hold, 8}, {&c.HoldAll, 512}, {&c.Solicits, 3}, {&c.SolicitsPerSecond, 500}, {&c.AnswersPerSecond, 1000}} {
		if *v.field == 0 {
			*v.field = v.value
		}
	}
	for _, v := range []struct {
		field *int64
		value int64
	}{{&c.Reachable, 30 * Second}, {&c.Retrans, Second}, {&c.Delay, 5 * Second}, {&c.FailHold, Second}, {&c.Lock, Second}} {
		if *v.field == 0 {
			*v.field = v.value
		}
	}
}

// Generation moves whenever Lookup may answer with another MAC, or for a state
// that is usable when it was not or the reverse, or when a Reachable neighbour
// went Stale and needs a Lookup to be probed. It begins at 1.
func (n *Neighbours) Generation() uint32 { return n.gen }

// Len is the number of neighbours in the table.
func (n *Neighbours) Len() int { return n.count }

// NextDeadline is when Poll has something to do, 0 for at once; it may be early
// but is never late. Never if nothing waits.
func (n *Neighbours) NextDeadline() int64 {
	if n.answers.n > 0 || n.cursor > 0 {
		return 0
	}
	return min(n.next, n.announceAt)
}

// Lookup is the MAC of a neighbour about to be sent to, and its state; the MAC
// counts only if the state is Usable. An unknown neighbour is entered and asked
// for by the next Poll; a stale one begins its delay before a probe.
func (n *Neighbours) Lookup(addr wire.Addr, now int64) (MAC, NeighbourState) {
	e := n.find(addr)
	if e == nil {
		if e = n.insert(addr, true, now); e == nil {
			return MAC{}, NeighbourNone
		}
		n.ask(e, now)
	}
	e.lastUse, e.own = now, true
	switch e.state {
	case Stale:
		e.state = Delay
		n.schedule(e, now+n.cfg.Delay)
	case Failed:
		if now-e.changed >= n.cfg.FailHold {
			n.ask(e, now)
		}
	}
	return e.mac, e.state
}

// Hold keeps a packet to addr until the neighbour has answered, and returns a
// packet that the caller must free (the oldest held for addr, or pkt itself if
// nothing can be held), or nil. The packet's Ethernet header must be complete
// but for the destination MAC, which is written when it is known; PollReady
// then gives the packet back, PollFailed if the neighbour does not answer.
func (n *Neighbours) Hold(addr wire.Addr, pkt *nic.Packet, now int64) *nic.Packet {
	_, state := n.Lookup(addr, now)
	if state == NeighbourNone || state == Failed || pkt.Len() < etherLen {
		n.drops[DropNeighbourDead]++
		return pkt
	}
	e := n.find(addr)
	var out *nic.Packet
	if e.held.n >= n.cfg.Hold {
		out = n.held.pop(&e.held)
		n.drops[DropNeighbourQueue]++
	}
	if !n.held.push(&e.held, pkt) {
		n.drops[DropNeighbourQueue]++
		return pkt
	}
	if state.Usable() {
		n.release(e)
	}
	return out
}

// PollReady fills out with held packets that can be sent now, their MACs
// written, and returns how many; they are the caller's again.
func (n *Neighbours) PollReady(out []*nic.Packet) int { return n.held.drain(&n.ready, out) }

// PollFailed fills out with held packets whose neighbour did not answer and
// returns how many; the caller frees them.
func (n *Neighbours) PollFailed(out []*nic.Packet) int { return n.held.drain(&n.dead, out) }

// LinkDown takes every confirmation back: the link may come up elsewhere.
// MACs are kept as Stale, so that traffic can flow again at once; packets that
// wait for an answer fail.
func (n *Neighbours) LinkDown(now int64) {
	for i := range n.entries {
		switch e := &n.entries[i]; {
		case e.state == Incomplete:
			n.fail(e, now)
		case e.state.Usable():
			e.state, e.deadline = Stale, Never
		}
	}
	n.answers.n, n.announceAt = 0, Never
	n.gen++
}

// NeighbourInfo is a snapshot of one neighbour.
type NeighbourInfo struct {
	Addr  wire.Addr
	MAC   MAC
	State NeighbourState
	Held  int // packets
}

// Snapshot appends every neighbour to dst.
func (n *Neighbours) Snapshot(dst []NeighbourInfo) []NeighbourInfo {
	for i := range n.entries {
		if e := &n.entries[i]; e.state != NeighbourNone {
			dst = append(dst, NeighbourInfo{Addr: e.addr, MAC: e.mac, State: e.state, Held: e.held.n})
		}
	}
	return dst
}

func (n *Neighbours) bucket(a wire.Addr) *int32 {
	hi := binary.BigEndian.Uint64(a[:8]) ^ n.cfg.Seed
	lo := binary.BigEndian.Uint64(a[8:]) ^ n.cfg.Seed ^ 0x9e3779b97f4a7c15
	h, l := bits.Mul64(hi^0xa0761d6478bd642f, lo)
	h, l = bits.Mul64(h^l, 0xe7037ed1a0b428db)
	return &n.buckets[(h^l)&uint64(len(n.buckets)-1)]
}

func (n *Neighbours) find(a wire.Addr) *neighbour {
	for i := *n.bucket(a); i != 0; {
		e := &n.entries[i-1]
		if e.addr == a {
			return e
		}
		i = e.link
	}
	return nil
}

// insert enters a; nil if the table is full of entries of more use.
func (n *Neighbours) insert(a wire.Addr, own bool, now int64) *neighbour {
	if n.free == 0 && !n.evict(own, now) {
		n.drops[DropNeighbourFull]++
		return nil
	}
	i := n.free
	e := &n.entries[i-1]
	n.free = e.link
	b := n.bucket(a)
	*e = neighbour{
		addr: a, own: own, link: *b, deadline: Never, lastUse: now,
		lifetime: n.lifetime(a),
	}
	*b = i
	n.count++
	return e
}

// lifetime is the reachable time varied by half either way, so that neighbours
// are not probed in step (RFC 4861, section 6.3.2).
func (n *Neighbours) lifetime(a wire.Addr) int64 {
	h, l := bits.Mul64(binary.BigEndian.Uint64(a[8:])^n.cfg.Seed, 0x9e3779b97f4a7c15)
	return n.cfg.Reachable/2 + n.cfg.Reachable/1024*int64((h^l)&1023)
}

// evictLook is how many entries one eviction compares, which bounds its cost.
const evictLook = 16

// evict removes the least useful of some entries. For a learnt neighbour it
// takes no place from one that we looked up and that has not failed.
func (n *Neighbours) evict(own bool, now int64) bool {
	worst, worstRank := -1, 0
	for range min(evictLook, len(n.entries)) {
		i := n.hand
		n.hand = (n.hand + 1) % len(n.entries)
		e := &n.entries[i]
		rank := e.rank()
		if !own && rank > rankLearnt {
			continue
		}
		if worst < 0 || rank < worstRank || rank == worstRank && e.lastUse < n.entries[worst].lastUse {
			worst, worstRank = i, rank
		}
	}
	if worst < 0 {
		return false
	}
	n.remove(worst)
	return true
}

// Ranks of usefulness, lowest first.
const (
	rankFailed = iota
	rankLearnt
	rankStale
	rankWaiting
	rankLive
)

func (e *neighbour) rank() int {
	switch {
	case e.state == Failed:
		return rankFailed
	case !e.own:
		return rankLearnt
	case e.state == Stale:
		return rankStale
	case e.state == Incomplete:
		return rankWaiting
	}
	return rankLive
}

func (n *Neighbours) remove(i int) {
	e := &n.entries[i]
	p := n.bucket(e.addr)
	for *p != int32(i+1) {
		p = &n.entries[*p-1].link
	}
	*p = e.link
	n.drops[DropNeighbourDead] += uint64(e.held.n)
	n.held.move(&n.dead, &e.held)
	*e = neighbour{link: n.free, deadline: Never}
	n.free = int32(i + 1)
	n.count--
	n.gen++
}
