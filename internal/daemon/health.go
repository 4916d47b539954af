package daemon

import (
	"context"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// lookEvery is the time from one look at the workers to the next, if there is no watchdog; else
// it is half of its time.
const lookEvery = 5 * time.Second

// watchdog looks at the workers until ctx is done, and feeds the service manager's watchdog
// while they are well. GET /healthz has the same judgement.
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
		look, cancel := context.WithTimeout(ctx, every/2)
		err := d.observer.Health(look)
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
