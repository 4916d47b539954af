package dataplane

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

// gate is a port whose driver can be made to come back no more.
type gate struct {
	nic.Port
	mu   sync.Mutex    // held: RxBurst blocks
	held chan struct{} // one for a worker that came while it was held
}

func (g *gate) RxBurst(queue int, pkts []*nic.Packet) int {
	if !g.mu.TryLock() {
		select {
		case g.held <- struct{}{}:
		default:
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	return g.Port.RxBurst(queue, pkts)
}

// TestStuckNamesTheWorker: one that is in a driver does not answer, those that sleep or poll do,
// and it does again when it has come back.
func TestStuckNamesTheWorker(t *testing.T) {
	for _, idle := range []IdlePolicy{IdleAdaptive, IdleBusy} {
		var g *gate
		l := newLab(t, labOptions{
			wrap: func(side, cable int, p nic.Port) nic.Port {
				if side == 0 {
					g = &gate{Port: p, held: make(chan struct{}, 1)}
					return g
				}
				return p
			},
			tune: func(side int, c *Config) {
				if side == 0 {
					c.CPUs, c.Idle = []int{-1, -1}, idle
				}
			},
		})
		require.Empty(t, l.a.Stuck(t.Context()))
		g.mu.Lock()
		stuckFor := func(d time.Duration) []int {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return l.a.Stuck(ctx)
		}
		stuckFor(time.Millisecond) // wakes it, and may still be answered on the way to the driver
		<-g.held
		for alone, d := false, 10*time.Millisecond; !alone; d *= 2 { // on a slow machine the other one may take its time, too
			stuck := stuckFor(d)
			require.Contains(t, stuck, 0)
			alone = len(stuck) == 1
			require.Less(t, d, time.Minute, "%v", stuck)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, -1, l.a.Drain(ctx))
		g.mu.Unlock()
		require.Empty(t, l.a.Stuck(t.Context()))
		require.NoError(t, l.a.Close())
		require.Equal(t, []int{0, 1}, l.a.Stuck(t.Context()))
	}
}

func TestStuckUnderManual(t *testing.T) {
	require.Empty(t, newAlone(t, 2, nil).d.Stuck(t.Context()))
}
