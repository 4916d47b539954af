package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// Associate begins an association (ASSOCIATE). EventUp or EventDown tells how
// it went; EventPathAdded for each path comes before its first packet.
func (e *Endpoint) Associate(now Time, p *AssociateParams) (AssocID, error) {
	l := &e.cfg.Limits
	if p.LocalPort == 0 || p.PeerPort == 0 || len(p.Locals) == 0 || len(p.Peers) == 0 ||
		p.InStreams < 0 || p.OutStreams < 0 || p.InStreams > 65535 || p.OutStreams > 65535 {
		return 0, ErrInvalid
	}
	for _, peer := range p.Peers {
		if !usableAddr(peer) {
			return 0, ErrInvalid
		}
	}
	locals := e.inScope(p.Locals, nearest(p.Peers), wire.Addr{})
	if !sameFamily(locals, p.Peers) {
		return 0, ErrUnreachable
	}
	for _, peer := range p.Peers {
		if e.byPeer(p.LocalPort, p.PeerPort, peer, locals...) != nil {
			return 0, ErrExists
		}
	}
	offer, err := newOffer(p.Extensions)
	if err != nil {
		return 0, err
	}
	params := e.sharedParams(p.Params, p.Timers)
	if !params.valid() {
		return 0, ErrInvalid
	}
	e.begin(now)
	a := e.newAssoc(p.LocalPort, p.PeerPort, locals, p.ReceiveBuffer, params)
	if a == nil {
		return 0, ErrLimit
	}
	a.state = CookieWait
	a.localTag = e.newTag()
	a.localInitTSN = wire.TSN(e.rng.Uint32())
	a.inStreamsMax = orDefault(p.InStreams, l.InStreams)
	a.out.init(orDefault(p.OutStreams, l.OutStreams), a.localInitTSN)
	a.initRTO = a.params.RTOInitial
	if offer != nil {
		a.ext = newExtensions(offer, offer.newVector(e))
	}
	for _, peer := range p.Peers {
		// RFC 9260, 5.4, rule 1: an address that the upper layer passed "is
		// automatically considered to be CONFIRMED".
		if i := a.addPath(peer); i >= 0 {
			a.paths[i].state = Active
		}
	}
	e.index(a)
	a.owe(oweInit)
	return a.id, nil
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

// transmitHandshake sends the INIT or COOKIE ECHO that is owed, with T1.
func (a *assoc) transmitHandshake(now Time, o *Outbound) bool {
	if a.owed&oweInit != 0 {
		a.owed &^= oweInit
		if a.paths[a.initPath].linkDown {
			a.nextInitPath()
		}
		var k packetBuilder
		a.start(&k, o, int(a.initPath), 0)
		k.b = wire.AppendInit(k.b, wire.ChunkInit, a.localTag, uint32(a.in.limit),
			uint16(len(a.out.nextSSN)), uint16(a.inStreamsMax), a.localInitTSN)
		v4, v6 := families(a.locals)
		k.b = appendAddrs(k.b, a.e.inScope(a.locals, o.Dst, o.Src), true, true)
		k.b = wire.AppendSupportedAddrTypes(k.b, v4, v6)
		if a.preserve > 0 {
			k.b = wire.AppendCookiePreservative(k.b, a.preserve)
		}
		if a.ext != nil {
			k.b = a.ext.offer.appendTo(k.b, a.ext.local)
		}
		k.b = wire.FinishChunk(k.b, wire.CommonHeaderLen)
		a.startT1(now)
		return a.finish(&k)
	}
	a.owed &^= oweCookieEcho
	var k packetBuilder
	a.start(&k, o, int(a.initPath), a.peerTag)
	a.authFor(&k, wire.ChunkCookieEcho)
	if len(a.cookie) > k.left()-4 {
		a.close(ReasonProtocol, wire.CauseInvalidParam, now)
		return false
	}
	k.b = wire.AppendCookieEcho(k.b, a.cookie)
	if n := len(a.reportParams); n > 0 && n+8 <= k.left() {
		// 5.1, rule for INIT ACK: unknown parameters are reported "in an ERROR chunk
		// bundled with the COOKIE ECHO chunk".
		k.b = wire.AppendError(k.b, wire.AppendCauseUnrecognizedParams(a.e.scratch[:0], a.reportParams))
		a.reportParams = nil
	}
	a.startT1(now)
	return a.finish(&k)
}

func (a *assoc) startT1(now Time) {
	a.countControl()
	a.initSent, a.initClean = now, a.initTries == 0
	a.t1 = now + a.initRTO
	a.arm(a.t1)
}

// initTimeout handles T1-init and T1-cookie: the other addresses of the peer are
// tried in turn, with a doubled timer (RFC 9260, section 5.1, notes; M12).
func (a *assoc) initTimeout(now Time) {
	if a.state == CookieWait {
		a.e.ctr.T1InitExpireds++
	} else {
		a.e.ctr.T1CookieExpireds++
	}
	a.initTries++
	if a.initTries > a.params.MaxInitRetrans {
		a.e.ctr.Aborteds++
		a.close(ReasonInitLimit, 0, now)
		return
	}
	a.nextInitPath()
	if a.initTries%len(a.paths) == 0 {
		most := a.params.RTOMax
		if a.params.MaxInitTimeout > 0 {
			most = a.params.MaxInitTimeout
		}
		a.initRTO = min(2*a.initRTO, most)
	}
	if a.state == CookieWait {
		a.owe(oweInit)
	} else {
		a.owe(oweCookieEcho)
	}
}

// nextInitPath turns to the next path whose link is up. One that is unconfirmed
// gets no COOKIE ECHO (RFC 9260, section 5.4).
func (a *assoc) nextInitPath() {
	for range a.paths {
		a.initPath = uint8((int(a.initPath) + 1) % len(a.paths))
		if p := &a.paths[a.initPath]; !p.linkDown && p.state != Unconfirmed {
			return
		}
	}
}

// initFault is the cause code for an INIT or INIT ACK whose fixed part cannot
// be worked with, 0 if it is sound (RFC 9260, sections 3.3.2 and 3.3.3).
func initFault(i wire.Init) wire.CauseCode {
	if i.OutboundStreams() == 0 || i.InboundStreams() == 0 || i.AdvertisedReceiverWindowCredit() < 1500 {
		return wire.CauseInvalidParam
	}
	return 0
}

// handleInit answers an INIT with an INIT ACK that holds all state in its cookie,
// whether or not an association stands (RFC 9260, sections 5.1 and 5.2).
func (e *Endpoint) handleInit(in *Inbound, p wire.Packet, c wire.Chunk) {
	i, err := wire.ParseInit(c)
	if err != nil || i.InitiateTag() == 0 {
		// 3.3.2: "If the value of the Initiate Tag in a received INIT chunk is
		// found to be 0, the receiver MUST silently discard the packet."
		e.ctr.Drops.BadChunk++
		return
	}
	var ip initParams
	if !ip.parse(i.Params(), in.Src, e.cfg.Limits.PathsPerAssoc, e.scratch[:512:512]) {
		e.ctr.Drops.BadChunk++
		return
	}
	if fault := initFault(i); fault != 0 {
		e.abortInit(in, p, i.InitiateTag(), wire.AppendCauseInvalidParam(e.scratch[512:512]))
		return
	}
	if ip.hostName != nil {
		e.abortInit(in, p, i.InitiateTag(), wire.AppendCauseUnresolvableAddr(e.scratch[512:512], ip.hostName))
		return
	}
	a := e.byPeer(p.DstPort(), p.SrcPort(), in.Src, in.Dst)
	if a == nil {
		e.freshInit(in, p, i, &ip)
		return
	}
	e.initForExisting(a, in, p, i, &ip)
}

// freshInit answers an INIT from a peer that we have no association with.
func (e *Endpoint) freshInit(in *Inbound, p wire.Packet, i wire.Init, ip *initParams) {
	l := e.listening(p.DstPort(), in.Dst)
	if l == nil {
		// 8.4, rule 3, 5.1: nobody listens: "the receiver MUST respond with an ABORT".
		e.ctr.OutOfBlues++
		e.abortInit(in, p, i.InitiateTag(), nil)
		return
	}
	if e.refuseOffer(in, p, i, l.offer, ip) {
		return
	}
	locals := e.inScope(l.p.Locals, in.Src, in.Dst)
	for _, addr := range ip.addrs[:ip.n] {
		if e.byPeer(p.DstPort(), p.SrcPort(), addr, locals...) != nil {
			// Another association has this address: an INIT may not take it over.
			e.abortInit(in, p, i.InitiateTag(), wire.AppendCauseRestartNewAddrs(e.scratch[512:512], in.Src))
			return
		}
	}
	ck := e.cookieFor(in, p, i, ip)
	ck.localTag = e.newTag()
	ck.localTSN = wire.TSN(e.rng.Uint32())
	ck.in = uint16(min(int(i.OutboundStreams()), orDefault(l.p.InStreams, e.cfg.Limits.InStreams)))
	ck.out = uint16(min(int(i.InboundStreams()), orDefault(l.p.OutStreams, e.cfg.Limits.OutStreams)))
	ck.offer, ck.local = l.offer, l.offer.newVector(e)
	e.sendInitAck(in, p, &ck, ip, locals,
		orDefault(l.p.ReceiveBuffer, e.cfg.Limits.ReceiveBuffer),
		orDefault(l.p.OutStreams, e.cfg.Limits.OutStreams), orDefault(l.p.InStreams, e.cfg.Limits.InStreams))
}

// initForExisting answers an INIT from the peer of an association that stands:
// a collision (5.2.1) or a restart (5.2.2).
func (e *Endpoint) initForExisting(a *assoc, in *Inbound, p wire.Packet, i wire.Init, ip *initParams) {
	if a.state == ShutdownAckSent {
		// 9.2: "it SHOULD discard the INIT chunk and retransmit the SHUTDOWN ACK chunk".
		a.owe(oweShutdownAck)
		return
	}
	if a.state != CookieWait {
		// 5.2.1 and 5.2.2: addresses that the association does not have are
		// answered by an ABORT that names them, or a stranger could join it.
		var news [maxCookieAddrs]wire.Addr
		n := 0
		for _, addr := range ip.addrs[:ip.n] {
			if a.findPath(addr) < 0 && a.reachable(addr) {
				news[n] = addr
				n++
			}
		}
		if n > 0 {
			e.abortInit(in, p, i.InitiateTag(), wire.AppendCauseRestartNewAddrs(e.scratch[512:512], news[:min(n, 8)]...))
			return
		}
	}
	if a.ext != nil && e.refuseOffer(in, p, i, a.ext.offer, ip) {
		return
	}
	ck := e.cookieFor(in, p, i, ip)
	ck.in = uint16(min(int(i.OutboundStreams()), a.inStreamsMax))
	ck.out = uint16(min(int(i.InboundStreams()), len(a.out.nextSSN)))
	if a.state == CookieWait || a.state == CookieEchoed {
		// 5.2.1: "the INIT ACK chunk … the endpoint MUST … the original parameters".
		ck.localTag, ck.localTSN = a.localTag, a.localInitTSN
	} else {
		ck.localTag, ck.localTSN = e.newTag(), wire.TSN(e.rng.Uint32())
	}
	if a.ext != nil {
		ck.offer, ck.local = a.ext.offer, a.ext.local
		if ck.localTag != a.localTag {
			ck.local = ck.offer.newVector(e)
		}
	}
	ck.tieLocal, ck.tiePeer = a.localTag, a.peerTag
	e.sendInitAck(in, p, &ck, ip, a.locals, a.in.limit, len(a.out.nextSSN), a.inStreamsMax)
}

func (e *Endpoint) cookieFor(in *Inbound, p wire.Packet, i wire.Init, ip *initParams) stateCookie {
	e.rotateCookieKeys()
	return stateCookie{
		created: e.now, peerTag: i.InitiateTag(), peerTSN: i.InitialTSN(),
		peerRwnd: i.AdvertisedReceiverWindowCredit(), localPort: p.DstPort(), peerPort: p.SrcPort(),
		src: in.Src, dst: in.Dst, n: ip.n, addrs: ip.addrs, peer: ip.peer,
		preserve: min(ip.preserve, uint32(maxPreservative/Millisecond)),
	}
}

// sendInitAck builds the INIT ACK around a cookie.
func (e *Endpoint) sendInitAck(in *Inbound, p wire.Packet, ck *stateCookie, ip *initParams, locals []wire.Addr, rwnd, os, mis int) {
	r := e.answer(in, p, ck.peerTag)
	if r == nil {
		return
	}
	r.buf = wire.AppendInit(r.buf, wire.ChunkInitAck, ck.localTag, uint32(rwnd), uint16(os), uint16(mis), ck.localTSN)
	cookie := ck.appendTo(e.cookieScratch[:0], &e.cookies)
	r.buf = wire.AppendParam(r.buf, wire.ParamStateCookie, cookie)
	r.buf = appendAddrs(r.buf, locals, ip.v4, ip.v6)
	r.buf = ck.offer.appendTo(r.buf, ck.local)
	for b := ip.unknown; len(b) > 0 && len(r.buf)+len(ip.unknown)+8 < cap(r.buf); {
		u, rest, err := wire.NextParam(b)
		if err != nil {
			break
		}
		r.buf = wire.AppendUnrecognized(r.buf, u)
		b = rest
	}
	r.buf = wire.FinishChunk(r.buf, wire.CommonHeaderLen)
	if len(r.buf) > replySize {
		e.dropReply()
	}
}

// abortInit refuses an INIT, or its COOKIE ECHO: the ABORT carries the tag that the
// INIT offered.
func (e *Endpoint) abortInit(in *Inbound, p wire.Packet, tag uint32, causes []byte) {
	if len(causes) > replySize-wire.CommonHeaderLen-4 {
		causes = nil // more than an answer holds: the cause quotes too much
	}
	if r := e.answer(in, p, tag); r != nil {
		r.buf = wire.AppendAbort(r.buf, false, causes)
	}
}

func contains(addrs []wire.Addr, a wire.Addr) bool {
	for _, x := range addrs {
		if x == a {
			return true
		}
	}
	return false
}

// reachable tells whether we have an address of the same family as addr.
func (a *assoc) reachable(addr wire.Addr) bool {
	v4, v6 := families(a.locals)
	return addr.Is4() && v4 || !addr.Is4() && v6
}

// handleInitAck goes on from COOKIE-WAIT (RFC 9260, section 5.1, step C); in any
// other state an INIT ACK is discarded (5.2.3).
func (a *assoc) handleInitAck(c wire.Chunk, in *Inbound, now Time) {
	if a.state != CookieWait {
		a.e.ctr.Drops.UnexpectedChunk++
		return
	}
	i, err := wire.ParseInit(c)
	if err != nil {
		a.e.ctr.Drops.BadChunk++
		return
	}
	var ip initParams
	if !ip.parse(i.Params(), in.Src, a.e.cfg.Limits.PathsPerAssoc, a.e.scratch[:512:512]) {
		a.e.ctr.Drops.BadChunk++
		return
	}
	a.peerTag = i.InitiateTag()
	if a.peerTag == 0 || initFault(i) != 0 {
		// 3.3.3: a tag of 0: "the receiver MUST destroy the association discarding
		// its TCB. The receiver MAY send an ABORT chunk".
		a.abort(ReasonProtocol, wire.CauseInvalidParam, nil, now)
		return
	}
	if ip.cookie == nil {
		a.abortWith(ReasonProtocol, wire.CauseMissingParam,
			wire.AppendCauseMissingParam(a.e.scratch[512:512], wire.ParamStateCookie), now)
		return
	}
	if a.ext != nil {
		if fault := a.ext.offer.fault(&ip.peer); fault != "" {
			a.abort(ReasonProtocol, wire.CauseProtocolViolation, []byte(fault), now)
			return
		}
		a.settle(a.ext.local, &ip.peer, a.localInitTSN, i.InitialTSN())
	}
	if a.initClean {
		a.paths[a.initPath].measured(now-a.initSent, &a.params.Timers)
	}
	a.peerAddresses(in.Src, ip.addrs[:ip.n])
	a.shrinkStreams(int(i.InboundStreams()))
	a.in.init(min(int(i.OutboundStreams()), a.inStreamsMax), i.InitialTSN())
	a.peerWindow(i.AdvertisedReceiverWindowCredit())
	a.cookie = append([]byte(nil), ip.cookie...)
	a.reportParams = append([]byte(nil), ip.unknown...)
	a.state = CookieEchoed
	a.initTries, a.initRTO = 0, a.paths[a.initPath].rto
	a.t1 = Never
	a.owe(oweCookieEcho)
}

// peerWindow takes the peer's first a_rwnd.
func (a *assoc) peerWindow(rwnd uint32) {
	a.peerRwndInit = rwnd
	a.out.peerRwnd = int(rwnd)
	for i := range a.paths {
		a.paths[i].resetCongestion(a)
	}
}

func (a *assoc) shrinkStreams(most int) {
	if o := &a.out; most < len(o.nextSSN) {
		o.nextSSN = o.nextSSN[:most:most]
		a.failStreams()
	}
}

// peerAddresses makes the paths exactly those that the peer listed and the one
// that it sent from, keeping what is known of those that were tried.
func (a *assoc) peerAddresses(from wire.Addr, listed []wire.Addr) {
	keep := a.paths[:0]
	a.e.unindex(a)
	first := a.paths[a.initPath].dst
	for _, p := range a.paths {
		if p.dst == from || contains(listed, p.dst) {
			keep = append(keep, p)
		}
	}
	a.paths, a.fragment = keep, 0
	a.primary, a.current, a.initPath = 0, 0, 0
	if i := a.addPath(from); i >= 0 {
		a.paths[i].state = Active
	}
	for _, addr := range listed {
		if a.reachable(addr) && a.e.byPeer(a.localPort, a.peerPort, addr, a.locals...) == nil {
			a.addPath(addr)
		}
	}
	// Every index may have moved: the caller routes all paths anew.
	for i := range a.paths {
		a.event(Event{Kind: EventPathAdded, Path: uint8(i)})
	}
	if i := a.findPath(first); i >= 0 {
		a.initPath = uint8(i)
	} else if i := a.findPath(from); i >= 0 {
		a.initPath = uint8(i)
	}
	a.primary, a.current = a.initPath, a.initPath
	a.lastFrom = uint8(max(a.findPath(from), 0))
	a.sackPath, a.failover = a.lastFrom, failover{}
	a.e.index(a)
}
