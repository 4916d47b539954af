package dataplane

import (
	"cmp"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Params are the parameters of the association as they are now.
func (c *Conn) Params() (p sctpcore.Params, err error) {
	err = c.onWorker(func(w *worker, a *assoc) error {
		p, _ = w.core.Params(a.id)
		return nil
	})
	return p, err
}

// SetParams changes the parameters: read them, change what is to be another, and write
// all of them back. What is out of range is sctpcore.ErrInvalid, which is EINVAL, and
// changes nothing.
func (c *Conn) SetParams(p *sctpcore.Params) error {
	return c.onWorker(func(w *worker, a *assoc) error {
		if err := w.core.SetParams(w.now, a.id, p); err != nil {
			return invalid(err)
		}
		for i := range a.paths {
			w.remark(a, i)
		}
		return nil
	})
}

// PathParams are the parameters that count on the path to dst; sctpcore.ErrAddress,
// which is EINVAL, if there is none.
func (c *Conn) PathParams(dst netip.Addr) (p sctpcore.PathParams, err error) {
	err = c.onPath(dst, func(w *worker, a *assoc, i int) error {
		p, _ = w.core.PathParams(a.id, i)
		return nil
	})
	return p, err
}

// SetPathParams changes those of the path to dst. The errors are those of SetParams and
// PathParams.
func (c *Conn) SetPathParams(dst netip.Addr, p *sctpcore.PathParams) error {
	return c.onPath(dst, func(w *worker, a *assoc, i int) error {
		if err := w.core.SetPathParams(w.now, a.id, i, p); err != nil {
			return invalid(err)
		}
		w.remark(a, i)
		return nil
	})
}

// SetDefaults replaces Config.Timers and Config.Limits for associations that begin from now
// on; see sctpcore.Endpoint.SetDefaults, whose errors are also EINVAL, and then nothing is
// changed. net.ErrClosed after Close.
func (d *Dataplane) SetDefaults(t sctpcore.Timers, l sctpcore.Limits) error {
	var err error
	for _, w := range d.workers { // what the first takes all take
		if e := w.call(func(w *worker) {
			if err = w.core.SetDefaults(t, l); err == nil {
				w.patience, w.receiveBuffer = 5*t.RTOMax, l.ReceiveBuffer
			}
		}); e != nil || err != nil {
			return cmp.Or(e, invalid(err))
		}
	}
	return nil
}

// remark maps a path anew if its headers are to say something else.
func (w *worker) remark(a *assoc, i int) {
	if e := w.egress.get(a.paths[i].egress); e != nil && e.marks != w.core.Marks(a.id, i) {
		w.route(a, i)
	}
}

// Heartbeat probes the path to dst now; sctpcore.ErrAddress if there is none.
func (c *Conn) Heartbeat(dst netip.Addr) error {
	return c.onPath(dst, func(w *worker, a *assoc, i int) error { return w.core.RequestHeartbeat(w.now, a.id, i) })
}

// onPath is onWorker for the path to dst.
func (c *Conn) onPath(dst netip.Addr, do func(*worker, *assoc, int) error) error {
	want := wire.AddrFrom(dst)
	return c.onWorker(func(w *worker, a *assoc) error {
		for i := range a.paths {
			if a.paths[i].dst == want {
				return do(w, a, i)
			}
		}
		return fmt.Errorf("dataplane: %v is not an address of the peer: %w", dst, invalid(sctpcore.ErrAddress))
	})
}

// invalid gives an error of the core the number of a kernel's.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", err, syscall.EINVAL)
}
