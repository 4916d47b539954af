package sockets

import (
	"errors"
	"math/bits"
	"net/netip"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// assoc is one association of a socket, whose mu guards it.
type assoc struct {
	id       int32 // sctp_assoc_t
	conn     *dataplane.Conn
	socket   atomic.Pointer[socket] // changes by peel-off, with both locked
	settings settings

	up, over   bool  // it came up; it has ended, though not all was read
	quietUp    bool  // nobody had subscribed to its coming up when it did
	refusing   bool  // it takes no more messages
	aborted    bool  // by the program, which is told of the end like the peer
	readable   bool  // on the socket's list
	endErr     error // all was read of it: io.EOF, or why it broke
	outStreams uint16
	inStreams  uint16
	peers      []netip.AddrPort
	primary    netip.AddrPort // shown as the sender of its messages
}

// wants tells whether the program subscribed to a kind of notification.
func (a *assoc) wants(sn int) bool { return a.settings.events&(1<<(sn-snDataIO)) != 0 }

// fragment is how many bytes of a message go into one chunk.
func (a *assoc) fragment() int {
	info, err := a.conn.Info()
	if err != nil {
		return 0
	}
	return info.FragmentSize
}

// endCause is the error cause that it ended with, as Linux tells it: as it is on the wire.
func (a *assoc) endCause() uint32 {
	var broke *dataplane.AssocError
	if !errors.As(a.endErr, &broke) {
		return 0
	}
	return uint32(bits.ReverseBytes16(uint16(broke.Cause)))
}

// lock locks the socket that has the association now.
func (a *assoc) lock() *socket {
	for {
		s := a.socket.Load()
		s.mu.Lock()
		if a.socket.Load() == s {
			return s
		}
		s.mu.Unlock()
	}
}

// hasData tells whether messages are there that the program did not take.
func (a *assoc) hasData() bool {
	var m dataplane.Message
	return a.conn.Next(&m) && m.Event == nil
}

// adopt makes a connection, for which the user was charged, the socket's.
func (s *socket) adopt(conn *dataplane.Conn, set settings) *assoc {
	a := &assoc{conn: conn, settings: set}
	s.server.nameAssoc(a)
	s.take(a)
	conn.Watch(s.pump.poller, a)
	return a
}

// take enters an association into the socket's tables.
func (s *socket) take(a *assoc) {
	a.socket.Store(s)
	s.assocs[a.id] = a
	if s.style != oneToMany {
		s.single = a
	}
	s.learn(a)
}

// drop takes it out of them.
func (s *socket) drop(a *assoc) {
	delete(s.assocs, a.id)
	for _, p := range a.peers {
		if s.peers[p] == a {
			delete(s.peers, p)
		}
	}
	if s.single == a {
		s.single = nil
	}
	s.unqueue(a)
}

// learn takes over the peer's addresses.
func (s *socket) learn(a *assoc) {
	for _, p := range a.peers {
		if s.peers[p] == a {
			delete(s.peers, p)
		}
	}
	remote := a.conn.RemoteAddr().(*dataplane.Addr)
	a.peers = a.peers[:0]
	for _, ip := range remote.IPs {
		p := netip.AddrPortFrom(ip, remote.Port)
		a.peers = append(a.peers, p)
		s.peers[p] = a
	}
	if len(a.peers) > 0 && !slices.Contains(a.peers, a.primary) {
		a.primary = a.peers[0]
	}
}

// onReady deals with what a poller says of an association.
func (s *socket) onReady(a *assoc, bits dataplane.ReadyBits, buf []byte) {
	if bits&dataplane.ReadyUp != 0 && !a.up {
		s.cameUp(a)
	}
	if bits&dataplane.ReadyEnded != 0 {
		a.over = true
		if s.closed {
			s.forget(a)
			return
		}
	}
	if s.closed {
		return
	}
	if bits&(dataplane.ReadyRefusing|dataplane.ReadyEnded) != 0 {
		s.refuseMore(a)
	}
	if bits&(dataplane.ReadyReadable|dataplane.ReadyEnded) != 0 {
		s.queue(a)
	}
	s.deliver(buf)
	s.read(buf)
}

// cameUp takes over what the handshake settled, and ends the program's wait.
func (s *socket) cameUp(a *assoc) {
	if !a.up {
		a.up, a.quietUp = true, !a.wants(snAssocChange)
	}
	s.learn(a)
	if info, err := a.conn.Info(); err == nil {
		a.outStreams, a.inStreams = uint16(info.OutStreams), uint16(info.InStreams)
	}
	if s.phase == connecting {
		s.phase = connected
	}
	s.settle()
}

// finish is the end of an association of which nothing is left to read.
func (s *socket) finish(a *assoc, err error) {
	var broke *dataplane.AssocError
	errors.As(err, &broke)
	no := endErrno(broke, a.up)
	switch {
	case s.style == oneToMany:
	case s.phase == connecting:
		s.phase = idle
		if no == 0 {
			no = unix.ECONNREFUSED
		}
		s.err = no
	default:
		s.phase, s.err = ended, no
		s.shutRead() // a read may tell of the end before the poller does
		s.endOfData()
	}
	s.forget(a)
}

// forget ends what the server knows of an association.
func (s *socket) forget(a *assoc) {
	a.conn.Watch(nil, nil)
	_ = a.conn.Close() // if the end came by itself
	s.server.forgetAssoc(a)
	s.drop(a)
	s.server.release(s.user, anAssoc, 1)
	s.settleFor(a, s.err)
	s.settle()
}
