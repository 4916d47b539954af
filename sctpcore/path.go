package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// path is one destination address of the peer with everything that belongs to
// it: how it is reached, its RTO, its congestion window, its errors. What is looked
// at of every path comes first, what DATA needs of its own path next.
type path struct {
	dst wire.Addr

	// Congestion (RFC 9260, section 7.2), in bytes of whole chunks.
	cwnd, partialBytesAcked int
	flight                  int
	t3                      Time     // T3-rtx; Never is stopped
	oldest                  wire.TSN // at or below the earliest outstanding one, while flight is above 0
	rttTSN                  wire.TSN
	state                   PathState
	linkDown                bool
	single                  bool // T3-rtx expired: one packet at a time until something is acknowledged
	rttPending              bool
	hbOut                   bool // a heartbeat is unanswered

	src       wire.Addr
	egress    uint32
	errors    int32 // consecutive unanswered transmissions
	answered  Time  // when the peer acknowledged something that went here last; 0 is never
	mtu, wide int32 // bytes of IP packet; wide is without the bound of PathParams
	pmdcs     int   // room for chunks in a packet of mtu bytes
	rto       Time  // round trips: RFC 9260, section 6.3.1
	txPackets uint64

	ssthresh     int // bytes of whole chunks
	srtt, rttvar Time
	rttSent      Time
	lastData     Time // when DATA last left here; cwnd ages from then
	aged         Time // lastData, or up to where cwnd has aged since
	txDataChunks uint64

	hbTimer                                Time // Never is stopped
	hbNonce                                uint64
	hbSentAt                               Time
	retransmits, timeouts, hbSent, hbAcked uint64
	maxRTO                                 Time // the longest so far

	own *PathParams // nil is what Params says; four cache lines in all
}

// clockGranularity is G of RFC 9260, section 6.3.1: a tick of the timing wheel.
const clockGranularity = Time(1) << wheelTickShift

func (a *assoc) resetPath(p *path, dst wire.Addr) {
	*p = path{dst: dst, rto: a.params.RTOInitial, t3: Never, hbTimer: Never, lastData: longAgo}
	a.setMTU(p, a.e.cfg.MTU)
	p.resetCongestion(a)
}

// resetCongestion sets the initial window: "min(4 * PMDCS, max(2 * PMDCS, 4404))
// bytes", with 4344 for IPv6 (RFC 9260, section 7.2.1).
func (p *path) resetCongestion(a *assoc) {
	m, few := p.payload(), 4404
	if !p.dst.Is4() {
		few = 4344
	}
	p.cwnd = min(4*m, max(2*m, few))
	p.ssthresh = max(int(a.peerRwndInit), 64<<10)
	p.partialBytesAcked = 0
}

// payload is the room for chunks in one packet of this path: its PMDCS, and a
// multiple of four as every chunk is.
func (p *path) payload() int { return p.pmdcs }

// setMTU is the only place that changes a path's MTU, in bytes of IP packet.
func (a *assoc) setMTU(p *path, mtu int) {
	p.wide, p.mtu = int32(mtu), int32(mtu)
	if most := a.traits(p).MTU; most != 0 && most < mtu {
		p.mtu, mtu = int32(most), most
	}
	p.pmdcs = (mtu - ipOverhead(p.dst) - wire.CommonHeaderLen) &^ 3
	a.fragment = 0
}

// measured takes in a round-trip time (RFC 9260, section 6.3.1).
func (p *path) measured(r Time, t *Timers) {
	if r < 0 {
		return
	}
	if p.srtt == 0 {
		p.srtt, p.rttvar = max(r, 1), r/2
	} else {
		diff := p.srtt - r
		if diff < 0 {
			diff = -diff
		}
		p.rttvar += (diff - p.rttvar) / 4 // RTO.Beta = 1/4
		p.srtt += (r - p.srtt) / 8        // RTO.Alpha = 1/8
		p.srtt = max(p.srtt, 1)
	}
	p.rto = min(max(p.srtt+4*max(p.rttvar, clockGranularity), t.RTOMin), t.RTOMax)
	p.maxRTO = max(p.maxRTO, p.rto)
}

// backOff doubles the RTO (RFC 9260, section 6.3.3, rule E2).
func (p *path) backOff(t *Timers) {
	p.rto = min(2*p.rto, t.RTOMax)
	p.maxRTO = max(p.maxRTO, p.rto)
}

// sentAt counts a chunk of TSN t, size bytes, as outstanding here.
func (p *path) sentAt(t wire.TSN, size int) {
	if p.flight == 0 || t.Less(p.oldest) {
		p.oldest = t
	}
	p.flight += size
}

// startRTT times chunk t, sent now, unless another one is being timed.
func (p *path) startRTT(t wire.TSN, now Time) {
	if !p.rttPending {
		p.rttPending, p.rttTSN, p.rttSent = true, t, now
	}
}

// open tells whether the window lets another packet go (RFC 9260, sections 6.1, B,
// and 7.2.3).
func (p *path) open() bool { return p.flight < p.cwnd && !(p.single && p.flight > 0) }

// usable tells whether path i may carry data without need.
func (a *assoc) usable(i int) bool {
	p := &a.paths[i]
	return p.state == Active && !p.linkDown && a.sends(p)
}

// setPathState records and reports a change of a path's state.
func (a *assoc) setPathState(i int, to PathState, why Reason, now Time) {
	p := &a.paths[i]
	if p.state == to {
		return
	}
	from := p.state
	p.state = to
	a.event(Event{Kind: EventPathState, Path: uint8(i), From: from, To: to, Reason: why, At: now})
	if from == Unconfirmed && i == int(a.current) {
		a.wantTransmit() // it was all that was left, and waited
	}
	a.choosePath(why, now)
}

// pathError counts an unanswered transmission on path i and draws the
// consequences: potentially failed above PFMR (RFC 7829, section 3.1), inactive
// above Path.Max.Retrans (RFC 9260, section 8.2).
func (a *assoc) pathError(i int, now Time) {
	p := &a.paths[i]
	p.errors++
	if p.state == Unconfirmed || p.state == Inactive {
		return
	}
	failing, switchover := a.thresholds(p)
	switch {
	case int(p.errors) > a.maxRetrans(p):
		a.setPathState(i, Inactive, ReasonTimeout, now)
	case p.state == Active && failing >= 0 && int(p.errors) > failing:
		a.setPathState(i, PotentiallyFailed, ReasonTimeout, now)
		// RFC 7829, 3.1: "the sender SHOULD send a HEARTBEAT chunk to the
		// destination address" once it is potentially failed.
		p.hbTimer = now
		a.arm(now)
	}
	if switchover >= 0 && i == int(a.primary) && int(p.errors) > switchover && a.current != a.primary {
		a.primary = a.current
		a.countOffPrimary()
	}
}

// pathAnswered notes that the peer acknowledged something on path i.
func (a *assoc) pathAnswered(i int, why Reason, now Time) {
	p := &a.paths[i]
	p.errors, p.answered = 0, now
	if p.linkDown || p.state == Active || p.state == Unconfirmed && why != ReasonHeartbeatAcked {
		return
	}
	if p.state != Unconfirmed {
		// RFC 7829, 3.1: a path that comes back from potentially failed starts
		// with its window as the timeout left it; one that was given up starts anew.
		if p.state == Inactive {
			p.resetCongestion(a)
		}
	}
	a.setPathState(i, Active, why, now)
}

// choosePath decides where new data goes: the primary path if it is active, else
// an active one, else the potentially failed one with the fewest errors
// (RFC 7829, section 3.1), else the primary, or any whose link is up.
func (a *assoc) choosePath(why Reason, now Time) {
	best := a.bestPath(-1)
	if best == int(a.current) {
		a.countOffPrimary()
		return
	}
	a.beginFailover(best, why, now)
	a.current = uint8(best)
	a.countOffPrimary()
	a.wantTransmit()
}

// countOffPrimary follows every change of primary, current or state.
func (a *assoc) countOffPrimary() {
	off := a.state >= Established && a.current != a.primary
	if off == a.offPrimary {
		return
	}
	if a.offPrimary = off; off {
		a.e.ctr.OffPrimary++
	} else {
		a.e.ctr.OffPrimary--
	}
}

// rank orders paths for choosePath; lower is better.
func (a *assoc) rank(i int) int {
	p := &a.paths[i]
	r := 0
	switch {
	case p.state == Unconfirmed:
		r = 1 << 24
	case p.linkDown || !a.sends(p):
		r = 1 << 20
	case p.state == PotentiallyFailed:
		r = 1<<12 + min(int(p.errors), 255)<<2
	case p.state == Inactive:
		r = 1<<16 + min(int(p.errors), 255)<<2
	}
	switch {
	case i == int(a.primary):
		return r
	case i == int(a.current):
		return r + 1
	}
	return r + 2
}

// bestPath is the path of the lowest rank other than path not.
func (a *assoc) bestPath(not int) int {
	best, bestRank := -1, 0
	for i := range a.paths {
		if i == not {
			continue
		}
		if r := a.rank(i); best < 0 || r < bestRank {
			best, bestRank = i, r
		}
	}
	if best < 0 {
		return not
	}
	return best
}

// alternate is the path for what was lost on path i: another active one if
// there is one (RFC 9260, section 6.4.1), else the best one.
func (a *assoc) alternate(i int) int {
	if j := a.bestPath(i); a.usable(j) {
		return j
	}
	return a.bestPath(-1)
}

func (a *assoc) findPath(dst wire.Addr) int {
	for i := range a.paths {
		if a.paths[i].dst == dst {
			return i
		}
	}
	return -1
}

// addPath appends a path; -1 if there are Limits.PathsPerAssoc already.
func (a *assoc) addPath(dst wire.Addr) int {
	if i := a.findPath(dst); i >= 0 {
		return i
	}
	if len(a.paths) >= a.e.cfg.Limits.PathsPerAssoc {
		return -1
	}
	a.paths = append(a.paths, path{})
	i := len(a.paths) - 1
	a.resetPath(&a.paths[i], dst)
	a.event(Event{Kind: EventPathAdded, Path: uint8(i)})
	return i
}

// SetRoute tells how a path's destination is reached, or that it no longer is
// (Route.Down). Traffic moves to another path, or back, with the next
// PollTransmit; no timer has to expire.
func (e *Endpoint) SetRoute(now Time, id AssocID, i int, r Route) error {
	a := e.assoc(id)
	if a == nil || a.state == Closed || i < 0 || i >= len(a.paths) {
		return ErrNoAssociation
	}
	if r.MTU != 0 && r.MTU < MinMTU {
		return ErrInvalid
	}
	e.begin(now)
	p := &a.paths[i]
	p.src, p.egress = r.Src, r.Egress
	if r.MTU != 0 && r.MTU != int(p.wide) {
		fresh := p.flight == 0 && p.txDataChunks == 0
		a.setMTU(p, r.MTU)
		if fresh {
			p.resetCongestion(a)
		}
	}
	if p.linkDown != r.Down {
		p.linkDown = r.Down
		if r.Down {
			a.linkDown(i, now)
		} else {
			a.linkUp(i, now)
		}
	}
	return nil
}

// linkDown takes path i out of use at once: what is outstanding there is lost,
// and its timers stop, since nothing can be learnt by waiting for them.
func (a *assoc) linkDown(i int, now Time) {
	p := &a.paths[i]
	p.hbTimer, p.hbOut, p.rttPending = Never, false, false
	a.probes.del(i)
	if p.state == Active || p.state == PotentiallyFailed {
		a.setPathState(i, Inactive, ReasonLinkDown, now)
	}
	a.choosePath(ReasonLinkDown, now)
	if int(a.current) != i {
		p.t3 = Never
		a.markLost(i)
		a.wantTransmit()
	}
}

// linkUp probes path i, which is active again as soon as that is answered. What
// was outstanding there while no other path could take it is sent again.
func (a *assoc) linkUp(i int, now Time) {
	p := &a.paths[i]
	p.errors = 0
	if p.flight > 0 {
		a.markLost(i)
		a.wantTransmit()
	}
	p.rto = min(max(p.rto, a.params.RTOMin), a.params.RTOInitial)
	a.choosePath(ReasonLinkUp, now)
	if a.state >= Established && a.state <= ShutdownReceived {
		p.hbTimer = now
		a.arm(now)
	}
}

// SetPrimary makes the path with destination dst the primary path (SETPRIMARY).
// It is a hint: while that path is not active another one is used.
func (e *Endpoint) SetPrimary(now Time, id AssocID, dst wire.Addr) error {
	a := e.assoc(id)
	if a == nil {
		return ErrNoAssociation
	}
	i := a.findPath(dst)
	if i < 0 {
		return ErrAddress
	}
	e.begin(now)
	a.primary = uint8(i)
	a.choosePath(ReasonPrimary, now)
	return nil
}

// longAgo is when a path that never carried data did so last.
const longAgo Time = -1 << 62
