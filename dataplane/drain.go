package dataplane

import (
	"context"
	"time"
)

// drainPatience is what a worker is given to take no more associations, however little time
// there is for these to end.
const drainPatience = time.Second

// Drain has every association shut down gracefully, as Conn.CloseWrite does, and waits until
// none is left or ctx is done (with one that is done already, none is shut down); it gives how many are left, for Close to abort, or -1 if a worker
// does not answer. From its beginning nobody listens any more, Listen and what begins associations return net.ErrClosed,
// and a peer that calls gets ABORT.
func (d *Dataplane) Drain(ctx context.Context) (left int) {
	told := make(chan []*Conn, 1)
	go func() {
		for _, w := range d.workers {
			_ = w.call((*worker).drain) // one that has stopped has nothing left
		}
		told <- d.Conns()
	}()
	var conns []*Conn
	select {
	case conns = <-told:
	case <-ctx.Done():
		select {
		case conns = <-told:
		case <-time.After(drainPatience):
			return -1
		}
	}
	if ctx.Err() == nil {
		for _, c := range conns {
			_ = c.CloseWrite() // it may be shutting down already
		}
	}
	for i, c := range conns {
		select {
		case <-c.done:
			continue
		default:
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			for _, c := range conns[i:] {
				select {
				case <-c.done:
				default:
					left++
				}
			}
			return left
		}
	}
	return 0
}

// drain has the worker take no more associations.
func (w *worker) drain() {
	w.draining = true
	for k := range w.listeners {
		w.core.Unlisten(k.port, k.addr)
	}
	clear(w.listeners)
}
