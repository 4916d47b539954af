package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// pathAcks is what one SACK says about one path.
type pathAcks struct {
	acked  int  // bytes of chunks newly acknowledged
	first  bool // one of them was sent only once
	filled bool // its window was full before
}

// handleSack takes in the peer's acknowledgements (RFC 9260, section 6.2.1).
func (a *assoc) handleSack(s wire.Sack, now Time) {
	o := &a.out
	cum := s.CumulativeTSNAck()
	if cum.Less(o.cumAcked) {
		// 6.2.1, D i: "If Cumulative TSN Ack is less than the Cumulative TSN Ack
		// Point, then drop the SACK chunk."
		a.e.ctr.Drops.OldSACK++
		return
	}
	if !cum.Less(o.nextTSN) || !o.gapsValid(s, cum) {
		a.e.ctr.Drops.BadSACK++
		return
	}
	o.rxSacks++
	if n := s.NumGapBlocks(); n > 0 {
		a.less.GapBlocks += uint64(n)
	}
	a.ackCumulative(cum, int(s.AdvertisedReceiverWindowCredit()), s, now)
}

// gapsValid tells whether every gap block is in order and lies in what was sent.
func (o *outbound) gapsValid(s wire.Sack, cum wire.TSN) bool {
	span := uint32(o.nextTSN - cum)
	for i := range s.NumGapBlocks() {
		start, end := s.GapBlock(i)
		if start < 1 || end < start || uint32(end) >= span {
			return false
		}
	}
	return true
}

// ackCumulative moves the cumulative TSN ack point and, if s is not nil, takes
// in its gap blocks; rwnd below 0 says that no window was advertised (SHUTDOWN).
func (a *assoc) ackCumulative(cum wire.TSN, rwnd int, s wire.Sack, now Time) {
	o := &a.out
	var acks [32]pathAcks
	for i := range a.paths {
		p := &a.paths[i]
		acks[i].filled = p.flight >= p.cwnd
		a.findOldest(i)
	}
	advanced := cum != o.cumAcked
	highest := o.cumAcked // highest TSN newly acknowledged
	if advanced {
		a.ackRun(cum, acks[:], now)
		highest = cum
	}
	if o.lostFrom.LessEq(cum) {
		o.lostFrom = cum + 1
	}
	if o.recovering && !cum.Less(o.recoverTo) {
		o.recovering = false
	}
	if s != nil {
		if newly := a.ackGaps(s, cum, acks[:], now); highest.Less(newly) {
			highest = newly
		}
	}
	a.giveCredit(acks[:], now)
	// 7.2.4, note: the windows grow by what was acknowledged before they shrink.
	a.applyAcks(acks[:], now)
	if advanced {
		o.progress = now
	}
	if s != nil && s.NumGapBlocks() > 0 {
		// 7.2.4: miss indications go to TSNs below the highest one newly acknowledged;
		// in fast recovery, when the ack point advanced, to all reported missing.
		if o.recovering && advanced {
			highest = o.highestGap
		}
		a.countMisses(cum+1, highest)
	}
	if rwnd >= 0 {
		o.peerRwnd = max(0, rwnd-o.flight)
		// 6.1, A: a window too small for a chunk is closed, and what is sent again into
		// it, because the peer had to drop it, probes as new data does.
		o.closed = rwnd < a.fragmentSize()
		if o.closed {
			o.answered, a.errors = true, 0
		}
		a.endProbe(cum)
	}
	if a.state >= ShutdownPending {
		a.shutdownProgress(now)
	}
	a.wantTransmit()
}

// endProbe sends the probe of a closed window again when the window has opened
// and the peer has refused the chunk: waiting for T3-rtx would leave the open window
// unused. If it has said nothing of it the SACK that opens the window has crossed it.
func (a *assoc) endProbe(cum wire.TSN) {
	o := &a.out
	switch {
	case !o.probing:
	case o.probe.LessEq(cum):
		o.probing = false
	case o.closed:
		o.refused = true
	default:
		o.probing = false
		if c := o.chunk(o.probe); o.refused && c.state == chunkSent {
			a.lose(o.probe, c, false)
		}
	}
}

// giveCredit bounds the burst that a SACK may set off: as many packets as it
// acknowledged and Max.Burst more. RFC 9260, section 6.1, D, thinks of a SACK for
// every second packet; one for a whole burst must be able to keep the window full.
func (a *assoc) giveCredit(acks []pathAcks, now Time) {
	o := &a.out
	if o.burstAt != now {
		o.burstAt, o.credit = now, 0
	}
	o.credit += a.maxBurst()
	for i := range a.paths {
		if acks[i].acked > 0 {
			o.credit += acks[i].acked / a.paths[i].payload()
		}
	}
	o.credit = min(o.credit, 1<<30)
}

// ackRun notes that every chunk up to TSN cum was received for good.
func (a *assoc) ackRun(cum wire.TSN, acks []pathAcks, now Time) {
	o := &a.out
	for i := range a.paths {
		if p := &a.paths[i]; p.rttPending && p.rttTSN.LessEq(cum) {
			p.timed(o.chunk(p.rttTSN), &a.params.Timers, now)
		}
	}
	released := o.messages.head
	for t := o.cumAcked + 1; t.LessEq(cum); t++ {
		c := o.chunk(t)
		a.ackChunk(c, &acks[c.path])
		if c.flags&wire.FlagE != 0 {
			released = c.message + 1
		}
	}
	o.cumAcked = cum
	if released > o.messages.head {
		a.release(released)
		a.passFailed()
	}
}

// ackChunk notes that chunk c was received.
func (a *assoc) ackChunk(c *outChunk, k *pathAcks) {
	o := &a.out
	switch c.state {
	case chunkSent:
		a.paths[c.path].flight -= c.size()
		o.flight -= int(c.n)
		k.acked += c.size()
		k.first = k.first || !c.again
	case chunkLost:
		o.lost--
		k.acked += c.size()
	}
}

// timed takes the round trip of the chunk that was timed, which was received.
func (p *path) timed(c *outChunk, t *Timers, now Time) {
	p.rttPending = false
	// Karn: "RTT measurements MUST NOT be made using packets that were
	// retransmitted" (6.3.1, C5).
	if !c.again && c.state == chunkSent {
		p.measured(now-p.rttSent, t)
	}
}

// ackGaps takes in the gap blocks: chunks in them are acknowledged until the
// peer says otherwise. It returns the highest TSN that is so for the first time,
// cum if none is.
func (a *assoc) ackGaps(s wire.Sack, cum wire.TSN, acks []pathAcks, now Time) wire.TSN {
	o := &a.out
	highest := cum
	t := cum + 1 // all below has been dealt with: blocks may overlap, and be out of order
	for i := range s.NumGapBlocks() {
		start, end := s.GapBlock(i)
		from, to := cum+wire.TSN(start), cum+wire.TSN(end)+1
		if to.LessEq(t) {
			continue
		}
		a.renege(t, from)
		if t.Less(from) {
			t = from
		}
		for t = o.marks.next(ackable, t, to); t != to; t = o.marks.next(ackable, t+1, to) {
			c := o.chunk(t)
			if p := &a.paths[c.path]; p.rttPending && p.rttTSN == t {
				p.timed(c, &a.params.Timers, now)
			}
			a.ackChunk(c, &acks[c.path])
			c.state = chunkGapAcked
			o.marks.put(t, c)
			highest = t
		}
	}
	a.renege(t, o.highestGap+1)
	o.highestGap = t - 1
	return highest
}

// renege takes back the gap acknowledgements from t on and before end, which the
// peer no longer gives (RFC 9260, section 6.2.1, D iii).
func (a *assoc) renege(t, end wire.TSN) {
	o := &a.out
	for t = o.marks.next(gapAcked, t, end); t.Less(end); t = o.marks.next(gapAcked, t+1, end) {
		c := o.chunk(t)
		p := &a.paths[c.path]
		c.state = chunkSent
		c.reneged = min(c.reneged+1, maxReneges)
		o.marks.put(t, c)
		p.sentAt(t, c.size())
		o.flight += int(c.n)
		if p.t3 == Never {
			p.t3 = a.e.now + p.rto
			a.arm(p.t3)
		}
	}
}

// countMisses gives a miss indication to every chunk in flight from t up to, not
// including, limit; the third marks it for fast retransmit (RFC 9260, section 7.2.4).
func (a *assoc) countMisses(t, limit wire.TSN) {
	o := &a.out
	var halve [32]bool
	marked := false
	for t = o.marks.next(missable, t, limit); t.Less(limit); t = o.marks.next(missable, t+1, limit) {
		c := o.chunk(t)
		if c.missing++; c.missing >= 3 {
			c.fast, marked = true, true
			halve[c.path] = true
			a.lose(t, c, false)
		}
	}
	if !marked {
		return
	}
	a.e.ctr.FastRetransmits++
	a.stats.FastRetransmits++
	if o.recovering {
		return
	}
	// "Adjust the ssthresh and cwnd of the destination address(es) to which the
	// missing DATA chunks were last sent", once for all losses up to the highest TSN
	// outstanding; and one packet goes "without delay", whatever cwnd says.
	for i := range a.paths {
		if p := &a.paths[i]; halve[i] {
			p.ssthresh = max(p.cwnd/2, 4*p.payload())
			p.cwnd, p.partialBytesAcked = p.ssthresh, 0
		}
	}
	o.recovering, o.recoverTo = true, o.nextTSN-1
	o.force = true
}

// applyAcks draws the consequences for each path: window, timer, error counts.
func (a *assoc) applyAcks(acks []pathAcks, now Time) {
	o := &a.out
	for i := range a.paths {
		p, k := &a.paths[i], &acks[i]
		if k.acked > 0 {
			p.growWindow(k, o.recovering)
		}
		if p.flight == 0 {
			p.t3 = Never
			p.partialBytesAcked = 0
		} else if a.findOldest(i) { // 6.3.2, R3
			p.t3 = now + p.rto
			a.arm(p.t3)
		}
		if k.acked > 0 {
			if a.failover.awaited&(1<<i) != 0 {
				a.endStandstill(i, now)
			}
			a.errors = 0
			p.single = false
			// A chunk that was sent more than once may have arrived by its earlier
			// path: that says nothing about this one.
			if k.first {
				a.pathAnswered(i, ReasonDataAcked, now)
			}
		}
	}
}

// findOldest moves path i's oldest to its earliest outstanding chunk; it tells
// whether that is another one than before.
func (a *assoc) findOldest(i int) bool {
	o, p := &a.out, &a.paths[i]
	if p.flight == 0 {
		return false
	}
	was, t := p.oldest, p.oldest
	if t.LessEq(o.cumAcked) {
		t = o.cumAcked + 1
	}
	for t = o.first(inFlight, t); int(o.chunk(t).path) != i; {
		t = o.first(inFlight, t+1)
	}
	p.oldest = t
	return t != was
}

// growWindow is slow start and congestion avoidance (RFC 9260, sections 7.2.1
// and 7.2.2), which only a window that was full entitles to. In slow start, which
// fast recovery suspends, L of 7.2.1 is such that a SACK for a burst opens the
// window as far as the SACKs for every second packet of it would have done.
func (p *path) growWindow(k *pathAcks, recovering bool) {
	m := p.payload()
	if p.cwnd <= p.ssthresh {
		if k.filled && !recovering {
			p.cwnd += max(min(k.acked, m), k.acked/2)
		}
		return
	}
	p.partialBytesAcked += k.acked
	if p.partialBytesAcked >= p.cwnd && k.filled {
		p.partialBytesAcked -= p.cwnd
		p.cwnd += m
	}
	p.partialBytesAcked = min(p.partialBytesAcked, p.cwnd)
}
