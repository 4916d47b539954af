package sockets

import (
	"golang.org/x/sys/unix"
)

// Limits bound what one user, by the uid of its control connections, may hold; 0 is
// that of DefaultLimits. What happens at each is said with it.
type Limits struct {
	Clients      int // control connections; more are closed at once
	Sockets      int // ENFILE
	Associations int // ENOBUFS, or ABORT to a peer
	// Buffered is bytes of messages that are held in this process because they are
	// incomplete or their association takes no more; a socket that exceeds it is
	// closed.
	Buffered int
	Lanes    int // of 1 MiB each, for busy sockets; without one messages take longer
}

// DefaultLimits suit a machine that runs one application.
func DefaultLimits() Limits {
	return Limits{Clients: 1024, Sockets: 65536, Associations: 65536, Buffered: 256 << 20, Lanes: 256}
}

func (l *Limits) setDefaults() {
	d := DefaultLimits()
	for _, f := range []struct{ have, usual *int }{
		{&l.Clients, &d.Clients}, {&l.Sockets, &d.Sockets},
		{&l.Associations, &d.Associations}, {&l.Buffered, &d.Buffered}, {&l.Lanes, &d.Lanes},
	} {
		if *f.have <= 0 {
			*f.have = *f.usual
		}
	}
}

// Bounds of what a single socket holds, whoever's it is.
const (
	maxJoins   = 64 // messages of which a part has come: as many threads may be in the midst of one
	maxWaiters = 64 // calls of the program that wait: connects and closes
)

// user is what the clients of one uid hold; Server.mu guards it.
type user struct {
	uid                                       uint32
	clients, sockets, assocs, buffered, lanes int
}

// resource is one of the things that a user holds.
type resource uint8

const (
	aClient resource = iota
	aSocket
	anAssoc
	bufferedBytes
	aLane
)

func (u *user) held(r resource, l *Limits) (have *int, limit int) {
	switch r {
	case aClient:
		return &u.clients, l.Clients
	case aSocket:
		return &u.sockets, l.Sockets
	case anAssoc:
		return &u.assocs, l.Associations
	case aLane:
		return &u.lanes, l.Lanes
	}
	return &u.buffered, l.Buffered
}

// charge takes n of a resource for the user, if they are to be had.
func (s *Server) charge(u *user, r resource, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, limit := u.held(r, &s.cfg.Load().Limits)
	if *have+n > limit {
		s.stats.Refused++
		return false
	}
	*have += n
	return true
}

// release gives n of a resource back, and forgets a user who has nothing left.
func (s *Server) release(u *user, r resource, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, _ := u.held(r, &s.cfg.Load().Limits)
	*have -= n
	if *u == (user{uid: u.uid}) {
		delete(s.users, u.uid)
	}
}

// userOf is the user of a uid, with a client more; nil if there are too many.
func (s *Server) userOf(uid uint32) *user {
	s.mu.Lock()
	u := s.users[uid]
	if u == nil {
		u = &user{uid: uid}
		s.users[uid] = u
	}
	s.mu.Unlock()
	if !s.charge(u, aClient, 1) {
		return nil
	}
	return u
}

// raiseBuffer makes a socket's send buffer n bytes, or as much as the kernel lets us.
func raiseBuffer(fd, n int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, n) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n) // clamps
	}
}
