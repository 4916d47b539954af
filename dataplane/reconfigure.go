package dataplane

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// AddLocal asks the peer to take ip, an address of this dataplane, into the association
// (ASCONF, RFC 5061). An EventAsconf of Events tells the outcome; from then on ip is
// a source of packets. AssocOptions.Extensions must have Asconf set, and the peer
// must know it, else sctpcore.ErrUnsupported; the other errors are those of
// sctpcore.Endpoint.ChangeAddress.
func (c *Conn) AddLocal(ip netip.Addr) error {
	if _, err := c.d.localAddrs([]netip.Addr{ip}); err != nil {
		return fmt.Errorf("dataplane: %w", err)
	}
	return c.change(sctpcore.AddAddress, ip)
}

// RemoveLocal asks the peer to drop one of our addresses, which from now on is no source
// of packets. The last one cannot go: sctpcore.ErrLastAddress; to move from one to
// another, add before you remove. Otherwise it is as AddLocal.
func (c *Conn) RemoveLocal(ip netip.Addr) error { return c.change(sctpcore.DeleteAddress, ip) }

// SetPeerPrimary asks the peer to send to one of our addresses rather than to others.
// Otherwise it is as AddLocal.
func (c *Conn) SetPeerPrimary(ip netip.Addr) error { return c.change(sctpcore.SetPeerPrimary, ip) }

// SetLocals asks the peer, in one ASCONF if that fits a packet, for what makes ips our
// addresses in the association: first those that it lacks are added, then the others are
// deleted. It is for when the addresses of this dataplane have changed. Otherwise it is
// as AddLocal; after an error a part of it may have been asked for.
func (c *Conn) SetLocals(ips ...netip.Addr) error {
	for _, ip := range ips {
		if !c.d.Owns(ip) {
			return fmt.Errorf("dataplane: %w", c.d.notOurs(ip))
		}
	}
	return c.onWorker(func(w *worker, a *assoc) error {
		defer w.readdress(a)
		return w.setLocals(a, wireAddrs(ips))
	})
}

func (w *worker) setLocals(a *assoc, want []wire.Addr) error {
	info, _ := w.core.Assoc(a.id)
	for _, addr := range want {
		if slices.Contains(info.LocalAddrs, addr) {
			continue
		}
		if err := w.core.ChangeAddress(w.now, a.id, sctpcore.AddAddress, addr); err != nil {
			return err
		}
	}
	for _, addr := range info.LocalAddrs {
		if slices.Contains(want, addr) {
			continue
		}
		if err := w.core.ChangeAddress(w.now, a.id, sctpcore.DeleteAddress, addr); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) change(op sctpcore.AddressOp, ip netip.Addr) error {
	return c.onWorker(func(w *worker, a *assoc) error {
		if err := w.core.ChangeAddress(w.now, a.id, op, wire.AddrFrom(ip)); err != nil {
			return err
		}
		w.readdress(a)
		return nil
	})
}

// onWorker runs do where the association lives, if it has not ended.
func (c *Conn) onWorker(do func(*worker, *assoc) error) error {
	var err error
	if e := c.w.call(func(w *worker) {
		var a *assoc
		if a, err = w.live(c); err == nil {
			err = do(w, a)
		}
	}); e != nil {
		return e
	}
	return err
}

// SetKey, SetActiveKey, DeactivateKey and DeleteKey manage the keys of an association
// that authenticates (RFC 4895); see sctpcore.Endpoint's.
func (c *Conn) SetKey(k sctpcore.AuthKey) error {
	return c.onWorker(func(w *worker, a *assoc) error { return w.core.SetKey(a.id, k) })
}

// SetActiveKey has what is sent from now on authenticated with a key.
func (c *Conn) SetActiveKey(key uint16) error {
	return c.onWorker(func(w *worker, a *assoc) error { return w.core.SetActiveKey(a.id, key) })
}

// DeactivateKey keeps a key, not the active one, for receiving only.
func (c *Conn) DeactivateKey(key uint16) error {
	return c.onWorker(func(w *worker, a *assoc) error { return w.core.DeactivateKey(w.now, a.id, key) })
}

// DeleteKey forgets a key, not the active one.
func (c *Conn) DeleteKey(key uint16) error {
	return c.onWorker(func(w *worker, a *assoc) error { return w.core.DeleteKey(a.id, key) })
}

// Auth is a snapshot of the association's authentication.
func (c *Conn) Auth() (info sctpcore.AuthInfo, err error) {
	err = c.onWorker(func(w *worker, a *assoc) error {
		info, _ = w.core.Auth(a.id)
		return nil
	})
	return info, err
}

// readdress takes over the association's addresses after either side changed them, and
// routes its paths from those that may be used. If all are being deleted, the core
// finds the way of what may still be sent.
func (w *worker) readdress(a *assoc) {
	info, ok := w.core.Assoc(a.id)
	if !ok {
		return
	}
	if len(info.LocalAddrs) > 0 && !slices.Equal(a.locals, info.LocalAddrs) {
		a.locals = info.LocalAddrs
		for i := range a.paths {
			w.route(a, i)
		}
	}
	w.learn(a)
}
