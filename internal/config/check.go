package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// minIPv6MTU is the smallest MTU of a link that carries IPv6 (RFC 8200, section 5).
const minIPv6MTU = 1280

// crossCheck finds what no section can see alone.
func (r *reader) crossCheck(f *File) {
	r.checkPorts(f)
	for i := range f.Routes {
		r.checkRoute(f, &f.Routes[i], fmt.Sprintf("routes[%d].", i))
	}
}

func (r *reader) checkPorts(f *File) {
	names, devices := map[string]bool{}, map[string]string{}
	owners := map[netip.Addr]string{}
	for i := range f.Ports {
		p := &f.Ports[i]
		if p.Name != "" && names[p.Name] {
			r.report(p.at, "give each port a name of its own", "ports[%d].name: %q is used by another port", i, p.Name)
		}
		names[p.Name] = true
		if other, taken := devices[p.Device]; taken && p.Device != "" && p.Device != "ring" {
			r.report(p.at, "give each port a device of its own", "ports[%d].device: %q is port %s already", i, p.Device, other)
		}
		devices[p.Device] = p.Name
		for j, a := range p.Addresses {
			if other, taken := owners[a.Addr()]; taken {
				r.report(p.addrAt[j], "remove one of the two", "ports[%d].addresses[%d]: %s is on port %s already", i, j, a.Addr(), other)
			}
			owners[a.Addr()] = p.Name
			if a.Addr().Is6() && p.MTU != 0 && p.MTU < minIPv6MTU {
				r.report(p.mtuAt, fmt.Sprintf("use %d or more, or take %s away", minIPv6MTU, a), "ports[%d].mtu: %d is too small for IPv6", i, p.MTU)
			}
		}
	}
}

func (r *reader) checkRoute(f *File, rt *Route, path string) {
	if rt.portAt == nil {
		return
	}
	at := slices.IndexFunc(f.Ports, func(p Port) bool { return p.Name == rt.Port })
	if at < 0 {
		names := make([]string, len(f.Ports))
		for i := range f.Ports {
			names[i] = f.Ports[i].Name
		}
		mend := "the ports are " + strings.Join(names, ", ")
		if near := nearest(rt.Port, names); near != "" {
			mend = fmt.Sprintf("did you mean %q?", near)
		}
		r.report(rt.portAt, mend, "%sport: there is no port %q", path, rt.Port)
		return
	}
	if !rt.Via.IsValid() || !rt.To.IsValid() {
		return
	}
	if rt.Via.Is4() != rt.To.Addr().Is4() {
		r.report(rt.viaAt, "use a next hop of the destination's family", "%svia: %s cannot be a next hop to %s", path, rt.Via, rt.To)
		return
	}
	subnets := make([]string, 0, len(f.Ports[at].Addresses))
	for _, a := range f.Ports[at].Addresses {
		if a.Addr() == rt.Via {
			r.report(rt.viaAt, "give the address of the router", "%svia: %s is our own address", path, rt.Via)
			return
		}
		if a.Contains(rt.Via) {
			return
		}
		subnets = append(subnets, a.Masked().String())
	}
	r.report(rt.viaAt, fmt.Sprintf("use a next hop in %s", strings.Join(subnets, " or ")),
		"%svia: %s is on no subnet of port %s", path, rt.Via, rt.Port)
}

// unusable says why an address cannot be ours, "" if it can.
func unusable(p netip.Prefix) string {
	a := p.Addr()
	switch {
	case a.IsUnspecified():
		return "is the unspecified address"
	case a.IsMulticast():
		return "is a multicast address"
	case a.IsLoopback():
		return "is a loopback address"
	case a.Is4In6():
		return "is an IPv4 address in IPv6 form"
	case a.Zone() != "":
		return "has a zone"
	case a.Is4() && p.Bits() <= 30 && p.Masked().Addr() == a:
		return "is the address of the subnet itself"
	case a.Is4() && p.Bits() <= 30 && broadcast(p) == a:
		return "is the broadcast address of the subnet"
	}
	return ""
}

func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// ranges writes sorted numbers as 0-3,6.
func ranges(ns []int) string {
	var b strings.Builder
	for i := 0; i < len(ns); {
		j := i
		for j+1 < len(ns) && ns[j+1] == ns[j]+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, ns[i])
		if j > i {
			fmt.Fprintf(&b, "-%d", ns[j])
		}
		i = j + 1
	}
	return "processors " + b.String()
}
