package dataplane

import "github.com/trunkline-sctp/trunkline/sctpcore"

// When a link comes up the core probes its paths once, and after a probe that is
// lost not again before HB.interval (30 s). But the two ends see a link come up
// at different times, and switches forward only some time later, so the first
// probe is often lost. Therefore paths that came up are probed again, at
// doubling intervals, until they answer or it has gone on long enough.
const (
	firstProbe = 5 * sctpcore.Millisecond
	lastProbe  = 2560 * sctpcore.Millisecond // the tenth; five seconds after the first
)

// prober is the worker's schedule of such probes.
type prober struct {
	at   sctpcore.Time // 0 is not now
	step sctpcore.Time
}

// begin starts the schedule, anew if it is running.
func (p *prober) begin(now sctpcore.Time) { p.step, p.at = firstProbe, now+firstProbe }

// probe asks for heartbeats on the paths that have come up and did not answer.
func (w *worker) probe() {
	again := false
	for _, a := range w.order {
		for i := range a.paths {
			p := &a.paths[i]
			if p.probing && !a.down {
				again = true
				_ = w.core.RequestHeartbeat(w.now, a.id, i) // fails only if the association has just ended
			}
		}
	}
	p := &w.probes
	p.step *= 2
	p.at = w.now + p.step
	if !again || p.step > lastProbe {
		p.at = 0
	}
}
