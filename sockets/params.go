package sockets

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// params are an association's parameters. The core takes those in Timers when an
// association begins; the others, and changes while it lives, are refused.
type params struct {
	sctpcore.Timers
	SACKFrequency  int
	MaxSegment     int
	Autoclose      sctpcore.Time
	Nagle          bool
	MaxInitTimeout sctpcore.Time
	Path           pathParams
}

// pathParams are those of a path.
type pathParams struct {
	NoHeartbeat  bool
	HBInterval   sctpcore.Time
	MaxRetrans   int
	PFMaxRetrans int
	MTU          int
}

// settable tells whether the core can begin with them.
func (p params) settable(was params) bool {
	for _, q := range []*params{&p, &was} {
		q.Timers, q.Nagle = sctpcore.Timers{}, false
		q.Path.HBInterval, q.Path.MaxRetrans, q.Path.PFMaxRetrans = 0, 0, 0
	}
	return p == was
}

// timers are what the core begins with.
func (p *params) timers() *sctpcore.Timers {
	t := p.Timers
	if p.Path.HBInterval != 0 {
		t.HBInterval = p.Path.HBInterval
	}
	if p.Path.MaxRetrans != 0 {
		t.PathMaxRetrans = p.Path.MaxRetrans
	}
	if p.Path.PFMaxRetrans != 0 {
		t.PFMaxRetrans = p.Path.PFMaxRetrans
	}
	return &t
}

func (a *assoc) setParams(*params) error                     { return unix.ENOPROTOOPT }
func (a *assoc) pathParams(netip.Addr) (pathParams, error)   { return pathParams{}, nil }
func (a *assoc) setPathParams(netip.Addr, *pathParams) error { return unix.ENOPROTOOPT }
func (a *assoc) heartbeat(netip.Addr) error                  { return unix.ENOPROTOOPT }
