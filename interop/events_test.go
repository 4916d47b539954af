//go:build linux && cgo

package interop

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// events is what one of our associations told about itself.
type events struct {
	mu   sync.Mutex
	all  []dataplane.PathEvent
	done chan struct{} // closed when there will be no more
}

func (e *events) add(event dataplane.PathEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// find is the first event of which ok holds.
func (e *events) find(ok func(dataplane.PathEvent) bool) (dataplane.PathEvent, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.all {
		if ok(event) {
			return event, true
		}
	}
	return dataplane.PathEvent{}, false
}

// await waits for an event.
func (e *events) await(t testing.TB, what string, ok func(dataplane.PathEvent) bool) dataplane.PathEvent {
	t.Helper()
	var found dataplane.PathEvent
	eventually(t, func() (is bool) {
		found, is = e.find(ok)
		return is
	}, "no event: %s; there were:\n%v", what, e)
	return found
}

// kind is a condition for find and await.
func kind(k sctpcore.EventKind) func(dataplane.PathEvent) bool {
	return func(event dataplane.PathEvent) bool { return event.Kind == k }
}

// String lists the events, one to a line.
func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var b strings.Builder
	var first sctpcore.Time
	for _, event := range e.all {
		if first == 0 {
			first = event.At
		}
		fmt.Fprintf(&b, "  +%.3f ms kind %d reason %q dst %v (%s) old %v (%s) %v → %v\n", float64(event.At-first)/1e6,
			event.Kind, event.Reason, event.Dst, event.Port, event.OldDst, event.OldPort, event.From, event.To)
	}
	return b.String()
}
