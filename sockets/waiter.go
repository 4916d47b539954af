package sockets

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// waiter is a call of the program that waits for an association: to come up
// (connect), or for all to be gone (a lingering close). Its reply goes to a
// connection of its own.
type waiter struct {
	op    proto.Op
	seq   uint32
	fd    int    // the server's end
	assoc *assoc // nil: all
}

// await answers that the reply comes later, on the descriptor that goes along.
func (s *socket) await(k *call, a *assoc) error {
	s.wait = slices.DeleteFunc(s.wait, func(w waiter) bool { // whose program has given up
		left := hungUp(w.fd)
		if left {
			_ = unix.Close(w.fd)
		}
		return left
	})
	if len(s.wait) >= maxWaiters {
		return unix.ENOBUFS
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.wait = append(s.wait, waiter{k.ask.Op, k.ask.Seq, pair[0], a})
	k.pass = pair[1]
	k.rep.Flags |= proto.WithWaiter
	return unix.EINPROGRESS
}

func hungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	n, _ := unix.Poll(p, 0)
	return n == 1 && p[0].Revents&unix.POLLHUP != 0
}

// settle answers the waiters whose time has come. An association that has left the
// socket, by peel-off, is waited for no more.
func (s *socket) settle() {
	s.wait = slices.DeleteFunc(s.wait, func(w waiter) bool {
		if w.assoc == nil && len(s.assocs) > 0 || w.assoc != nil && !w.assoc.up && s.assocs[w.assoc.id] == w.assoc {
			return false
		}
		s.resolve(w, 0)
		return true
	})
}

// settleFor answers those who wait for an association that has failed. Who connects
// has the error then, and nobody else needs it.
func (s *socket) settleFor(a *assoc, no unix.Errno) {
	s.wait = slices.DeleteFunc(s.wait, func(w waiter) bool {
		if w.assoc != a || a.up {
			return false
		}
		if no == 0 {
			no = unix.ECONNREFUSED
		}
		if w.op == proto.OpConnect {
			s.err = 0
		}
		s.resolve(w, no)
		return true
	})
}

func (s *socket) resolve(w waiter, no unix.Errno) {
	r := proto.Reply{Op: w.op, Seq: w.seq, Error: int32(no)}
	if w.assoc != nil {
		r.Value = w.assoc.id
	}
	if !s.closed {
		r.Socket = s.status(w.assoc)
	}
	_ = unix.Send(w.fd, proto.AppendReply(nil, &r), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) // who gave up needs none
	_ = unix.Close(w.fd)
}

// linger is asked before the close of a socket with SO_LINGER and a time: the reply
// comes when nothing is left of its associations.
func (s *socket) linger(k *call) error {
	if len(s.assocs) == 0 {
		return nil
	}
	return s.await(k, nil)
}
