package demo

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

const (
	sendBatch = 16 // messages per SendBatch: 32 KiB on average
	recvBatch = 32 // messages per RecvBatch
	pacing    = 2 * time.Millisecond
)

// totals are what the view shows while the traffic runs.
type totals struct {
	sent, received, bytes atomic.Uint64
	last, pause           atomic.Int64 // nanoseconds: when something came, and the longest time without since takePause
}

// came marks that something was received.
func (t *totals) came(now time.Time) {
	last := t.last.Swap(now.UnixNano())
	if gap := now.UnixNano() - last; last != 0 && gap > t.pause.Load() {
		t.pause.Store(gap)
	}
}

// takePause is the longest time without a message that ended since it was last asked.
func (t *totals) takePause() time.Duration { return time.Duration(t.pause.Swap(0)) }

// sender writes numbered messages to every stream in turn until stop is closed
// or limit is reached, but some at least; it runs in one goroutine.
type sender struct {
	conn   *dataplane.Conn
	sent   []uint64 // messages per stream; read it after run has returned
	rate   int      // messages per second, 0 is as many as go
	limit  uint64   // messages in all, 0 is no limit
	totals *totals
}

func (s *sender) run(stop <-chan struct{}) error {
	batch := make([]dataplane.Message, sendBatch)
	rooms := make([][]byte, sendBatch)
	for i := range rooms {
		rooms[i] = make([]byte, maxLen)
	}
	start := time.Now()
	for total := uint64(0); s.limit == 0 || total < s.limit; {
		select {
		case <-stop:
			if total > 0 {
				return nil
			}
		default:
		}
		n := s.due(start, total)
		if n == 0 {
			time.Sleep(pacing)
			continue
		}
		s.fill(batch[:n], rooms)
		for todo := batch[:n]; len(todo) > 0; {
			took, err := s.conn.SendBatch(todo)
			for _, m := range todo[:took] {
				s.sent[m.Stream]++
			}
			s.totals.sent.Add(uint64(took))
			if err != nil {
				return fmt.Errorf("send: %w", err)
			}
			todo = todo[took:]
		}
		total += uint64(n)
	}
	return nil
}

// due is how many messages may be sent now.
func (s *sender) due(start time.Time, total uint64) int {
	n := uint64(sendBatch)
	if s.limit > 0 {
		n = min(n, s.limit-total)
	}
	if s.rate > 0 {
		allowed := uint64(time.Since(start).Seconds() * float64(s.rate))
		n = min(n, max(allowed, total)-total)
	}
	return int(n)
}

// fill makes the next messages; those of a batch go to the streams in turn.
func (s *sender) fill(batch []dataplane.Message, rooms [][]byte) {
	ahead := make([]uint64, len(s.sent))
	first := int(s.totals.sent.Load() % uint64(len(s.sent)))
	for i := range batch {
		stream := (first + i) % len(s.sent)
		b := putMessage(rooms[i], uint16(stream), s.sent[stream]+ahead[stream])
		ahead[stream]++
		batch[i] = dataplane.Message{Data: b, Stream: uint16(stream), PPID: magic}
	}
}

// receive checks every message of conn until the peer's shutdown, and returns
// nil then; it runs in one goroutine.
func receive(conn *dataplane.Conn, v *Verifier, t *totals) error {
	batch := make([]dataplane.Message, recvBatch)
	for i := range batch {
		batch[i].Data = make([]byte, maxLen)
	}
	var part []byte // of a message that goes on: its rest comes next
	for {
		n, err := conn.RecvBatch(batch)
		if n > 0 {
			t.came(time.Now())
		}
		for i := range batch[:n] {
			m := &batch[i]
			msg := m.Data[:m.N]
			t.bytes.Add(uint64(m.N))
			if m.More || len(part) > 0 {
				part = append(part, msg...)
				if m.More {
					continue
				}
				msg, part = part, part[:0]
			}
			v.Check(m.Stream, msg)
			t.received.Add(1)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("receive: %w", err)
		}
	}
}
