package daemon

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// drain shuts all associations down, until none is left, the configured time has passed or
// another signal to end comes. The error is for a worker that is stuck.
func (d *daemon) drain(why string) error {
	d.mu.Lock()
	d.stopping = true
	atMost := d.file.Drain
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), atMost)
	defer cancel()
	go d.hurry(ctx, cancel)
	d.notify.stopping("Shutting associations down", atMost)
	d.log.Info("draining", "why", why, "at_most", atMost)
	began := time.Now()
	switch left := d.dp.Drain(ctx); {
	case left < 0:
		return errors.New("a worker does not come back from a port's driver: associations end without a word, and sockets are left behind")
	case left > 0:
		d.log.Warn("not all associations have shut down, the others are aborted", "associations", left, "after", time.Since(began))
	default:
		d.log.Info("drained", "after", time.Since(began))
	}
	return nil
}

// hurry cancels when another signal to end comes.
func (d *daemon) hurry(ctx context.Context, cancel func()) {
	for {
		select {
		case s := <-d.opt.Signals:
			if s != syscall.SIGHUP {
				d.log.Info("draining is cut short", "why", s.String())
				cancel()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
