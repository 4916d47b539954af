package dataplane

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// AddAddr gives a port, by its name, one more address, with the length of its subnet. It
// is announced to the neighbours at once, without asking whether another host has it.
// Bindings to the wildcard take it, but those whose SCTP port another one has there, and list
// it in what they begin and accept from now on. Associations with AssocOptions.AutoAsconf
// have their peers add it (RFC 5061). Static routes that rested for want of its subnet are
// in use again.
//
// The errors are for a port that there is not, for an address that New would refuse, or
// that is there already, and net.ErrClosed. Other changes under way are waited for.
func (d *Dataplane) AddAddr(port string, addr netip.Prefix) error {
	add := func(have []netip.Prefix) ([]netip.Prefix, error) {
		return slices.Concat(have, []netip.Prefix{addr}), nil
	}
	return d.renumber(port, add, sctpcore.AddAddress, addr.Addr())
}

// RemoveAddr takes an address from a port, by its name. Packets to it are not ours any
// more. Bindings to the wildcard lose it, but for one that has no other; those to which it
// was given by name keep it, for when it comes back. Static routes whose next hop is
// on no other subnet rest.
//
// Associations with AssocOptions.AutoAsconf have their peers delete it, which they tell from
// another address: where it was the last one, once there is a new one. Others go on with
// the addresses that they have left. One without any stays, as if its links were down,
// until the address is back or what it sends times out.
//
// The errors are for a port that there is not, syscall.EADDRNOTAVAIL for an address that is not on
// it, sctpcore.ErrLastAddress, also EINVAL, for its only one, and net.ErrClosed.
func (d *Dataplane) RemoveAddr(port string, ip netip.Addr) error {
	ip = ip.Unmap()
	remove := func(have []netip.Prefix) ([]netip.Prefix, error) {
		left := slices.DeleteFunc(slices.Clone(have), func(p netip.Prefix) bool { return p.Addr() == ip })
		switch {
		case len(left) == len(have):
			return nil, fmt.Errorf("%v is not there, but %v: %w", ip, have, syscall.EADDRNOTAVAIL)
		case len(left) == 0:
			return nil, errLastAddress
		}
		return left, nil
	}
	return d.renumber(port, remove, sctpcore.DeleteAddress, ip)
}

// renumber changes an address of a port: all workers know what it is before anybody uses
// it, first new associations, then those that exist.
func (d *Dataplane) renumber(name string, change func([]netip.Prefix) ([]netip.Prefix, error), op sctpcore.AddressOp, ip netip.Addr) error {
	d.moving.Lock()
	defer d.moving.Unlock()
	i := slices.IndexFunc(d.ports, func(p *port) bool { return p.info.Name == name })
	if i < 0 {
		return fmt.Errorf("dataplane: there is no port %q to change addresses of", name)
	}
	old := d.network.Load()
	addrs, err := change(old.ports[i].Addrs)
	if err != nil {
		return fmt.Errorf("dataplane: port %s: %w", name, err)
	}
	n, err := old.with(d.ports, i, addrs)
	if err != nil {
		return err
	}
	for _, w := range d.workers {
		if err := w.call(func(w *worker) { w.move(n, i, op == sctpcore.AddAddress) }); err != nil {
			return err
		}
	}
	d.network.Store(n)
	for _, b := range d.book.all() {
		b.follow(op, ip)
	}
	for _, w := range d.workers {
		if err := w.followAll(op, wire.AddrFrom(ip)); err != nil {
			return err
		}
	}
	if d.log != nil {
		d.log.Info("address", "port", name, "address", ip, "change", op.String())
	}
	return nil
}

// move has the worker look packets up in another network, in which the addresses of one
// port have changed.
func (w *worker) move(n *network, changed int, gained bool) {
	w.routes.Follow(n.routes)
	for i := range w.ports {
		p := &w.ports[i]
		p.iface = n.ifaces[i]
		p.parser.SetIface(p.iface)
		p.responder.SetIface(p.iface)
		p.neighbours.SetIface(p.iface)
	}
	if p := &w.ports[changed]; gained && p.announces && p.link.Up {
		p.neighbours.Announce(int64(w.now))
	}
}
