package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// Shutdown closes gracefully: what was sent is delivered first (SHUTDOWN,
// RFC 9260, section 9.2). An association that is not up yet is aborted.
func (e *Endpoint) Shutdown(now Time, id AssocID) error {
	a := e.assoc(id)
	if a == nil {
		return ErrNoAssociation
	}
	e.begin(now)
	switch a.state {
	case CookieWait, CookieEchoed:
		a.abort(ReasonLocalAbort, wire.CauseUserAbort, nil, now)
	case Established:
		a.beginShutdown(now)
	}
	return nil
}

func (a *assoc) beginShutdown(now Time) {
	a.state = ShutdownPending
	a.startGuard(now)
	a.shutdownProgress(now)
}

// startGuard starts T5-shutdown-guard: five times RTO.Max (RFC 9260, section 9.2).
func (a *assoc) startGuard(now Time) {
	guard := a.params.ShutdownGuard
	if guard == 0 {
		guard = 5 * a.params.RTOMax
	}
	a.t5 = now + guard
	a.arm(a.t5)
}

// shutdownProgress goes on when everything that was sent is acknowledged. Where an
// ASCONF must be, lest there be no address to send from, that is waited for as well: in
// SHUTDOWN-ACK-SENT it could not be sent any more (RFC 5061, section 5.1.1, C4).
func (a *assoc) shutdownProgress(now Time) {
	if !a.out.idle() || a.mute() {
		a.wantTransmit()
		return
	}
	switch a.state {
	case ShutdownPending:
		a.state = ShutdownSent
		a.errors = 0
		a.owe(oweShutdown)
	case ShutdownReceived:
		a.state = ShutdownAckSent
		a.errors = 0
		a.owe(oweShutdownAck)
	}
}

func (a *assoc) startT2(i int, now Time) {
	a.t2 = now + a.paths[i].rto
	a.t2Path = uint8(i)
	a.arm(a.t2)
	a.countControl()
}

// shutdownTimeout sends SHUTDOWN or SHUTDOWN ACK again, on another path if there
// is one (RFC 9260, section 9.2).
func (a *assoc) shutdownTimeout(now Time) {
	a.e.ctr.T2ShutdownExpireds++
	i := int(a.t2Path)
	if i < len(a.paths) {
		a.paths[i].backOff(&a.params.Timers)
		a.pathError(i, now)
	}
	if a.assocError(now) {
		return
	}
	if a.state == ShutdownSent {
		a.owe(oweShutdown)
	} else {
		a.owe(oweShutdownAck)
	}
}

// handleShutdown: the peer wants to close; what we still have is sent first.
func (a *assoc) handleShutdown(c wire.Chunk, now Time) {
	cum, err := wire.ParseShutdown(c)
	if err != nil {
		a.e.ctr.Drops.BadChunk++
		return
	}
	switch a.state {
	case Established, ShutdownPending:
		if !cum.Less(a.out.nextTSN) {
			a.e.ctr.Drops.BadSACK++
			return
		}
		a.state = ShutdownReceived
		a.event(Event{Kind: EventPeerShutdown})
		if cum.Less(a.out.cumAcked) { // a SACK overtook it
			a.shutdownProgress(now)
			return
		}
		a.ackCumulative(cum, -1, nil, now)
	case ShutdownReceived:
		// 9.2: further SHUTDOWNs only acknowledge.
		if cum.Less(a.out.nextTSN) && !cum.Less(a.out.cumAcked) {
			a.ackCumulative(cum, -1, nil, now)
		}
	case ShutdownSent:
		// 9.2: both sides closed at once: "respond immediately with a SHUTDOWN ACK".
		if a.mute() {
			a.e.ctr.Drops.NoSource++
			return // the peer repeats it
		}
		a.event(Event{Kind: EventPeerShutdown})
		a.state = ShutdownAckSent
		a.t2 = Never
		a.owed &^= oweShutdown
		a.owe(oweShutdownAck)
	case ShutdownAckSent:
		a.owe(oweShutdownAck)
	default:
		// 8.5.1 and 9.2: in COOKIE-WAIT or COOKIE-ECHOED it is discarded.
		a.e.ctr.Drops.UnexpectedChunk++
	}
}

// handleShutdownAck ends the association with SHUTDOWN COMPLETE.
func (a *assoc) handleShutdownAck(in *Inbound, now Time) {
	if a.state == CookieWait || a.state == CookieEchoed {
		// 8.5.1, E: "SHUTDOWN ACK … in COOKIE-WAIT or COOKIE-ECHOED": as out of the blue.
		a.e.outOfBlue(in, wire.Packet(in.Data))
		return
	}
	if a.state != ShutdownSent && a.state != ShutdownAckSent {
		a.e.ctr.Drops.UnexpectedChunk++
		return
	}
	if r := a.e.newReply(in); r != nil {
		r.begin(a.localPort, a.peerPort, a.peerTag)
		r.buf = wire.AppendShutdownComplete(r.buf, false)
		a.countControl()
	}
	a.e.ctr.Shutdowns++
	a.close(ReasonShutdown, 0, now)
}

func (a *assoc) handleShutdownComplete(now Time) {
	if a.state != ShutdownAckSent {
		a.e.ctr.Drops.UnexpectedChunk++
		return
	}
	a.e.ctr.Shutdowns++
	a.close(ReasonShutdown, 0, now)
}

// Abort ends the association at once with a User-Initiated Abort cause (ABORT).
// At most 256 bytes of the reason are sent.
func (e *Endpoint) Abort(now Time, id AssocID, reason []byte) error {
	a := e.assoc(id)
	if a == nil {
		return ErrNoAssociation
	}
	e.begin(now)
	a.abort(ReasonLocalAbort, wire.CauseUserAbort, reason[:min(len(reason), 256)], now)
	return nil
}

// abort sends an ABORT with one cause and ends the association.
func (a *assoc) abort(why Reason, code wire.CauseCode, info []byte, now Time) {
	a.abortWith(why, code, wire.AppendCause(a.e.scratch[512:512], code, info), now)
}

func (a *assoc) abortNoUserData(t wire.TSN, now Time) {
	a.abortWith(ReasonProtocol, wire.CauseNoUserData, wire.AppendCauseNoUserData(a.e.scratch[512:512], t), now)
}

// abortWith sends an ABORT with causes and ends the association. It goes to
// where the packet that it answers came from, else to the current path. While the peer
// has not answered our INIT there is nobody to send it to.
func (a *assoc) abortWith(why Reason, code wire.CauseCode, causes []byte, now Time) {
	if a.state == Closed {
		return
	}
	if a.peerTag != 0 {
		p := &a.paths[a.current]
		to := Inbound{Src: p.dst, Dst: p.src}
		egress := p.egress
		if a.e.in != nil && a.findPath(a.e.in.Src) >= 0 {
			to, egress = *a.e.in, 0
		}
		if r := a.e.newReply(&to); r != nil {
			r.begin(a.localPort, a.peerPort, a.peerTag)
			r.buf = wire.AppendAbort(r.buf, false, causes)
			r.egress = egress
			if egress != 0 || a.e.in == nil {
				r.inPort = -1
			}
			a.dispatch(r)
			a.countControl()
		}
	}
	a.e.ctr.Aborteds++
	a.close(why, code, now)
}

// HandleUnreachable takes an ICMP error about a packet of ours that the caller
// has parsed: quoted is the SCTP part of what ICMP quotes (at least 8 bytes).
// mtu is the next-hop MTU of a Too Big message, else 0; protocol tells that it
// was Protocol Unreachable (RFC 9260, section 10). What quotes a packet that we
// cannot have sent is dropped and counted.
func (e *Endpoint) HandleUnreachable(now Time, src, dst wire.Addr, quoted []byte, mtu int, protocol bool) {
	e.begin(now)
	if len(quoted) < 8 {
		e.ctr.Drops.BadICMP++
		return
	}
	q := quoted[:8]
	srcPort, dstPort := uint16(q[0])<<8|uint16(q[1]), uint16(q[2])<<8|uint16(q[3])
	tag := uint32(q[4])<<24 | uint32(q[5])<<16 | uint32(q[6])<<8 | uint32(q[7])
	a := e.byPeer(srcPort, dstPort, dst, src)
	if a == nil || !a.sentWith(tag, quoted) {
		e.ctr.Drops.BadICMP++
		return
	}
	i := a.findPath(dst)
	p := &a.paths[i]
	switch {
	case mtu != 0:
		if mtu >= MinMTU && mtu < int(p.mtu) && !a.traits(p).NoDiscovery {
			a.setMTU(p, mtu)
		}
	case protocol && a.state != CookieWait:
		// ICMP8 would have it end the association. But a peer that has answered
		// does speak SCTP: the hosts of stacks on raw sockets send this whenever the
		// socket is full. Only silence ends an association that was answered.
		e.ctr.Drops.LateUnreachable++
	case protocol:
		// ICMP8: "If the ICMP message is Protocol Unreachable, then the SCTP
		// endpoint … treats it as if it received an ABORT chunk with the T bit set".
		a.e.ctr.Aborteds++
		a.close(ReasonUnreachable, 0, now)
	default:
		a.pathError(i, now)
	}
}

// sentWith tells whether a quoted packet with this tag can be ours (ICMP6, ICMP7):
// the peer's tag, or 0 with an INIT that offers our tag.
func (a *assoc) sentWith(tag uint32, quoted []byte) bool {
	if tag != 0 {
		return tag == a.peerTag
	}
	if len(quoted) < 20 || wire.ChunkType(quoted[12]) != wire.ChunkInit {
		return false
	}
	t := quoted[16:20]
	return uint32(t[0])<<24|uint32(t[1])<<16|uint32(t[2])<<8|uint32(t[3]) == a.localTag
}
