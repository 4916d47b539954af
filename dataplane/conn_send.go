package dataplane

import (
	"net"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Send queues one message, waiting for room in the send buffer as long as the
// write deadline allows. The bytes are copied: b may be reused at once. Of m
// (nil: stream 0, PPID 0, ordered) Stream, PPID, Context, Unordered, SackNow and Via count.
func (c *Conn) Send(b []byte, m *Message) error {
	var one [1]Message
	if m != nil {
		one[0] = *m
	}
	one[0].Data = b
	_, err := c.SendBatch(one[:])
	return err
}

// SendBatch queues messages until the send buffer is full, waiting only for the
// first; it returns how many it took. The errors are net.ErrClosed,
// os.ErrDeadlineExceeded, ErrShutdown, an *AssocError, and for the message
// msgs[n] that it stopped at sctpcore.ErrEmpty, ErrStream or ErrMessageTooLong.
func (c *Conn) SendBatch(msgs []Message) (int, error) {
	n, err := c.TrySendBatch(msgs)
	if n > 0 || err != nil || len(msgs) == 0 {
		return n, err
	}
	s := &c.out
	s.room.asleep.Add(1)
	defer s.room.signal()
	defer s.room.asleep.Add(-1)
	passed := s.deadline.passed()
	for {
		if n, err = c.TrySendBatch(msgs); n > 0 || err != nil {
			return n, err
		}
		select {
		case <-s.room.wake:
		case <-passed:
			passed = s.deadline.passed()
		case <-c.closing:
		case <-c.done:
		}
	}
}

// TrySend is Send that does not wait: false when the send buffer has no room for the
// message. When half of it is free a Poller gets ReadyWritable.
func (c *Conn) TrySend(b []byte, m *Message) (bool, error) {
	var one [1]Message
	if m != nil {
		one[0] = *m
	}
	one[0].Data = b
	n, err := c.TrySendBatch(one[:])
	return n == 1, err
}

// TrySendBatch is SendBatch that does not wait: 0 and no error when the send
// buffer is full; see TrySend.
func (c *Conn) TrySendBatch(msgs []Message) (int, error) {
	s := &c.out
	s.mu.Lock()
	n, err := 0, c.sendable()
	for err == nil && n < len(msgs) {
		var full bool
		if full, err = c.queue(&msgs[n]); err != nil {
			break
		}
		if full {
			if s.wanting.Swap(true) {
				break
			}
			continue // the worker may have made room before it could see that
		}
		n++
	}
	dirty := s.ring.dirty() // a full ring may have got padding
	if dirty {
		s.ring.commit()
	}
	s.mu.Unlock()
	if dirty {
		c.kick()
	}
	return n, err
}

// sendable is why nothing may be sent.
func (c *Conn) sendable() error {
	switch {
	case c.closed.Load(), c.finished.Load():
		return net.ErrClosed
	case c.ended.Load(), c.refusing.Load():
		return c.endOf(ErrShutdown)
	}
	return c.out.deadline.err()
}

// queue puts a message into the ring, uncommitted.
func (c *Conn) queue(m *Message) (full bool, err error) {
	s := &c.out
	n := len(m.Data)
	switch streams := s.streams.Load(); {
	case n == 0:
		return false, sctpcore.ErrEmpty
	case n > c.limit || !s.ring.fits(n):
		return false, sctpcore.ErrMessageTooLong
	case streams != 0 && uint32(m.Stream) >= streams:
		return false, sctpcore.ErrStream
	}
	room := s.roomFor(n)
	if room == nil {
		return true, nil
	}
	copy(room, m.Data)
	r := record{size: uint32(n), stream: m.Stream, ppid: m.PPID, tsn: m.Context, cum: uint32(m.Via)}
	if m.Unordered {
		r.flags |= recUnordered
	}
	if m.SackNow {
		r.flags |= recSackNow
	}
	s.ring.put(&r)
	return false, nil
}

func (s *sender) roomFor(n int) []byte {
	if s.ring.seg == nil {
		s.ring.grow(n)
		s.first.Store(s.ring.seg)
	}
	room := s.ring.reserve(n)
	if room == nil && s.ring.grow(n) {
		room = s.ring.reserve(n)
	}
	return room
}

// ringSize is the power of two at or above want, or usual if want is 0, with
// room for at least the smallest segment.
func ringSize(want, usual int) int {
	if want <= 0 {
		want = usual
	}
	size := minSegment
	for size < want {
		size *= 2
	}
	return size
}
