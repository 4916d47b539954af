package daemon

import (
	"context"
	"fmt"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// Looks at the workers.
const (
	lookEvery = 5 * time.Second // if there is no watchdog; else twice in its time
	lookTime  = time.Second     // for all to answer, at most
)

// Healthy is nil while every worker polls, and else says which does not. A worker that sleeps
// is woken to say so. It waits for a second at most.
func (d *daemon) Healthy() error {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	return d.judge(ctx)
}

func (d *daemon) judge(ctx context.Context) error {
	if stuck := d.dp.Stuck(ctx); len(stuck) > 0 {
		return fmt.Errorf("stuck workers: %v; they do not come back from a port's driver", stuck)
	}
	return nil
}

// watchdog looks at the workers until ctx is done, and feeds the service manager's watchdog
// while they are well.
func (d *daemon) watchdog(ctx context.Context) {
	every := lookEvery
	patience, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		d.log.Warn("no watchdog", "error", err)
	}
	feeding := err == nil && patience > 0
	if feeding {
		every = patience / 2
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	ill := false
	for {
		look, cancel := context.WithTimeout(ctx, min(every/2, lookTime))
		err := d.judge(look)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !ill:
			d.log.Error("not healthy", "error", err, "watchdog", feeding)
			d.notify.status("Not healthy: " + err.Error())
		case err == nil && ill:
			d.log.Info("healthy again")
			d.mu.Lock()
			d.notify.status(d.status())
			d.mu.Unlock()
		}
		ill = err != nil
		if feeding && !ill {
			d.notify.alive()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
