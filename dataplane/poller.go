package dataplane

import (
	"sync"
	"sync/atomic"
)

// ReadyBits say what a connection or listener has become ready for.
type ReadyBits uint32

// The bits.
const (
	// ReadyAccept: Listener.TryAccept has something.
	ReadyAccept ReadyBits = 1 << iota
	// ReadyUp: the association came up.
	ReadyUp
	// ReadyReadable: TryRecv has something, be it io.EOF or another error.
	ReadyReadable
	// ReadyWritable: there is room again after TrySend found none. It comes with
	// ReadyUp too.
	ReadyWritable
	// ReadyRefusing: the peer shuts down and takes no more messages.
	ReadyRefusing
	// ReadyEnded: the association is gone; what had arrived can still be read.
	ReadyEnded
)

// Ready is a connection or a listener and what it has become ready for.
type Ready struct {
	Conn     *Conn
	Listener *Listener
	Token    any // that Watch was given
	Bits     ReadyBits
}

// Poller collects connections and listeners that have become ready, for a program that
// serves many of them from few goroutines. It is edge-triggered: what it tells once it
// does not tell again before there is more, so take until there is nothing. Sometimes
// there is nothing any more. Any goroutine may call any method; each Ready goes to one
// of those that ask.
//
// One that is ready is in the list once, whatever happens meanwhile: a worker pays an
// atomic load for those that nobody has asked about yet, and nothing is allocated.
type Poller struct {
	top    atomic.Pointer[watched] // pushed by workers, the last one first
	armed  atomic.Bool             // the list was found empty: the next push wakes
	wake   func()
	nudged atomic.Bool
	closed atomic.Bool
	token  chan struct{} // of Wait; capacity 1

	mu   sync.Mutex // of those who poll
	list *watched   // taken from top, the first one first
}

// watched is what a connection and a listener have for it.
type watched struct {
	by     atomic.Pointer[watching]
	bits   atomic.Uint32
	queued atomic.Bool // in a poller's list
	next   *watched    // of that list

	conn     *Conn // whose it is: one of these
	listener *Listener
}

type watching struct {
	poller *Poller
	token  any
}

// NewPoller makes a Poller. wake is called once, from whatever goroutine or worker, when
// something becomes ready after Poll gave nothing: it must be quick and not block. With
// nil use Wait.
func NewPoller(wake func()) *Poller {
	p := &Poller{wake: wake, token: make(chan struct{}, 1)}
	if wake == nil {
		p.wake = p.signal
	}
	return p
}

func (p *Poller) signal() {
	select {
	case p.token <- struct{}{}:
	default:
	}
}

// Watch has p told of the connection from now on, with what it is ready for already; nil
// ends it, but for one Ready that may be under way.
func (c *Conn) Watch(p *Poller, token any) { c.watched.watch(p, token) }

// Watch has p told when there is something to accept; see Conn.Watch.
func (l *Listener) Watch(p *Poller, token any) { l.watched.watch(p, token) }

func (w *watched) watch(p *Poller, token any) {
	if p == nil {
		w.by.Store(nil)
		return
	}
	w.by.Store(&watching{p, token})
	if w.bits.Load() != 0 { // raise, which sets them first, may have seen nobody
		w.enqueue(p)
	}
}

// raise tells that it has become ready. What makes it so is done before.
func (w *watched) raise(bits ReadyBits) {
	if w.bits.Load()&uint32(bits) == uint32(bits) {
		return // whoever is to be told has not looked yet
	}
	w.bits.Or(uint32(bits))
	if by := w.by.Load(); by != nil {
		w.enqueue(by.poller)
	}
}

func (w *watched) enqueue(p *Poller) {
	if !w.queued.CompareAndSwap(false, true) {
		return
	}
	for {
		top := p.top.Load()
		w.next = top
		if p.top.CompareAndSwap(top, w) {
			break
		}
	}
	if p.armed.Load() && p.armed.CompareAndSwap(true, false) {
		p.wake()
	}
}

// Poll fills out with what has become ready and returns how many. After 0 the next that
// becomes ready calls wake.
func (p *Poller) Poll(out []Ready) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.take(out)
	if n == 0 && len(out) > 0 {
		p.armed.Store(true)
		if n = p.take(out); n > 0 { // pushed before it could see that
			p.armed.Store(false)
		}
	}
	return n
}

func (p *Poller) take(out []Ready) (n int) {
	for n < len(out) {
		w := p.list
		if w == nil {
			if p.refill(); p.list == nil {
				return n
			}
			continue
		}
		p.list = w.next
		w.queued.Store(false) // before looking, so that what comes later is queued again
		by := w.by.Load()
		switch {
		case by == nil: // the bits wait for who watches next
		case by.poller != p:
			if w.bits.Load() != 0 {
				w.enqueue(by.poller)
			}
		default:
			if bits := w.bits.Swap(0); bits != 0 {
				out[n] = Ready{w.conn, w.listener, by.token, ReadyBits(bits)}
				n++
			}
		}
	}
	return n
}

// refill takes what was pushed, in that order.
func (p *Poller) refill() {
	for w := p.top.Swap(nil); w != nil; {
		next := w.next
		w.next = p.list
		p.list, w = w, next
	}
}

// Wait is Poll that waits until there is something. It gives 0 after Wake and Close. It is
// for a Poller without a wake of its own.
func (p *Poller) Wait(out []Ready) int {
	for {
		n := p.Poll(out)
		if n > 0 || p.nudged.Swap(false) || p.closed.Load() {
			return n
		}
		<-p.token
		if p.closed.Load() {
			p.signal() // for others that wait
		}
	}
}

// Wake has one Wait that finds nothing ready return, now or the next one.
func (p *Poller) Wake() {
	p.nudged.Store(true)
	p.signal()
}

// Close has every Wait that finds nothing ready return 0.
func (p *Poller) Close() {
	p.closed.Store(true)
	p.signal()
}
