package daemon

import (
	"fmt"
	"log/slog"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// notifier tells the service manager, if one started us (sd_notify(3)), what we do.
type notifier struct{ log *slog.Logger }

func (n notifier) say(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		n.log.Warn("the service manager could not be told", "state", state, "error", err)
	}
}

func (n notifier) ready(status string) { n.say(systemd.SdNotifyReady + "\nSTATUS=" + status) }

func (n notifier) reloading() {
	n.say(systemd.SdNotifyReloading + "\n" + systemd.SdNotifyMonotonicUsec() + "\nSTATUS=Reloading")
}

// stopping also asks for the time that it takes, and a little more to close.
func (n notifier) stopping(status string, atMost time.Duration) {
	n.say(fmt.Sprintf("%s\nEXTEND_TIMEOUT_USEC=%d\nSTATUS=%s", systemd.SdNotifyStopping, (atMost + closing).Microseconds(), status))
}

// closing is what the end of everything but associations takes at most.
const closing = 5 * time.Second

func (n notifier) status(status string) { n.say("STATUS=" + status) }

func (n notifier) alive() { n.say(systemd.SdNotifyWatchdog) }
