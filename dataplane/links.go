package dataplane

import (
	"math"

	"github.com/trunkline-sctp/trunkline/nic"
)

// relinking is who is to be routed anew since a link changed. Associations that have data
// under way are routed at once, the others followTurn at a time between bursts, since
// 100 000 of them take 40 ms and more, or when they have something to send. Until then
// their SACKs and heartbeats go as before.
type relinking struct {
	busy   places // those with data under way
	left   places
	at     int  // place in the core: those from here on are next
	better bool // a link came up, so that there may be better ways
}

func (w *worker) lost(p *path) bool {
	e := w.egress.get(p.egress)
	return e != nil && e.lost()
}

// lookAtLinks polls the links and reroutes what a change concerns.
func (w *worker) lookAtLinks() (changed bool) {
	w.linkAt = w.now + linkInterval
	for i := range w.ports {
		p := &w.ports[i]
		if l := p.nic.Link(); l.Up != p.link.Up || l.Changes != p.link.Changes {
			w.linkChanged(p, l)
			changed = true
		}
	}
	if w.now >= w.slowAt {
		w.slowAt = w.now + slowInterval
		w.frags.Expire(int64(w.now))
		w.abortLingering()
		w.logHeld()
	}
	return changed
}

// linkChanged begins to move paths off a port whose link went down, or back to one that
// came up. A link that was down and up again between two looks lost what was on the wire,
// so that counts as both.
func (w *worker) linkChanged(p *workerPort, l nic.Link) {
	if p.announces {
		w.d.feed.tellPort(&PortEvent{Port: p.info.Name, At: w.now, Link: l})
		if w.log != nil {
			w.log.Info("link", "port", p.info.Name, "up", l.Up, "mbps", l.SpeedMbps)
		}
	}
	if p.link.Up {
		p.downs++
		w.routes.SetPort(p.index, false)
		p.neighbours.LinkDown(int64(w.now))
	}
	p.link = l
	w.idle.stale = true
	r := &w.relinking
	if l.Up {
		r.better = true
		p.place(p.iface.WithMAC(p.nic.Info().MAC))
		w.routes.SetPort(p.index, true)
		if p.announces {
			p.neighbours.Announce(int64(w.now))
		}
	}
	w.probes.begin(w.now)
	r.left.fill(w.core.Slots())
	for place := r.busy.next(0); place != math.MaxInt; place = r.busy.next(place + 1) {
		w.relink(place)
	}
}

// followLinks routes the next associations anew, if a link changed. It goes round: however often
// links change, each has its turn.
func (w *worker) followLinks() (busy bool) {
	r := &w.relinking
	for n := 0; n < followTurn && r.left.count > 0; n++ {
		if r.at = r.left.next(r.at); r.at == math.MaxInt {
			r.at = r.left.next(0)
		}
		w.relink(r.at)
		busy = true
	}
	r.better = r.better && r.left.count > 0
	return busy
}

// relink routes the association in a place of the core anew, if there is one.
func (w *worker) relink(place int) {
	w.relinking.left.remove(place)
	a := w.assocs[w.core.At(place)]
	if a == nil || a.down {
		return
	}
	for i := range a.paths {
		if w.relinking.better || w.lost(&a.paths[i]) {
			w.reroute(a, i)
		}
	}
}
