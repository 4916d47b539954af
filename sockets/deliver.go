package sockets

import (
	"errors"
	"io"
	"math/bits"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// outbox is what goes to the program, and how far it got.
type outbox struct {
	readable []*assoc // that have something, or have ended
	served   int      // how many messages in a row the first had
	partial  *assoc   // of whose message a part was written, and the rest is to come
	promised *assoc   // whose next message was announced in the last one (FlagNext)

	unsent      [][]byte // frames that the data connection did not take; nothing is taken behind them
	wantsOut    bool     // the pump tells when it is writable
	endWritten  bool     // the last frame, FrameEnd, was written
	dataWritten bool     // messages may lie unread in the data connection, not just notifications
}

// maxUnsent bounds the notifications that the server makes itself while the program
// does not read; more are dropped.
const maxUnsent = 256

// inARow is how many messages one association delivers before another's turn.
const inARow = 16

// queue has deliver look at an association.
func (s *socket) queue(a *assoc) {
	if !a.readable {
		a.readable = true
		s.readable = append(s.readable, a)
	}
}

func (s *socket) unqueue(a *assoc) {
	if a.readable {
		a.readable = false
		s.readable = slices.Delete(s.readable, slices.Index(s.readable, a), slices.Index(s.readable, a)+1)
		s.served = 0
	}
	if s.promised == a {
		s.promised = nil
	}
	if s.partial == a && a.over {
		s.partial = nil
	}
}

// deliver writes messages and notifications to the program until there are no more,
// or it reads no more; what is not taken closes the peers' windows.
func (s *socket) deliver(buf []byte) {
	s.deliverTurn(buf)
	s.publish()
}

func (s *socket) deliverTurn(buf []byte) {
	for range turn {
		if s.closed || !s.flush() {
			return
		}
		if s.endWritten { // nothing more is to be told
			if s.single != nil && s.single.over {
				s.finish(s.single, s.single.conn.Err())
			}
			return
		}
		a := s.next()
		if a == nil {
			return
		}
		slot := s.slot(buf)
		if slot == nil {
			return
		}
		s.step(a, slot, buf)
	}
	s.pump.again(s)
}

// next is the association to deliver from.
func (s *socket) next() *assoc {
	switch {
	case s.promised != nil:
		return s.promised
	case s.partial != nil && !s.interleave:
		if s.partial.readable {
			return s.partial
		}
		return nil
	case len(s.readable) == 0:
		return nil
	}
	if s.served++; s.served > inARow && len(s.readable) > 1 {
		first := s.readable[0]
		copy(s.readable, s.readable[1:])
		s.readable[len(s.readable)-1], s.served = first, 1
	}
	return s.readable[0]
}

// step delivers one thing of an association, a message from slot.
func (s *socket) step(a *assoc, slot, buf []byte) {
	if a.endErr != nil {
		s.stepFailed(a, buf)
		return
	}
	var m dataplane.Message
	n, ok, err := a.conn.TryRecv(slot[proto.FrameSize:proto.FrameSize+proto.PayloadMax], &m)
	switch {
	case errors.Is(err, dataplane.ErrPartialAborted):
		if s.partial == a {
			s.partial = nil
		}
	case err == io.EOF && !a.over:
		s.unqueue(a)
		if s.style != oneToMany && !a.wants(snAssocChange) {
			s.endOfData()
		}
	case err != nil:
		a.endErr = err
		s.ownAbort(a, buf)
	case !ok:
		s.unqueue(a)
	case m.Event != nil:
		s.notify(a, m.Event, buf)
	default:
		s.data(a, &m, n, slot)
	}
}

// stepFailed tells, after an association's end, of one message that was not
// delivered; of no more if there is none, and then forgets the association.
func (s *socket) stepFailed(a *assoc, buf []byte) {
	if a.wants(snSendFailed) || a.wants(snSendFailedEvent) {
		var m dataplane.Message
		if n, ok := a.conn.TakeFailed(buf[maxSendFailed:proto.FrameSize+proto.PayloadMax], &m); ok {
			m.Data = buf[maxSendFailed : maxSendFailed+n]
			s.notifyFailed(a, &m, a.endCause(), buf)
			return
		}
	}
	s.finish(a, a.endErr)
}

// data writes a message, or a part of one, whose n bytes lie in slot behind the room
// for the header.
func (s *socket) data(a *assoc, m *dataplane.Message, n int, slot []byte) {
	f := proto.Frame{Kind: proto.FrameData, Flags: s.wanted, Length: uint32(n), AssocID: a.id, Stream: m.Stream, SSN: m.SSN,
		PPID: bits.ReverseBytes32(m.PPID), Context: a.settings.rcvContext, TSN: m.TSN, CumTSN: m.CumTSN}
	if m.Unordered {
		f.SinfoFlags = sndUnordered
	}
	if !a.refusing {
		f.OutStreams = a.outStreams
	}
	setAddr(&f, s.family, a.primary)
	s.promised = nil
	if m.More {
		s.partial = a
	} else if s.partial == a {
		s.partial = nil
	}
	s.announce(a, &f, m.More && n == proto.PayloadMax, m.More)
	if !m.More {
		f.Flags |= proto.FlagEOR
	}
	s.dataWritten = true
	s.write(proto.AppendFrame(slot[:0], &f)[:proto.FrameSize+n])
}

// announce says in a frame what follows it, if that is known: the rest of the message,
// or the next one.
func (s *socket) announce(a *assoc, f *proto.Frame, cut, more bool) {
	var m dataplane.Message
	if more && !cut || !a.conn.Next(&m) || m.Event != nil {
		return
	}
	if more {
		f.Flags |= proto.FlagMore
		s.promised = a
		return
	}
	if m.More {
		return
	}
	f.Flags |= proto.FlagNext
	f.NextStream, f.NextPPID, f.NextLength, f.NextAssocID = m.Stream, bits.ReverseBytes32(m.PPID), uint32(m.N), a.id
	if m.Unordered {
		f.NextFlags = sndUnordered
	}
	s.promised = a
}

// write sends a frame to the program, or keeps it.
func (s *socket) write(frame []byte) {
	switch {
	case s.lane == nil:
		s.toConnection(frame)
	case proto.FrameKind(frame[0]) == proto.FrameEnd:
		s.publish()
		s.toConnection(frame)
	case len(s.unsent) > 0 || !s.toLane(frame):
		s.keep(frame)
	}
}

// toConnection writes a frame to the data connection, or keeps it.
func (s *socket) toConnection(frame []byte) {
	if len(s.unsent) == 0 {
		switch err := unix.Send(s.fd, frame, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL); err {
		case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
		default:
			return // sent, or the program is gone, which epoll tells
		}
		s.wantWritable()
	}
	s.keep(frame)
}

func (s *socket) keep(frame []byte) {
	if len(s.unsent) < maxUnsent || s.endWritten {
		s.unsent = append(s.unsent, slices.Clone(frame))
	}
}

// flush sends what was kept; false if it is not all taken.
func (s *socket) flush() bool {
	for len(s.unsent) > 0 {
		if !s.flushOne(s.unsent[0]) {
			return false
		}
		s.unsent[0] = nil
		s.unsent = s.unsent[1:]
	}
	s.unsent = nil
	s.wakeReaders()
	return true
}

func (s *socket) flushOne(frame []byte) bool {
	kind := proto.FrameKind(frame[0])
	if s.lane != nil && kind != proto.FrameEnd && kind != proto.FrameBell {
		return s.toLane(frame)
	}
	switch err := unix.Send(s.fd, frame, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL); err {
	case unix.EAGAIN, unix.ENOBUFS, unix.EINTR:
		s.wantWritable()
		return false
	}
	return true
}

// wakeReaders has all threads of the program that wait in a receive look at the end: the
// frame alone wakes one, a shutdown all of them, be it the second.
func (s *socket) wakeReaders() {
	if s.endWritten && s.readShut {
		_ = unix.Shutdown(s.fd, unix.SHUT_RD)
	}
}

// endOfData gives the program EOF after what was delivered. That is a frame, not a
// shutdown of the data connection: with both directions shut the kernel would say no
// more when the program closes it.
func (s *socket) endOfData() {
	if s.endWritten {
		return
	}
	s.endWritten = true
	s.mark()
	s.write(proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameEnd}))
	s.flush()
}

// mark notes whether the program has read all messages so far; what follows is none.
func (s *socket) mark() {
	if s.lane != nil {
		s.dataWritten = s.dataWritten && s.lane.Down.Unread()
		return
	}
	if queued, err := unix.IoctlGetInt(s.fd, unix.SIOCOUTQ); err == nil && queued == 0 {
		s.dataWritten = false
	}
}

// wantWritable has writable called when the program has read enough.
func (s *socket) wantWritable() {
	if !s.wantsOut {
		s.wantsOut = true
		_ = s.pump.watch(s, unix.EPOLL_CTL_MOD, true)
	}
}

func (s *socket) writable(buf []byte) {
	if s.wantsOut {
		s.wantsOut = false
		_ = s.pump.watch(s, unix.EPOLL_CTL_MOD, false)
	}
	s.acceptMore()
	s.deliver(buf)
}
