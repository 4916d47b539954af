package sctpcore

import (
	"math/bits"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// assoc is an association: the TCB of RFC 9260. Its parts have files of their
// own: path.go, heartbeat.go, handshake.go, shutdown.go, outbound.go, inbound.go.
//
// The order of the fields is that of use: what every packet needs comes first, in
// few cache lines, and what only a handshake needs comes last. What is used
// together begins a cache line, which TestHotPartsBeginCacheLines holds.
type assoc struct {
	state               State
	queued              bool // in e.transmit
	told                told
	passive             bool
	owed                owed
	primary, current    uint8
	offPrimary          bool  // counted in Counters.OffPrimary
	lastFrom            uint8 // path that the peer's last packet came from: where its answer goes
	sackPath            uint8 // path that the last SACK went by
	localPort, peerPort uint16
	localTag, peerTag   uint32
	id                  AssocID
	slot                uint32
	probes              pathSet // paths that a HEARTBEAT is to be sent on
	fragment            int32   // what fragmentSize says; 0 when a path or its MTU has changed
	e                   *Endpoint
	ext                 *extensions // nil if none are offered
	paths               []path
	params              *Params // shared
	armed               Time    // when the wheel looks at the timers; Never if they are not in it
	sackTimer           Time
	errors              int // consecutive unanswered transmissions to any address
	failover            failover
	rxPackets           uint64

	room       room
	in         inbound
	stats      tallies
	t1, t2, t5 Time
	idleTimer  Time // of Params.Autoclose
	out        outbound

	heard        Time // user data came, if there is Params.Autoclose
	initSent     Time // when the last INIT or COOKIE ECHO went out
	detected     Time // of failover
	lastAck      Time // path.answered of failover.from, then
	less         rareTallies
	initTries    int
	initPath     uint8
	t2Path       uint8
	staleRetries uint8
	initClean    bool // the last INIT or COOKIE ECHO was not a retransmission
	initRTO      Time
	inStreamsMax int
	localInitTSN wire.TSN
	peerRwndInit uint32
	preserve     uint32      // Cookie Preservative increment to ask for, ms
	locals       []wire.Addr // shared
	cookie       []byte      // from the INIT ACK, until COOKIE ACK
	reportParams []byte      // unknown parameters of the INIT ACK to report

	_ [40]byte // whole cache lines
}

// tallies are an association's totals; AssocInfo tells what each counts.
type tallies struct {
	RxMessages, RxDataChunks                                      uint64
	RetransmittedChunks, FastRetransmits, Timeouts, DuplicateTSNs uint64
}

// rareTallies are those that an ordinary packet does not count in. SACKs, which it
// does, are not in Control.
type rareTallies struct {
	RxControl, TxControl         uint64
	GapBlocks, OutOfSequenceTSNs uint64
	RxUnordered, TxUnordered     uint64
}

// countControl counts a control chunk that is sent, other than a SACK.
func (a *assoc) countControl() {
	a.e.ctr.OutCtrlChunks++
	a.less.TxControl++
}

// countMessage counts a message that can be read.
func (a *assoc) countMessage() {
	a.stats.RxMessages++
	a.e.ctr.InMessages++
}

// owed are the control chunks that an association has to send.
type owed uint16

const (
	oweInit owed = 1 << iota
	oweCookieEcho
	oweCookieAck
	oweShutdown
	oweShutdownAck
	oweSack
)

// told are the events that are queued already and need not be queued again.
type told uint8

const (
	toldReadable told = 1 << iota
	toldReleased
)

func (a *assoc) event(v Event) {
	v.Assoc, v.LocalPort, v.PeerPort, v.Received = a.id, a.localPort, a.peerPort, a.stats.RxMessages
	if v.At == 0 {
		v.At = a.e.now
	}
	a.e.events.push(v)
}

// tellOnce tells of what is told every few packets. It and wantTransmit are asked
// once per message: what they do seldom is apart, so that the question is inlined.
func (a *assoc) tellOnce(flag told, kind EventKind) {
	if a.told&flag == 0 {
		a.tell(flag, kind)
	}
}

// tell writes the event in place.
func (a *assoc) tell(flag told, kind EventKind) {
	a.told |= flag
	if a.e.crowded() {
		prefetchSlot(&a.e.slots[a.slot]) // for PollEvents
	}
	v := a.e.events.add()
	*v = Event{}
	v.Assoc, v.Kind, v.LocalPort, v.PeerPort, v.At = a.id, kind, a.localPort, a.peerPort, a.e.now
}

// wantTransmit puts the association in line for PollTransmit.
func (a *assoc) wantTransmit() {
	if !a.queued {
		a.queueTransmit()
	}
}

func (a *assoc) queueTransmit() {
	if a.state != Closed {
		a.queued = true
		a.e.transmit.push(a)
	}
}

func (a *assoc) owe(o owed) {
	a.owed |= o
	a.wantTransmit()
}

// arm makes sure that the association's timers are looked at by t.
func (a *assoc) arm(t Time) {
	if t < a.armed {
		a.armed = t
		a.e.wheel.schedule(a.slot, t)
	}
}

// pathSet is a set of paths, by index.
type pathSet uint32

func (s *pathSet) add(i int) { *s |= 1 << i }
func (s *pathSet) del(i int) { *s &^= 1 << i }
func (s pathSet) first() int { return bits.TrailingZeros32(uint32(s)) }

// remove takes index i away: those behind it move down.
func (s *pathSet) remove(i int) {
	below := pathSet(1)<<i - 1
	*s = *s&below | *s>>1&^below
}

// runTimers runs what is due and puts the association back into the wheel at
// its next deadline.
func (a *assoc) runTimers(now Time) {
	a.armed = Never
	fire := func(t *Time) bool {
		if *t > now {
			return false
		}
		*t = Never
		return true
	}
	if fire(&a.t1) {
		a.initTimeout(now)
	}
	if a.state != Closed && fire(&a.t2) {
		a.shutdownTimeout(now)
	}
	if a.state != Closed && fire(&a.t5) {
		a.e.ctr.T5ShutdownGuardExpireds++
		a.abort(ReasonGuard, wire.CauseUserAbort, nil, now)
	}
	if a.state != Closed && fire(&a.idleTimer) {
		a.idleTimeout(now)
	}
	if a.state != Closed && fire(&a.sackTimer) {
		a.e.ctr.DelaySackExpireds++
		a.owe(oweSack)
	}
	if a.state != Closed && a.ext != nil && fire(&a.ext.conf.t4) {
		a.asconfTimeout(now)
	}
	for i := range a.paths {
		if a.state != Closed && fire(&a.paths[i].t3) {
			a.t3Expired(i, now)
		}
		if a.state != Closed && a.paths[i].hbTimer <= now {
			a.heartbeatTimer(i, now)
		}
	}
	if a.state != Closed {
		a.arm(a.nextDeadline())
	}
}

func (a *assoc) nextDeadline() Time {
	t := min(a.t1, a.t2, a.t5, a.sackTimer, a.idleTimer)
	if a.ext != nil {
		t = min(t, a.ext.conf.t4)
	}
	for i := range a.paths {
		t = min(t, a.paths[i].t3, a.paths[i].hbTimer)
	}
	return t
}

// assocError counts an unanswered transmission; it tells whether that ended the
// association (RFC 9260, section 8.1).
func (a *assoc) assocError(now Time) bool {
	a.errors++
	if a.errors <= a.params.AssocMaxRetrans {
		return false
	}
	a.close(ReasonRetransLimit, 0, now)
	a.e.ctr.Aborteds++
	return true
}

// newAssoc makes an association in state Closed, not indexed yet; nil at the limit.
func (e *Endpoint) newAssoc(localPort, peerPort uint16, locals []wire.Addr, rcvBuf int, p *Params) *assoc {
	a := e.newSlot()
	if a == nil {
		return nil
	}
	a.furnish()
	a.localPort, a.peerPort = localPort, peerPort
	a.locals = e.sharedLocals(locals)
	a.params = p
	a.t1, a.t2, a.t5, a.sackTimer, a.idleTimer, a.armed = Never, Never, Never, Never, Never, Never
	a.in.limit = rcvBuf
	if rcvBuf == 0 {
		a.in.limit = e.cfg.Limits.ReceiveBuffer
	}
	return a
}

// establish enters ESTABLISHED: COMMUNICATION UP (RFC 9260, section 11.2.4).
func (a *assoc) establish(now Time) {
	a.state = Established
	a.t1 = Never
	a.owed &^= oweInit | oweCookieEcho
	a.cookie = nil
	a.errors = 0
	a.e.ctr.CurrEstab++
	if a.passive {
		a.e.ctr.PassiveEstabs++
	} else {
		a.e.ctr.ActiveEstabs++
	}
	a.current = a.primary
	a.event(Event{Kind: EventUp, Passive: a.passive, Path: a.primary, Addr: a.paths[a.primary].src})
	if a.ext != nil {
		a.extensionsUp()
	}
	a.choosePath(ReasonNone, now)
	a.failover = failover{}
	a.paths[a.primary].answered = now
	a.startHeartbeats(now)
	a.setFrequency()
	a.watchIdle(now)
	a.wantTransmit()
}

// close ends the association: COMMUNICATION LOST or SHUTDOWN COMPLETE. What it
// received stays readable until Forget; everything else is given back.
func (a *assoc) close(why Reason, cause wire.CauseCode, now Time) { a.closeWith(why, cause, nil, now) }

// closeWith is close because of what the peer sent.
func (a *assoc) closeWith(why Reason, cause wire.CauseCode, chunk wire.Chunk, now Time) {
	if a.state == Closed {
		return
	}
	if a.state >= Established {
		a.e.ctr.CurrEstab--
	}
	a.state = Closed
	a.countOffPrimary()
	a.e.unindex(a)
	a.e.wheel.remove(a.slot)
	a.armed = Never
	a.t1, a.t2, a.t5, a.sackTimer, a.idleTimer = Never, Never, Never, Never, Never
	a.stopHeartbeats()
	a.owed = 0
	a.dropHeld()
	unsent := a.out.cut
	if a.out.cutOff > 0 {
		unsent++
	}
	a.out.dropAll()
	for i := range a.paths {
		a.paths[i].flight, a.paths[i].t3 = 0, Never
	}
	a.event(Event{Kind: EventDown, Reason: why, Cause: cause, Passive: a.passive, Message: unsent, Data: slices.Clone(chunk), At: now})
}

// Forget drops what is left of an association after EventDown: its id, its
// unread data. Until then its slot counts against Limits.Associations.
func (e *Endpoint) Forget(id AssocID) {
	a := e.assoc(id)
	if a == nil || a.state != Closed {
		return
	}
	a.in.dropReady(a)
	e.slots[a.slot] = nil
	e.freeSlots.push(a.slot)
	e.putSpare(a)
}
