package dataplane

import (
	"errors"
	"net/netip"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Who follows the dataplane's addresses: bindings to the wildcard, and of their associations
// those that are to tell their peers (AssocOptions.AutoAsconf).

// families are those of which somebody is to have all addresses.
type families struct{ ip4, ip6 bool }

func (f families) has(is4 bool) bool { return is4 && f.ip4 || !is4 && f.ip6 }

// wildcards are the families for whose addresses local ones stand.
func wildcards(given []netip.Addr) families {
	f := families{len(given) == 0, len(given) == 0}
	for _, ip := range given {
		if ip = ip.Unmap(); ip.IsUnspecified() {
			f.ip4, f.ip6 = f.ip4 || ip.Is4(), f.ip6 || ip.Is6()
		}
	}
	return f
}

// follow takes an address that the dataplane has gained, and gives up those that it has
// no more.
func (b *Binding) follow(op sctpcore.AddressOp, ip netip.Addr) {
	if !b.wild.has(ip.Is4()) {
		return
	}
	if op == sctpcore.AddAddress {
		_ = b.Add(ip) // not where another binding has the port
	}
	for _, ip := range b.d.book.addrs(b) {
		if b.wild.has(ip.Is4()) && !b.d.Owns(ip) {
			_ = b.Remove(ip) // not the last one
		}
	}
}

// follower is what an association knows of changes of the dataplane's addresses.
type follower struct {
	wild   families // of its binding
	auto   bool     // the peer is to be told
	wishes []wish   // of what it could not be asked yet
}

// wish is what the peer is to be asked for when it can be.
type wish struct {
	op   sctpcore.AddressOp
	addr wire.Addr
}

const (
	// maxWishes bounds those of one association; then the oldest is given up.
	maxWishes = 32
	// followTurn is how many associations follow at once, at about 1 µs each: a
	// worker's ports must not wait for longer than that.
	followTurn = 256
)

// followAll has the associations of the worker follow another network, in which these
// addresses have changed, a few at a time. It goes backwards, since one that ends gives its place to the last one.
func (w *worker) followAll(changes []wish) error {
	for at, first := 0, true; first || at > 0; first = false {
		err := w.call(func(w *worker) {
			if first || at > len(w.order) {
				at = len(w.order)
			}
			for until := max(0, at-followTurn); at > until; at-- {
				w.follow(w.order[at-1], changes)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) follow(a *assoc, changes []wish) {
	if a.down {
		return
	}
	for i := range a.paths {
		w.reroute(a, i)
	}
	asked := false
	for _, c := range changes {
		if !a.auto || !a.wild.has(c.addr.Is4()) || c.op == sctpcore.AddAddress && !w.core.InScope(a.id, c.addr) {
			continue
		}
		a.wishes = slices.DeleteFunc(a.wishes, func(x wish) bool { return x.addr == c.addr })
		if len(a.wishes) == maxWishes {
			a.wishes = a.wishes[1:]
		}
		a.wishes = append(a.wishes, c)
		asked = true
	}
	if asked {
		w.askAgain(a)
	}
}

// askAgain asks the peer for what it could not be asked before. New addresses come first,
// so that the last old one can go (RFC 5061, section 5.3, F5).
func (w *worker) askAgain(a *assoc) {
	if len(a.wishes) == 0 {
		return
	}
	for _, op := range []sctpcore.AddressOp{sctpcore.AddAddress, sctpcore.DeleteAddress} {
		a.wishes = slices.DeleteFunc(a.wishes, func(x wish) bool { return x.op == op && w.ask(a, x) })
	}
	w.readdress(a)
}

// ask asks the peer for one change; it is false if that must wait for the association to
// come up, for the peer's answer to something else, or for another address.
func (w *worker) ask(a *assoc, x wish) bool {
	err := w.core.ChangeAddress(w.now, a.id, x.op, x.addr)
	return !errors.Is(err, sctpcore.ErrNotUp) && !errors.Is(err, sctpcore.ErrWouldBlock) && !errors.Is(err, sctpcore.ErrLastAddress)
}

// SetAutoAsconf changes AssocOptions.AutoAsconf for changes of addresses from now on.
func (c *Conn) SetAutoAsconf(on bool) error {
	return c.onWorker(func(_ *worker, a *assoc) error {
		a.auto = on
		return nil
	})
}
