package observe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func kinds(all []Event) (ks []Kind) {
	for i := range all {
		ks = append(ks, all[i].Kind)
	}
	return ks
}

func find(t *testing.T, all []Event, k Kind) Event {
	t.Helper()
	for i := range all {
		if all[i].Kind == k {
			return all[i]
		}
	}
	require.Failf(t, "no such event", "%s among %v", k, kinds(all))
	return Event{}
}

func TestLinkDownIsTold(t *testing.T) {
	r := newRig(t, 1)
	c, _ := r.dial()
	up := find(t, r.drain(), KindUp)
	require.Equal(t, "10.7.0.2:7", up.Peer)
	require.Equal(t, "we began it", up.Why)
	r.send(c)
	r.run(time.Millisecond)
	r.send(c)
	r.run(50 * time.Microsecond) // it is under way
	require.NoError(t, r.wires[0][0].SetLink(false))
	r.run(10 * time.Millisecond)
	all := r.drain()
	f := find(t, all, KindFailover)
	require.Equal(t, []string{up.Assoc, "10.7.0.2", "10.7.1.2", "10.7.1.2"}, []string{f.Assoc, f.From, f.To, f.Path})
	require.NotEqual(t, f.Port, f.OldPort)
	p := find(t, all, KindPathState)
	require.Equal(t, []string{"10.7.0.2", "ACTIVE", "INACTIVE", "link down"}, []string{p.Path, p.From, p.To, p.Why})
	var out [10]Event
	n := r.o.Log().Follow(0).Poll(out[:])
	link := find(t, out[:n], KindLink)
	require.Equal(t, []string{"up", "down"}, []string{link.From, link.To})
	require.Equal(t, f.OldPort, link.Port)
	require.Positive(t, f.Detected)
	resumed := find(t, all, KindResumed)
	require.Equal(t, "10.7.1.2", resumed.To)
	require.Positive(t, resumed.Standstill)
	r.o.sample(time.Now())
	st, err := r.o.State(Want{})
	require.NoError(t, err)
	require.Equal(t, 1, st.OffPrimary)
	for _, d := range []Durations{st.Failovers.Switched, st.Failovers.Standstill} {
		n := uint64(0)
		for _, c := range d.Counts {
			n += c.Count
		}
		require.EqualValues(t, 1, n)
	}
	require.InDelta(t, resumed.Standstill/1000, st.Failovers.Standstill.Sum, 1e-9)
}

// TestCauseIsTold: why the peer ended an association, in the words of the RFC.
func TestCauseIsTold(t *testing.T) {
	r := newRig(t, 1)
	_, s := r.dial()
	require.NoError(t, s.Abort("enough"))
	r.run(time.Millisecond)
	require.Equal(t, "aborted by peer: User-Initiated Abort", find(t, r.drain(), KindDown).Why)
}

// Where nothing was under way, nothing stood still.
func TestIdleFailover(t *testing.T) {
	r := newRig(t, 1)
	c, _ := r.dial()
	require.NoError(t, r.wires[0][0].SetLink(false))
	r.run(time.Second)
	r.drain()
	r.send(c)
	r.run(time.Second)
	all := r.drain()
	f := find(t, all, KindFailover)
	require.Equal(t, "link down", f.Why)
	require.Zero(t, f.Detected+f.Switched)
	require.NotContains(t, kinds(all), KindResumed)
	require.Zero(t, r.dp[0].Totals().Failovers)
}
