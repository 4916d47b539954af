package rig

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// Batch is how many messages go with one call of SendBatch or RecvBatch.
const Batch = 64

// Batches makes count messages with room for size bytes each.
func Batches(count, size int) []dataplane.Message {
	msgs, slab := make([]dataplane.Message, count), make([]byte, count*size)
	for i := range msgs {
		msgs[i].Data = slab[i*size : (i+1)*size : (i+1)*size]
	}
	return msgs
}

// Load is messages of one size, as many as go, from every client to its
// server; a goroutine sends and another receives for each association.
type Load struct {
	rig      *Rig
	size     int
	first    int     // association; those before it have no load
	rate     float64 // messages per second of each association, 0 is as many as go
	ends     []flow
	stop     atomic.Bool
	sending  sync.WaitGroup
	reading  sync.WaitGroup
	mu       sync.Mutex
	failures []error
}

// flow counts one association's messages.
type flow struct {
	sent     atomic.Uint64
	_        [120]byte
	received atomic.Uint64
	_        [120]byte
}

// StartLoad starts a load of messages of size bytes. Stop it before Close.
func (r *Rig) StartLoad(size int) *Load { return (&Load{rig: r, size: size}).start() }

// StartPaced is StartLoad on every association but the first, with rate messages
// per second on all of them together.
func (r *Rig) StartPaced(size int, rate float64) *Load {
	return (&Load{rig: r, size: size, first: 1, rate: rate / float64(len(r.Client)-1)}).start()
}

func (l *Load) start() *Load {
	l.ends = make([]flow, len(l.rig.Client))
	for i := l.first; i < len(l.ends); i++ {
		l.sending.Go(func() { l.fail(l.send(i)) })
		l.reading.Go(func() { l.fail(l.receive(i)) })
	}
	return l
}

func (l *Load) fail(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, err)
}

func (l *Load) send(i int) error {
	msgs := Batches(Batch, l.size)
	for begun := time.Now(); !l.stop.Load(); {
		due := Batch
		if l.rate > 0 {
			if due = int(l.rate*time.Since(begun).Seconds()) - int(l.ends[i].sent.Load()); due <= 0 {
				time.Sleep(pace)
				continue
			}
		}
		n, err := l.rig.Client[i].SendBatch(msgs[:min(due, Batch)])
		if err != nil {
			return fmt.Errorf("association %d, sending: %w", i, err)
		}
		l.ends[i].sent.Add(uint64(n))
	}
	return nil
}

func (l *Load) receive(i int) error {
	msgs := Batches(Batch, l.size)
	for !l.stop.Load() || l.ends[i].received.Load() < l.ends[i].sent.Load() {
		n, err := l.rig.Server[i].RecvBatch(msgs)
		if err != nil {
			return fmt.Errorf("association %d, receiving: %w", i, err)
		}
		whole := 0
		for j := range msgs[:n] {
			if !msgs[j].More {
				whole++
			}
		}
		l.ends[i].received.Add(uint64(whole))
	}
	return nil
}

// Sent is how many messages the send rings have taken so far.
func (l *Load) Sent() (n uint64) {
	for i := range l.ends {
		n += l.ends[i].sent.Load()
	}
	return n
}

// Received is how many messages have been read so far.
func (l *Load) Received() (n uint64) {
	for i := range l.ends {
		n += l.ends[i].received.Load()
	}
	return n
}

// pace is how long a load waits for its next messages to be due.
const pace = 50 * time.Microsecond

// stopLimit is how long what was sent may take to arrive.
const stopLimit = 60 * time.Second

// Stop ends the load, waits until all that was sent has arrived, and gives
// the errors of its goroutines.
func (l *Load) Stop() error {
	l.stop.Store(true)
	l.sending.Wait()
	for i := l.first; i < len(l.ends); i++ { // one message more, for a reader that waits with nothing left to come
		if err := l.rig.Client[i].Send([]byte{0}, nil); err == nil {
			l.ends[i].sent.Add(1)
		}
	}
	late := time.AfterFunc(stopLimit, func() {
		for _, s := range l.rig.Server {
			_ = s.SetReadDeadline(time.Now())
		}
	})
	l.reading.Wait()
	late.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.failures...)
}

// Sample is what a load did in a span of time.
type Sample struct {
	Messages uint64 // read by the servers
	Bytes    uint64 // of payload
	Packets  uint64 // sent by both sides, SACKs and all
	Resent   uint64 // DATA chunks sent again by side A
	Wall     time.Duration
	CPU      time.Duration // of the process: both sides, workers and applications
}

// Rate is messages per second.
func (s Sample) Rate() float64 { return float64(s.Messages) / s.Wall.Seconds() }

// Gbits is the rate of the payload in Gbit/s.
func (s Sample) Gbits() float64 { return float64(s.Bytes) * 8 / s.Wall.Seconds() / 1e9 }

// PerMessage is the CPU time per message in nanoseconds, both sides.
func (s Sample) PerMessage() float64 {
	return float64(s.CPU.Nanoseconds()) / float64(max(s.Messages, 1))
}

// meter takes the difference that a span of time makes.
type meter struct {
	rig      *Rig
	received func() uint64
	at       time.Time
	from     Sample // all but Bytes and Wall, counted from the rig's beginning
}

func (r *Rig) begin(received func() uint64) meter {
	m := meter{rig: r, received: received}
	m.from, m.at = m.count(), time.Now()
	return m
}

func (m *meter) count() Sample {
	return Sample{Messages: m.received(), Packets: m.rig.packets(), Resent: m.rig.resent(), CPU: CPUTime()}
}

// end gives what has happened since, with messages of size bytes.
func (m *meter) end(size int) Sample {
	s, wall := m.count(), time.Since(m.at)
	s.Messages -= m.from.Messages
	s.Packets -= m.from.Packets
	s.Resent -= m.from.Resent
	s.CPU -= m.from.CPU
	s.Wall, s.Bytes = wall, s.Messages*uint64(size)
	return s
}

// over is end after a span of time, or longer: until a message has come, stopLimit at most.
func (m *meter) over(span time.Duration, size int) (s Sample, err error) {
	for time.Sleep(span); ; time.Sleep(look) {
		s = m.end(size)
		switch {
		case s.Messages > 0:
			return s, nil
		case s.Wall > span+stopLimit:
			return s, fmt.Errorf("rig: no message arrived over %s within %v", m.rig.opt.Kind, s.Wall)
		}
	}
}

// Measure puts a load on the rig, lets it run warm, and measures for span.
func (r *Rig) Measure(size int, warm, span time.Duration) (Sample, error) {
	l := r.StartLoad(size)
	time.Sleep(warm)
	m := r.begin(l.Received)
	s, err := m.over(span, size)
	return s, errors.Join(l.Stop(), err)
}

func (r *Rig) packets() (n uint64) {
	for _, c := range r.Cables {
		for _, p := range c.Ends {
			n += p.Stats().TxPackets
		}
	}
	return n
}

func (r *Rig) resent() uint64 { return r.Dataplanes[A].Stats().Core.RetransmittedChunks }
