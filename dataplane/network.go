package dataplane

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// network is what our addresses and routes are: what workers look packets up in. It is
// not changed but replaced as a whole; a worker has the one that it was given last.
type network struct {
	ports  []PortConfig  // by port index
	ifaces []*inet.Iface // the same, for looking up
	static []RouteConfig
	routes *inet.Routes
	locals []netip.Addr // all addresses
}

// newNetwork checks addresses and static routes.
func newNetwork(ports []*port, configs []PortConfig, static []RouteConfig) (*network, error) {
	n := &network{ports: configs, static: static}
	if err := n.join(ports); err != nil {
		return nil, err
	}
	return n, n.route(ports, static)
}

// join makes what is looked up of ports' addresses.
func (n *network) join(ports []*port) error {
	owner := make(map[netip.Addr]string)
	for i, pc := range n.ports {
		name := ports[i].info.Name
		for _, a := range pc.Addrs {
			ip := a.Addr().Unmap()
			if on, taken := owner[ip]; taken {
				return fmt.Errorf("dataplane: address %v of port %s is already on port %s: an address lives in one place", ip, name, on)
			}
			owner[ip] = name
			n.locals = append(n.locals, ip)
		}
	}
	for i, pc := range n.ports {
		c := inet.IfaceConfig{MAC: ports[i].info.MAC, VLAN: pc.VLAN, Addrs: pc.Addrs, Loopback: pc.loopback}
		for j := range n.ports {
			for _, a := range n.ports[j].Addrs {
				if j != i {
					c.Also = append(c.Also, a.Addr())
				}
			}
		}
		f, err := inet.NewIface(c)
		if err != nil {
			return fmt.Errorf("dataplane: port %s: %w", ports[i].info.Name, err)
		}
		n.ifaces = append(n.ifaces, f)
	}
	return nil
}

// route makes the table of the connected subnets and these static routes.
func (n *network) route(ports []*port, static []RouteConfig) error {
	rs := make([]inet.StaticRoute, len(static))
	for i, r := range static {
		index := slices.IndexFunc(ports, func(p *port) bool { return p.info.Name == r.Port })
		if index < 0 {
			return fmt.Errorf("dataplane: route to %v leaves by port %q, which is not among Config.Ports", r.Dst, r.Port)
		}
		rs[i] = inet.StaticRoute{Dst: r.Dst, Via: r.Via, Port: index, Metric: r.Metric}
	}
	var err error
	if n.routes, err = inet.NewRoutes(n.ifaces, rs); err != nil {
		return fmt.Errorf("dataplane: %w", err)
	}
	return nil
}

// with is the network with other addresses on port i. Static routes whose next hop is on
// no subnet then rest until it is on one again.
func (n *network) with(ports []*port, i int, addrs []netip.Prefix) (*network, error) {
	out := &network{ports: slices.Clone(n.ports), static: n.static}
	out.ports[i].Addrs = addrs
	if err := out.join(ports); err != nil {
		return nil, err
	}
	var awake []RouteConfig
	for _, r := range n.static {
		f := out.ifaces[slices.IndexFunc(ports, func(p *port) bool { return p.info.Name == r.Port })]
		if via := wire.AddrFrom(r.Via); f.OnLink(via) && !f.SourceFor(via).IsZero() {
			awake = append(awake, r)
		}
	}
	return out, out.route(ports, awake)
}

// Addrs is every address of the dataplane: what a binding without addresses has.
func (d *Dataplane) Addrs() []netip.Addr { return slices.Clone(d.network.Load().locals) }

// Owns tells whether ip can be bound: it is one of Addrs or, with a loopback, within
// 127.0.0.0/8.
func (d *Dataplane) Owns(ip netip.Addr) bool {
	ip = ip.Unmap()
	return slices.Contains(d.network.Load().locals, ip) || d.loopback != nil && ip.Is4() && ip.IsLoopback()
}
