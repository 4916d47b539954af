package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// handleCookieEcho makes or changes an association as the cookie says (RFC 9260,
// sections 5.1.5 and 5.2.4). It returns the association that the packet's other
// chunks are for, nil if there is none.
func (e *Endpoint) handleCookieEcho(in *Inbound, p wire.Packet, c wire.Chunk) *assoc {
	body, err := wire.ParseCookieEcho(c)
	var ck stateCookie
	if err != nil || !parseCookie(body, &e.cookies, &ck) ||
		ck.localPort != p.DstPort() || ck.peerPort != p.SrcPort() || ck.localTag != p.VerificationTag() || !ck.knows(in.Src) {
		e.ctr.Drops.BadCookie++
		return nil
	}
	a := e.byPeer(p.DstPort(), p.SrcPort(), ck.src, ck.dst)
	if a == nil {
		a = e.byPeer(p.DstPort(), p.SrcPort(), in.Src, in.Dst)
	}
	if e.unauthenticatedEcho(a, &ck) {
		e.ctr.Drops.Unauthenticated++
		return nil
	}
	age := e.now - ck.created
	same := a != nil && ck.localTag == a.localTag && ck.peerTag == a.peerTag
	if life := e.lifeOf(a, ck.localPort, ck.dst) + Time(ck.preserve)*Millisecond; age > life && !same {
		// 5.2.6 and 5.1.5, rule 4: older than its life: ERROR with the staleness.
		e.ctr.Drops.StaleCookie++
		if r := e.answer(in, p, ck.peerTag); r != nil {
			stale := uint32(min((age-life)/Microsecond, 1<<32-1))
			r.buf = wire.AppendError(r.buf, wire.AppendCauseStaleCookie(e.scratch[:0], stale))
		}
		return nil
	}
	if a == nil {
		return e.accept(in, p, &ck)
	}
	return e.cookieForExisting(a, in, p, &ck)
}

// cookieForExisting is the table of RFC 9260, section 5.2.4.
func (e *Endpoint) cookieForExisting(a *assoc, in *Inbound, p wire.Packet, ck *stateCookie) *assoc {
	local, peer := ck.localTag == a.localTag, ck.peerTag == a.peerTag
	switch {
	case !local && !peer && ck.tieLocal == a.localTag && ck.tiePeer == a.peerTag:
		return e.restart(a, in, p, ck) // A
	case local && !peer && a.state <= CookieEchoed: // B: both sides sent INIT
		a.peerTag = ck.peerTag
		a.adopt(ck)
		a.establish(e.now)
	case !local && peer && ck.tieLocal == 0 && ck.tiePeer == 0: // C
		// "The cookie SHOULD be silently discarded": it arrived late.
		e.ctr.Drops.UnexpectedChunk++
		return nil
	case local && peer: // D
		if a.state == CookieWait {
			a.adopt(ck)
		}
		if a.state > CookieEchoed {
			e.ctr.Drops.DuplicateCookie++
			break
		}
		a.establish(e.now)
	default:
		// "For any case not shown in Table 12, the cookie SHOULD be silently discarded."
		e.ctr.Drops.UnexpectedChunk++
		return nil
	}
	a.owe(oweCookieAck)
	return a
}

// accept makes the association of a cookie that came to us as the listening side.
// If nobody listens any more the peer hears so at once (RFC 9260, section 5.1: "it
// SHOULD respond with an ABORT chunk").
func (e *Endpoint) accept(in *Inbound, p wire.Packet, ck *stateCookie) *assoc {
	l := e.listening(ck.localPort, ck.dst)
	if l == nil {
		e.ctr.OutOfBlues++
		e.abortInit(in, p, ck.peerTag, nil)
		return nil
	}
	if e.tags.get(ck.localTag) != nil {
		e.ctr.Drops.BadCookie++
		return nil
	}
	locals := e.inScope(l.p.Locals, ck.src, ck.dst)
	for _, addr := range ck.addrs[:ck.n] {
		if e.byPeer(ck.localPort, ck.peerPort, addr, locals...) != nil {
			e.ctr.Drops.BadCookie++
			return nil
		}
	}
	a := e.newAssoc(ck.localPort, ck.peerPort, locals, l.p.ReceiveBuffer, l.params)
	if a == nil {
		e.ctr.Drops.NoRoom++
		return nil
	}
	a.passive = true
	a.localTag, a.peerTag, a.localInitTSN = ck.localTag, ck.peerTag, ck.localTSN
	a.inStreamsMax = int(ck.in)
	a.state = CookieEchoed
	a.out.init(int(ck.out), ck.localTSN)
	if ck.extended && l.offer != nil {
		a.ext = newExtensions(l.offer, ck.local)
	}
	a.adopt(ck)
	e.index(a)
	a.establish(e.now)
	if i := a.findPath(in.Src); i >= 0 && a.paths[i].src.IsZero() {
		a.paths[i].src = in.Dst
	}
	a.owe(oweCookieAck)
	return a
}

// adopt takes the peer's half of an association from a cookie.
func (a *assoc) adopt(ck *stateCookie) {
	if a.ext != nil {
		a.settle(ck.local, &ck.peer, ck.localTSN, ck.peerTSN)
	}
	a.in.init(int(ck.in), ck.peerTSN)
	a.shrinkStreams(int(ck.out))
	indexed := a.e.byPeer(a.localPort, a.peerPort, ck.src, a.locals...) == a
	if indexed {
		a.e.unindex(a)
	}
	// RFC 9260, 5.4, rule 2: the address that the INIT ACK went to is confirmed by
	// the COOKIE ECHO.
	if i := a.addPath(ck.src); i >= 0 {
		a.paths[i].state = Active
		if a.paths[i].src.IsZero() {
			a.paths[i].src = ck.dst
		}
		a.primary, a.current = uint8(i), uint8(i)
	}
	for _, addr := range ck.addrs[:ck.n] {
		if a.reachable(addr) && a.e.byPeer(a.localPort, a.peerPort, addr, a.locals...) == nil {
			a.addPath(addr)
		}
	}
	if indexed {
		a.e.index(a)
	}
	a.peerWindow(ck.peerRwnd)
}

// restart begins the association anew, since the peer lost its half of it
// (RFC 9260, section 5.2.4.1): addresses and unsent messages stay, TSNs, SSNs and
// congestion state begin again.
func (e *Endpoint) restart(a *assoc, in *Inbound, p wire.Packet, ck *stateCookie) *assoc {
	if a.state == ShutdownAckSent {
		// Case A: "the endpoint SHOULD NOT set up a new association but instead
		// resend the SHUTDOWN ACK chunk and send an ERROR chunk with a 'Cookie
		// Received While Shutting Down' error cause".
		a.owe(oweShutdownAck)
		if r := e.answer(in, p, ck.peerTag); r != nil {
			r.buf = wire.AppendError(r.buf, wire.AppendCauseCookieWhileShuttingDown(e.scratch[:0]))
		}
		return nil
	}
	if a.state >= Established {
		e.ctr.CurrEstab--
	}
	e.unindex(a)
	a.localTag, a.peerTag, a.localInitTSN = ck.localTag, ck.peerTag, ck.localTSN
	if a.dropHeld() {
		a.in.cutShort = true
		a.tellOnce(toldReadable, EventReadable)
	}
	a.in.packets, a.in.sackNow = 0, false
	a.out.restart(int(ck.out), ck.localTSN)
	a.failStreams()
	a.out.credit = a.maxBurst()
	a.inStreamsMax = int(ck.in)
	a.t1, a.t2, a.t5, a.sackTimer = Never, Never, Never, Never
	a.owed, a.errors = 0, 0
	for i := range a.paths {
		q := &a.paths[i]
		q.t3, q.flight, q.errors, q.hbOut, q.rttPending = Never, 0, 0, false, false
		q.rto, q.srtt, q.rttvar = a.params.RTOInitial, 0, 0
		if q.state != Unconfirmed && !q.linkDown {
			q.state = Active
		}
	}
	a.adopt(ck)
	e.index(a)
	a.state = Established
	e.ctr.CurrEstab++
	a.event(Event{Kind: EventRestart})
	if a.ext != nil {
		a.extensionsUp()
	}
	a.choosePath(ReasonNone, e.now)
	a.failover = failover{} // nothing is under way
	a.startHeartbeats(e.now)
	a.setFrequency()
	a.watchIdle(e.now)
	a.owe(oweCookieAck)
	return a
}

// restart makes every message that is not released unsent again.
func (o *outbound) restart(streams int, first wire.TSN) {
	o.cut, o.cutOff = o.messages.head, 0
	o.chunks = nil
	o.flight, o.lost = 0, 0
	o.force, o.closed, o.recovering = false, false, false
	o.init(streams, first)
}

// failStreams fails the messages that wait for a stream which the peer does not
// have after all (RFC 9260, section 5.1.1). None of them is in chunks.
func (a *assoc) failStreams() {
	o := &a.out
	for i := range uint64(o.messages.len()) {
		if m := o.messages.at(i); m.apart != failedMessage && int(m.stream) >= len(o.nextSSN) {
			m.apart = failedMessage
			a.event(Event{Kind: EventSendFailed, Reason: ReasonNoStream, Message: o.messages.head + i, Stream: m.stream})
		}
	}
	a.passFailed()
}

// passFailed passes over failed messages where one would be cut next, and releases
// those before which there is nothing to release.
func (a *assoc) passFailed() {
	o := &a.out
	for o.pendingData() && o.next().apart == failedMessage {
		o.cut++
	}
	for o.messages.head < o.cut && o.messages.at(0).apart == failedMessage {
		a.release(o.messages.head + 1)
	}
}

// release gives the messages before number end back to the caller.
func (a *assoc) release(end uint64) {
	o := &a.out
	for ; o.messages.head != end; o.messages.head++ {
		m := o.messages.at(0)
		o.queued -= m.charge()
		m.data = nil
	}
	a.tellOnce(toldReleased, EventReleased)
}

// handleCookieAck completes the handshake (RFC 9260, section 5.1, step E).
func (a *assoc) handleCookieAck(now Time) {
	if a.state != CookieEchoed {
		a.e.ctr.Drops.UnexpectedChunk++
		return
	}
	if a.initClean {
		a.paths[a.initPath].measured(now-a.initSent, &a.params.Timers)
	}
	a.establish(now)
}
