package perf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

const (
	batchBytes = 256 << 10 // of a batch of messages, so that long ones stay few
	maxBatch   = 64        // messages of a batch
	// patience is how long after the end of a run the rest of the data and the
	// report may take.
	patience = 30 * time.Second
)

// counter counts one direction; the session's goroutines write, the reporter reads.
type counter struct {
	messages, bytes atomic.Uint64
	first, last     atomic.Int64 // nanoseconds of the first and the last message since the session began
}

func (c *counter) add(messages int, bytes uint64, at time.Duration) {
	if messages > 0 {
		c.first.CompareAndSwap(0, int64(at))
		c.last.Store(int64(at))
	}
	c.bytes.Add(bytes) // before the messages: who has seen those has seen their bytes
	c.messages.Add(uint64(messages))
}

func (c *counter) totals(cpu time.Duration) Totals {
	return Totals{
		Messages: c.messages.Load(), Bytes: c.bytes.Load(), CPUSeconds: cpu.Seconds(),
		Seconds: time.Duration(c.last.Load() - c.first.Load()).Seconds(),
	}
}

// Session is one association of a run, on either side.
type Session struct {
	conn  *dataplane.Conn
	h     hello
	start time.Time
	cpu0  time.Duration

	tx, rx  counter
	ends    chan Totals // the peer's end: what it sent
	reports chan Totals // the peer's report: what it received
	broken  chan error  // why the receiving goroutine ended; nil after a graceful shutdown
}

func newSession(conn *dataplane.Conn, h hello) *Session {
	return &Session{
		conn: conn, h: h, start: time.Now(), cpu0: cpuTime(),
		ends: make(chan Totals, 1), reports: make(chan Totals, 1), broken: make(chan error, 1),
	}
}

// send writes data for the time of the hello, or until stop is closed, but one batch
// at least, and then the end message.
func (s *Session) send(stop <-chan struct{}) error {
	n := max(1, min(maxBatch, batchBytes/s.h.Length))
	payload := make([]byte, s.h.Length)
	for i := range payload {
		payload[i] = byte(i)
	}
	batch := make([]dataplane.Message, n)
	stream := 0
	until := s.start.Add(time.Duration(s.h.Seconds * float64(time.Second)))
	for stopped := false; !stopped; {
		for i := range batch {
			batch[i] = dataplane.Message{Data: payload, Stream: uint16(stream), PPID: ppidData, Unordered: s.h.Unordered}
			stream = (stream + 1) % s.h.Streams
		}
		for todo := batch; len(todo) > 0; {
			took, err := s.conn.SendBatch(todo)
			s.tx.add(took, uint64(took*s.h.Length), time.Since(s.start))
			if err != nil {
				return fmt.Errorf("send: %w", err)
			}
			todo = todo[took:]
		}
		select {
		case <-stop:
			stopped = true
		default:
			stopped = !time.Now().Before(until)
		}
	}
	t := s.tx.totals(cpuTime() - s.cpu0)
	t.Retransmissions = s.retransmissions()
	return sendControl(s.conn, ppidEnd, t)
}

// receive counts data and passes control messages on until the peer's shutdown.
func (s *Session) receive() {
	n := max(1, min(maxBatch, batchBytes/s.h.Length))
	room := max(s.h.Length, maxControl)
	batch := make([]dataplane.Message, n)
	for i := range batch {
		batch[i].Data = make([]byte, room)
	}
	for {
		got, err := s.conn.RecvBatch(batch)
		if cerr := s.take(batch[:got]); cerr != nil && err == nil {
			err = cerr
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			s.broken <- err
			return
		}
	}
}

func (s *Session) take(batch []dataplane.Message) error {
	messages, bytes := 0, uint64(0)
	var control error
	for i := range batch {
		m := &batch[i]
		if m.PPID == ppidData {
			bytes += uint64(m.N)
			if !m.More {
				messages++
			}
			continue
		}
		if err := s.control(m); err != nil {
			control = err
		}
	}
	s.rx.add(messages, bytes, time.Since(s.start))
	return control
}

// control takes in an end or a report; a second one of either is an error, so
// that no peer can make this block.
func (s *Session) control(m *dataplane.Message) error {
	to := map[uint32]chan Totals{ppidEnd: s.ends, ppidReport: s.reports}[m.PPID]
	if to == nil || m.More {
		return fmt.Errorf("a message that does not belong here: PPID %#x", m.PPID)
	}
	var t Totals
	if err := json.Unmarshal(m.Data[:m.N], &t); err != nil {
		return fmt.Errorf("a malformed control message: %w", err)
	}
	select {
	case to <- t:
		return nil
	default:
		return fmt.Errorf("a control message came twice")
	}
}

// awaitAll waits until all that the peer said it sent has come, and reports it back.
func (s *Session) awaitAll() (peer, own Totals, err error) {
	if peer, err = s.await(s.ends, "the end of the peer's data"); err != nil {
		return peer, own, err
	}
	deadline := time.Now().Add(patience)
	for s.rx.messages.Load() < peer.Messages && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	own = s.rx.totals(cpuTime() - s.cpu0)
	if own.Messages != peer.Messages || own.Bytes != peer.Bytes {
		err = fmt.Errorf("the peer sent %d messages of %d bytes in all, %d of %d bytes came", peer.Messages, peer.Bytes, own.Messages, own.Bytes)
		return peer, own, err
	}
	return peer, own, sendControl(s.conn, ppidReport, own)
}

func (s *Session) await(from <-chan Totals, what string) (Totals, error) {
	timeout := time.NewTimer(time.Duration(s.h.Seconds*float64(time.Second)) + patience)
	defer timeout.Stop()
	select {
	case t := <-from:
		return t, nil
	case err := <-s.broken:
		s.broken <- err
		select {
		case t := <-from:
			return t, nil
		default:
		}
		if err == nil {
			err = errors.New("the peer closed the association")
		}
		return Totals{}, fmt.Errorf("waiting for %s: %w", what, err)
	case <-timeout.C:
		return Totals{}, fmt.Errorf("waiting for %s: nothing came for %v after the run", what, patience)
	}
}

// retransmissions is the association's count of chunks sent again.
func (s *Session) retransmissions() uint64 {
	info, err := s.conn.Info()
	if err != nil {
		return 0
	}
	return info.RetransmittedChunks
}
