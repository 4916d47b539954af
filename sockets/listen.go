package sockets

import (
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// acceptAgain is how long a listener waits when no descriptor is to be had.
const acceptAgain = 100 * time.Millisecond

// maxBacklog is the most that may wait for accept at a socket, Linux's net.core.somaxconn.
const maxBacklog = 4096

// offer is an accepted association on its way to the program.
type offer struct {
	conn    *dataplane.Conn
	child   *socket // nil: no descriptor was free for it
	program int     // its end of the child's data connection
}

// listen is listen(2).
func (s *socket) listen(backlog int32) error {
	switch {
	case s.style == peeledOff || s.phase != idle && s.phase != listening:
		return unix.EINVAL
	case backlog == 0 && s.phase == idle:
		return unix.EINVAL
	case backlog == 0:
		s.unlisten()
		s.phase = idle
		return nil
	case s.phase == listening:
		return nil
	}
	if err := s.autobind(); err != nil {
		return err
	}
	waiting := int(min(uint32(backlog), maxBacklog)) // what is negative is large, as on Linux
	if s.style == oneToMany {
		waiting = 0 // nothing waits: what comes is taken at once
	}
	l, err := s.binding.Listen(s.acceptOptions(), waiting)
	if err != nil {
		return err
	}
	s.listener, s.phase = l, listening
	s.server.listens(s, true)
	if s.style == oneToOne { // few lie in the data connection, the others in the backlog
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 0)
	}
	l.Watch(s.pump.poller, s)
	return nil
}

// unlisten stops accepting; what was not accepted yet is aborted.
func (s *socket) unlisten() {
	if s.listener == nil {
		return
	}
	s.server.listens(s, false)
	s.listener.Watch(nil, nil)
	_ = s.listener.Close()
	s.listener = nil
	if o := s.offer; o != nil {
		s.offer = nil
		s.withdraw(o)
	}
	if !s.closed {
		raiseBuffer(s.fd, toProgram)
		s.pump.again(s) // now what it wrote is read
	}
}

func (s *socket) withdraw(o *offer) {
	if o.child == nil {
		_ = o.conn.Abort("listener closed")
		s.server.release(s.user, anAssoc, 1)
		return
	}
	_ = unix.Close(o.program)
	o.child.mu.Lock()
	o.child.abandon("listener closed")
	o.child.mu.Unlock()
}

// acceptMore hands on the associations that have come up, as far as the program takes
// them.
func (s *socket) acceptMore() {
	for s.listener != nil && !s.closed {
		if s.offer == nil {
			conn := s.listener.TryAccept()
			if conn == nil {
				return
			}
			if !s.server.charge(s.user, anAssoc, 1) {
				_ = conn.Abort("too many associations")
				continue
			}
			if s.style == oneToMany {
				s.cameUp(s.adopt(conn, s.settingsFrom(conn)))
				continue
			}
			s.offer = &offer{conn: conn}
		}
		switch err := s.hand(s.offer); err {
		case nil:
			s.offer = nil
		case unix.EAGAIN:
			s.wantWritable()
			return
		default: // no descriptor, or too many in flight
			time.AfterFunc(acceptAgain, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.acceptMore()
			})
			return
		}
	}
}

// settingsFrom are the settings of an accepted association: its parameters are those that the
// listener had when it came up.
func (s *socket) settingsFrom(conn *dataplane.Conn) settings {
	set := s.defaults
	if p, err := conn.Params(); err == nil {
		set.params = p
	}
	return set
}

// hand puts an accepted association's descriptor into the listening queue.
func (s *socket) hand(o *offer) error {
	if o.child == nil {
		child, program, err := s.heir(oneToOne)
		if err != nil {
			return err
		}
		o.child, o.program = child, program
		child.mu.Lock()
		child.phase = connecting
		child.cameUp(child.adopt(o.conn, s.settingsFrom(o.conn)))
		child.mu.Unlock()
	}
	o.child.mu.Lock()
	st := o.child.status(nil)
	f := proto.Frame{Kind: proto.FrameAccept, Length: proto.StatusSize, AssocID: st.AssocID, OutStreams: st.OutStreams}
	if a := o.child.single; a != nil {
		setAddr(&f, s.family, a.primary)
	}
	o.child.mu.Unlock()
	b := proto.AppendStatus(proto.AppendFrame(nil, &f), &st)
	err := unix.Sendmsg(s.fd, b, unix.UnixRights(o.program), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if err == nil {
		_ = unix.Close(o.program)
	}
	return err
}

// heir makes a socket that inherits from this one. It has the same pump, which may be
// watching its association already.
func (s *socket) heir(st style) (child *socket, program int, err error) {
	child, program, err = s.server.newSocket(s.user, s.domain, st, s.pump)
	if err != nil {
		return nil, -1, err
	}
	child.mu.Lock()
	defer child.mu.Unlock()
	child.family, child.shown, child.inherited = s.family, s.shown, s.port()
	child.options = s.options.clone()
	child.autoAsconf = false
	return child, program, nil
}

// peelOff is sctp_peeloff.
func (s *socket) peelOff(k *call) error {
	a := s.assocs[int32(k.ask.Level)]
	if s.style != oneToMany || a == nil {
		return unix.EINVAL
	}
	child, program, err := s.heir(peeledOff)
	if err != nil {
		return err
	}
	child.mu.Lock()
	defer child.mu.Unlock()
	if len(k.descriptors) == 1 && s.is(k.descriptors[0]) && s.lane == nil {
		s.moveQueued(a, child, k.descriptors[0])
	}
	if s.partial == a {
		s.partial, child.partial = nil, a
	}
	s.drop(a)
	s.settle()
	child.take(a)
	if s.autoAsconf {
		_ = a.conn.SetAutoAsconf(false) // it may have ended
	}
	if child.phase = connected; !a.up {
		child.phase = connecting
	}
	child.queue(a)
	child.pump.again(child)
	k.pass, k.rep.Socket = program, child.status(a)
	return nil
}

// moveQueued takes what the program has not read of an association out of the queue of
// its data connection, of which the program's end is given, and puts it into the new
// socket's. What the program is in the middle of reading stays first. A socket with a
// lane keeps what is unread: only the program takes from a lane.
func (s *socket) moveQueued(a *assoc, child *socket, program int) {
	begun, _ := unix.GetsockoptInt(program, unix.SOL_SOCKET, unix.SO_PEEK_OFF)
	var all [][]byte
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, _, err := unix.Recvfrom(program, *buf, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			break
		}
		all = append(all, slices.Clone((*buf)[:n]))
	}
	all = append(all, s.unsent...)
	s.unsent = nil
	for i, frame := range all {
		var f proto.Frame
		to := s
		if _, err := f.Decode(frame); err == nil && f.AssocID == a.id && (i > 0 || begun <= 0) {
			to = child
			child.dataWritten = child.dataWritten || f.Kind == proto.FrameData
		}
		to.write(frame)
	}
	if begun > 0 {
		_ = unix.SetsockoptInt(program, unix.SOL_SOCKET, unix.SO_PEEK_OFF, begun)
	}
}

// setAddr puts an address into a frame as the socket shows it.
func setAddr(f *proto.Frame, fam family, a netip.AddrPort) {
	if a.IsValid() {
		f.AddrLength = uint16(len(fam.append(f.Addr[:0], a.Addr(), a.Port())))
	}
}
