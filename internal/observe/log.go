package observe

import (
	"context"
	"io"
	"sync"
	"time"
)

// maxEvents is how many events a Log keeps.
const maxEvents = 4096

// Log is the latest events, in a ring. Who writes never waits for who reads. Any goroutine
// may call any method.
type Log struct {
	mu     sync.Mutex
	ring   []Event
	last   uint64        // Seq of the last one
	more   chan struct{} // closed when there is more; nil if nobody waits
	closed bool
}

func newLog() *Log { return &Log{} }

// Add writes an event, whose Seq it sets, and whose Time if that is not set. After the
// Observer's Close it does nothing.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	l.last++
	e.Seq = l.last
	if len(l.ring) < maxEvents {
		l.ring = append(l.ring, e)
	} else {
		l.ring[(l.last-1)%maxEvents] = e
	}
	l.wake()
}

// wake has who waits look again.
func (l *Log) wake() {
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
}

func (l *Log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

// Follow reads the events after the one of that Seq, 0 for all that are kept. A Seq that
// has not been reached is of another life of the daemon: it reads all, too.
func (l *Log) Follow(since uint64) *Follower {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since > l.last {
		since = 0
	}
	if since == 0 {
		since = l.last - uint64(len(l.ring))
	}
	return &Follower{l, since}
}

// Last is the Seq of the latest event, 0 before the first: Follow(Last()) reads what is
// to come.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Follower reads a Log at its own pace; one goroutine may use it. Where it was too slow
// there is an event KindMissed, with Count, the time of the next event and no Seq, in
// place of those that it missed.
type Follower struct {
	log  *Log
	seen uint64 // Seq of the last one
}

// Poll fills out with the next events and tells how many; 0 if there are none now.
func (f *Follower) Poll(out []Event) int {
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	return f.poll(out)
}

func (f *Follower) poll(out []Event) (n int) {
	l := f.log
	if oldest := l.last - uint64(len(l.ring)); f.seen < oldest && len(out) > 0 {
		out[0] = Event{Kind: KindMissed, Time: l.ring[oldest%uint64(len(l.ring))].Time, Count: oldest - f.seen}
		f.seen, n = oldest, 1
	}
	for n < len(out) && f.seen < l.last {
		out[n] = l.ring[f.seen%maxEvents]
		f.seen++
		n++
	}
	return n
}

// Next is Poll that waits for an event. Its errors are ctx's, and io.EOF after the last
// event of a Log that is closed.
func (f *Follower) Next(ctx context.Context, out []Event) (int, error) {
	for {
		f.log.mu.Lock()
		n, closed := f.poll(out), f.log.closed
		if n == 0 && !closed && f.log.more == nil {
			f.log.more = make(chan struct{})
		}
		more := f.log.more
		f.log.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case closed:
			return 0, io.EOF
		}
		select {
		case <-more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
