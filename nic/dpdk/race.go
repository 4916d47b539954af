//go:build race

package dpdk

import "sync/atomic"

// The race detector does not see that a packet's way through C orders the
// threads at either end, so it is told.
var raceOrder atomic.Uint64

func raceAcquire() { raceOrder.Load() }
func raceRelease() { raceOrder.Add(1) }
