package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// asconf is RFC 5061 of one association: our requests, of which one ASCONF at a time
// is on its way, and what the peer's last ones were answered with.
type asconf struct {
	on           bool
	noAddDelete  bool // the peer does not know Add and Delete IP Address (5.3, F3a)
	noSetPrimary bool // nor Set Primary (F3b)

	next     wire.Serial // of our next ASCONF
	requests []request   // the first sent of them are in chunk
	sent     int
	chunk    []byte // the ASCONF that is out, nil if none is
	due      bool   // it is to be sent, again or first
	resent   bool
	path     uint8 // it went by
	t4       Time
	deletes  int         // requests to delete in chunk: those addresses are no source any more
	changed  bool        // our addresses are not those of the handshake
	gone     []wire.Addr // addresses of ours that were deleted, the last maxGone

	heard wire.Serial // serial of the peer's last ASCONF
	acks  []byte      // ASCONF-ACKs to answer what the peer repeats, ascending
}

// AddressOp is what ChangeAddress asks the peer for.
type AddressOp uint8

// The operations.
const (
	AddAddress     AddressOp = iota + 1 // from now on we have this address too
	DeleteAddress                       // no more
	SetPeerPrimary                      // send to this one of ours if you can
)

var addressOpNames = [...]string{"none", "add", "delete", "make primary"}

// String is the operation in words.
func (o AddressOp) String() string { return addressOpNames[o] }

// param is the operation's ASCONF parameter.
func (o AddressOp) param() wire.ParamType {
	switch o {
	case AddAddress:
		return wire.ParamAddIP
	case DeleteAddress:
		return wire.ParamDeleteIP
	}
	return wire.ParamSetPrimary
}

// request is one parameter of an ASCONF of ours.
type request struct {
	op          AddressOp
	addr        wire.Addr
	correlation uint32
}

const (
	// maxRequests bounds the requests that wait; a verb then fails with ErrWouldBlock.
	maxRequests = 32
	// maxGone bounds the deleted addresses that are remembered.
	maxGone = 32
	// maxAckCache bounds the ASCONF-ACKs kept, in bytes; an ASCONF that would not fit
	// is dropped, and its sender repeats it when it has the others' answers.
	maxAckCache = 4096
)

// agree begins the reconfiguration of a new or restarted association: requests that
// were not answered are sent anew.
func (s *asconf) agree(on bool, localTSN, peerTSN wire.TSN) {
	s.on = on
	// RFC 5061, 5.1, A2: "The Sequence Number MUST be initialized at the start of the
	// association to the same value as the Initial Transmission Sequence Number".
	s.next, s.heard = wire.Serial(localTSN), wire.Serial(peerTSN)-1
	s.chunk, s.due, s.t4 = nil, false, Never
	s.take(0)
	s.noAddDelete, s.noSetPrimary = false, false
	s.acks = nil
}

// asked tells whether a request of the kind waits or is out.
func (s *asconf) asked(op AddressOp, addr wire.Addr) bool { return among(s.requests, op, addr) }

// deleting tells whether the ASCONF that is out deletes an address of ours.
func (s *asconf) deleting(addr wire.Addr) bool {
	return s.deletes > 0 && among(s.requests[:s.sent], DeleteAddress, addr)
}

func among(requests []request, op AddressOp, addr wire.Addr) bool {
	for _, r := range requests {
		if r.op == op && r.addr == addr {
			return true
		}
	}
	return false
}

// mayReconfigure tells whether the state lets ASCONF and ASCONF-ACK go (RFC 5061,
// section 5.1.1, C4).
func (a *assoc) mayReconfigure() bool { return a.state >= Established && a.state <= ShutdownReceived }

// ChangeAddress asks the peer, by ASCONF (RFC 5061), to add addr, which is ours, to the
// association, to delete it, or to make it the primary path of what it sends.
// EventAsconf tells the outcome; until then a new address is used for nothing, and
// one to be deleted still receives but is no source any more. Requests that are made
// before a packet leaves go in one ASCONF. To move from the only address to another
// one: add the new one, then delete the old one. EventDown ends those under way.
//
// The errors are ErrNoAssociation; ErrNotUp before EventUp and in the end of
// SHUTDOWN; ErrUnsupported if Extensions.Asconf is not set or the peer does not know
// ASCONF; ErrAddress for an address that cannot be used, is there already, or is not
// there to be deleted or preferred; ErrLastAddress for the last address by which a
// path of the peer can be reached; ErrWouldBlock if 32 requests wait, or to undo what the
// peer has not answered yet: ask again after EventAsconf.
func (e *Endpoint) ChangeAddress(now Time, id AssocID, op AddressOp, addr wire.Addr) error {
	a := e.assoc(id)
	switch {
	case a == nil || a.state == Closed:
		return ErrNoAssociation
	case a.ext == nil || a.state >= Established && !a.ext.conf.on:
		return ErrUnsupported
	case !a.mayReconfigure():
		return ErrNotUp
	}
	s := &a.ext.conf
	if op == SetPeerPrimary && s.noSetPrimary || op != SetPeerPrimary && s.noAddDelete {
		return ErrUnsupported
	}
	if err := a.checkRequest(op, addr); err != nil {
		return err
	}
	if len(s.requests) == maxRequests {
		return ErrWouldBlock
	}
	e.begin(now)
	s.requests = append(s.requests, request{op: op, addr: addr, correlation: e.rng.Uint32()})
	a.wantTransmit()
	return nil
}

func (a *assoc) checkRequest(op AddressOp, addr wire.Addr) error {
	s := &a.ext.conf
	ours := contains(a.locals, addr) && !s.asked(DeleteAddress, addr) || s.asked(AddAddress, addr)
	switch op {
	case AddAddress:
		switch {
		case ours || !usableAddr(addr):
			return ErrAddress
		case s.asked(DeleteAddress, addr):
			return ErrWouldBlock
		}
	case DeleteAddress:
		switch {
		case !ours:
			return ErrAddress
		case s.asked(AddAddress, addr):
			return ErrWouldBlock
		}
		if !a.remains(addr) {
			return ErrLastAddress
		}
	case SetPeerPrimary:
		if !ours {
			return ErrAddress
		}
	default:
		return ErrInvalid
	}
	return nil
}

// remains tells whether, without addr, an address of ours is left that a path of the
// peer can be reached from (RFC 5061, section 5.3, F5).
func (a *assoc) remains(addr wire.Addr) bool {
	s := &a.ext.conf
	reaches := func(l wire.Addr) bool {
		for i := range a.paths {
			if a.paths[i].dst.Is4() == l.Is4() {
				return true
			}
		}
		return false
	}
	for _, l := range a.locals {
		if l != addr && !s.asked(DeleteAddress, l) && reaches(l) {
			return true
		}
	}
	for _, r := range s.requests {
		if r.op == AddAddress && r.addr != addr && reaches(r.addr) {
			return true
		}
	}
	return false
}

// take makes the first n requests those of the ASCONF that is out.
func (s *asconf) take(n int) {
	s.sent, s.deletes = n, 0
	for _, r := range s.requests[:n] {
		switch r.op {
		case AddAddress:
			s.changed, s.gone = true, without(s.gone, r.addr)
		case DeleteAddress:
			s.changed = true
			s.deletes++
		}
	}
}

// source is the address that a packet on path p may come from, and its egress: what
// SetRoute said, as long as that address is ours and is not being deleted, else another
// one of ours, for the caller to route (RFC 5061, section 5.3, F1, F4). ok is false if
// there is none. ASCONF itself may come from an address that it adds.
func (a *assoc) source(p *path, forAsconf bool) (src wire.Addr, egress uint32, ok bool) {
	s := &a.ext.conf
	if !s.changed || p.src.IsZero() && s.deletes == 0 {
		return p.src, p.egress, true
	}
	mine := func(l wire.Addr) bool { return l.Is4() == p.dst.Is4() && !s.deleting(l) }
	if contains(a.locals, p.src) && mine(p.src) {
		return p.src, p.egress, true
	}
	for _, l := range a.locals {
		if mine(l) {
			return l, 0, true
		}
	}
	for _, r := range s.requests[:s.sent] {
		if forAsconf && r.op == AddAddress && mine(r.addr) {
			if r.addr == p.src {
				return p.src, p.egress, true
			}
			return r.addr, 0, true
		}
	}
	return wire.Addr{}, 0, false
}

// sends tells whether there is an address of ours that a packet on path p may come from.
func (a *assoc) sends(p *path) bool {
	if a.ext == nil {
		return true
	}
	_, _, ok := a.source(p, false)
	return ok
}

// mute tells whether nothing but ASCONF may be sent until the peer has answered it: it
// deletes every address of ours that the current path could be used from.
func (a *assoc) mute() bool {
	return a.ext != nil && a.ext.conf.chunk != nil && a.mayReconfigure() && !a.sends(&a.paths[a.current])
}

// transmitAsconf sends the ASCONF that is due. done is true if nothing else may be sent
// now: the packet o is filled if ok is, or there is no address to send from or to.
func (a *assoc) transmitAsconf(now Time, o *Outbound) (done, ok bool) {
	s := &a.ext.conf
	if len(s.requests) > 0 {
		if done, ok = a.transmitRequests(now, o); done {
			return done, ok
		}
	}
	if a.paths[a.current].state == Unconfirmed {
		// 5.3, F1: all that the peer has left is new, and gets HEARTBEAT only.
		return true, a.transmitHeartbeat(now, o)
	}
	return false, false
}

func (a *assoc) transmitRequests(now Time, o *Outbound) (done, ok bool) {
	s := &a.ext.conf
	if s.chunk == nil && s.on && a.mayReconfigure() && a.paths[a.current].state != Unconfirmed {
		a.buildAsconf(now)
	}
	mute := a.mute()
	// What is not verified gets no ASCONF, unless both sides move at once: then there is
	// nothing to send HEARTBEAT from before this is answered.
	if s.due && a.mayReconfigure() && (a.paths[a.current].state != Unconfirmed || mute) {
		return true, a.sendAsconf(now, o)
	}
	return mute, false
}

// buildAsconf makes an ASCONF of as many requests as fit any path's packet.
func (a *assoc) buildAsconf(now Time) {
	s := &a.ext.conf
	room := a.fragmentSize() + wire.DataHeaderLen - wire.AuthHeaderLen - a.ext.auth.send.Len()
	// 4.1.1: "the address MUST be considered part of the association by the peer", also
	// if it has obeyed and we have to ask again.
	lookup := a.locals[0]
	for _, l := range a.locals {
		if !s.asked(DeleteAddress, l) {
			lookup = l
			break
		}
	}
	b := wire.AppendAsconf(make([]byte, 0, 256), s.next, lookup)
	n := 0
	for _, r := range s.requests {
		before := len(b)
		if b = wire.AppendAddressRequest(b, r.op.param(), r.correlation, r.addr); len(b) > room {
			b = b[:before]
			break
		}
		n++
	}
	s.take(n)
	s.chunk = wire.FinishChunk(b, 0)
	s.next++
	a.choosePath(ReasonAddress, now) // there may be no source left for the path in use
	s.due, s.resent, s.path = true, false, a.current
}

// sendAsconf sends the chunk that is due, from an address that it does not delete (F6).
// Where there is none, the timer tries again, until the association fails by it.
func (a *assoc) sendAsconf(now Time, o *Outbound) bool {
	s := &a.ext.conf
	s.due = false
	src, egress, ok := a.source(&a.paths[s.path], true)
	for i := 0; !ok && i < len(a.paths); i++ {
		if src, egress, ok = a.source(&a.paths[i], true); ok {
			s.path = uint8(i)
		}
	}
	p := &a.paths[s.path]
	s.t4 = now + p.rto
	a.arm(s.t4)
	if !ok {
		return false
	}
	var k packetBuilder
	a.start(&k, o, int(s.path), a.peerTag)
	o.Src, o.Egress = src, egress
	a.authFor(&k, wire.ChunkAsconf)
	k.b = append(k.b, s.chunk...)
	a.countControl()
	return a.finish(&k)
}

// asconfTimeout is the expiry of T4-rto (RFC 5061, section 5.1, B1 to B5).
func (a *assoc) asconfTimeout(now Time) {
	s := &a.ext.conf
	if s.chunk == nil || !a.mayReconfigure() {
		return
	}
	a.e.ctr.T4RTOExpireds++
	i := int(s.path)
	a.paths[i].backOff(&a.params.Timers)
	a.pathError(i, now)
	if a.assocError(now) {
		return
	}
	s.path = uint8(a.alternate(i))
	s.due, s.resent = true, true
	a.wantTransmit()
}

// handleAsconfAck takes in the peer's answer (RFC 5061, section 5.1, A5 to A8).
func (a *assoc) handleAsconfAck(c wire.Chunk, now Time) {
	s := &a.ext.conf
	d := &a.e.ctr.Drops
	v, err := wire.ParseAsconfAck(c)
	if err != nil || !paramsSound(v.Params()) {
		d.BadAsconf++
		return
	}
	serial := v.Serial()
	switch {
	case !a.mayReconfigure():
		d.UnexpectedChunk++
		return
	case s.chunk == nil && !serial.Less(s.next):
		// 5.3, F0: "greater than or equal to the next Sequence Number to be used but no
		// ASCONF Chunk is outstanding, the endpoint MUST ABORT the association".
		d.BadAsconf++
		a.abort(ReasonProtocol, wire.CauseIllegalAsconfAck, nil, now)
		return
	case s.chunk == nil || serial != s.next-1:
		d.OldAsconf++
		return
	}
	a.errors = 0
	if !s.resent {
		a.pathAnswered(int(s.path), ReasonDataAcked, now)
	}
	done := s.requests[:s.sent]
	var failed *wire.CauseCode
	for _, r := range done {
		cause, explicit := responseTo(v.Params(), r.correlation)
		switch {
		case explicit && cause != 0:
			failed = &cause
		case !explicit && failed != nil:
			// A7: "All TLVs after the failed response are considered unsuccessful unless
			// a specific success indication is present".
			cause = *failed
		}
		a.requestDone(r, cause)
	}
	a.asconfDone(s.requests[s.sent:], now)
}

// asconfDone ends the ASCONF that was out; the requests that wait are sent next.
func (a *assoc) asconfDone(waiting []request, now Time) {
	s := &a.ext.conf
	s.chunk, s.due, s.t4 = nil, false, Never
	s.requests = append(s.requests[:0], waiting...)
	s.take(0)
	a.choosePath(ReasonAddress, now)
	if a.state >= ShutdownPending {
		a.shutdownProgress(now)
	}
	a.wantTransmit()
}

// responseTo finds what an ASCONF-ACK says of one request: 0 is success.
func responseTo(params []byte, correlation uint32) (cause wire.CauseCode, explicit bool) {
	for len(params) > 0 {
		p, rest, err := wire.NextParam(params)
		if err != nil {
			break
		}
		params = rest
		if id, ok := wire.ParseSuccessIndication(p); ok && id == correlation {
			return 0, true
		}
		if id, causes, ok := wire.ParseErrorCauseIndication(p); ok && id == correlation {
			c, _, _ := wire.NextCause(causes)
			return max(c.Code(), 1), true
		}
	}
	return 0, false
}

// requestDone draws the consequence of an answered request; cause 0 is success.
func (a *assoc) requestDone(r request, cause wire.CauseCode) {
	s := &a.ext.conf
	switch {
	case cause == wire.CauseUnrecognizedParams && r.op == SetPeerPrimary:
		s.noSetPrimary = true
	case cause == wire.CauseUnrecognizedParams:
		s.noAddDelete = true
	case cause != 0:
	case r.op == AddAddress:
		a.locals = append(without(a.locals, r.addr), r.addr)
	case r.op == DeleteAddress:
		a.locals = without(a.locals, r.addr)
		if len(s.gone) == maxGone {
			s.gone = s.gone[1:]
		}
		s.gone = append(s.gone, r.addr)
	}
	a.event(Event{Kind: EventAsconf, Op: r.op, Addr: r.addr, Cause: cause})
}

// without is a copy of addrs less addr.
func without(addrs []wire.Addr, addr wire.Addr) []wire.Addr {
	out := make([]wire.Addr, 0, len(addrs)+1)
	for _, x := range addrs {
		if x != addr {
			out = append(out, x)
		}
	}
	return out
}

// asconfUnknown is the peer's ERROR that it does not know ASCONF: none is sent any more
// (RFC 5061, section 5.1, A9).
func (a *assoc) asconfUnknown(cause wire.Cause, now Time) {
	q, ok := cause.UnrecognizedChunk()
	if !ok || q.Type() != wire.ChunkAsconf || a.ext == nil || a.ext.conf.chunk == nil {
		return
	}
	s := &a.ext.conf
	s.on = false
	for _, r := range s.requests {
		a.requestDone(r, wire.CauseUnrecognizedChunk)
	}
	a.asconfDone(nil, now)
}
