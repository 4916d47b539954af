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
	b       *Binding
	backlog chan *Conn
	closed  chan struct{}
	once    sync.Once

	watched watched
}

// Listen accepts associations on local (nil IPs: every address; port 0: an
// ephemeral one). The errors are those of Bind and Binding.Listen.
func (d *Dataplane) Listen(local *Addr, opt *AssocOptions) (*Listener, error) {
	b, err := d.Bind(local, &BindOptions{Reuse: true})
	if err != nil {
		return nil, err
	}
	b.forOne = true
	l, err := b.Listen(opt, 0)
	if err != nil {
		_ = b.Close() // nobody else has it
	}
	return l, err
}

// Listen accepts associations at the binding's addresses until Listener.Close or
// Binding.Close. Of them at most backlog (0: Config.Backlog) wait for Accept; more are
// aborted. syscall.EADDRINUSE if it listens already, or another binding does at one of
// the addresses; the other errors are sctpcore.ErrInvalid and ErrKey of opt.
func (b *Binding) Listen(opt *AssocOptions, backlog int) (*Listener, error) {
	if backlog <= 0 {
		backlog = b.d.cfg.Backlog
	}
	l := &Listener{d: b.d, b: b, backlog: make(chan *Conn, backlog), closed: make(chan struct{})}
	l.watched.listener = l
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.d.book.listen(b, l)
	if err == nil {
		o := opt.orDefault()
		ips := b.d.book.addrs(b)
		if err = l.onWorkers(func(w *worker, _ wire.Addr) error { return w.listen(l, ips, &o) }); err != nil {
			l.unlisten()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dataplane: listen on SCTP port %d: %w", b.port, err)
	}
	return l, nil
}

// onWorkers runs do at every worker, until an error; at is an address by which the
// worker knows the listener. The workers agree, so that what the first refuses none
// does.
func (l *Listener) onWorkers(do func(w *worker, at wire.Addr) error) error {
	at := wire.AddrFrom(l.b.d.book.addrs(l.b)[0])
	for _, w := range l.d.workers {
		var err error
		if e := w.call(func(w *worker) { err = do(w, at) }); e != nil {
			return e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Listener) unlisten() {
	for _, w := range l.d.workers {
		_ = w.call(func(w *worker) { w.unlisten(l) }) // a worker that has stopped listens no more
	}
	l.d.book.unlisten(l.b)
}

// SetOptions shapes the associations that are accepted from now on. The errors are
// those of Binding.Listen; then nothing is changed.
func (l *Listener) SetOptions(opt *AssocOptions) error {
	o := opt.orDefault()
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.onWorkers(func(w *worker, at wire.Addr) error { return w.listenAs(l, at, &o) })
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

// Close stops listening; accepted associations live on, unaccepted are aborted. The
// binding stays, unless Dataplane.Listen made it.
func (l *Listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		err = nil
		l.b.mu.Lock()
		l.unlisten() // after this no worker puts anything into the backlog
		l.b.mu.Unlock()
		close(l.closed)
		for c := l.TryAccept(); c != nil; c = l.TryAccept() {
			_ = c.Abort("listener closed")
		}
		if l.b.forOne {
			_ = l.b.Close() // it may be what closes the listener
		}
	})
	return err
}

// Addr is the listening address.
func (l *Listener) Addr() net.Addr { return l.b.Addr() }

// AddLocal is Binding.Add of the listener's binding.
func (l *Listener) AddLocal(ip netip.Addr) error { return l.b.Add(ip) }

// RemoveLocal is Binding.Remove of the listener's binding.
func (l *Listener) RemoveLocal(ip netip.Addr) error { return l.b.Remove(ip) }

// SetKeys replaces the keys that associations accepted from now on begin with; see
// sctpcore.Endpoint.SetListenerKeys.
func (l *Listener) SetKeys(keys []sctpcore.AuthKey, active uint16) error {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.onWorkers(func(w *worker, at wire.Addr) error { return w.core.SetListenerKeys(l.b.port, at, keys, active) })
}

var _ net.Listener = (*Listener)(nil)
