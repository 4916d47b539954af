package sockets

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/lane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// laneRing is bytes of each ring of a lane: it stays in the processor's cache, and has room
// for the messages of a few turns.
const laneRing = 512 << 10

// shared is the lane of a busy socket, and what goes with it.
type shared struct {
	lane       *lane.Lane // nil: there is none
	held       []byte     // a frame of the data connection that what is in the lane comes before
	padded     bool       // the program wrote pads, and may want something
	drained    bool       // all of the data connection was read
	laneFull   bool       // the program reads too slowly
	watched    bool       // and it is looked after that
	corrupt    error      // what the program did to the lane
	rung       int        // how often the bell was found on
	suspicious bool       // whether it is there is being looked after
}

// lookAfter is how often the bell may be found on until it is looked whether it is there;
// bellWithin is how long who took it has to say so. fullFor is how long a lane is full until
// it is looked whether it still is: who should have told of the room may have died.
const (
	lookAfter  = 64
	bellWithin = 10 * time.Millisecond
	fullFor    = 100 * time.Millisecond
)

// mapLane gives the program the memory, which is made for the first that asks. With open it
// asks to write there, after all that it wrote to the data connection.
func (s *socket) mapLane(k *call) error {
	if k.ask.Level == 1 {
		if s.lane == nil {
			return unix.EINVAL
		}
		if s.drained {
			s.lane.Up.Open()
			k.rep.Value = 1
		}
		return nil
	}
	if s.lane == nil {
		if err := s.newLane(); err != nil {
			return err
		}
	}
	fd, err := unix.FcntlInt(uintptr(s.lane.File()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	k.pass, k.rep.Value = fd, int32(s.lane.Size())
	return nil
}

func (s *socket) newLane() error {
	switch {
	case s.phase == listening && s.style == oneToOne, s.phase == connecting, s.phase == ended, s.readShut, s.endWritten:
		return unix.EINVAL
	case len(s.unsent) > 0:
		return unix.EAGAIN
	case !s.server.charge(s.user, aLane, 1):
		return unix.ENOBUFS
	}
	l, err := lane.New(laneRing)
	if err != nil {
		s.server.release(s.user, aLane, 1)
		return err
	}
	s.lane = l // what the program is sent from here on is in the lane, behind a bell
	return nil
}

func (s *socket) closeLane() {
	if s.lane != nil {
		s.lane.Close()
		s.lane = nil
		s.server.release(s.user, aLane, 1)
	}
}

// fromLane deals with one message of the lane, or with the one that was held back until
// there are no more. False if there is none.
func (s *socket) fromLane(broken *error) bool {
	var f proto.Frame
	payload, ok, err := s.lane.Up.Next(&f)
	switch {
	case err != nil:
		*broken = err
		return true
	case ok:
		if *broken = s.receiveFrame(&f, payload); !s.closed {
			s.lane.Up.Take()
			s.lift()
		}
		return true
	case s.held != nil:
		b := s.held
		s.held = nil
		s.unbuffer(len(b))
		*broken = s.receive(b)
		return true
	}
	return false
}

// hold keeps a frame until the lane is empty.
func (s *socket) hold(b []byte) error {
	if !s.buffer(len(b)) {
		return errHeld
	}
	s.held = slices.Clone(b)
	return nil
}

// lift reads the pads of a program that waits for room, when there is.
func (s *socket) lift() {
	if !s.lane.Up.Lift() {
		return
	}
	var b [2]byte
	for range 4 * proto.PadsMax {
		n, _, err := unix.Recvfrom(s.fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err != nil || n != 1 {
			return
		}
		_, _ = unix.Read(s.fd, b[:])
		s.padded = true
	}
}

var errHeld = errors.New("the user's messages that wait are too many")

var bell = []byte{byte(proto.FrameBell)}

// slot is where the next frame is made: in the lane, if there is one, else in buf. Nil if it must wait
// until the program has read.
func (s *socket) slot(buf []byte) []byte {
	if s.lane == nil {
		return buf
	}
	slot, err := s.lane.Down.Slot()
	if err != nil && s.corrupt == nil {
		s.corrupt = err
		s.pump.again(s) // which ends the socket, when nobody uses the lane
	}
	if s.laneFull = slot == nil; s.laneFull {
		s.watchFull()
	}
	return slot
}

// watchFull looks from time to time whether a full lane has room again, or lacks its bell.
func (s *socket) watchFull() {
	if s.watched {
		return
	}
	s.watched = true
	time.AfterFunc(fullFor, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watched = false
		if s.laneFull && s.lane != nil && !s.closed {
			s.lookForBell()
			s.pump.again(s)
		}
	})
}

// toLane puts a frame, which may have been made in the slot, into the lane. False if there is no room.
func (s *socket) toLane(frame []byte) bool {
	slot := s.slot(nil)
	if slot == nil {
		return false
	}
	if &slot[0] != &frame[0] {
		copy(slot, frame)
	}
	s.lane.Down.Commit(len(frame))
	if s.lane.Down.Hidden() > laneRing/8 {
		s.publish()
	}
	return true
}

// publish shows the program what is in the lane. The bell comes first: who sees it then has
// something to read at once, and who reads it all then finds the bell to take off.
func (s *socket) publish() {
	if s.lane == nil || s.closed || s.lane.Down.Hidden() == 0 {
		return
	}
	if s.lane.Down.Ring() {
		s.ring()
	} else if s.rung++; s.rung%lookAfter == 0 {
		defer s.lookForBell()
	}
	if s.lane.Down.Publish() {
		s.ring()
	}
}

func (s *socket) ring() { s.toConnection(bell) }

// lookForBell rings if there is something to read and the bell is off. If it is on, but not
// in the program's queue, then who took it is about to say so, or has died.
func (s *socket) lookForBell() {
	switch {
	case s.lane == nil || s.closed || !s.lane.Down.Unread() && !s.endWritten:
	case s.endWritten:
		if s.queueEmpty() { // somebody took the end for a bell
			s.toConnection(proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameEnd}))
		}
	case s.lane.Down.Ring():
		s.ring()
	case !s.suspicious && s.queueEmpty():
		s.suspicious = true
		read := s.lane.Down.Read()
		time.AfterFunc(bellWithin, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.suspicious = false
			if s.lane != nil && s.lane.Down.Unread() && s.lane.Down.Read() == read && s.queueEmpty() {
				s.ring()
			}
		})
	}
}

// queueEmpty tells whether the program's queue has neither bell nor end.
func (s *socket) queueEmpty() bool {
	queued, err := unix.IoctlGetInt(s.fd, unix.SIOCOUTQ)
	return err == nil && queued == 0
}

// attend goes on with what the program may have written a pad for, read or not.
func (s *socket) attend(buf []byte) {
	s.padded = false
	if s.lane == nil || s.closed {
		return
	}
	s.lookForBell()
	if s.laneFull {
		s.deliver(buf)
	}
}
