package inet

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// StaticRoute is a route that the operator gave.
type StaticRoute struct {
	Dst    netip.Prefix
	Via    netip.Addr // the next hop, on one of the port's subnets
	Port   int        // index of the port it leaves by
	Metric int        // the lowest of routes to the same prefix is preferred
}

// Hop is one way to a destination.
type Hop struct {
	Port   int       // index of the port to leave by
	Via    wire.Addr // the neighbour to send to; the destination itself on a connected subnet
	Src    wire.Addr // our address to send from
	Bits   int       // length of the route's prefix
	Metric int
	Up     bool // the port's link is up
}

// Routes is a longest-prefix table over connected subnets and static routes,
// searched in order: it is meant for tens of routes, built at configuration
// time. Before it come our own addresses: they are behind the loopback if there is one.
// One thread, each with a Clone of its own.
type Routes struct {
	ports  []*Iface
	lo     int // index of the loopback, -1 if there is none: the way to all our own addresses
	up     []bool
	routes []route // longest prefix first, then lowest metric, then lowest port
	gen    uint32
}

type route struct {
	dst    Prefix
	via    wire.Addr // zero on a connected subnet
	port   int
	metric int
}

// MaxRoutes bounds a table, since a lookup looks at every route.
const MaxRoutes = 4096

// NewRoutes builds a table, every port up; the error says what to change.
func NewRoutes(ports []*Iface, static []StaticRoute) (*Routes, error) {
	r := &Routes{ports: slices.Clone(ports), lo: -1, up: make([]bool, len(ports)), gen: 1}
	for i, p := range ports {
		r.up[i] = true
		if p.Loopback {
			r.lo = i
		}
		for _, net := range p.nets {
			r.routes = append(r.routes, route{dst: net, port: i})
		}
	}
	for _, s := range static {
		dst, via := PrefixFrom(s.Dst), wire.AddrFrom(s.Via)
		switch {
		case !dst.used:
			return nil, fmt.Errorf("inet: route to %v: give a destination like 198.51.100.0/24", s.Dst)
		case s.Port < 0 || s.Port >= len(ports):
			return nil, fmt.Errorf("inet: route to %v: there is no port %d", s.Dst, s.Port)
		case via.IsZero() || via.Is4() != dst.ipv4:
			return nil, fmt.Errorf("inet: route to %v: give a next hop of the same family, not %v", s.Dst, s.Via)
		case !ports[s.Port].OnLink(via) || ports[s.Port].Owns(via):
			return nil, fmt.Errorf("inet: route to %v: next hop %v is no neighbour on a subnet of its port", s.Dst, s.Via)
		case ports[s.Port].SourceFor(via).IsZero():
			return nil, fmt.Errorf("inet: route to %v: its port has no address of this family", s.Dst)
		}
		r.routes = append(r.routes, route{dst: dst, via: via, port: s.Port, metric: s.Metric})
	}
	if len(r.routes) > MaxRoutes {
		return nil, fmt.Errorf("inet: %d routes: at most %d", len(r.routes), MaxRoutes)
	}
	slices.SortStableFunc(r.routes, func(a, b route) int {
		if a.dst.bits != b.dst.bits {
			return int(b.dst.bits) - int(a.dst.bits)
		}
		if a.metric != b.metric {
			return a.metric - b.metric
		}
		return a.port - b.port
	})
	return r, nil
}

// Clone is a table with the same routes and a link state of its own.
func (r *Routes) Clone() *Routes {
	c := *r
	c.up = slices.Clone(r.up)
	return &c
}

// Follow has the table be as t, which is of the same ports, but for their link states.
func (r *Routes) Follow(t *Routes) {
	r.ports, r.routes = t.ports, t.routes
	r.gen++
}

// SetPort tells that a port's link went up or down; it moves Generation if
// that is news.
func (r *Routes) SetPort(port int, up bool) {
	if r.up[port] != up {
		r.up[port] = up
		r.gen++
	}
}

// Generation moves whenever a lookup may answer otherwise. It begins at 1.
func (r *Routes) Generation() uint32 { return r.gen }

// inward is the way to an address of our own, by the loopback; false if dst is none or
// there is no loopback.
func (r *Routes) inward(src, dst wire.Addr) (Hop, bool) {
	if r.lo < 0 || !r.ports[r.lo].Accepts(dst) {
		return Hop{}, false
	}
	if src.IsZero() {
		src = dst
	}
	return Hop{Port: r.lo, Via: dst, Src: src, Bits: 128, Up: r.up[r.lo]}, true
}

// Lookup is the best way to dst over a port that is up.
func (r *Routes) Lookup(dst wire.Addr) (Hop, bool) {
	if h, ok := r.inward(wire.Addr{}, dst); ok {
		return h, h.Up
	}
	for i := range r.routes {
		if e := &r.routes[i]; r.up[e.port] && e.dst.Contains(dst) {
			return r.hop(e, wire.Addr{}, dst), true
		}
	}
	return Hop{}, false
}

// LookupFrom is the best way to dst for packets from src, over a port that is
// up: a route by the port that has src comes before a better one by another, so
// that the paths of a multi-homed association stay apart. Hop.Src is src if the
// port has it, else the port's own address: compare them to tell.
func (r *Routes) LookupFrom(src, dst wire.Addr) (Hop, bool) {
	if h, ok := r.inward(src, dst); ok {
		return h, h.Up
	}
	var best *route
	for i := range r.routes {
		e := &r.routes[i]
		if !r.up[e.port] || !e.dst.Contains(dst) {
			continue
		}
		if r.ports[e.port].Owns(src) {
			return r.hop(e, src, dst), true
		}
		if best == nil {
			best = e
		}
	}
	if best == nil {
		return Hop{}, false
	}
	return r.hop(best, src, dst), true
}

// Candidates fills out with the ways to dst, best first, and returns how many:
// those over ports that are up, those by the port that has src (zero for no
// preference), longest prefix, lowest metric, lowest port. If out is too small
// the worst are left out.
func (r *Routes) Candidates(src, dst wire.Addr, out []Hop) int {
	if h, ok := r.inward(src, dst); ok {
		return copy(out, []Hop{h})
	}
	n := 0
	for class := range 4 {
		for i := range r.routes {
			e := &r.routes[i]
			down, other := class&2 != 0, class&1 != 0
			if r.up[e.port] == down || r.ports[e.port].Owns(src) == other || !e.dst.Contains(dst) {
				continue
			}
			if n == len(out) {
				return n
			}
			out[n] = r.hop(e, src, dst)
			n++
		}
	}
	return n
}

func (r *Routes) hop(e *route, src, dst wire.Addr) Hop {
	h := Hop{Port: e.port, Via: e.via, Src: src, Bits: e.dst.Bits(), Metric: e.metric, Up: r.up[e.port]}
	if h.Via.IsZero() {
		h.Via = dst
	}
	if p := r.ports[e.port]; src.IsZero() || !p.Owns(src) {
		h.Src = p.SourceFor(h.Via)
	}
	return h
}
