package dataplane

import (
	"math"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// When a link comes up the core probes its paths once, and after a probe that is
// lost not again before HB.interval (30 s). But the two ends see a link come up
// at different times, and switches forward only some time later, so the first
// probe is often lost. Therefore paths that came up are probed again, at
// doubling intervals, until they answer or it has gone on long enough.
const (
	firstProbe = 5 * sctpcore.Millisecond
	lastProbe  = 2560 * sctpcore.Millisecond // the tenth; five seconds after the first
)

// prober is the worker's schedule of such probes, and whom they are for.
type prober struct {
	at      sctpcore.Time // 0 is not now
	step    sctpcore.Time
	waiting places // associations with a path that has not answered, and some whose paths have
	place   int    // those from here on are to be probed
}

// begin starts the schedule, anew if it is running.
func (p *prober) begin(now sctpcore.Time) { p.step, p.at, p.place = firstProbe, now+firstProbe, 0 }

// add has the association in a place of the core probed from now on.
func (p *prober) add(place int, now sctpcore.Time) {
	p.waiting.add(place)
	if p.at == 0 {
		p.begin(now)
	}
}

// probe asks for heartbeats on the paths that have come up and did not answer, of followTurn
// associations at a time.
func (w *worker) probe() {
	p := &w.probes
	for range followTurn {
		place := p.waiting.next(p.place)
		if place == math.MaxInt {
			p.step, p.place = 2*p.step, 0
			p.at = w.now + p.step
			if p.waiting.count == 0 || p.step > lastProbe {
				p.at = 0
			}
			return
		}
		p.place = place + 1
		if a := w.assocs[w.core.At(place)]; a == nil || a.down || !w.probePaths(a) {
			p.waiting.remove(place)
		}
	}
}

// probePaths tells whether there are any to probe.
func (w *worker) probePaths(a *assoc) (probing bool) {
	for i := range a.paths {
		if a.paths[i].probing {
			probing = true
			_ = w.core.RequestHeartbeat(w.now, a.id, i) // fails only if the association has just ended
		}
	}
	return probing
}
