package dataplane

import "github.com/trunkline-sctp/trunkline/sctpcore"

// A worker counts its paths by port and state when one changes, so that to tell how
// many there are costs nothing however many there are.

// pathCount is a number of paths by their state.
type pathCount [sctpcore.NumPathStates]uint32

// count counts the path where it belongs now, and no more where it did.
func (w *worker) count(p *path) {
	p.uncount()
	c := &w.noPort
	if p.port != nil {
		c = &w.ports[p.port.index].paths
	}
	p.counted = &c[p.state]
	*p.counted++
}

func (p *path) uncount() {
	if p.counted != nil {
		*p.counted--
		p.counted = nil
	}
}

// noteStates takes over from pathInfo, just filled for all paths of the association, what
// their states are.
func (w *worker) noteStates(a *assoc) {
	for i := range min(len(a.paths), len(w.pathInfo)) {
		if p := &a.paths[i]; !a.down && (p.counted == nil || p.state != w.pathInfo[i].State) {
			p.state = w.pathInfo[i].State
			w.count(p)
		}
	}
	w.judge(a)
}

// pathState takes over a path's change of state.
func (w *worker) pathState(a *assoc, e *sctpcore.Event) {
	if int(e.Path) >= len(a.paths) || a.down {
		return
	}
	p := &a.paths[e.Path]
	p.state = e.To
	if e.To == sctpcore.Active {
		p.probing = false
	}
	w.count(p)
	w.judge(a)
}
