package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// paramsSound tells whether b is parameters to its end: what is half read is not
// half done.
func paramsSound(b []byte) bool {
	for len(b) > 0 {
		_, rest, err := wire.NextParam(b)
		if err != nil {
			return false
		}
		b = rest
	}
	return true
}

// fromStranger tells whether a packet with a right tag from an address that is not the
// peer's may be an ASCONF that brings the address: AUTH, then ASCONF with an address of
// the association (RFC 5061, sections 5.2, D2, and 5.3.2).
func (a *assoc) fromStranger(in *Inbound, p wire.Packet) bool {
	if a.ext == nil || !a.ext.conf.on || !usableAddr(in.Src) {
		return false
	}
	c, rest, err := wire.NextChunk(p.Chunks())
	if err != nil || c.Type() != wire.ChunkAuth {
		return false
	}
	for len(rest) > 0 {
		if c, rest, err = wire.NextChunk(rest); err != nil || c.Type() != wire.ChunkAsconf {
			return false
		}
		v, err := wire.ParseAsconf(c)
		if err != nil {
			return false
		}
		// The wildcard leaves it to the tag, which has found the association.
		if addr := v.Address(); addr.IsWildcard() || a.findPath(addr) >= 0 {
			a.ext.stranger = true
			return true
		}
	}
	return false
}

// handleAsconf takes in an ASCONF that was authenticated (RFC 5061, section 5.2).
func (a *assoc) handleAsconf(in *Inbound, c wire.Chunk, now Time) {
	s := &a.ext.conf
	d := &a.e.ctr.Drops
	v, err := wire.ParseAsconf(c)
	switch {
	case err != nil || !paramsSound(v.Params()):
		d.BadAsconf++
		return
	case !a.mayReconfigure():
		d.UnexpectedChunk++ // also before COOKIE ACK: the peer sends it again
		return
	}
	a.ext.asconfs++
	serial := v.Serial()
	if serial != s.heard+1 {
		// E2: what was answered is answered again; E5: the rest is discarded.
		ack := s.cached(serial)
		if ack == nil {
			d.OldAsconf++
			return
		}
		a.e.answerLater(ack)
		return
	}
	if a.ext.asconfs == 1 {
		s.acks = s.acks[:0] // E1
	}
	room := a.ackRoom(in)
	if len(s.acks)+room > maxAckCache {
		d.BadAsconf++
		return
	}
	r := asconfAnswer{a: a, in: in, now: now, most: room, b: a.e.asconfBuf[:0]}
	r.b = wire.AppendAsconfAck(r.b, serial)
	r.run(v.Params())
	ack := wire.FinishChunk(r.b, 0)
	a.e.asconfBuf = ack[:0]
	s.acks = append(s.acks, ack...)
	a.e.answerLater(ack)
	s.heard = serial
	if i := a.findPath(in.Src); i >= 0 && a.ext.stranger {
		a.ext.stranger = false
		a.lastFrom = uint8(i)
	}
}

// answerLater keeps an ASCONF-ACK for the end of the packet; what cannot fit the answer
// is left for when the peer asks again (E7).
func (e *Endpoint) answerLater(ack []byte) {
	if len(e.asconfAcks)+len(ack) <= replySize {
		e.asconfAcks = append(e.asconfAcks, ack...)
	}
}

// cached is the ASCONF-ACK of an earlier ASCONF, nil if it is not kept.
func (s *asconf) cached(serial wire.Serial) []byte {
	for rest := s.acks; len(rest) > 0; {
		c, next, err := wire.NextChunk(rest)
		if err != nil {
			break
		}
		if v, _ := wire.ParseAsconfAck(c); v.Serial() == serial {
			return rest[:len(rest)-len(next)]
		}
		rest = next
	}
	return nil
}

// ackRoom is the longest ASCONF-ACK that fits a packet back, in bytes.
func (a *assoc) ackRoom(in *Inbound) int {
	room := replySize - wire.CommonHeaderLen
	if i := a.findPath(in.Src); i >= 0 {
		room = min(room, a.paths[i].payload())
	}
	return room - wire.AuthHeaderLen - a.ext.auth.send.Len()
}

// answerAsconf sends the ASCONF-ACKs of one packet back to where it came from (E6),
// as many as fit (E7).
func (a *assoc) answerAsconf(in *Inbound) {
	acks := a.e.asconfAcks
	a.e.asconfAcks = acks[:0]
	room := a.ackRoom(in)
	n := 0
	for rest := acks; len(rest) > 0; {
		_, next, err := wire.NextChunk(rest)
		if err != nil || len(acks)-len(next) > room {
			break
		}
		rest = next
		n = len(acks) - len(next)
	}
	if n == 0 {
		return
	}
	r := a.e.newReply(in)
	if r == nil {
		return
	}
	if i := a.findPath(in.Src); i >= 0 && a.paths[i].src == in.Dst {
		r.egress = a.paths[i].egress
	}
	r.begin(a.localPort, a.peerPort, a.peerTag)
	r.buf = append(r.buf, acks[:n]...)
	a.dispatch(r)
	a.countControl()
}

// asconfAnswer is an ASCONF-ACK that is being made while its ASCONF is obeyed.
type asconfAnswer struct {
	a       *assoc
	in      *Inbound
	now     Time
	b       []byte
	most    int
	refused bool // something failed: successes must be told from here on
	refuses bool // an Add or Delete failed: all further ones do (5.3, F11)
}

// run obeys the parameters in order (E4, V1). It ends early where there is no room to
// answer: what has no answer behind a failure has failed (5.1, A7).
func (r *asconfAnswer) run(params []byte) {
	for len(params) > 0 {
		p, rest, err := wire.NextParam(params)
		if err != nil {
			return
		}
		params = rest
		if r.refused && len(r.b)+minAnswer > r.most {
			return
		}
		t := p.Type()
		id, _ := p.Correlation()
		switch t {
		case wire.ParamAddIP, wire.ParamDeleteIP, wire.ParamSetPrimary:
		default:
			// V2: unrecognized parameters are treated as their type's upper bits say.
			if t.ReportUnknown() {
				r.refuse(id, wire.CauseUnrecognizedParams, p)
			}
			if t.StopOnUnknown() {
				return
			}
			continue
		}
		if t != wire.ParamSetPrimary && r.refuses {
			continue
		}
		cause := r.obey(p)
		switch {
		case cause != 0:
			r.refuse(id, cause, p)
			r.refuses = r.refuses || t != wire.ParamSetPrimary
		case r.refused:
			r.b = wire.AppendSuccessIndication(r.b, id)
		}
	}
}

// minAnswer is an Error Cause Indication with an empty cause: room for it is kept.
const minAnswer = 12

func (r *asconfAnswer) refuse(id uint32, cause wire.CauseCode, p wire.Param) {
	var buf [64]byte
	quoted := p
	if len(p)+minAnswer > min(len(buf), r.most-len(r.b)) {
		quoted = nil
	}
	r.b = wire.AppendErrorCauseIndication(r.b, id, wire.AppendCause(buf[:0], cause, quoted))
	r.refused = true
}

// obey does what one parameter asks for; the cause is why not, 0 if it did.
func (r *asconfAnswer) obey(p wire.Param) wire.CauseCode {
	_, addr, ok := wire.ParseAddressRequest(p)
	if !ok {
		return wire.CauseInvalidParam
	}
	switch p.Type() {
	case wire.ParamAddIP:
		return r.add(addr)
	case wire.ParamDeleteIP:
		return r.delete(addr)
	}
	return r.setPrimary(addr)
}

// add makes addr, or for a wildcard the packet's source, an unconfirmed path, which is
// probed at once (4.2.1, 5.3, F14).
func (r *asconfAnswer) add(addr wire.Addr) wire.CauseCode {
	a := r.a
	if addr.IsWildcard() {
		addr = r.in.Src
	}
	if !usableAddr(addr) || !a.reachable(addr) || scopeOf(addr) > scopeOf(r.in.Src) {
		return wire.CauseUnresolvableAddr
	}
	switch other := a.e.byPeer(a.localPort, a.peerPort, addr, a.locals...); {
	case other == a:
		return 0
	case other != nil:
		return wire.CauseNoAuthorization // it would take over another's packets
	}
	i := a.addPath(addr)
	if i < 0 {
		return wire.CauseResourceShortage
	}
	p := &a.paths[i]
	if addr == r.in.Src {
		p.src = r.in.Dst
	}
	a.e.indexPeer(a, addr)
	p.hbTimer = r.now
	a.arm(r.now)
	a.event(Event{Kind: EventAddressAdded, Path: uint8(i), Addr: addr})
	return 0
}

// delete takes an address away, or for a wildcard all but the packet's source (4.2.2).
func (r *asconfAnswer) delete(addr wire.Addr) wire.CauseCode {
	a := r.a
	home := a.findPath(r.in.Src)
	if addr.IsWildcard() {
		if home < 0 {
			return wire.CauseDeleteLastAddr
		}
		for i := len(a.paths) - 1; i >= 0; i-- {
			if a.paths[i].dst != r.in.Src {
				a.removePath(i, r.now)
			}
		}
		return 0
	}
	i := a.findPath(addr)
	switch {
	case i < 0:
		return wire.CauseUnresolvableAddr
	case len(a.paths) == 1:
		return wire.CauseDeleteLastAddr // F7
	case i == home:
		return wire.CauseDeleteSourceAddr // F8
	}
	a.removePath(i, r.now)
	return 0
}

// setPrimary prefers an address of the peer's, or for a wildcard the packet's source;
// one that is not confirmed yet is used when it is (5.4).
func (r *asconfAnswer) setPrimary(addr wire.Addr) wire.CauseCode {
	a := r.a
	if addr.IsWildcard() {
		addr = r.in.Src
	}
	i := a.findPath(addr)
	if i < 0 {
		return wire.CauseUnresolvableAddr
	}
	a.primary = uint8(i)
	a.event(Event{Kind: EventAddressPrimary, Path: uint8(i), Addr: addr})
	a.choosePath(ReasonPrimary, r.now)
	return 0
}

// removePath takes a path, not the last one, out of the association. What was
// outstanding there is sent on another. The paths behind it move down: EventPathAdded
// is told of every path once the packet is done.
func (a *assoc) removePath(i int, now Time) {
	addr := a.paths[i].dst
	a.e.unindexPeer(a, addr)
	a.markLost(i)
	a.paths = append(a.paths[:i], a.paths[i+1:]...)
	// to is the new index of a path; what was the removed one becomes other.
	to := func(p uint8, other int) uint8 {
		switch {
		case int(p) == i:
			return uint8(other)
		case int(p) > i:
			return p - 1
		}
		return p
	}
	wasPrimary, wasCurrent := int(a.primary) == i, int(a.current) == i
	a.primary, a.current = to(a.primary, 0), to(a.current, 0)
	best := a.bestPath(-1)
	if wasPrimary {
		a.primary = uint8(best)
	}
	if wasCurrent {
		a.current = uint8(best)
	}
	o := &a.out
	for t := o.cumAcked + 1; t != o.nextTSN; t++ {
		c := o.chunk(t)
		c.path = to(c.path, best)
	}
	for n := o.cut; n < o.messages.tail; n++ {
		if m := o.messages.at(n - o.messages.head); m.apart == uint8(i+1) {
			m.apart = 0
		} else if m.apart > 0 && m.apart <= MaxPaths {
			m.apart = to(m.apart-1, 0) + 1
		}
	}
	a.lastFrom, a.sackPath = to(a.lastFrom, best), to(a.sackPath, best)
	a.initPath, a.t2Path = to(a.initPath, best), to(a.t2Path, best)
	a.failover = failover{}
	a.ext.conf.path = to(a.ext.conf.path, best)
	a.fragment = 0
	a.probes.remove(i)
	for j := i; j < len(a.paths); j++ {
		// The index in a heartbeat that is out would name another path.
		if p := &a.paths[j]; p.hbOut {
			p.hbOut = false
			a.probes.add(j)
		}
	}
	a.ext.moved = true
	a.event(Event{Kind: EventAddressRemoved, Path: uint8(i), Addr: addr})
	a.choosePath(ReasonAddress, now)
	a.wantTransmit()
}
