package dataplane

import (
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// defaultBacklog is how many associations may wait for Accept.
const defaultBacklog = 1024

// Listener is a net.Listener of associations. Any goroutine may call any method.
type Listener struct {
	d       *Dataplane
	mu      sync.Mutex // guards addr.IPs
	addr    Addr
	opt     AssocOptions
	backlog chan *Conn
	closed  chan struct{}
	once    sync.Once
}

// Listen accepts associations on local (nil IPs: every address; port 0: an
// ephemeral one). The error of a port that is taken is syscall.EADDRINUSE.
func (d *Dataplane) Listen(local *Addr, opt *AssocOptions) (*Listener, error) {
	ips, port, err := d.localAddrs(local)
	if err != nil {
		return nil, fmt.Errorf("dataplane: listen: %w", err)
	}
	taken, ok := d.book.listen(port)
	if !ok {
		return nil, addressInUse("listen", port)
	}
	l := &Listener{d: d, addr: Addr{IPs: ips, Port: taken}, opt: opt.orDefault(),
		backlog: make(chan *Conn, d.cfg.Backlog), closed: make(chan struct{})}
	for i, w := range d.workers {
		if e := w.call(func(w *worker) { err = w.listen(l) }); e != nil {
			err = e
		}
		if err != nil {
			l.unlisten(d.workers[:i])
			return nil, fmt.Errorf("dataplane: listen on SCTP port %d: %w", taken, err)
		}
	}
	return l, nil
}

func (l *Listener) unlisten(workers []*worker) {
	for _, w := range workers {
		_ = w.call(func(w *worker) { w.unlisten(l) }) // a worker that has stopped listens no more
	}
	l.d.book.unlisten(l.addr.Port)
}

// Accept waits for the next association; it is a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptSCTP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptSCTP is Accept with the type that it has.
func (l *Listener) AcceptSCTP() (*Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-l.d.stopped:
		return nil, net.ErrClosed
	}
}

// TryAccept is AcceptSCTP that does not wait; nil when there is none.
func (l *Listener) TryAccept() *Conn {
	select {
	case c := <-l.backlog:
		return c
	default:
		return nil
	}
}

// Close stops listening; accepted associations live on, unaccepted are aborted.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		err = nil
		l.unlisten(l.d.workers) // after this no worker puts anything into the backlog
		close(l.closed)
		for c := l.TryAccept(); c != nil; c = l.TryAccept() {
			_ = c.Abort("listener closed")
		}
	})
	return err
}

// Addr is the listening address.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Addr{IPs: append([]netip.Addr(nil), l.addr.IPs...), Port: l.addr.Port}
}

var _ net.Listener = (*Listener)(nil)

// listen registers the listener with the worker's endpoint.
func (w *worker) listen(l *Listener) error {
	err := w.core.Listen(l.addr.Port, &sctpcore.ListenParams{
		Locals: wireAddrs(l.addr.IPs), InStreams: l.opt.InStreams, OutStreams: l.opt.OutStreams,
		ReceiveBuffer: l.opt.ReceiveBuffer, Timers: l.opt.Timers, Extensions: l.opt.Extensions,
	})
	if err == nil {
		w.listeners[l.addr.Port] = l
	}
	return err
}

func (w *worker) unlisten(l *Listener) {
	w.core.Unlisten(l.addr.Port, wire.AddrFrom(l.addr.IPs[0]))
	delete(w.listeners, l.addr.Port)
}
