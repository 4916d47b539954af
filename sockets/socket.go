package sockets

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// style is the kind of a socket (RFC 6458, sections 3, 4 and 9.2).
type style uint8

const (
	oneToOne  style = iota
	oneToMany       // any number of associations
	peeledOff       // made by sctp_peeloff of a one-to-many one: has one association, for life
)

// phase is the life of a socket; a one-to-many socket is idle or listening.
type phase uint8

const (
	idle phase = iota
	listening
	connecting // the association is begun; what the program wrote is not read
	connected  // it is up, or shutting down
	ended      // it is over
)

// bytes of the data connection's two queues: more than one whole frame each.
const (
	toProgram   = 512 << 10
	fromProgram = 1 << 20
)

// hangup is how long a program that has gone leaves messages with a peer that takes none.
const hangup = 60 * time.Second

// socket is one SCTP socket. mu guards everything below it; who else's mu is locked
// at the same time is a socket made by this one (accept, peel-off), after it.
type socket struct {
	server *Server
	pump   *pump
	id     uint64
	user   *user
	style  style
	cookie uint64 // SO_COOKIE of the program's end of the data connection

	mu sync.Mutex
	family
	fd     int  // our end of the data connection
	closed bool // and fd is: the program has closed its last descriptor
	again  bool // on the pump's list
	phase  phase
	err    unix.Errno // SO_ERROR

	binding  *dataplane.Binding
	shown    netip.Addr // of getsockname: the address bound last
	listener *dataplane.Listener
	offer    *offer // what the listening queue has no room for

	assocs map[int32]*assoc
	peers  map[netip.AddrPort]*assoc // every address of every peer
	single *assoc                    // the association of a one-to-one or peeled-off socket
	wait   []waiter

	inherited uint16 // port of the socket that this one comes from
	inbox
	outbox
	shared
	options
}

// newSocket makes a socket and gives the program's end of its data connection, which
// the caller passes on and closes. p is nil for any pump.
func (s *Server) newSocket(u *user, domain uint16, st style, p *pump) (k *socket, program int, err error) {
	if !s.charge(u, aSocket, 1) {
		return nil, -1, unix.ENFILE
	}
	defer func() {
		if err != nil {
			s.release(u, aSocket, 1)
		}
	}()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, err
	}
	k = &socket{server: s, pump: p, user: u, style: st, fd: pair[0],
		assocs: map[int32]*assoc{}, peers: map[netip.AddrPort]*assoc{}}
	k.family = family{domain: domain, mapped: true}
	k.shown = k.unspecified()
	k.options = s.usualOptions()
	if err = k.prepare(pair[1]); err != nil {
		_, _ = unix.Close(pair[0]), unix.Close(pair[1])
		s.leave(k)
		return nil, -1, err
	}
	return k, pair[1], nil
}

// prepare names the program's end, so that its library knows it again, and has the
// pump watch ours.
func (s *socket) prepare(program int) (err error) {
	if s.cookie, err = unix.GetsockoptUint64(program, unix.SOL_SOCKET, unix.SO_COOKIE); err != nil {
		return err
	}
	refuseRights(s.fd)
	raiseBuffer(program, fromProgram)
	raiseBuffer(s.fd, toProgram)
	if err = unix.SetNonblock(s.fd, true); err != nil {
		return err
	}
	if !s.server.enter(s) {
		return unix.ENETDOWN
	}
	if err = unix.Bind(program, s.name()); err != nil {
		return err
	}
	return s.pump.watch(s, unix.EPOLL_CTL_ADD, false)
}

// refuseRights has the kernel let no descriptors come by a data connection, from Linux 6.16
// on: a program's own end, sent to where it is not read yet, would never be closed.
func refuseRights(fd int) bool {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSRIGHTS, 0) == nil
}

func (s *socket) name() *unix.SockaddrUnix {
	return &unix.SockaddrUnix{Name: fmt.Sprintf("@%s%016x", proto.NamePrefix, s.id)}
}

// onEpoll deals with a change of the data connection.
func (s *socket) onEpoll(events uint32, buf []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if events&unix.EPOLLOUT != 0 {
		s.writable(buf)
	}
	if events&unix.EPOLLHUP != 0 {
		s.hungUp()
	}
	s.read(buf)
	s.attend(buf)
}

// hungUp: the program is gone, which read comes to when it has read all that is left.
func (s *socket) hungUp() {
	if s.hup {
		return
	}
	s.hup = true
	if s.phase == connecting {
		s.phase = idle // now what it wrote is read
	}
	if len(s.stalled) > 0 {
		if s.abortive() {
			s.gone()
			return
		}
		time.AfterFunc(hangup, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.abandon("the program is gone and the peer takes nothing")
		})
	}
}

// takeTurn goes on where the socket used up its last turn.
func (s *socket) takeTurn(buf []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = false
	if s.corrupt != nil && !s.closed {
		s.server.broken("lane", s.id, s.corrupt)
		s.abandon("the program broke the protocol")
	}
	if !s.closed {
		s.deliver(buf)
		s.read(buf)
	}
}

// catchUp reads what the program wrote before the request that comes now.
func (s *socket) catchUp() {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for range caughtUp {
		if !s.read(*buf) {
			break
		}
	}
	s.attend(*buf)
}

// caughtUp is turns within which all has been read that a data connection and a lane hold.
const caughtUp = 128

// gone is the end of the data connection: the program closed its last descriptor, or
// died. Its associations shut down, or are aborted if they are not up, if it said so
// (SO_LINGER with 0) or left data unread, as on Linux; the last not where the peer has
// begun to shut down.
func (s *socket) gone() {
	no, _ := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	unread := (s.unread || no == int(unix.ECONNRESET)) && s.dataWritten || len(s.unsent) > 0
	if s.lane != nil { // the connection has but bells
		unread = s.dataWritten && s.lane.Down.Unread() || len(s.unsent) > 0
	}
	s.close()
	for _, a := range s.assocs {
		if a.over {
			s.forget(a)
		} else if s.abortive() || !a.up || !a.refusing && (unread || a.hasData()) {
			_ = a.conn.Abort("")
		} else {
			_ = a.conn.Close()
		}
	}
}

// abandon ends a socket whose program is not heard any more.
func (s *socket) abandon(why string) {
	if s.closed {
		return
	}
	s.close()
	for _, a := range s.assocs {
		if a.over {
			s.forget(a)
		} else {
			_ = a.conn.Abort(why)
		}
	}
}

// close gives back everything but the associations, which end in their own time.
func (s *socket) close() {
	s.closed = true
	s.unlisten()
	if s.binding != nil {
		_ = s.binding.Close()
	}
	s.server.leave(s) // after the port is free, so that reap waits for that
	_ = unix.Close(s.fd)
	s.closeLane()
	s.forgetMessages()
	s.server.release(s.user, aSocket, 1)
	s.settle()
}

// status is what the library needs to know; of a, or of the only association.
func (s *socket) status(a *assoc) proto.Status {
	st := proto.Status{ID: s.id, Domain: s.domain, Type: unix.SOCK_SEQPACKET, Limit: uint32(s.longest())}
	if s.style == oneToOne {
		st.Type = unix.SOCK_STREAM
	}
	if st.State = s.cmsgs(); s.noFragments {
		st.Limit = 0 // each is to be checked
	}
	switch s.phase {
	case listening:
		st.State |= proto.StateListening
	case connecting:
		st.State |= proto.StateConnecting
	case connected:
		if !s.readShut {
			st.State |= proto.StateConnected
		} else if s.single == nil || s.single.over { // though not all is read
			st.State |= proto.StateEnded
		}
	case ended:
		st.State |= proto.StateEnded
	}
	if s.style == oneToMany && len(s.assocs) > 0 {
		st.State |= proto.StateAssociated
	}
	if s.single != nil && s.readShut && !s.single.over {
		st.State |= proto.StateRefusing
	}
	if a == nil {
		a = s.single
	}
	if a != nil {
		st.AssocID, st.OutStreams = a.id, a.outStreams
	}
	if s.lingerOn && s.lingerFor > 0 {
		st.Linger = uint32(s.lingerFor)
	}
	return st
}

// sockName is getsockname(2): of a socket that is bound to all addresses and connected,
// the address that its peer is sent from.
func (s *socket) sockName() ([]byte, error) {
	shown := s.shown
	if shown.IsUnspecified() && s.style != oneToMany && s.single != nil && s.single.up {
		if p, err := s.single.path(netip.Addr{}); err == nil && !p.Src.IsZero() {
			shown = p.Src.Netip()
		}
	}
	return s.family.append(nil, shown, s.port()), nil
}

// peerName is getpeername(2).
func (s *socket) peerName() ([]byte, error) {
	switch {
	case s.style == oneToMany:
		return nil, unix.ENOTCONN
	case s.single == nil || !s.single.up:
		return nil, unix.ENOTCONN
	}
	return s.family.append(nil, s.single.primary.Addr(), s.single.primary.Port()), nil
}

// port is the local one, 0 if there is none yet.
func (s *socket) port() uint16 {
	switch {
	case s.binding != nil:
		return s.binding.Addr().Port
	case s.single != nil:
		return s.single.conn.LocalAddr().(*dataplane.Addr).Port
	}
	return s.inherited
}
