package sctpcore

// failover is a change of the path that new data takes, from when that is decided to the
// first acknowledgement of what it took.
type failover struct {
	pending bool  // no DATA has left on another path than from yet
	broken  bool  // from did not work any more
	from    uint8 // path
	why     Reason
	awaited pathSet // of which the first acknowledgement ends a standstill
}

// beginFailover notes that data is to go by path to from now on; what goes back before any
// left has not moved.
func (a *assoc) beginFailover(to int, why Reason, now Time) {
	f := &a.failover
	switch {
	case !f.pending:
		f.pending, f.from, f.why = true, a.current, why
		f.broken = !a.usable(int(f.from))
		a.detected, a.lastAck = now, a.paths[f.from].answered
	case int(f.from) == to:
		f.pending = false
	}
}

// endFailover tells that data has left on path to; idle is that none was under way before.
func (a *assoc) endFailover(to int, idle bool, now Time) {
	f := &a.failover
	f.pending = false
	stalled := f.broken && !idle
	switch {
	case stalled:
		f.awaited = 0
		f.awaited.add(to)
	case f.awaited != 0: // it moves on before the first acknowledgement
		f.awaited.add(to)
	}
	a.e.ctr.Failovers++
	a.event(Event{Kind: EventFailover, Path: uint8(to), OldPath: f.from, Reason: f.why, Stalled: stalled,
		Detected: a.detected, Switched: now, LastAck: a.lastAck, At: now})
}

// endStandstill tells that data on path i was acknowledged, and how long none had been.
func (a *assoc) endStandstill(i int, now Time) {
	a.failover.awaited = 0
	a.event(Event{Kind: EventResumed, Path: uint8(i), LastAck: a.out.progress, At: now})
}
