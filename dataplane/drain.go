package dataplane

import "context"

// Drain has every association shut down gracefully, as Conn.CloseWrite does, and waits until
// none is left or ctx is done; it gives how many are left, for Close to abort. From its
// beginning nobody listens any more, Listen and what begins associations return net.ErrClosed,
// and a peer that calls gets ABORT.
func (d *Dataplane) Drain(ctx context.Context) (left int) {
	for _, w := range d.workers {
		_ = w.call((*worker).drain) // one that has stopped has nothing left
	}
	conns := d.Conns()
	for _, c := range conns {
		_ = c.CloseWrite() // it may be shutting down already
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
