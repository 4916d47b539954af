package sockets

import "golang.org/x/sys/unix"

// A program that closes a socket and asks for its port again at once, as it may on Linux,
// can come before the pump has seen the close. So those whose program has gone are looked
// for where it matters: before a port is denied, and before a connect to one of them.

// reap ends the sockets, or only the listening ones, whose program has gone. No socket
// may be locked.
func (s *Server) reap(listening bool) {
	var all []*socket
	s.mu.Lock()
	if listening {
		all = keys(s.listening)
	} else {
		all = values(s.sockets)
	}
	s.mu.Unlock()
	polls := make([]unix.PollFd, len(all))
	for i, k := range all {
		k.mu.Lock()
		if polls[i].Fd = int32(k.fd); k.closed {
			polls[i].Fd = -1
		}
		k.mu.Unlock()
	}
	if n, err := unix.Poll(polls, 0); err != nil || n == 0 {
		return
	}
	for i, k := range all {
		if polls[i].Revents&unix.POLLHUP != 0 {
			k.reap()
		}
	}
}

// reap reads what a program that has gone left, and ends the socket then; not if there is
// more than its association takes.
func (s *socket) reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !hungUp(s.fd) { // the descriptor may be another's since
		return
	}
	s.hungUp()
	for range 1 + fromProgram/turn {
		if s.closed || len(s.stalled) > 0 {
			return
		}
		s.catchUp()
	}
}
