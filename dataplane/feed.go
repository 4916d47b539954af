package dataplane

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Feed is what happens from when it was asked for. What finds a channel full is dropped and
// counted: nobody waits for who reads it. Both channels are closed by Close and by the
// dataplane's.
type Feed struct {
	Paths <-chan PathEvent // of all associations
	Ports <-chan PortEvent

	d       *Dataplane
	paths   chan PathEvent
	ports   chan PortEvent
	dropped atomic.Uint64
}

// PortEvent tells that a port's link changed, or an address of ours on it.
type PortEvent struct {
	Port string
	At   sctpcore.Time // of the dataplane's clock
	Link nic.Link
	Addr netip.Addr         // not valid: it was the link
	Op   sctpcore.AddressOp // what was done with Addr
}

// portEvents is the capacity of Feed.Ports.
const portEvents = 256

// Subscribe returns a Feed with room for n path events.
func (d *Dataplane) Subscribe(n int) *Feed {
	s := newFeed(n)
	s.d, s.ports = d, make(chan PortEvent, portEvents)
	s.Ports = s.ports
	f := &d.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		s.end()
		return s
	}
	f.subs = append(f.subs, s)
	f.asked.Store(true)
	return s
}

func newFeed(n int) *Feed {
	ch := make(chan PathEvent, max(n, 1))
	return &Feed{Paths: ch, paths: ch}
}

// Dropped is how many events this feed had no room for.
func (s *Feed) Dropped() uint64 { return s.dropped.Load() }

// Close ends the feed. Close again does nothing.
func (s *Feed) Close() {
	f := &s.d.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.subs, s); i >= 0 {
		f.subs = slices.Delete(f.subs, i, i+1)
		f.asked.Store(len(f.subs) > 0)
		s.end()
	}
}

func (s *Feed) end() {
	close(s.paths)
	if s.ports != nil {
		close(s.ports)
	}
}

// Events returns a channel of capacity n that gets the connection's path events
// from now on; an event that finds it full is dropped and counted in
// Stats.EventsDropped. The channel is closed when the association ends.
func (c *Conn) Events(n int) <-chan PathEvent {
	s := newFeed(n)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() {
		s.end()
		return s.Paths
	}
	c.subs = append(c.subs, s)
	return s.Paths
}

// feed hands events of all workers to those who asked for them.
type feed struct {
	asked   atomic.Bool // spares the workers the lock
	dropped atomic.Uint64
	mu      sync.Mutex
	closed  bool
	subs    []*Feed
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, s := range f.subs {
		s.end()
	}
	f.subs = nil
}

func (f *feed) offer(subs []*Feed, e *PathEvent) {
	for _, s := range subs {
		select {
		case s.paths <- *e:
		default:
			s.drop(f)
		}
	}
}

func (s *Feed) drop(f *feed) {
	s.dropped.Add(1)
	f.dropped.Add(1)
}

func (f *feed) tell(e *PathEvent) {
	if !f.asked.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.offer(f.subs, e)
}

func (f *feed) tellPort(e *PortEvent) {
	if !f.asked.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subs {
		select {
		case s.ports <- *e:
		default:
			s.drop(f)
		}
	}
}
