package sockets

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// connect is connect(2) and sctp_connectx.
func (s *socket) connect(k *call) (*assoc, error) {
	var all []netip.AddrPort
	var err error
	if k.ask.Flags&proto.AskMany != 0 {
		all, err = s.parseAll(k.body)
	} else {
		all, err = s.connectAddr(k.body)
	}
	if err != nil {
		return nil, err
	}
	if err := s.connectable(); err != nil {
		return nil, err
	}
	a, err := s.associate(all, nil)
	if err != nil {
		return nil, err
	}
	k.rep.Value = a.id
	if s.style == oneToOne {
		s.phase, s.err = connecting, 0
	}
	if k.ask.Flags&proto.AskWait == 0 {
		return a, unix.EINPROGRESS
	}
	select {
	case <-a.conn.Up():
		if a.conn.Err() == nil { // over the loopback it may be up already
			s.cameUp(a)
			return a, nil
		}
	default:
	}
	return a, s.await(k, a)
}

func (s *socket) connectAddr(b []byte) ([]netip.AddrPort, error) {
	if len(b) >= 2 && b[0] == unix.AF_UNSPEC && b[1] == 0 {
		return nil, unix.EOPNOTSUPP
	}
	a, _, err := s.parse(b)
	return []netip.AddrPort{a}, err
}

// connectable tells why a socket cannot connect.
func (s *socket) connectable() error {
	switch {
	case s.style == peeledOff || s.phase == connected || s.phase == ended:
		return unix.EISCONN
	case s.phase == connecting:
		return unix.EALREADY
	case s.style == oneToOne && s.phase == listening:
		return unix.EISCONN
	case s.style == oneToOne && s.err != 0:
		err := s.err // of the connect before this one, which may follow
		s.err = 0
		return err
	}
	return nil
}

// associate begins an association with the peer that has the addresses, all with one
// port, of which the first to answer is used. init, if not nil, goes before the
// socket's SCTP_INITMSG.
func (s *socket) associate(all []netip.AddrPort, init *initMsg) (*assoc, error) {
	remote := dataplane.Addr{Port: all[0].Port()}
	for _, p := range all {
		if p.Port() != remote.Port || p.Addr().IsMulticast() || p.Addr().IsUnspecified() {
			return nil, unix.EINVAL
		}
		if p.Port() == 0 { // nobody listens there
			return nil, unix.ECONNREFUSED
		}
		if a := s.peers[p]; a != nil {
			if a.up {
				return nil, unix.EISCONN
			}
			return nil, unix.EALREADY
		}
		remote.IPs = append(remote.IPs, p.Addr())
	}
	if err := s.autobind(); err != nil {
		return nil, err
	}
	if !s.server.charge(s.user, anAssoc, 1) {
		return nil, unix.ENOBUFS
	}
	set := s.defaults
	conn, err := s.binding.Begin(&remote, s.assocOptions(init))
	if err != nil {
		s.server.release(s.user, anAssoc, 1)
		switch {
		case errors.Is(err, sctpcore.ErrExists): // it was peeled off
			return nil, unix.EADDRNOTAVAIL
		case errors.Is(err, sctpcore.ErrUnreachable):
			return nil, unix.ENETUNREACH
		}
		return nil, err
	}
	return s.adopt(conn, set), nil
}

// shutdown is shutdown(2).
func (s *socket) shutdown(how int32) error {
	switch {
	case how < unix.SHUT_RD || how > unix.SHUT_RDWR:
		return unix.EINVAL
	case s.phase == ended || s.style == oneToMany && s.phase == listening && how == unix.SHUT_WR:
		return nil
	case s.style == oneToMany && s.phase == listening:
		return unix.EOPNOTSUPP
	case s.style == oneToMany || s.phase == idle || s.phase == connecting:
		return unix.ENOTCONN
	case s.phase == listening:
		if how != unix.SHUT_WR {
			s.unlisten()
			s.phase = idle
			s.endOfData()
		}
		return nil
	case s.style == peeledOff:
		return nil // as on Linux
	}
	if how != unix.SHUT_WR { // native: it ends what is yet to come, not what has come
		s.endOfData()
	}
	if how != unix.SHUT_RD {
		s.shutWrite = true
		s.closeWrite()
	}
	return nil
}
