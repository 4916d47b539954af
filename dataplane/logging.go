package dataplane

import (
	"context"
	"log/slog"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// linesPerSecond is how many events a worker logs in a second. A port with 100 000
// associations that goes down makes several for each of them, and every line is a
// microsecond at least that the worker's ports wait for; of what is more the number is
// logged when the second is over.
const linesPerSecond = 50

// voice bounds what a worker logs of events.
type voice struct {
	until sctpcore.Time // the end of the second
	said  int
	held  [sctpcore.NumEvents]uint64 // that were not logged, by kind
	any   bool
}

// speaks tells whether there is room for another line, and counts the event if not.
func (v *voice) speaks(now sctpcore.Time, k sctpcore.EventKind) bool {
	if now >= v.until {
		v.until, v.said = now+sctpcore.Second, 0
	}
	if v.said == linesPerSecond {
		v.held[k]++
		v.any = true
		return false
	}
	v.said++
	return true
}

// eventNames are the lines' messages; kinds without one are not logged.
var eventNames = [sctpcore.NumEvents]string{
	sctpcore.EventUp:             "association up",
	sctpcore.EventRestart:        "association restarted by the peer",
	sctpcore.EventDown:           "association down",
	sctpcore.EventPathState:      "path state",
	sctpcore.EventFailover:       "failover",
	sctpcore.EventResumed:        "traffic resumed",
	sctpcore.EventSendFailed:     "message not sent",
	sctpcore.EventPartialAborted: "message ends unfinished",
	sctpcore.EventAddressAdded:   "peer added an address",
	sctpcore.EventAddressRemoved: "peer removed an address",
	sctpcore.EventAddressPrimary: "peer prefers an address",
	sctpcore.EventAsconf:         "peer answered about our address",
	sctpcore.EventPeerError:      "peer reports an error",
}

// logHeld logs how many events were not logged, once their second is over.
func (w *worker) logHeld() {
	v := &w.voice
	if !v.any || w.now < v.until {
		return
	}
	args := []any{"worker", w.number}
	for k, n := range v.held {
		if n > 0 {
			args = append(args, slog.Uint64(eventNames[k], n))
		}
	}
	w.log.Warn("more events than are logged in a second", args...)
	v.held, v.any = [sctpcore.NumEvents]uint64{}, false
}

// logEvent says who, what, from, to, why and how long.
func (w *worker) logEvent(v *PathEvent) {
	if eventNames[v.Kind] == "" || !w.voice.speaks(w.now, v.Kind) {
		return
	}
	args := []any{"assoc", v.Name().String(), "local_port", v.LocalPort, "peer", v.Peer.String()}
	level := slog.LevelInfo
	switch v.Kind {
	case sctpcore.EventUp:
		args = append(args, "path", v.Dst, "passive", v.Passive)
	case sctpcore.EventDown:
		args = append(args, "why", v.Reason.String())
	case sctpcore.EventPathState:
		args = append(args, "path", v.Dst, "port", v.OldPort, "from", v.From.String(), "to", v.To.String(), "why", v.Reason.String())
	case sctpcore.EventFailover:
		args = append(args, "from", v.OldDst, "to", v.Dst, "old_port", v.OldPort, "port", v.Port, "why", v.Reason.String())
		if v.Stalled {
			detected, switched := v.Took()
			args = append(args, "detected_ms", millis(detected), "switched_ms", millis(switched))
		}
	case sctpcore.EventResumed:
		args = append(args, "path", v.Dst, "port", v.Port, "standstill_ms", millis(v.At-v.LastAck))
	case sctpcore.EventSendFailed:
		args = append(args, "stream", v.Stream, "why", v.Reason.String())
		level = slog.LevelWarn
	case sctpcore.EventPartialAborted:
		args = append(args, "stream", v.Stream)
		level = slog.LevelWarn
	case sctpcore.EventAddressAdded, sctpcore.EventAddressRemoved, sctpcore.EventAddressPrimary:
		args = append(args, "path", v.Dst)
	case sctpcore.EventAsconf:
		args = append(args, "address", v.Addr.Netip(), "wish", v.Op.String(), "refusal", uint16(v.Cause))
	case sctpcore.EventPeerError:
		args = append(args, "path", v.Dst, "cause", uint16(v.Cause))
		level = slog.LevelWarn
	}
	w.log.Log(context.Background(), level, eventNames[v.Kind], args...)
}

func millis(t sctpcore.Time) float64 { return float64(t) / float64(sctpcore.Millisecond) }
