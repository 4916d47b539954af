package daemon

import (
	"context"
	"time"
)

// patience is how long associations may take to shut down; then they are aborted.
const patience = 5 * time.Second

// drain shuts all associations down, until none is left, patience is at its end or
// another signal to end comes.
func (d *daemon) drain(why string) {
	d.mu.Lock()
	d.stopping = true
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go func() {
		select {
		case <-d.opt.Signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	d.log.Info("draining", "why", why, "at_most", patience)
	if left := d.dp.Drain(ctx); left > 0 {
		d.log.Warn("drained, the rest is aborted", "associations", left)
		return
	}
	d.log.Info("drained")
}
