package daemon

import (
	"context"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// unwatched stands for the watchdog's time if there is no watchdog.
const unwatched = 20 * time.Second

// watchdog looks at the workers until ctx is done, and feeds the service manager's watchdog
// while they are well. It looks four times in the watchdog's time, and a worker has half of
// that to answer: a pause of the machine that is no longer does not have us killed.
func (d *daemon) watchdog(ctx context.Context) {
	within, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		d.log.Warn("no watchdog", "error", err)
	}
	feeding := err == nil && within > 0
	if !feeding {
		within = unwatched
	}
	tick := time.NewTicker(within / 4)
	defer tick.Stop()
	ill := false
	for {
		look, cancel := context.WithTimeout(ctx, within/2)
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
