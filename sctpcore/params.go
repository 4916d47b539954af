package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// Params are the parameters of an association that can be changed while it lives. The
// zero value of what is not in Timers is what RFC 9260 asks for.
type Params struct {
	Timers
	SACKFrequency int  // packets with DATA until a SACK is not delayed; 0 is 2, 1 delays none
	MaxSegment    int  // bytes of user data in a DATA chunk at most; 0 is what a packet holds
	Autoclose     Time // SHUTDOWN after so long without user data either way; 0 is never
	// PartialDelivery is how many bytes of a message that is not complete are delivered,
	// if it is the next; 0 is when the receive buffer is full and nothing else can empty it.
	PartialDelivery int
	// Nagle has a message that does not fill a packet wait for others while something
	// is unacknowledged.
	Nagle bool
	// Class is the traffic class (IPv4: TOS) and Hops the hop limit of packets, 0 being
	// whoever sends them's choice; PathTraits.Class goes before. See Marks.
	Class, Hops uint8
	// Path is what paths have that SetPathParams was not told about.
	Path PathTraits
}

// PathParams are the parameters of one path: first those of Timers, then its own.
type PathParams struct {
	HBInterval        Time // beside RTO; 0 is none
	MaxRetrans        int  // Path.Max.Retrans
	PFMaxRetrans      int  // RFC 7829; negative is off
	PrimarySwitchover int  // RFC 7829; negative is off
	PathTraits
}

// PathTraits are what a path is told that no timer profile says.
type PathTraits struct {
	NoHeartbeat bool // idle, it is not probed, but on request
	// NoDiscovery has ICMP not change the MTU: who sends the packets lets routers cut them.
	NoDiscovery bool
	// MTU bounds the size of IP packets in bytes, from MinMTU on, beside what SetRoute and
	// ICMP say; 0 is no bound.
	MTU   int
	Class Mark // 0 to 255
	Flow  Mark // the flow label, of IPv6 alone; 0 to 1<<20 - 1
}

// Mark is a value in IP headers that was set, or left to who sends them.
type Mark struct {
	Set   bool
	Value uint32
}

// Marks are what the IP headers of a path's packets are to say. The core has no part in
// it: who sends its packets asks when it gives a route, and when parameters change.
type Marks struct {
	Class, Hops uint8
	Flow        Mark
	MayBeCut    bool // DF is not to be set
}

// minSegment is the smallest MaxSegment, in bytes: each chunk costs a header.
const minSegment = 16

// valid tells whether an association can work with the parameters.
func (p *Params) valid() bool {
	return p.Timers.fault() == nil && p.MaxInitTimeout >= 0 && p.SACKFrequency >= 0 && p.Autoclose >= 0 && p.PartialDelivery >= 0 &&
		(p.MaxSegment == 0 || p.MaxSegment >= minSegment && p.MaxSegment <= 65535) && p.Path.valid()
}

func (p *PathTraits) valid() bool {
	return (p.MTU == 0 || p.MTU >= MinMTU && p.MTU <= 65535) && p.Class.Value <= 255 && p.Flow.Value < 1<<20
}

// OfPath are what a path has that was told nothing of its own.
func (p *Params) OfPath() PathParams {
	return PathParams{p.HBInterval, p.PathMaxRetrans, p.PFMaxRetrans, p.PrimarySwitchover, p.Path}
}

// SetOfPath sets what OfPath gives.
func (p *Params) SetOfPath(q *PathParams) {
	p.HBInterval, p.PathMaxRetrans, p.PFMaxRetrans, p.PrimarySwitchover, p.Path = q.HBInterval, q.MaxRetrans, q.PFMaxRetrans, q.PrimarySwitchover, q.PathTraits
}

// Params are an association's parameters.
func (e *Endpoint) Params(id AssocID) (Params, bool) {
	a := e.assoc(id)
	if a == nil {
		return Params{}, false
	}
	return *a.params, true
}

// SetParams changes an association's parameters: from now on, and for timers from when
// they are started next. ErrInvalid if one is out of range; then nothing is changed.
func (e *Endpoint) SetParams(now Time, id AssocID, p *Params) error {
	a := e.assoc(id)
	if a == nil || a.state == Closed {
		return ErrNoAssociation
	}
	if !p.valid() {
		return ErrInvalid
	}
	e.begin(now)
	was := a.params
	a.params = e.sharedParams(p, nil)
	a.fragment = 0
	for i := range a.paths {
		q := &a.paths[i]
		if q.srtt == 0 && was.RTOInitial != p.RTOInitial {
			q.rto = p.RTOInitial
		}
		q.rto = min(max(q.rto, p.RTOMin), p.RTOMax)
		a.setMTU(q, int(q.wide))
		if q.own == nil && (was.HBInterval != p.HBInterval || was.Path.NoHeartbeat != p.Path.NoHeartbeat) {
			a.restartHeartbeat(i, now)
		}
	}
	a.setFrequency()
	if was.Autoclose != p.Autoclose {
		a.watchIdle(now)
	}
	a.wantTransmit()
	return nil
}

// PathParams are the parameters of path i.
func (e *Endpoint) PathParams(id AssocID, i int) (PathParams, bool) {
	a := e.assoc(id)
	if a == nil || i < 0 || i >= len(a.paths) {
		return PathParams{}, false
	}
	if own := a.paths[i].own; own != nil {
		return *own, true
	}
	return a.params.OfPath(), true
}

// SetPathParams changes those of one path: what SetParams changes from now on is no
// concern of it, until it is told what it would have anyway. ErrInvalid if one is out of
// range; then nothing is changed.
func (e *Endpoint) SetPathParams(now Time, id AssocID, i int, p *PathParams) error {
	a := e.assoc(id)
	switch {
	case a == nil || a.state == Closed || i < 0 || i >= len(a.paths):
		return ErrNoAssociation
	case !p.PathTraits.valid() || p.HBInterval < 0 || p.MaxRetrans < 0:
		return ErrInvalid
	}
	e.begin(now)
	q := &a.paths[i]
	if q.own = nil; *p != a.params.OfPath() {
		own := *p
		q.own = &own
	}
	a.setMTU(q, int(q.wide))
	a.restartHeartbeat(i, now)
	a.wantTransmit()
	return nil
}

// Marks are what IP headers of packets on path i are to say.
func (e *Endpoint) Marks(id AssocID, i int) Marks {
	a := e.assoc(id)
	if a == nil || i < 0 || i >= len(a.paths) {
		return Marks{}
	}
	t := a.traits(&a.paths[i])
	m := Marks{Class: a.params.Class, Hops: a.params.Hops, Flow: t.Flow, MayBeCut: t.NoDiscovery}
	if t.Class.Set {
		m.Class = uint8(t.Class.Value)
	}
	return m
}

func (a *assoc) traits(p *path) *PathTraits {
	if p.own != nil {
		return &p.own.PathTraits
	}
	return &a.params.Path
}

func (a *assoc) hbInterval(p *path) Time {
	if p.own != nil {
		return p.own.HBInterval
	}
	return a.params.HBInterval
}

func (a *assoc) maxRetrans(p *path) int {
	if p.own != nil {
		return p.own.MaxRetrans
	}
	return a.params.PathMaxRetrans
}

// thresholds are RFC 7829's thresholds of a path: PFMR and PSMR.
func (a *assoc) thresholds(p *path) (potentiallyFailed, switchover int) {
	if p.own != nil {
		return p.own.PFMaxRetrans, p.own.PrimarySwitchover
	}
	return a.params.PFMaxRetrans, a.params.PrimarySwitchover
}

// holdsBack tells whether what is queued waits for company (RFC 9260, section 6.1): it
// is short, nothing of it has been sent, and something is on its way whose
// acknowledgement will let it go.
func (a *assoc) holdsBack(m *outMessage) bool {
	o := &a.out
	if a.state != Established || o.outstanding() == 0 || o.cutOff > 0 || len(m.data) > a.fragmentSize() {
		return false
	}
	room := a.paths[a.current].payload()
	for i := o.cut; i < o.messages.tail && room > 0; i++ {
		room -= wire.DataHeaderLen + wire.Pad4(len(o.messages.at(i-o.messages.head).data))
	}
	return room > 0
}

// setFrequency is Params.SACKFrequency where packets are counted.
func (a *assoc) setFrequency() { a.in.enough = int32(min(orDefault(a.params.SACKFrequency, 2), 1<<20)) }

// watchIdle starts or stops the clock of Params.Autoclose.
func (a *assoc) watchIdle(now Time) {
	a.idleTimer, a.heard = Never, now
	if a.params.Autoclose > 0 && a.state == Established {
		a.idleTimer = now + a.params.Autoclose
		a.arm(a.idleTimer)
	}
}

// idleTimeout closes an association that has been idle for Autoclose.
func (a *assoc) idleTimeout(now Time) {
	if a.state != Established {
		return
	}
	last := a.heard
	for i := range a.paths {
		last = max(last, a.paths[i].lastData)
	}
	if due := last + a.params.Autoclose; now < due || !a.out.idle() {
		a.idleTimer = max(due, now+a.params.Autoclose/2)
		return
	}
	a.e.ctr.AutocloseExpireds++
	a.beginShutdown(now)
}
