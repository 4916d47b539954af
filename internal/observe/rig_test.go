package observe

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// rig is two dataplanes with two cables between them on a virtual clock; the first one
// is observed, at the test's hands.
type rig struct {
	t     testing.TB
	now   int64
	wires [2][2]*mem.Port // cable, side
	dp    [2]*dataplane.Dataplane
	o     *Observer
	ln    *dataplane.Listener
}

func newRig(t testing.TB, workers int) *rig {
	r := &rig{t: t, now: int64(time.Second)}
	clock := func() int64 { return r.now }
	var cfg [2]dataplane.Config
	for cable := range 2 {
		a, b := mem.NewPair(mem.Options{Clock: clock, Latency: 100 * time.Microsecond, Queues: workers})
		r.wires[cable] = [2]*mem.Port{a, b}
		for side, p := range r.wires[cable] {
			cfg[side].Ports = append(cfg[side].Ports, dataplane.PortConfig{Port: p,
				Addrs: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.7.%d.%d/24", cable, side+1))}})
		}
	}
	for side := range cfg {
		c := &cfg[side]
		c.Manual, c.Clock, c.Timers, c.Seed = true, clock, sctpcore.TelecomTimers(), &[32]byte{byte(side)}
		for range workers {
			c.CPUs = append(c.CPUs, -1)
		}
		var err error
		r.dp[side], err = dataplane.New(*c)
		require.NoError(t, err)
	}
	var err error
	r.o, err = prepare(r.dp[0], Options{Node: "n1", Version: "v1"})
	require.NoError(t, err)
	r.o.patience = time.Minute
	r.ln, err = r.dp[1].Listen(&dataplane.Addr{Port: 7}, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		r.o.Close()
		for side := range 2 {
			require.NoError(t, r.dp[side].Close())
		}
	})
	return r
}

// run lets virtual time pass.
func (r *rig) run(d time.Duration) {
	for end := r.now + int64(d); r.now < end; {
		next := min(end, int64(r.dp[0].Step()), int64(r.dp[1].Step()))
		for _, cable := range r.wires {
			for _, p := range cable {
				if at, ok := p.NextArrival(); ok {
					next = min(next, at)
				}
			}
		}
		r.now = max(r.now+1000, next)
	}
}

// dial makes an association and gives the other end of it, too.
func (r *rig) dial() (c, s *dataplane.Conn) {
	c, err := r.dp[0].Begin(nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.7.0.2")}, Port: 7}, nil)
	require.NoError(r.t, err)
	for range 1000 {
		r.run(time.Millisecond)
		if s = r.ln.TryAccept(); s != nil {
			r.run(100 * time.Millisecond) // heartbeats confirm the other path
			return c, s
		}
	}
	require.Fail(r.t, "no association")
	return nil, nil
}

// send sends one message.
func (r *rig) send(c *dataplane.Conn) {
	n, err := c.TrySendBatch([]dataplane.Message{{Data: make([]byte, 1000)}})
	require.NoError(r.t, err)
	require.Equal(r.t, 1, n)
}

// drain takes the events that have come, as the Log has them.
func (r *rig) drain() (all []Event) {
	for {
		select {
		case e := <-r.o.feed.Ports:
			_ = r.o.port(r.o.feed.Ports, e, true, map[string]bool{})
		case e := <-r.o.feed.Paths:
			if v, ok := r.o.eventOf(&e); ok {
				all = append(all, v)
			}
		default:
			return all
		}
	}
}
