package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// handleAuth takes in an AUTH chunk of an association that authenticates (RFC 4895,
// section 6.3). If it is not right, all that follows is discarded.
func (a *assoc) handleAuth(in *Inbound, c wire.Chunk, rest []byte) verdict {
	x := a.ext
	d := &a.e.ctr.Drops
	if x.authenticated {
		d.BadAuth++ // 5.1: "MUST NOT appear more than once in an SCTP packet"
		return stop
	}
	k, report := x.auth.check(d, c, rest)
	if report {
		v, _ := wire.ParseAuth(c)
		a.replyError(wire.AppendCauseUnsupportedHMAC(a.e.scratch[:0], v.HMACID()))
	}
	if k == nil {
		return stop
	}
	x.authenticated = true
	if k.ID != x.auth.heard {
		x.auth.heard = k.ID
		a.event(Event{Kind: EventAuth, Auth: AuthNewKey, Key: k.ID})
	}
	return consumed
}

// handleAuthFirst takes in a packet that begins with AUTH: its association is found by
// what follows (RFC 4895, section 6.3).
func (e *Endpoint) handleAuthFirst(in *Inbound, p wire.Packet, c wire.Chunk, rest []byte) {
	next, after := c, []byte(nil)
	if len(rest) > 0 {
		var err error
		if next, after, err = wire.NextChunk(rest); err != nil {
			e.ctr.Drops.BadChunkLength++
			return
		}
	}
	if next.Type() != wire.ChunkCookieEcho {
		if a := e.demux(in, p, next); a != nil {
			a.handleChunks(in, p.Chunks())
		}
		return
	}
	if !e.verifyCookieEcho(in, p, c, rest, next) {
		return
	}
	e.cookieVerified = true
	a := e.handleCookieEcho(in, p, next)
	e.cookieVerified = false
	if a != nil && len(after) > 0 {
		if a.ext != nil {
			a.ext.authenticated = true
		}
		a.handleChunks(in, after)
	}
}

// verifyCookieEcho checks the AUTH chunk before a COOKIE ECHO by the association that
// stands, or, if there is none, by what the cookie says (RFC 4895, section 6.3).
func (e *Endpoint) verifyCookieEcho(in *Inbound, p wire.Packet, c wire.Chunk, rest []byte, echo wire.Chunk) bool {
	d := &e.ctr.Drops
	if a := e.byPeer(p.DstPort(), p.SrcPort(), in.Src, in.Dst); a != nil && a.ext != nil && a.ext.auth.on {
		k, _ := a.ext.auth.check(d, c, rest)
		return k != nil
	}
	body, err := wire.ParseCookieEcho(echo)
	var ck stateCookie
	if err != nil || !parseCookie(body, &e.cookies, &ck) {
		d.BadCookie++
		return false
	}
	o := e.offerOf(in, p)
	if o == nil || !o.auth {
		// Unknown as the chunk is here, it ends the packet (RFC 9260, section 3.2).
		d.UnknownChunk++
		return false
	}
	var u auth
	u.setKeys(o.keys, o.active)
	if u.agree(o, ck.local, &ck.peer); !u.on {
		d.UnknownChunk++
		return false
	}
	k, _ := u.check(d, c, rest)
	return k != nil
}

// offerOf is what an association with the packet's sender offers, or would.
func (e *Endpoint) offerOf(in *Inbound, p wire.Packet) *offer {
	if a := e.byPeer(p.DstPort(), p.SrcPort(), in.Src, in.Dst); a != nil {
		if a.ext == nil {
			return nil
		}
		return a.ext.offer
	}
	if l := e.listening(p.DstPort(), in.Dst); l != nil {
		return l.offer
	}
	return nil
}

// unauthenticatedEcho tells whether a COOKIE ECHO that came without AUTH must not have:
// the cookie says that we asked for it, or the association that stands does.
func (e *Endpoint) unauthenticatedEcho(a *assoc, ck *stateCookie) bool {
	if e.cookieVerified {
		return false
	}
	if a != nil && a.ext != nil && a.ext.auth.on && a.ext.auth.ours.has(wire.ChunkCookieEcho) {
		return true
	}
	if len(ck.local) == 0 || ck.peer.hmac() == 0 {
		return false
	}
	var u auth
	for rest := ck.local; len(rest) > 0; {
		var q wire.Param
		q, rest = vectorParam(rest)
		u.noteOurs(q)
	}
	return u.ours.has(wire.ChunkCookieEcho)
}

// authRoom is what an AUTH chunk takes in a packet with user data, in bytes.
func (a *assoc) authRoom() int {
	if a.ext == nil || !a.ext.auth.theirs.has(wire.ChunkData) {
		return 0
	}
	return wire.AuthHeaderLen + a.ext.auth.send.Len()
}

// authFor begins the authenticated part of a packet if a chunk of type t is to come that
// the peer wants authenticated (RFC 4895, section 6.2); false if there is no room for
// that in the packet.
func (a *assoc) authFor(k *packetBuilder, t wire.ChunkType) bool {
	if a.ext == nil || !a.ext.auth.on || k.by != nil || !a.ext.auth.theirs.has(t) {
		return true
	}
	u := &a.ext.auth
	n := wire.AuthHeaderLen + u.send.Len()
	if k.left() < n {
		return false
	}
	if k.auth, k.by = len(k.b), u; k.auth == k.begun {
		k.begun += n
	}
	k.b = wire.AppendAuth(k.b, u.active, u.send)
	return true
}

// authControl is authFor the control chunks that are owed.
func (a *assoc) authControl(k *packetBuilder) {
	for _, c := range [...]struct {
		owed owed
		t    wire.ChunkType
	}{{oweCookieAck, wire.ChunkCookieAck}, {oweSack, wire.ChunkSack}, {oweShutdown, wire.ChunkShutdown},
		{oweShutdownAck, wire.ChunkShutdownAck}} {
		if a.owed&c.owed != 0 {
			a.authFor(k, c.t)
		}
	}
}

// seal computes the HMAC of a packet that has an AUTH chunk, or takes that away again if
// nothing came behind it; true for finish.
func (k *packetBuilder) seal() bool {
	if len(k.b) == k.auth+wire.AuthHeaderLen+k.by.send.Len() {
		k.out.N = k.auth
	} else {
		k.by.seal(k.b[k.auth:])
	}
	return true
}

// dispatch gives an answer what extensions ask of it: a source that may be used (RFC
// 5061, section 5.3, F1 and F4), and AUTH before its chunks if the peer wants the first
// of them authenticated. One that cannot have that is dropped and counted.
func (a *assoc) dispatch(r *reply) {
	if a.ext == nil {
		return
	}
	if s := &a.ext.conf; s.changed && !(contains(a.locals, r.src) && !s.deleting(r.src)) {
		var ok bool
		if r.src, r.egress, ok = a.source(&path{dst: r.dst}, false); !ok {
			a.e.ctr.Drops.NoSource++
			a.e.dropReply()
			return
		}
	}
	u := &a.ext.auth
	if !u.on || !u.theirs.has(wire.ChunkType(r.buf[wire.CommonHeaderLen])) {
		return
	}
	n := wire.AuthHeaderLen + u.send.Len()
	if len(r.buf)+n > cap(r.buf) {
		a.e.ctr.Drops.RateLimited++
		a.e.dropReply()
		return
	}
	end := len(r.buf)
	r.buf = r.buf[:end+n]
	copy(r.buf[wire.CommonHeaderLen+n:], r.buf[wire.CommonHeaderLen:end])
	wire.AppendAuth(r.buf[:wire.CommonHeaderLen], u.active, u.send)
	u.seal(r.buf[wire.CommonHeaderLen:])
}

// refuseOffer answers an INIT whose extensions cannot be lived with.
func (e *Endpoint) refuseOffer(in *Inbound, p wire.Packet, i wire.Init, o *offer, ip *initParams) bool {
	fault := o.fault(&ip.peer)
	if fault == "" {
		return false
	}
	e.abortInit(in, p, i.InitiateTag(), wire.AppendCauseProtocolViolation(e.scratch[512:512], fault))
	return true
}
