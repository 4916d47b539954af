package observe

import (
	"testing"
	"testing/synctest"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// TestFollowEnds: it ends with the feed, whichever of its channels is closed first.
func TestFollowEnds(t *testing.T) {
	for _, pathsFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			paths, ports := make(chan dataplane.PathEvent), make(chan dataplane.PortEvent)
			o := &Observer{feed: &dataplane.Feed{Paths: paths, Ports: ports}, log: newLog()}
			o.done.Add(1)
			go o.follow()
			synctest.Wait() // it waits for either
			if pathsFirst {
				close(paths)
			}
			close(ports)
			if !pathsFirst {
				close(paths)
			}
			o.done.Wait()
		})
	}
}
