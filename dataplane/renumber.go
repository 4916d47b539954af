package dataplane

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
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
	return d.renumber(port, add)
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
	return d.renumber(port, remove)
}

// SetNetwork gives ports, by name, other addresses, and replaces the static routes; ports
// that are not named keep theirs. Bindings, associations and neighbours are told of each
// address that came or went as by AddAddr and RemoveAddr, of what came first; one that
// only changed its port or the length of its subnet is the same one.
//
// It is done whole or, after an error, not at all. The errors are for a port that there
// is not, for addresses and routes that New would refuse, sctpcore.ErrLastAddress for a
// port that has none, and net.ErrClosed. Other changes under way are waited for.
func (d *Dataplane) SetNetwork(addrs map[string][]netip.Prefix, routes []RouteConfig) error {
	d.moving.Lock()
	defer d.moving.Unlock()
	ports := slices.Clone(d.network.Load().ports)
	for name, as := range addrs {
		i, err := d.portNamed(name)
		if err != nil {
			return err
		}
		if len(as) == 0 {
			return fmt.Errorf("dataplane: port %s: %w", name, errLastAddress)
		}
		ports[i].Addrs = slices.Clone(as)
	}
	n, err := newNetwork(d.ports, ports, slices.Clone(routes))
	if err != nil {
		return err
	}
	return d.install(n)
}

// renumber changes the addresses of one port.
func (d *Dataplane) renumber(name string, change func([]netip.Prefix) ([]netip.Prefix, error)) error {
	d.moving.Lock()
	defer d.moving.Unlock()
	i, err := d.portNamed(name)
	if err != nil {
		return err
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
	return d.install(n)
}

func (d *Dataplane) portNamed(name string) (int, error) {
	i := slices.IndexFunc(d.ports, func(p *port) bool { return p.info.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("dataplane: there is no port %q to change addresses of", name)
	}
	return i, nil
}

// install puts another network in force: all workers know what it is before anybody uses
// it, first new associations, then those that exist. The caller holds moving.
func (d *Dataplane) install(n *network) error {
	old := d.network.Load()
	changes := old.changes(n)
	for _, w := range d.workers {
		if err := w.call(func(w *worker) { w.move(n, old) }); err != nil {
			return err
		}
	}
	d.network.Store(n)
	for _, b := range d.book.all() {
		for _, x := range changes {
			b.follow(x.op, x.addr.Netip())
		}
	}
	for _, w := range d.workers {
		if err := w.followAll(changes); err != nil {
			return err
		}
	}
	for _, x := range changes {
		on := n
		if x.op == sctpcore.DeleteAddress {
			on = old
		}
		p := d.ports[slices.IndexFunc(on.ifaces, func(f *inet.Iface) bool { return f.Owns(x.addr) })]
		d.feed.tellPort(&PortEvent{Port: p.info.Name, At: d.Now(), Link: p.nic.Link(), Addr: x.addr.Netip(), Op: x.op})
		if d.log != nil {
			d.log.Info("address", "port", p.info.Name, "address", x.addr.Netip(), "change", x.op.String())
		}
	}
	return nil
}

// changes are the addresses that to has and n has not, then those that n alone has.
func (n *network) changes(to *network) (all []wish) {
	for _, ip := range to.locals {
		if !slices.Contains(n.locals, ip) {
			all = append(all, wish{sctpcore.AddAddress, wire.AddrFrom(ip)})
		}
	}
	for _, ip := range n.locals {
		if !slices.Contains(to.locals, ip) {
			all = append(all, wish{sctpcore.DeleteAddress, wire.AddrFrom(ip)})
		}
	}
	return all
}

// place has the port be at f.
func (p *workerPort) place(f *inet.Iface) {
	p.iface = f
	p.parser.SetIface(f)
	p.responder.SetIface(f)
	p.neighbours.SetIface(f)
}

// move has the worker look packets up in another network. Neighbours of a port that gained
// an address are told where it is.
func (w *worker) move(n, old *network) {
	w.routes.Follow(n.routes)
	for i := range w.ports {
		p := &w.ports[i]
		p.place(n.ifaces[i].WithMAC(p.iface.MAC))
		gained := slices.ContainsFunc(n.ports[i].Addrs, func(a netip.Prefix) bool { return !old.ifaces[i].Owns(wire.AddrFrom(a.Addr())) })
		if gained && p.announces && p.link.Up {
			p.neighbours.Announce(int64(w.now))
		}
	}
}
