package observe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

func TestHistoryIsBounded(t *testing.T) {
	var h history
	require.Empty(t, h.points())
	for i := range maxPoints + 7 {
		h.add(Point{Associations: i})
		p := h.points()
		require.Len(t, p, min(i+1, maxPoints))
		require.Equal(t, i, p[len(p)-1].Associations)
		require.Equal(t, max(0, i+1-maxPoints), p[0].Associations)
	}
}

func TestRates(t *testing.T) {
	at := func(s sctpcore.Time, n uint64) *dataplane.Totals {
		x := &dataplane.Totals{At: s, Ports: []dataplane.PortState{{Stats: nic.Stats{RxPackets: n, TxBytes: 10 * n}}, {Stats: nic.Stats{RxPackets: n}}},
			Drops: []dataplane.DropCount{{Count: n}, {Count: n}}}
		x.Core.InMessages = n
		return x
	}
	p := pointOf(at(0, 100), at(2*sctpcore.Second, 300), time.Now())
	require.Equal(t, []float64{200, 8000, 100, 200}, []float64{p.RxPackets, p.TxBits, p.RxMessages, p.Drops})
	require.Equal(t, []float64{100, 100}, []float64{p.Ports[0].RxPackets, p.Ports[1].RxPackets})
	p = pointOf(at(0, 300), at(0, 100), time.Now())
	require.Zero(t, p.RxPackets, "counters that went back, and no time between")
}

// hung is a port whose driver never comes back from some call on.
type hung struct {
	nic.Port
	hang, inside chan struct{}
}

func (h *hung) RxBurst(queue int, pkts []*nic.Packet) int {
	select {
	case <-h.hang:
		close(h.inside)
		select {}
	default:
	}
	return h.Port.RxBurst(queue, pkts)
}

// Who looks at a dataplane whose worker is stuck has what is known, an error in time for the
// rest, and can close.
func TestStuckWorker(t *testing.T) {
	a, _ := mem.NewPair(mem.Options{})
	h := &hung{Port: a, hang: make(chan struct{}), inside: make(chan struct{})}
	d, err := dataplane.New(dataplane.Config{Manual: true, Ports: []dataplane.PortConfig{{Port: h, Addrs: []netip.Prefix{netip.MustParsePrefix("10.7.0.1/24")}}}})
	require.NoError(t, err)
	o, err := prepare(d, Options{})
	require.NoError(t, err)
	o.patience = time.Minute
	_, err = o.State(Want{Assocs: true, Limit: 1})
	require.NoError(t, err)
	o.patience = 20 * time.Millisecond
	close(h.hang)
	go d.Step() // for ever
	<-h.inside
	o.done.Add(2)
	go o.run()
	go o.follow()
	_, err = o.State(Want{Assocs: true, Limit: 2})
	require.ErrorIs(t, err, ErrStuck)
	_, err = o.State(Want{Assocs: true, Limit: 3})
	require.ErrorIs(t, err, ErrStuck, "one asks already")
	_, err = o.State(Want{Ports: true})
	require.NoError(t, err)
	go o.sample(time.Now())
	o.Close()
}
