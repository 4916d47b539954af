package dataplane

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Message is one user message with its SCTP attributes, for SendBatch and
// RecvBatch. On send Data[:N] is ignored and all of Data is the message; on
// receive Data is the room and N the length that was put in it.
type Message struct {
	Data      []byte
	N         int
	Stream    uint16
	SSN       uint16 // receive only
	PPID      uint32
	TSN       uint32 // receive only: of the first fragment
	CumTSN    uint32 // receive only: the highest received in sequence when it was taken in
	Context   uint32 // send only: comes back with a message that fails
	Unordered bool
	SackNow   bool // send only
	// Via, send only, is which of RemoteAddr's IPs, counted from 1, it is sent to first, as
	// long as that works; 0 is where all messages go.
	Via  uint8
	More bool // receive only: the message goes on in the next one
	Sent bool // of one that failed: some of it was sent
	// Event is set where an event has its place in the queue of received messages
	// (AssocOptions.Events); then nothing else is.
	Event *PathEvent
}

// Conn is one association. Any goroutine may call any method.
//
// Messages to send go through a ring of records that the worker hands to the
// core without copying them again; received ones come through another. What is
// not read stays in the core and closes the peer's window.
type Conn struct {
	d       *Dataplane
	w       *worker
	limit   int // bytes: the longest message
	settled chan struct{}
	closing chan struct{} // closed by Close and Abort
	done    chan struct{}

	out sender
	in  receiver

	closed   atomic.Bool // the application is through with it
	ended    atomic.Bool // the association is gone; endErr is set
	refusing atomic.Bool // the peer shuts down: no more messages
	finished atomic.Bool // CloseWrite: the application sends no more
	_        linePad
	kicked   atomic.Bool // it is on the worker's list
	nextKick *Conn       // the worker's list
	_        linePad
	watched  watched
	_        linePad

	mu          sync.Mutex // guards what follows; never taken per packet
	endErr      error
	abort       *string // reason given to Abort
	local, peer Addr
	subs        []*Feed

	assoc *assoc // the worker's side; the worker's alone
}

// sender is the application's side of the send ring.
type sender struct {
	mu       sync.Mutex // serialises the application's goroutines; the worker never takes it
	ring     recordWriter
	first    atomic.Pointer[segment] // for the worker to find the chain
	deadline deadline
	streams  atomic.Uint32 // outbound streams, 0 until the association is up
	failed   failed        // when the association has ended
	_        linePad
	room     waiter      // the worker looks here whenever it frees something
	wanting  atomic.Bool // TrySend found no room
	_        linePad
}

// receiver is the application's side of the receive ring.
type receiver struct {
	mu       sync.Mutex
	ring     recordReader
	off      int // how much of the record at the cursor was given out
	first    atomic.Pointer[segment]
	deadline deadline
	taken    uint64 // records
	_        linePad
	ready    waiter
	events   inbox
	stalled  atomic.Bool // the worker found the ring full and wants a kick
	ended    atomic.Bool // nothing more will come
	_        linePad
}

func newConn(d *Dataplane, w *worker, opt *AssocOptions) *Conn {
	c := &Conn{d: d, w: w, settled: make(chan struct{}), closing: make(chan struct{}), done: make(chan struct{})}
	c.out.ring.max = ringSize(opt.SendBuffer, d.cfg.Limits.SendBuffer)
	c.limit = d.cfg.Limits.MaxMessage
	c.out.room, c.in.ready = newWaiter(), newWaiter()
	c.watched.conn = c
	return c
}

// Done is closed when the association has ended; Err then says why (nil after a
// graceful shutdown).
func (c *Conn) Done() <-chan struct{} { return c.done }

// Up is closed when the association is up, or has failed to come up.
func (c *Conn) Up() <-chan struct{} { return c.settled }

// Err is why the association ended, an *AssocError; nil while it goes on, and after
// a graceful shutdown. It may be there just before Done is closed.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endErr
}

// LocalAddr is an *Addr with our addresses of the association.
func (c *Conn) LocalAddr() net.Addr { return c.addrOf(&c.local) }

// RemoteAddr is an *Addr with the peer's addresses of the association.
func (c *Conn) RemoteAddr() net.Addr { return c.addrOf(&c.peer) }

func (c *Conn) addrOf(a *Addr) net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Addr{IPs: append([]netip.Addr(nil), a.IPs...), Port: a.Port}
}

// SetDeadline sets the deadlines of Send and Recv. Deadlines are of the
// machine's clock, also where Config.Clock is another.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.deadline.set(t)
	c.out.deadline.set(t)
	return c.usable()
}

// SetReadDeadline ends Recv, also one that is waiting, with
// os.ErrDeadlineExceeded at t; the zero time is none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.deadline.set(t)
	return c.usable()
}

// SetWriteDeadline is the same for Send.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.deadline.set(t)
	return c.usable()
}

func (c *Conn) usable() error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	return nil
}

// maxAbortReason bounds the reason in an ABORT, in bytes, so that the packet fits
// any path.
const maxAbortReason = 256

// Close shuts down gracefully: it refuses new messages and returns at once; what
// was sent is still delivered, what was not read is thrown away. Send and Recv
// that are waiting return net.ErrClosed. Wait for Done to know the end. A
// peer that takes nothing for 5 × RTO.Max is aborted.
func (c *Conn) Close() error {
	if !c.shut(nil) {
		return net.ErrClosed
	}
	return nil
}

// CloseWrite shuts down gracefully as Close does, but what the peer sends until it has
// shut down too can be read.
func (c *Conn) CloseWrite() error {
	c.out.mu.Lock() // no Send puts a message behind it
	first := !c.closed.Load() && c.finished.CompareAndSwap(false, true)
	c.out.mu.Unlock()
	if !first {
		return net.ErrClosed
	}
	c.kick()
	return nil
}

// Abort ends the association at once: the peer gets the first maxAbortReason
// bytes of reason with an ABORT; what is on its way either way is lost.
func (c *Conn) Abort(reason string) error {
	reason = reason[:min(len(reason), maxAbortReason)]
	if !c.shut(&reason) {
		return net.ErrClosed
	}
	return nil
}

// shut marks the connection closed, once; an abort may follow a close. The reason
// of an abort is there before the mark, so that the worker takes no abort for a
// graceful end.
func (c *Conn) shut(abort *string) bool {
	repeated := false
	if abort != nil {
		c.mu.Lock()
		if repeated = c.abort != nil; !repeated {
			c.abort = abort
		}
		c.mu.Unlock()
	}
	c.out.mu.Lock() // no Send puts a message behind the close
	first := c.closed.CompareAndSwap(false, true)
	c.out.mu.Unlock()
	if first {
		close(c.closing)
	}
	if !first && (abort == nil || repeated || c.ended.Load()) {
		return false
	}
	c.kick()
	return true
}

// kick puts the connection on its worker's list, at most once.
func (c *Conn) kick() {
	if !c.kicked.Load() && c.kicked.CompareAndSwap(false, true) {
		c.w.kicks.push(c)
		c.w.bell.Ring()
	}
}

// Read is Recv without attributes.
func (c *Conn) Read(b []byte) (int, error) { return c.Recv(b, nil) }

// Write is Send on stream 0 with PPID 0.
func (c *Conn) Write(b []byte) (int, error) {
	if err := c.Send(b, nil); err != nil {
		return 0, err
	}
	return len(b), nil
}

// endOf is what Recv gives when all is read, and Send when nothing goes any more.
func (c *Conn) endOf(graceful error) error {
	if !c.ended.Load() {
		return graceful
	}
	if err := c.Err(); err != nil {
		return err
	}
	return graceful
}

// SetPrimary prefers the path to dst; it is a hint, ignored while that path is
// down and honoured again when it is back.
func (c *Conn) SetPrimary(dst netip.Addr) error {
	var err error
	if e := c.w.call(func(w *worker) { err = w.setPrimary(c, dst) }); e != nil {
		return e
	}
	return err
}

// PathInfo is a path and the port it maps to ("" while it maps to none).
type PathInfo struct {
	sctpcore.PathInfo
	Port string
}

// Paths is a snapshot of the paths taken by the association's worker.
func (c *Conn) Paths() ([]PathInfo, error) {
	var out []PathInfo
	var err error
	if e := c.w.call(func(w *worker) { out, err = w.pathsOf(c) }); e != nil {
		return nil, e
	}
	return out, err
}

// Info is a snapshot of the association taken by its worker.
func (c *Conn) Info() (sctpcore.AssocInfo, error) {
	var out sctpcore.AssocInfo
	var err error
	if e := c.w.call(func(w *worker) { out, err = w.infoOf(c) }); e != nil {
		return sctpcore.AssocInfo{}, e
	}
	return out, err
}

var (
	_ net.Conn  = (*Conn)(nil)
	_ io.Closer = (*Listener)(nil)
)
