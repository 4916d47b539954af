package sockets

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// bind is bind(2).
func (s *socket) bind(sockaddr []byte) error {
	a, _, err := s.parse(sockaddr)
	switch {
	case err != nil:
		return err
	case s.binding != nil || s.single != nil:
		return unix.EINVAL
	}
	return s.bindTo([]netip.AddrPort{a})
}

// bindTo reserves the port, or an ephemeral one, at all the addresses at once.
func (s *socket) bindTo(all []netip.AddrPort) error {
	var ips []netip.Addr
	for _, a := range all {
		if a.Addr().IsUnspecified() {
			ips = append(ips, s.wildcard(a.Addr())...)
		} else {
			ips = append(ips, a.Addr())
		}
	}
	port, err := onePort(all)
	if err != nil {
		return err
	}
	b, err := s.server.dp.Bind(&dataplane.Addr{IPs: ips, Port: port}, &dataplane.BindOptions{Reuse: s.reuse})
	if err != nil {
		return err
	}
	s.binding, s.shown = b, all[len(all)-1].Addr()
	return nil
}

// onePort is the port of all the addresses; 0 goes with any (RFC 6458, section 9.1).
func onePort(all []netip.AddrPort) (port uint16, err error) {
	for _, a := range all {
		switch {
		case a.Port() == 0 || a.Port() == port:
		case port != 0:
			return 0, unix.EINVAL
		default:
			port = a.Port()
		}
	}
	return port, nil
}

// autobind gives an unbound socket an ephemeral port at all addresses.
func (s *socket) autobind() error {
	if s.binding != nil {
		return nil
	}
	err := s.bindTo([]netip.AddrPort{netip.AddrPortFrom(s.unspecified(), 0)})
	if err == unix.EADDRINUSE { // none is free
		return unix.EAGAIN
	}
	return err
}

// bindx is sctp_bindx: addresses packed one behind the other come or go, all or none,
// of the socket and, as far as their peers know RFC 5061, of its associations.
func (s *socket) bindx(packed []byte, remove bool) error {
	all, err := s.parseAll(packed)
	if err != nil {
		return err
	}
	port, err := onePort(all)
	switch {
	case err != nil:
		return err
	case port != 0 && s.port() != 0 && port != s.port():
		return unix.EINVAL
	case s.binding == nil && s.single == nil && remove:
		return unix.EINVAL
	case s.binding == nil && s.single == nil:
		return s.bindTo(all)
	}
	var ips []netip.Addr
	for _, a := range all {
		if a.Addr().IsUnspecified() {
			return unix.EINVAL
		}
		ips = append(ips, a.Addr())
	}
	if s.binding != nil {
		change := s.binding.Add
		if remove {
			change = s.binding.Remove
		}
		if err := change(ips...); err != nil {
			return err
		}
		if !remove {
			s.shown = ips[len(ips)-1]
		}
	}
	return s.readdress(ips, remove)
}

// readdress tells the peers of a change of our addresses. One that does not take part,
// or has the address already, is passed over, as on Linux; but what is the only
// association tells its error.
func (s *socket) readdress(ips []netip.Addr, remove bool) error {
	for _, a := range s.assocs {
		if !a.up || a.over {
			continue
		}
		for _, ip := range ips {
			change := a.conn.AddLocal
			if remove {
				change = a.conn.RemoveLocal
			}
			if err := change(ip); err != nil && s.binding == nil {
				return err
			}
		}
	}
	return nil
}

// localAddrs are the addresses that the socket is bound to.
func (s *socket) localAddrs() []netip.Addr {
	if s.binding == nil {
		if s.single != nil {
			return s.single.conn.LocalAddr().(*dataplane.Addr).IPs
		}
		return nil
	}
	return s.binding.Addr().IPs
}
