package sctpcore

import (
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// HandlePackets takes in a burst of packets with verified checksums.
func (e *Endpoint) HandlePackets(now Time, pkts []Inbound) {
	e.begin(now)
	crowded := e.crowded()
	if crowded {
		e.expectPackets(pkts)
	}
	for i := range pkts {
		if crowded {
			e.expectPacket(pkts, i+ahead)
		}
		e.in = &pkts[i]
		e.handlePacket(&pkts[i])
	}
	e.in = nil
}

func (e *Endpoint) handlePacket(in *Inbound) {
	d := &e.ctr.Drops
	p, err := wire.ParsePacket(in.Data)
	switch {
	case err != nil:
		d.ShortPacket++
		return
	case p.SrcPort() == 0 || p.DstPort() == 0:
		d.BadPort++
		return
	}
	e.ctr.InSCTPPacks++
	c, rest, err := wire.NextChunk(p.Chunks())
	if err != nil {
		d.BadChunkLength++
		return
	}
	switch t := c.Type(); {
	case t == wire.ChunkInit:
		// 8.5.1, A: an INIT has tag 0 and, 6.10, stands alone.
		switch {
		case len(rest) > 0:
			d.NotAlone++
		case p.VerificationTag() != 0:
			d.BadTag++
		case !usableAddr(in.Src) || !usableAddr(in.Dst):
			d.BadAddress++
		default:
			e.handleInit(in, p, c)
		}
	case p.VerificationTag() == 0:
		d.ZeroTag++
	case t == wire.ChunkAuth:
		e.handleAuthFirst(in, p, c, rest)
	case t == wire.ChunkCookieEcho:
		if a := e.handleCookieEcho(in, p, c); a != nil && len(rest) > 0 {
			a.handleChunks(in, rest)
		}
	default:
		if a := e.demux(in, p, c); a != nil {
			a.handleChunks(in, p.Chunks())
		}
	}
}

// demux finds the association of a packet by its verification tag and checks
// that the packet may be the peer's (RFC 9260, section 8.5).
func (e *Endpoint) demux(in *Inbound, p wire.Packet, c wire.Chunk) *assoc {
	d := &e.ctr.Drops
	tag := p.VerificationTag()
	if a := e.tags.get(tag); a != nil {
		if a.localPort == p.DstPort() && a.peerPort == p.SrcPort() {
			if !e.fromPeer(a, in, c) && !a.fromStranger(in, p) {
				d.AddressNotOfAssoc++
				return nil
			}
			if reflected(c) && tag != a.peerTag {
				d.BadTag++ // 8.5.1, B: T bit, but the tag is ours
				return nil
			}
			return a
		}
	}
	a := e.byPeer(p.DstPort(), p.SrcPort(), in.Src, in.Dst)
	if a == nil {
		e.outOfBlue(in, p)
		return nil
	}
	if reflected(c) && tag == a.peerTag {
		return a
	}
	if c.Type() == wire.ChunkShutdownAck && a.state <= CookieEchoed {
		// 8.5.1, E: a SHUTDOWN ACK in COOKIE-WAIT or COOKIE-ECHOED is answered as if
		// it were out of the blue.
		e.outOfBlue(in, p)
		return nil
	}
	d.BadTag++
	return nil
}

// reflected tells whether a chunk says that its packet's tag is the one that we
// gave the peer for its packets: the T bit of ABORT and SHUTDOWN COMPLETE.
func reflected(c wire.Chunk) bool {
	t := c.Type()
	return (t == wire.ChunkAbort || t == wire.ChunkShutdownComplete) && c.Flags()&wire.FlagT != 0
}

// fromPeer tells whether the packet's source is one of the peer's addresses; an
// INIT ACK may bring the one that it comes from.
func (e *Endpoint) fromPeer(a *assoc, in *Inbound, c wire.Chunk) bool {
	if int(a.lastFrom) < len(a.paths) && a.paths[a.lastFrom].dst == in.Src {
		return true
	}
	if i := a.findPath(in.Src); i >= 0 {
		a.lastFrom = uint8(i)
		return true
	}
	return a.state == CookieWait && c.Type() == wire.ChunkInitAck && usableAddr(in.Src) &&
		e.byPeer(a.localPort, a.peerPort, in.Src, a.locals...) == nil
}

// outOfBlue treats a packet that belongs to no association (RFC 9260, section 8.4).
func (e *Endpoint) outOfBlue(in *Inbound, p wire.Packet) {
	e.ctr.OutOfBlues++
	if !usableAddr(in.Src) || !usableAddr(in.Dst) {
		e.ctr.Drops.BadAddress++
		return
	}
	shutdownAck := false
	for rest := p.Chunks(); len(rest) > 0; {
		c, next, err := wire.NextChunk(rest)
		if err != nil {
			e.ctr.Drops.BadChunkLength++
			return
		}
		rest = next
		switch c.Type() {
		case wire.ChunkAbort, wire.ChunkShutdownComplete, wire.ChunkCookieAck:
			e.ctr.Drops.OutOfBlue++ // rules 2, 6 and 7
			return
		case wire.ChunkError:
			if causes, err := wire.ParseError(c); err != nil || hasStaleCookie(causes) {
				e.ctr.Drops.OutOfBlue++ // rule 7
				return
			}
		case wire.ChunkShutdownAck:
			shutdownAck = true
		}
	}
	r := e.answer(in, p, p.VerificationTag())
	if r == nil {
		return
	}
	if shutdownAck { // rule 5
		r.buf = wire.AppendShutdownComplete(r.buf, true)
		return
	}
	r.buf = wire.AppendAbort(r.buf, true, nil) // rule 8
}

func hasStaleCookie(causes []byte) bool {
	for len(causes) > 0 {
		c, rest, err := wire.NextCause(causes)
		if err != nil {
			return false
		}
		if c.Code() == wire.CauseStaleCookie {
			return true
		}
		causes = rest
	}
	return false
}

// handleChunks takes in the chunks of one packet, in order (RFC 9260, section 6.10).
func (a *assoc) handleChunks(in *Inbound, b []byte) {
	now := a.e.now
	a.rxPackets++
	if i := a.findPath(in.Src); i >= 0 {
		a.lastFrom = uint8(i)
	}
	hadData := false
	for first := len(b) == len(in.Data)-wire.CommonHeaderLen; len(b) > 0 && a.state != Closed; first = false {
		if a.takesData() && (a.ext == nil || a.ext.admits(in, wire.ChunkData)) {
			if rest := a.takeRun(b); len(rest) < len(b) {
				b, hadData = rest, true
				continue
			}
		}
		c, rest, err := wire.NextChunk(b)
		if err != nil {
			a.e.ctr.Drops.BadChunkLength++
			break
		}
		b = rest
		if a.ext != nil {
			if v := a.intercept(in, c, rest, now); v == consumed {
				continue
			} else if v == stop {
				break
			}
		}
		if c.Type() == wire.ChunkData {
			hadData = a.dataChunk(c, now) || hadData
			continue
		}
		a.e.ctr.InCtrlChunks++
		if c.Type() != wire.ChunkSack {
			a.less.RxControl++
		}
		if !a.handleControl(c, in, first && len(rest) == 0, now) {
			break
		}
	}
	if hadData && a.state != Closed {
		a.dataReceived(now)
	}
	if a.ext != nil {
		a.packetDone(in)
	}
}

// takesData tells whether the state has use for DATA.
func (a *assoc) takesData() bool {
	return a.state == Established || a.state == ShutdownPending || a.state == ShutdownSent
}

// dataChunk takes in a DATA chunk where the state has use for it.
func (a *assoc) dataChunk(c wire.Chunk, now Time) bool {
	if !a.takesData() {
		a.e.ctr.Drops.UnexpectedChunk++
		return false
	}
	d, err := wire.ParseData(c)
	if err != nil {
		a.e.ctr.Drops.BadChunk++
		return false
	}
	a.handleData(d, now)
	return true
}

// handleControl takes in one chunk other than DATA; false if the rest of the
// packet is to be discarded. alone tells that it is the packet's only chunk.
func (a *assoc) handleControl(c wire.Chunk, in *Inbound, alone bool, now Time) bool {
	d := &a.e.ctr.Drops
	switch t := c.Type(); t {
	case wire.ChunkSack:
		s, err := wire.ParseSack(c)
		switch {
		case err != nil:
			d.BadSACK++
		case a.state < Established || a.state == ShutdownAckSent:
			d.UnexpectedChunk++
		default:
			a.handleSack(s, now)
		}
	case wire.ChunkHeartbeat:
		if a.state < CookieEchoed {
			d.UnexpectedChunk++
			break
		}
		a.handleHeartbeat(c, in)
	case wire.ChunkHeartbeatAck:
		a.handleHeartbeatAck(c, now)
	case wire.ChunkInitAck, wire.ChunkShutdownComplete, wire.ChunkInit:
		if !alone {
			d.NotAlone++
			return false
		}
		if t == wire.ChunkInitAck {
			a.handleInitAck(c, in, now)
		} else {
			a.handleShutdownComplete(now)
		}
	case wire.ChunkAbort:
		a.handleAbort(c, now)
	case wire.ChunkShutdown:
		a.handleShutdown(c, now)
	case wire.ChunkShutdownAck:
		a.handleShutdownAck(in, now)
	case wire.ChunkError:
		a.handleError(c, now)
	case wire.ChunkCookieAck:
		a.handleCookieAck(now)
	case wire.ChunkCookieEcho:
		d.UnexpectedChunk++ // 6.10: only the first chunk of a packet may be one
	case wire.ChunkEcne, wire.ChunkCwr:
		// ECN is never negotiated; the chunks are reserved and have no effect.
	default:
		d.UnknownChunk++
		return a.unknownChunk(c)
	}
	return true
}

// unknownChunk does what the type's two high bits ask for (RFC 9260, section 3.2).
func (a *assoc) unknownChunk(c wire.Chunk) bool {
	if c.Type().ReportUnknown() && a.e.in != nil {
		// 3.3.10.6 wants it complete; one that is longer than an answer on this path may
		// be is quoted from its header as far as there is room.
		room := min(replySize-wire.CommonHeaderLen, a.paths[min(int(a.lastFrom), len(a.paths)-1)].payload())
		quoted := c[:min(len(c), room-8)] // headers of the ERROR and of its cause
		a.replyError(wire.AppendCauseUnrecognizedChunk(a.e.scratch[:0], quoted))
	}
	return !c.Type().StopOnUnknown()
}

// replyError sends an ERROR to where the packet that is being handled came from.
func (a *assoc) replyError(causes []byte) {
	if a.e.in == nil {
		return
	}
	if r := a.e.newReply(a.e.in); r != nil {
		r.begin(a.localPort, a.peerPort, a.peerTag)
		r.buf = wire.AppendError(r.buf, causes)
		a.dispatch(r)
		a.countControl()
	}
}

// handleAbort ends the association (RFC 9260, section 9.1); the tag was checked.
func (a *assoc) handleAbort(c wire.Chunk, now Time) {
	causes, _, err := wire.ParseAbort(c)
	var code wire.CauseCode
	if err == nil && len(causes) > 0 {
		if cause, _, err := wire.NextCause(causes); err == nil {
			code = cause.Code()
		}
	}
	a.e.ctr.Aborteds++
	a.closeWith(ReasonPeerAbort, code, c, now)
}

// maxCauses bounds how many causes of one ERROR are looked at.
const maxCauses = 16

// handleError takes in an ERROR (RFC 9260, section 3.3.10): a stale cookie is
// tried again with a longer life asked for (5.2.6), the rest is told.
func (a *assoc) handleError(c wire.Chunk, now Time) {
	causes, err := wire.ParseError(c)
	if err != nil {
		a.e.ctr.Drops.BadChunk++
		return
	}
	for n := 0; len(causes) > 0 && n < maxCauses && a.state != Closed; n++ {
		cause, rest, err := wire.NextCause(causes)
		if err != nil {
			a.e.ctr.Drops.BadChunk++
			return
		}
		causes = rest
		if cause.Code() == wire.CauseStaleCookie && a.state == CookieEchoed {
			a.staleCookie(cause, now)
			continue
		}
		if cause.Code() == wire.CauseUnrecognizedChunk {
			a.asconfUnknown(cause, now)
		}
		a.event(Event{Kind: EventPeerError, Cause: cause.Code(), Data: slices.Clone(cause)})
	}
}

// staleCookie begins the handshake again, asking for a longer life of the cookie
// (RFC 9260, section 5.2.6, option 2).
func (a *assoc) staleCookie(cause wire.Cause, now Time) {
	a.staleRetries++
	if int(a.staleRetries) > 3 {
		a.close(ReasonStaleCookie, wire.CauseStaleCookie, now)
		return
	}
	micros, _ := cause.StaleCookie()
	a.preserve = max(1000, micros/1000*2)
	a.state, a.cookie = CookieWait, nil
	a.t1 = Never
	a.owed = 0
	clear(a.out.nextSSN)
	a.owe(oweInit)
}
