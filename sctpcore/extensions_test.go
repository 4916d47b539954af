package sctpcore

import (
	"errors"
	"fmt"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// checkExtensions are the invariants of RFC 4895 and RFC 5061.
func (a *assoc) checkExtensions() error {
	x := a.ext
	if x == nil {
		return nil
	}
	s := &x.conf
	deletes := 0
	for i, r := range s.requests {
		if r.op == DeleteAddress && i < s.sent {
			deletes++
		}
		if r.op == DeleteAddress && !contains(a.locals, r.addr) {
			return fmt.Errorf("%v is to be deleted and not ours", r.addr)
		}
	}
	switch {
	case x.authenticated || x.stranger || x.asconfs > 0 || x.moved || len(a.e.asconfAcks) > 0:
		return errors.New("a packet's state outlived it")
	case deletes != s.deletes:
		return fmt.Errorf("%d deletes are out, the requests say %d", s.deletes, deletes)
	case len(s.requests) > maxRequests || len(s.gone) > maxGone || len(s.acks) > maxAckCache:
		return fmt.Errorf("%d requests, %d addresses gone, %d bytes of answers", len(s.requests), len(s.gone), len(s.acks))
	case s.sent > len(s.requests) || (s.chunk == nil) != (s.sent == 0):
		return fmt.Errorf("%d of %d requests are sent, chunk %x", s.sent, len(s.requests), s.chunk)
	case s.chunk != nil && !s.due && s.t4 == Never && a.mayReconfigure():
		return errors.New("an ASCONF is out and T4 does not run")
	case s.chunk == nil && (s.due || s.t4 != Never):
		return errors.New("T4 runs and no ASCONF is out")
	case int(s.path) >= len(a.paths):
		return fmt.Errorf("ASCONF went by path %d of %d", s.path, len(a.paths))
	case len(a.locals) == 0:
		return errors.New("no address of ours is left")
	case len(x.auth.keys) > MaxAuthKeys || x.auth.key(x.auth.active) == nil && x.offer.auth:
		return errors.New("too many keys, or the active one is not there")
	case s.on && (!x.auth.on || !x.auth.ours.has(wire.ChunkAsconf) || !x.auth.theirs.has(wire.ChunkAsconf)):
		return errors.New("ASCONF without AUTH")
	}
	for _, g := range s.gone {
		if contains(a.locals, g) {
			return fmt.Errorf("%v is ours and gone", g)
		}
	}
	return nil
}
