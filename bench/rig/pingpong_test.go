package rig

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

func TestPingPongBesideALoad(t *testing.T) {
	r := newRig(t, Options{Assocs: 2})
	_, err := r.Measure(500, 0, 5*time.Millisecond) // may leave a message
	require.NoError(t, err)
	l := r.StartPaced(500, 10_000)
	h, err := r.PingPong(100, 0, 50*time.Millisecond)
	require.NoError(t, err)
	require.NotZero(t, h.Count())
	require.Eventually(t, func() bool { return l.Received() > 0 }, 60*time.Second, time.Millisecond)
	require.NoError(t, l.Stop())
	h, err = r.PingPong(100, time.Millisecond, 10*time.Millisecond)
	require.NoError(t, err)
	require.LessOrEqual(t, h.Count(), uint64(10))
}

func TestPollPingPong(t *testing.T) {
	r := newRig(t, Options{Manual: true})
	cpu := ports.CPUs()[0]
	h, err := r.PollPingPong(100, [2]int{cpu, cpu}, 50*time.Millisecond)
	require.NoError(t, err)
	require.NotZero(t, h.Count())
}

func TestBeyond(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{1, 10, time.Millisecond, 2 * time.Millisecond} {
		h.Record(d)
	}
	require.Equal(t, []uint64{3, 2, 1, 0}, []uint64{h.Beyond(1), h.Beyond(time.Microsecond), h.Beyond(time.Millisecond), h.Beyond(time.Second)})
}

func TestGapsAreThoseBetweenPolls(t *testing.T) {
	r := newRig(t, Options{Watch: true, Idle: [2]dataplane.IdlePolicy{dataplane.IdleBusy}})
	for _, work := range []Work{Nothing, Compute, Allocate, AllocateAll} {
		var g *Gaps
		for span := 20 * time.Millisecond; ; span *= 2 { // until worker and work have had a processor
			g = r.Gaps(work, span)
			if g.Polls.Count() > 0 && (work < Allocate || g.Allocated > 100<<10) {
				break
			}
			require.Less(t, span, 20*time.Second, work)
		}
		require.NotZero(t, g.Polls.Quantile(1))
	}
}
