package dataplane

import (
	"net/netip"
	"slices"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// path is how a path of an association is mapped to a port.
type path struct {
	src, dst wire.Addr
	port     *port // nil while it maps to none
	last     *port // the last one that it mapped to
	egress   uint32
	probing  bool // its link came up and it has not answered since
	listed   bool // in the directory
	state    sctpcore.PathState
	counted  *uint32 // where: see count.go
}

// maxCandidates is how many ways to one destination are looked at.
const maxCandidates = 16

// addPath maps a new path of an association and makes the association findable
// by it.
func (w *worker) addPath(a *assoc, i int) {
	w.pathInfo = w.core.Paths(a.id, w.pathInfo[:0])
	if i >= len(w.pathInfo) {
		return
	}
	if a.locals == nil {
		if info, ok := w.core.Assoc(a.id); ok {
			a.locals = info.LocalAddrs
		}
		a.inward = w.d.Owns(w.pathInfo[0].Dst.Netip())
	}
	for j := range w.pathInfo {
		if j == len(a.paths) {
			a.paths = append(a.paths, path{dst: w.pathInfo[j].Dst})
		} else if p := &a.paths[j]; p.dst != w.pathInfo[j].Dst { // the handshake has sorted them anew
			w.dropPath(a, p)
			*p = path{dst: w.pathInfo[j].Dst}
		}
	}
	for j := len(w.pathInfo); j < len(a.paths); j++ {
		w.dropPath(a, &a.paths[j])
	}
	a.paths = a.paths[:len(w.pathInfo)]
	w.noteStates(a)
	if p := &a.paths[i]; w.d.steer.workers > 1 && !p.listed {
		p.listed = w.d.steer.dir.put(a.key(p), w.number)
	}
	w.route(a, i)
}

func (a *assoc) key(p *path) directoryKey {
	return directoryKey{peer: p.dst, localPort: a.localPort, peerPort: a.peerPort}
}

// dropPaths undoes addPath for all paths of an association that has ended.
func (w *worker) dropPaths(a *assoc) {
	for i := range a.paths {
		w.dropPath(a, &a.paths[i])
	}
	w.judge(a)
}

func (w *worker) dropPath(a *assoc, p *path) {
	if p.listed {
		w.d.steer.dir.remove(a.key(p))
		p.listed = false
	}
	w.egress.release(p.egress)
	p.egress = 0
	p.uncount()
}

// route maps path i of an association to the best port whose link is up, and
// tells the core: at once on another port, or down.
func (w *worker) route(a *assoc, i int) {
	p := &a.paths[i]
	r := sctpcore.Route{Src: p.src, Down: true}
	old, oldPort, lost := p.egress, p.port, w.lost(p)
	p.probing = oldPort == nil && p.last != nil
	p.port, p.egress = nil, 0
	if hop, src, ok := w.wayTo(a, p.dst); ok {
		wp := &w.ports[hop.Port]
		k := egressKey{src: src, dst: p.dst, via: hop.Via, index: hop.Port, downs: wp.downs, marks: w.core.Marks(a.id, i)}
		if h := w.egress.acquire(k, wp); h != 0 {
			p.src, p.egress, p.port, p.last = src, h, wp.port, wp.port
			r = sctpcore.Route{Src: src, Egress: h}
			if wp.port != oldPort {
				r.MTU = wp.mtu
			}
		} else {
			w.drops[DropEgressTableFull]++
		}
	}
	if lost && p.port != nil {
		// What was on its way is lost: down and up again has the core send it at
		// once on another path, if there is one, and probe this one.
		p.probing = true
		_ = w.core.SetRoute(w.now, a.id, i, sctpcore.Route{Src: p.src, Down: true})
	}
	if p.probing {
		w.probes.add(a.id.Slot(), w.now)
	}
	_ = w.core.SetRoute(w.now, a.id, i, r) // fails only if the association has just ended
	w.egress.release(old)
	w.count(p)
	w.judge(a)
}

// wayTo chooses among the ways to dst over links that are up the first by a port that has
// one of the association's addresses; if none has, the first of all, from an address of
// another port, as Linux does. Only addresses that we still have count. An address of ours
// that a peer from outside claims to have is its own in another network, and cannot be
// reached.
func (w *worker) wayTo(a *assoc, dst wire.Addr) (inet.Hop, wire.Addr, bool) {
	var hops [maxCandidates]inet.Hop
	var other inet.Hop
	var from wire.Addr
	for _, h := range hops[:w.routes.Candidates(wire.Addr{}, dst, hops[:])] {
		if !h.Up {
			break // those that are up come first
		}
		p := w.ports[h.Port].iface
		if p.Loopback && !a.inward {
			break
		}
		if slices.Contains(a.locals, h.Src) {
			return h, h.Src, true
		}
		for _, l := range a.locals {
			if l.Is4() != dst.Is4() {
				continue
			}
			if p.Owns(l) || p.Loopback && p.Accepts(l) {
				return h, l, true
			}
			if ip := l.Netip(); from.IsZero() && w.d.Owns(ip) && !ip.IsLinkLocalUnicast() && !ip.IsLoopback() {
				other, from = h, l
			}
		}
	}
	return other, from, !from.IsZero()
}

// reroute is route, unless the path is mapped as well as can be.
func (w *worker) reroute(a *assoc, i int) {
	p := &a.paths[i]
	if hop, src, ok := w.wayTo(a, p.dst); ok && p.port == w.ports[hop.Port].port && p.src == src {
		if e := w.egress.get(p.egress); e != nil && e.via == hop.Via && !e.lost() {
			return
		}
	}
	w.route(a, i)
}

func (w *worker) setPrimary(c *Conn, dst netip.Addr) error {
	a, err := w.live(c)
	if err != nil {
		return err
	}
	return w.core.SetPrimary(w.now, a.id, wire.AddrFrom(dst))
}

func (w *worker) pathsOf(c *Conn) ([]PathInfo, error) {
	a, err := w.live(c)
	if err != nil {
		return nil, err
	}
	w.pathInfo = w.core.Paths(a.id, w.pathInfo[:0])
	out := make([]PathInfo, len(w.pathInfo))
	for i := range out {
		out[i].PathInfo = w.pathInfo[i]
		_, out[i].Port = w.pathName(a, uint8(i))
	}
	return out, nil
}

func (w *worker) infoOf(c *Conn) (sctpcore.AssocInfo, error) {
	a, err := w.live(c)
	if err != nil {
		return sctpcore.AssocInfo{}, err
	}
	info, _ := w.core.Assoc(a.id)
	return info, nil
}

// live is the association of a connection that has not ended.
func (w *worker) live(c *Conn) (*assoc, error) {
	if a := c.assoc; a != nil && !a.down {
		return a, nil
	}
	return nil, c.endOf(ErrShutdown)
}
