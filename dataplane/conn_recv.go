package dataplane

import (
	"io"
	"net"
)

// Recv waits for one message and copies it, or as much as fits, into b; a
// longer message goes on with the next call (m.More). At the peer's shutdown
// it returns io.EOF; when the association broke, an *AssocError after what had
// arrived. ErrPartialAborted says that the message which was to go on (m.More) ends
// unfinished; what follows it can be received. Of m everything but Data is set; m
// may be nil.
func (c *Conn) Recv(b []byte, m *Message) (int, error) {
	var one [1]Message
	one[0].Data = b
	_, err := c.RecvBatch(one[:])
	if m != nil && err == nil {
		data := m.Data
		*m = one[0]
		m.Data = data
	}
	return one[0].N, err
}

// RecvBatch waits for the first message and takes as many as are there; it
// returns how many it filled. The errors are those of Recv.
func (c *Conn) RecvBatch(msgs []Message) (int, error) {
	n, err := c.TryRecvBatch(msgs)
	if n > 0 || err != nil || len(msgs) == 0 {
		return n, err
	}
	r := &c.in
	r.ready.asleep.Add(1)
	defer r.ready.signal()
	defer r.ready.asleep.Add(-1)
	passed := r.deadline.passed()
	for {
		if n, err = c.TryRecvBatch(msgs); n > 0 || err != nil {
			return n, err
		}
		select {
		case <-r.ready.wake:
		case <-passed:
			passed = r.deadline.passed()
		case <-c.closing:
		}
	}
}

// TryRecv is Recv that does not wait: ok is false when there is nothing. Events that were
// asked for come in their places, an EventDown perhaps after io.EOF.
func (c *Conn) TryRecv(b []byte, m *Message) (n int, ok bool, err error) {
	var one [1]Message
	one[0].Data = b
	got, err := c.TryRecvBatch(one[:])
	if got == 0 {
		return 0, false, err
	}
	if m != nil {
		data := m.Data
		*m = one[0]
		m.Data = data
	}
	return one[0].N, true, nil
}

// TryRecvBatch is RecvBatch that does not wait: 0 and no error when there is
// nothing.
func (c *Conn) TryRecvBatch(msgs []Message) (int, error) {
	r := &c.in
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	if err := r.deadline.err(); err != nil {
		return 0, err
	}
	ended := r.ended.Load() // before looking: what came last is still seen
	r.mu.Lock()
	n, err := r.take(msgs)
	kick := r.unstall()
	r.mu.Unlock()
	if kick {
		c.kick()
	}
	if n == 0 && err == nil && ended {
		return 0, c.endOf(io.EOF)
	}
	return n, err
}

// describe sets a message's attributes to what a received record says.
func (h *record) describe(m *Message) {
	m.Stream, m.SSN, m.PPID, m.TSN, m.CumTSN = h.stream, h.ssn, h.ppid, h.tsn, h.cum
	m.Unordered, m.More, m.Event = h.flags&recUnordered != 0, h.flags&recMore != 0, nil
}

// take fills msgs from the ring.
func (r *receiver) take(msgs []Message) (n int, err error) {
	r.begin()
	for n < len(msgs) {
		h, payload, ok := r.ring.next()
		m := &msgs[n]
		if e := r.events.take(r.taken); e != nil {
			*m = Message{Data: m.Data, Event: e}
			n++
			continue
		}
		if !ok {
			break
		}
		if h.flags&recAborted != 0 {
			if n == 0 {
				err = ErrPartialAborted
				r.skip(&h)
			}
			break
		}
		if len(m.Data) == 0 {
			err = io.ErrShortBuffer
			break
		}
		m.N = copy(m.Data, payload[r.off:])
		h.describe(m)
		if r.off += m.N; r.off < len(payload) {
			m.More = true
		} else {
			r.skip(&h)
		}
		n++
	}
	r.ring.release()
	if n > 0 {
		err = nil
	}
	return n, err
}

// Next says of what TryRecv would give next all but the data: N is the bytes that are there
// of the message, More whether it goes on behind them; Event is one that comes first.
// False if there is nothing, or the end of a message that was cut short.
func (c *Conn) Next(m *Message) bool {
	r := &c.in
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin()
	h, payload, ok := r.ring.next()
	if e := r.events.first(r.taken); e != nil {
		*m = Message{Event: e}
		return true
	}
	if !ok || h.flags&recAborted != 0 {
		return false
	}
	*m = Message{N: len(payload) - r.off}
	h.describe(m)
	return true
}

// begin finds the ring when the worker has put something into it.
func (r *receiver) begin() {
	if r.ring.seg == nil {
		r.ring.seg = r.first.Load()
	}
}

// skip moves on behind the record at the cursor.
func (r *receiver) skip(h *record) {
	r.ring.skip(h)
	r.off = 0
	r.taken++
}

// unstall tells whether the worker waits for room and half of the ring is free
// now: kicking it for less would cost more than it moves.
func (r *receiver) unstall() bool {
	if !r.stalled.Load() || r.ring.seg == nil || r.ring.seg.next.Load() != nil {
		return false
	}
	size := len(r.ring.seg.buf)
	if int(r.ring.seg.tail.Load()-r.ring.pos) > size/2 {
		return false
	}
	return r.stalled.CompareAndSwap(true, false)
}
