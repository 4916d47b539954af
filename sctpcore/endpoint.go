package sctpcore

import (
	"math/rand/v2"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Endpoint is a set of associations driven by one thread, sans-IO: packets,
// time and the caller's wishes go in, packets and events come out. Its methods
// are of three kinds: verbs and Handle… put something in, Poll… take something
// out, the rest are getters. None of them blocks; none may be called from two
// threads at once.
//
// The caller's loop is:
//
//	HandlePackets(burst) · HandleTimeout(now) · PollEvents · verbs · PollTransmit until it gives 0
type Endpoint struct {
	cfg Config
	rng *rand.Rand
	now Time
	ctr Counters

	slots       []*assoc
	generations []uint32
	freeSlots   fifo[uint32] // the one that was freed first is used first
	spare       []*assoc     // all zero
	tags        tagTable
	peers       map[peerKey]uint32
	twins       map[peerKey][]uint32
	listeners   map[uint16][]*listener
	params      *Params     // Config.Timers; those that have them share it, so that it is not changed but replaced
	lastParams  *Params     // what the last association with parameters of its own has
	lastLocals  []wire.Addr // the last association's

	wheel         wheel
	due           []uint32     // scratch of HandleTimeout
	transmit      fifo[*assoc] // may hold some that are gone, or others now
	events        fifo[Event]
	store         store
	replies       replies
	cookies       cookieKeys
	scratch       [replySize]byte // for what is built and copied at once
	scoped        []wire.Addr     // of inScope
	cookieScratch [maxCookieLen]byte
	in            *Inbound // the packet being handled
	gaps          [maxGapBlocks]wire.GapBlock

	cookieVerified bool   // the COOKIE ECHO being handled came after a right AUTH chunk
	asconfBuf      []byte // the ASCONF-ACK that is being made
	asconfAcks     []byte // those of the packet being handled
}

// listener is a port that accepts associations.
type listener struct {
	p      ListenParams
	offer  *offer // of p.Extensions
	params *Params
}

// New makes an endpoint; the error names the value that is out of range.
func New(cfg Config) (*Endpoint, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	e := &Endpoint{
		cfg:       cfg,
		rng:       rand.New(rand.NewChaCha8(cfg.Seed)),
		tags:      newTagTable(),
		peers:     make(map[peerKey]uint32),
		twins:     make(map[peerKey][]uint32),
		listeners: make(map[uint16][]*listener),
		store:     store{limit: cfg.Limits.StoreMemory},
		params:    &Params{Timers: cfg.Timers},
	}
	e.cookies.life = cfg.Timers.ValidCookieLife
	e.replies.init(cfg.Limits.AnswersPerSecond)
	e.cookies.rotate(e.rng, 0) // twice: the key before the first one is no secret otherwise
	e.cookies.rotate(e.rng, 0)
	return e, nil
}

// SetDefaults replaces Config.Timers and Config.Limits for associations that begin from now
// on. Those that exist keep their timers and buffers; the bounds of all together count at
// once, and where there is more than they allow already nothing new comes until there is
// less. SendBuffer and MaxMessage, which count for messages that are queued, cannot
// change: ErrInvalid; the error for values out of range is New's. After an error nothing is
// changed.
func (e *Endpoint) SetDefaults(t Timers, l Limits) error {
	if l.SendBuffer != e.cfg.Limits.SendBuffer || l.MaxMessage != e.cfg.Limits.MaxMessage {
		return ErrInvalid
	}
	c := e.cfg
	c.Timers, c.Limits = t, l
	if err := c.validate(); err != nil {
		return err
	}
	e.cfg = c
	old := e.params
	e.params = &Params{Timers: t}
	for _, ls := range e.listeners {
		for _, here := range ls {
			if here.params == old {
				here.params = e.params
			}
		}
	}
	e.cookies.life = max(e.cookies.life, t.ValidCookieLife)
	e.store.limit, e.replies.perSecond = l.StoreMemory, l.AnswersPerSecond
	return nil
}

// begin notes the time of a call; time never goes back.
func (e *Endpoint) begin(now Time) { e.now = max(e.now, now) }

// HandleTimeout runs every timer that is due at now.
func (e *Endpoint) HandleTimeout(now Time) {
	e.begin(now)
	e.due = e.wheel.expire(e.now, e.due[:0])
	for i, slot := range e.due {
		e.expectTimers(i + ahead)
		if a := e.slots[slot]; a != nil {
			a.runTimers(e.now)
		}
	}
}

// NextDeadline is when HandleTimeout has something to do; it may be early but
// is never late. Never if no timer runs.
func (e *Endpoint) NextDeadline() Time { return e.wheel.nextDeadline() }

// PollEvents fills ev with what happened and returns how many; call it until
// it returns less than len(ev).
func (e *Endpoint) PollEvents(ev []Event) int {
	n := min(len(ev), e.events.len())
	for i := range n {
		v := &ev[i]
		*v = *e.events.at(0)
		e.events.head++
		if a := e.assoc(v.Assoc); a != nil {
			switch v.Kind {
			case EventReadable:
				a.told &^= toldReadable
			case EventReleased:
				a.told &^= toldReleased
			}
		}
	}
	return n
}

// PollTransmit fills out with packets that may be sent now and returns how
// many; call it until it returns less than len(out).
func (e *Endpoint) PollTransmit(now Time, out []Outbound) int {
	e.begin(now)
	n := e.replies.take(out)
	crowded := e.crowded()
	for i := uint64(0); crowded && i < ahead; i++ {
		e.expectTransmit(i)
	}
	for n < len(out) {
		if crowded {
			e.expectTransmit(ahead)
		}
		a, ok := e.transmit.pop()
		if !ok {
			break
		}
		a.queued = false
		// An association gets a burst at a time, so that one with much to send
		// does not make the others wait long.
		for turn := 0; n < len(out); turn++ {
			if turn == transmitTurn {
				a.wantTransmit()
				break
			}
			if !a.transmit(e.now, &out[n]) {
				break
			}
			n++
		}
		if n == len(out) {
			a.wantTransmit()
		}
	}
	e.ctr.OutSCTPPacks += uint64(n)
	return n
}

// transmitTurn is how many packets an association sends before the next one's turn.
const transmitTurn = 32

// Listen accepts associations on a port at some addresses until Unlisten; EventUp with
// Passive set, LocalPort and Addr tells of each. A port can be listened on several times
// at different addresses, ErrPortInUse if they are not; so a port and an address name a
// listener.
func (e *Endpoint) Listen(port uint16, p *ListenParams) error {
	if port == 0 || len(p.Locals) == 0 {
		return ErrInvalid
	}
	for _, addr := range p.Locals {
		if e.listening(port, addr) != nil {
			return ErrPortInUse
		}
	}
	offer, err := newOffer(p.Extensions)
	if err != nil {
		return err
	}
	l := &listener{p: *p, offer: offer, params: e.sharedParams(p.Params, p.Timers)}
	if !l.params.valid() {
		return ErrInvalid
	}
	e.cookies.life = max(e.cookies.life, l.params.ValidCookieLife)
	l.p.Locals = append([]wire.Addr(nil), p.Locals...)
	e.listeners[port] = append(e.listeners[port], l)
	return nil
}

// SetListener changes all that the listener on a port at an address gives to associations
// from now on; p.Locals is of no account. The errors are those of Listen.
func (e *Endpoint) SetListener(port uint16, at wire.Addr, p *ListenParams) error {
	l := e.listening(port, at)
	if l == nil {
		return ErrInvalid
	}
	offer, err := newOffer(p.Extensions)
	if err != nil {
		return err
	}
	params := e.sharedParams(p.Params, p.Timers)
	if !params.valid() {
		return ErrInvalid
	}
	e.cookies.life = max(e.cookies.life, params.ValidCookieLife)
	locals := l.p.Locals
	l.p, l.offer, l.params = *p, offer, params
	l.p.Locals = locals
	return nil
}

// AddLocal has the listener on a port at an address accept associations at addr too, and
// list it in what it accepts from now on; associations that exist are told by
// ChangeAddress. ErrInvalid if there is no such listener, ErrAddress if it or another on
// the port has the address.
func (e *Endpoint) AddLocal(port uint16, at, addr wire.Addr) error {
	l := e.listening(port, at)
	switch {
	case l == nil || !usableAddr(addr):
		return ErrInvalid
	case e.listening(port, addr) != nil:
		return ErrAddress
	}
	l.p.Locals = append(without(l.p.Locals, addr), addr)
	return nil
}

// RemoveLocal undoes AddLocal. ErrAddress if no listener on the port has the address,
// ErrLastAddress if the one that has it has no other.
func (e *Endpoint) RemoveLocal(port uint16, addr wire.Addr) error {
	l := e.listening(port, addr)
	switch {
	case l == nil:
		return ErrAddress
	case len(l.p.Locals) == 1:
		return ErrLastAddress
	}
	l.p.Locals = without(l.p.Locals, addr)
	return nil
}

// Unlisten stops the listener on a port at an address; associations that exist live on.
func (e *Endpoint) Unlisten(port uint16, at wire.Addr) {
	left := slices.DeleteFunc(e.listeners[port], func(l *listener) bool { return contains(l.p.Locals, at) })
	if len(left) > 0 {
		e.listeners[port] = left
	} else {
		delete(e.listeners, port)
	}
}

// Lookup finds the association between these ports that has peer among its
// peer's addresses and local among ours; 0 if there is none.
func (e *Endpoint) Lookup(localPort, peerPort uint16, peer, local wire.Addr) AssocID {
	if a := e.byPeer(localPort, peerPort, peer, local); a != nil {
		return a.id
	}
	return 0
}

// Counters are the endpoint's totals; the pointer stays valid and is written by
// the endpoint's thread only.
func (e *Endpoint) Counters() *Counters { return &e.ctr }
