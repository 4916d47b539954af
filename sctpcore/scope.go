package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// scope is how far an address means the same host: the further, the smaller the
// number.
type scope uint8

const (
	scopeGlobal scope = iota
	scopeLink         // 169.254.0.0/16 (RFC 3927), fe80::/10 (RFC 4291, section 2.5.6)
	scopeHost         // 127.0.0.0/8, ::1
)

func scopeOf(a wire.Addr) scope {
	switch n := a.Netip(); {
	case n.IsLoopback():
		return scopeHost
	case n.IsLinkLocalUnicast():
		return scopeLink
	}
	return scopeGlobal
}

// inScope are those of locals that mean us to whoever is at peer, and at, the one that
// was asked for by name. The slice is locals itself or good until the next call.
func (e *Endpoint) inScope(locals []wire.Addr, peer, at wire.Addr) []wire.Addr {
	limit, out := scopeOf(peer), e.scoped[:0]
	for _, l := range locals {
		if scopeOf(l) <= limit || l == at {
			out = append(out, l)
		}
	}
	e.scoped = out
	if len(out) == len(locals) {
		return locals
	}
	return out
}

// InScope tells whether addr, which is ours, means us to the peer of an association, and
// so may be among its addresses.
func (e *Endpoint) InScope(id AssocID, addr wire.Addr) bool {
	a := e.assoc(id)
	if a == nil {
		return false
	}
	for i := range a.paths {
		if scopeOf(addr) <= scopeOf(a.paths[i].dst) {
			return true
		}
	}
	return false
}

// nearest is the one of the addresses whose scope is the smallest.
func nearest(addrs []wire.Addr) wire.Addr {
	best := addrs[0]
	for _, a := range addrs[1:] {
		if scopeOf(a) > scopeOf(best) {
			best = a
		}
	}
	return best
}
