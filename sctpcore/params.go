package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// Params are the parameters of an association that can be changed while it lives. The
// zero value of what is not in Timers is what RFC 9260 asks for.
type Params struct {
	Timers
	SACKFrequency int  // packets with DATA until a SACK is not delayed; 0 is 2, 1 delays none
	MaxSegment    int  // bytes of user data in a DATA chunk at most; 0 is what a packet holds
	Autoclose     Time // SHUTDOWN after so long without user data either way; 0 is never
	// Nagle has a message that does not fill a packet wait for others while something
	// is unacknowledged.
	Nagle bool
	// Path is what paths have that SetPathParams was not told about.
	Path PathParams
}

// PathParams are those of one path. The zero value of each field is what Params says.
type PathParams struct {
	NoHeartbeat  bool // idle, it is not probed, but on request
	HBInterval   Time // beside RTO; 0 is Params.HBInterval, negative is none
	MaxRetrans   int  // Path.Max.Retrans; 0 is Params.PathMaxRetrans, negative is none
	PFMaxRetrans int  // RFC 7829; 0 is Params.PFMaxRetrans, negative is off
	// MTU bounds the size of IP packets in bytes, from MinMTU on, beside what SetRoute and
	// ICMP say; 0 is no bound.
	MTU int
}

// minSegment is the smallest MaxSegment, in bytes: each chunk costs a header.
const minSegment = 16

// valid tells whether an association can work with the parameters.
func (p *Params) valid() bool {
	return p.Timers.fault() == nil && p.MaxInitTimeout >= 0 && p.SACKFrequency >= 0 && p.Autoclose >= 0 &&
		(p.MaxSegment == 0 || p.MaxSegment >= minSegment && p.MaxSegment <= 65535) && p.Path.valid()
}

func (p *PathParams) valid() bool { return p.MTU == 0 || p.MTU >= MinMTU && p.MTU <= 65535 }

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
		if a.hbInterval(q) != q.params(was).interval(was) || q.params(was).NoHeartbeat != a.pathParams(q).NoHeartbeat {
			a.restartHeartbeat(i, now)
		}
	}
	a.watchIdle(now)
	a.wantTransmit()
	return nil
}

// PathParams are the parameters of path i, none of them left to Params.
func (e *Endpoint) PathParams(id AssocID, i int) (PathParams, bool) {
	a := e.assoc(id)
	if a == nil || i < 0 || i >= len(a.paths) {
		return PathParams{}, false
	}
	p := &a.paths[i]
	own := *a.pathParams(p)
	own.HBInterval, own.MaxRetrans, own.PFMaxRetrans = a.hbInterval(p), a.maxRetrans(p), a.pfMaxRetrans(p)
	return own, true
}

// SetPathParams changes those of one path; nil gives it those of Params again.
func (e *Endpoint) SetPathParams(now Time, id AssocID, i int, p *PathParams) error {
	a := e.assoc(id)
	switch {
	case a == nil || a.state == Closed || i < 0 || i >= len(a.paths):
		return ErrNoAssociation
	case p != nil && !p.valid():
		return ErrInvalid
	}
	e.begin(now)
	q := &a.paths[i]
	if p != nil {
		own := *p
		p = &own
	}
	q.own = p
	a.setMTU(q, int(q.wide))
	a.restartHeartbeat(i, now)
	a.wantTransmit()
	return nil
}

// pathParams are what a path was told, else what all are told.
func (a *assoc) pathParams(p *path) *PathParams { return p.params(a.params) }

func (p *path) params(of *Params) *PathParams {
	if p.own != nil {
		return p.own
	}
	return &of.Path
}

func (q *PathParams) interval(of *Params) Time {
	if q.HBInterval == 0 {
		return of.HBInterval
	}
	return max(q.HBInterval, 0)
}

func (a *assoc) hbInterval(p *path) Time { return a.pathParams(p).interval(a.params) }

func (a *assoc) maxRetrans(p *path) int {
	if n := a.pathParams(p).MaxRetrans; n != 0 {
		return max(n, 0)
	}
	return a.params.PathMaxRetrans
}

func (a *assoc) pfMaxRetrans(p *path) int {
	if n := a.pathParams(p).PFMaxRetrans; n != 0 {
		return n
	}
	return a.params.PFMaxRetrans
}

// sackEvery is how many packets with DATA are acknowledged at once.
func (a *assoc) sackEvery() int {
	if n := a.params.SACKFrequency; n > 0 {
		return n
	}
	return 2
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
	a.beginShutdown(now)
}
