package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// packetBuilder fills one Outbound: chunks are appended until the path's packet
// is full.
type packetBuilder struct {
	out  *Outbound
	b    []byte
	room int // bytes that b may grow to
	path int
	// begun is the length of the headers: the common one and, if it comes first, the
	// AUTH chunk, which is at auth.
	begun, auth int
	by          *auth // what the AUTH chunk is made by; nil for none
}

// start begins a packet of association a on path i.
func (a *assoc) start(k *packetBuilder, o *Outbound, i int, tag uint32) {
	p := &a.paths[i]
	room := min(len(o.Buf), p.payload()+wire.CommonHeaderLen)
	b := o.Buf[:wire.CommonHeaderLen]
	wire.PutHeader(b, a.localPort, a.peerPort, tag)
	// Field by field: a literal is made elsewhere and copied by wide loads, which wait
	// for the narrow stores that made it. The same goes for the queues' elements.
	buf := o.Buf
	*o = Outbound{}
	o.Buf, o.Src, o.Dst, o.Egress, o.InPort, o.Assoc, o.Path = buf, p.src, p.dst, p.egress, -1, a.id, uint8(i)
	if a.ext != nil {
		o.Src, o.Egress, _ = a.source(p, false)
	}
	k.out, k.b, k.room, k.path, k.begun, k.by = o, b, room, i, len(b), nil
}

func (k *packetBuilder) left() int   { return k.room - len(k.b) }
func (k *packetBuilder) empty() bool { return len(k.b) == k.begun }

func (a *assoc) finish(k *packetBuilder) bool {
	k.out.N = len(k.b)
	a.paths[k.path].txPackets++
	return k.by == nil || k.seal()
}

// transmit builds the next packet that the association may send now; false if
// there is none.
func (a *assoc) transmit(now Time, o *Outbound) bool {
	if a.state == Closed {
		return false
	}
	if a.owed&(oweInit|oweCookieEcho) != 0 {
		return a.transmitHandshake(now, o)
	}
	if a.ext != nil {
		if done, ok := a.transmitAsconf(now, o); done {
			return ok
		}
	}
	if a.probes != 0 && a.transmitHeartbeat(now, o) {
		return true
	}
	var k packetBuilder
	if a.mayCarryData() {
		if i, ok := a.dataPath(now); ok {
			a.start(&k, o, i, a.peerTag)
			if a.sackTimer != Never {
				a.bundleSack(&k)
			}
			if a.owed != 0 {
				a.putControl(&k, now)
			}
			if a.ext == nil || a.authFor(&k, wire.ChunkData) {
				a.putData(&k, now)
			}
			if !k.empty() {
				return a.finish(&k)
			}
		}
	}
	if a.owed != 0 {
		a.start(&k, o, a.controlPath(), a.peerTag)
		a.putControl(&k, now)
		if !k.empty() {
			return a.finish(&k)
		}
	}
	return false
}

// bundleSack makes a SACK that waits for SACKDelay travel with the next new DATA
// if both fit (RFC 9260, section 6.1: "SHOULD create a SACK chunk and bundle it").
func (a *assoc) bundleSack(k *packetBuilder) {
	o := &a.out
	if o.lost > 0 {
		return
	}
	n := min(len(o.next().data)-o.cutOff, a.fragmentSize())
	if sackLen+wire.DataHeaderLen+wire.Pad4(n)+a.authRoom() <= k.left() {
		a.owed |= oweSack
	}
}

// sackLen is a SACK without gap blocks: with gaps none is delayed.
const sackLen = 16

// mayCarryData tells whether the state lets user data go out.
func (a *assoc) mayCarryData() bool {
	return a.state == Established || a.state == ShutdownPending || a.state == ShutdownReceived
}

// controlPath is where control chunks and a SACK of their own go. A SACK and a SHUTDOWN ACK
// go back to where the peer was heard last (RFC 9260, section 6.4), unless that path does not work
// or the peer sent again what we had acknowledged there. For a SHUTDOWN ACK there is no other
// remedy: each SHUTDOWN starts T2-shutdown anew, so that it tells of no path that is dead.
func (a *assoc) controlPath() int {
	i := int(a.lastFrom)
	if a.owed&(oweSack|oweShutdownAck) == 0 || i >= len(a.paths) {
		return int(a.current)
	}
	if !a.usable(i) {
		return a.bestPath(-1)
	}
	if len(a.in.dups) > 0 && a.sackPath == a.lastFrom {
		return a.alternate(i)
	}
	return i
}

// putControl appends the control chunks that are owed, DATA following them
// (RFC 9260, section 6.10).
func (a *assoc) putControl(k *packetBuilder, now Time) {
	if a.ext != nil {
		a.authControl(k)
	}
	if a.owed&oweCookieAck != 0 {
		k.b = wire.AppendCookieAck(k.b)
		a.countControl()
	}
	if a.owed&oweSack != 0 {
		a.putSack(k)
		a.sackPath = uint8(k.path)
		a.e.ctr.OutCtrlChunks++
	}
	if a.owed&oweShutdown != 0 {
		k.b = wire.AppendShutdown(k.b, a.in.cum)
		a.startT2(k.path, now)
	}
	if a.owed&oweShutdownAck != 0 {
		k.b = wire.AppendShutdownAck(k.b)
		a.startT2(k.path, now)
	}
	a.owed = 0
}

// dataPath is the path that the next packet with user data takes; ok is false
// if no window lets any go.
func (a *assoc) dataPath(now Time) (int, bool) {
	o := &a.out
	if o.lost > 0 {
		i := a.lostPath()
		if p := &a.paths[i]; o.force || p.open() {
			return i, true
		}
	}
	if !o.pendingData() {
		return 0, false
	}
	m := o.next()
	i := a.freshPath(m)
	p := &a.paths[i]
	p.ageWindow(now)
	if o.credit == 0 || !p.open() || p.state == Unconfirmed {
		return 0, false
	}
	if a.params.Nagle && a.holdsBack(m) {
		return 0, false
	}
	n := min(len(m.data)-o.cutOff, a.fragmentSize())
	return i, n <= o.peerRwnd || o.flight == 0 && o.lost == 0
}

// lostPath is where the first lost chunk goes.
func (a *assoc) lostPath() int {
	o := &a.out
	o.lostFrom = o.first(lostChunks, o.lostFrom)
	c := o.chunk(o.lostFrom)
	if !c.away && a.usable(int(c.path)) {
		return int(a.current)
	}
	return a.alternate(int(c.path))
}

// putData appends DATA chunks: lost ones first, then new ones.
func (a *assoc) putData(k *packetBuilder, now Time) {
	o := &a.out
	p := &a.paths[k.path]
	before, idle := len(k.b), o.outstanding() == 0
	if o.lost > 0 && (o.force || p.open()) {
		o.force = false
		for t := o.first(lostChunks, o.lostFrom); t != o.nextTSN; t = o.first(lostChunks, t+1) {
			c := o.chunk(t)
			need := wire.DataHeaderLen + wire.Pad4(int(c.n))
			if k.empty() && need > k.left() {
				// 6.9: the path MTU shrank after the chunk got its TSN: IP has to cut it.
				k.room, k.out.CutTo = len(k.out.Buf), int(p.mtu)
			}
			if k.left() < need {
				break
			}
			a.putLost(k, t, c, now)
		}
	}
	if o.lost == 0 && o.credit > 0 && p.open() && o.pendingData() && k.path == a.freshPath(o.next()) {
		// 6.1, B: the packet that reaches cwnd may exceed it.
		fresh := len(k.b)
		for a.putRun(k, now); o.pendingData() && a.putNew(k, now); a.putRun(k, now) {
		}
		if len(k.b) > fresh {
			o.credit--
		}
	}
	if len(k.b) == before {
		return
	}
	k.out.HasData = true
	p.lastData = now
	if p.t3 == Never {
		p.t3 = now + p.rto
		a.arm(p.t3)
		if idle {
			o.progress = now
		}
	}
	if a.failover.pending && k.path != int(a.failover.from) {
		a.endFailover(k.path, idle, now)
	}
}

// putLost sends a lost chunk again.
func (a *assoc) putLost(k *packetBuilder, t wire.TSN, c *outChunk, now Time) {
	o := &a.out
	c.state, c.path, c.again, c.missing, c.reneged = chunkSent, uint8(k.path), true, 0, 0
	o.lost--
	a.consumeWindow(t, int(c.n))
	c.flags |= a.flagAtStall(k.path)
	a.append(k, t, c)
	// 6.1: the timer restarts when the earliest outstanding chunk is sent again.
	p := &a.paths[k.path]
	if a.findOldest(k.path); p.oldest == t {
		p.t3 = now + p.rto
		a.arm(p.t3)
	}
	a.paths[k.path].retransmits++
	a.stats.RetransmittedChunks++
	a.e.ctr.RetransmittedChunks++
}

// putNew cuts the next chunk from the message queue; false if it does not fit, or takes
// another path.
func (a *assoc) putNew(k *packetBuilder, now Time) bool {
	o := &a.out
	m := o.next()
	if k.path != a.freshPath(m) {
		return false
	}
	rest := len(m.data) - o.cutOff
	n := min(rest, a.fragmentSize())
	if n > o.peerRwnd && o.flight > 0 {
		return false
	}
	if left := k.left() - wire.DataHeaderLen; wire.Pad4(n) > left {
		// A message that is cut anyway may be cut to what is left of the packet.
		if n == rest || left < minFragment {
			return false
		}
		n = left &^ 3
	}
	c := o.add()
	if c == nil {
		return false
	}
	if o.cutOff == 0 && m.flags&Unordered == 0 {
		o.cutSSN = o.nextSSN[m.stream]
		o.nextSSN[m.stream]++
	}
	*c = outChunk{}
	c.message, c.off, c.n, c.ssn = o.cut, uint32(o.cutOff), uint16(n), o.cutSSN
	c.flags, c.path = a.dataFlags(m, o.cutOff, n), uint8(k.path)
	a.consumeWindow(o.nextTSN, n)
	c.flags |= a.flagAtStall(k.path)
	a.append(k, o.nextTSN, c)
	a.paths[k.path].startRTT(o.nextTSN, now)
	o.nextTSN++
	o.cutOff += n
	if m.flags&Unordered != 0 {
		a.less.TxUnordered++
		a.e.ctr.OutUnorderChunks++
	} else {
		a.e.ctr.OutOrderChunks++
	}
	if o.cutOff == len(m.data) {
		a.e.ctr.OutMessages++
		if c.flags&wire.FlagB == 0 {
			a.e.ctr.FragUsrMsgs++
		}
		o.cut++
		o.cutOff = 0
		a.passFailed()
	}
	return true
}

// consumeWindow takes n bytes of chunk t off the peer's window, which t probes if
// it is not that large.
func (a *assoc) consumeWindow(t wire.TSN, n int) {
	o := &a.out
	if n > o.peerRwnd {
		o.probing, o.refused, o.probe = true, false, t
		a.e.ctr.WindowProbes++
	}
	o.peerRwnd = max(0, o.peerRwnd-n)
}

// minFragment is the least user data worth a chunk of its own at a packet's end.
const minFragment = 256

// dataFlags are the flags of a chunk that holds n bytes of m from off on.
func (a *assoc) dataFlags(m *outMessage, off, n int) uint8 {
	var f uint8
	if m.flags&Unordered != 0 {
		f |= wire.FlagU
	}
	if off == 0 {
		f |= wire.FlagB
	}
	if off+n == len(m.data) {
		f |= wire.FlagE
		if m.flags&SackNow != 0 {
			f |= wire.FlagI
		}
		if a.out.cut+1 == a.out.messages.tail {
			f |= a.flagAtEnd()
		}
	}
	return f
}

// flagAtEnd is the I bit, if the last chunk that there is to send gets it: it
// spares the peer's SACK delay, which a small RTO could not stand (RFC 7053, section 4).
func (a *assoc) flagAtEnd() uint8 {
	if a.state != Established || a.params.RTOMin < usualSACKDelay {
		return wire.FlagI
	}
	return 0
}

// flagAtStall is the same for a chunk behind which there may be no more to send until it is
// acknowledged: the peer's window is too small for another, or after T3-rtx one packet goes
// at a time.
func (a *assoc) flagAtStall(path int) uint8 {
	if a.out.peerRwnd < a.fragmentSize() || a.paths[path].single {
		return a.flagAtEnd()
	}
	return 0
}

// usualSACKDelay is what peers wait before they acknowledge a lone packet.
const usualSACKDelay = 200 * Millisecond

// append writes a DATA chunk and accounts for it on the packet's path.
func (a *assoc) append(k *packetBuilder, t wire.TSN, c *outChunk) {
	o := &a.out
	m := o.messages.at(c.message - o.messages.head)
	start := len(k.b)
	padded := wire.Pad4(int(c.n))
	k.b = k.b[:start+wire.DataHeaderLen+padded]
	wire.PutDataHeader(k.b[start:], c.flags, int(c.n), t, m.stream, wire.SSN(c.ssn), m.ppid)
	body := k.b[start+wire.DataHeaderLen:]
	copy(body, m.data[c.off:int(c.off)+int(c.n)])
	clear(body[c.n:])
	p := &a.paths[k.path]
	p.sentAt(t, c.size())
	o.marks.put(t, c)
	o.flight += int(c.n)
	p.txDataChunks++
	o.sent++
}
