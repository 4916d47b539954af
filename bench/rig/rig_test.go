package rig

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// base is what every rig of the tests stands on.
var base = ports.New(ports.Memory{Hugepages: "auto"})

func TestMain(m *testing.M) {
	code := m.Run()
	if err := base.Close(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

func newRig(t testing.TB, o Options) *Rig {
	t.Helper()
	r, err := New(base, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func TestLoadOverEachKindThatNeedsNothing(t *testing.T) {
	for _, kind := range []string{"mem", ports.DefaultKind} {
		for _, o := range []Options{{}, {Paths: 2, Assocs: 3, Offload: true}} {
			o.Kind = kind
			t.Run(fmt.Sprintf("%s/assocs=%d", kind, o.Assocs), func(t *testing.T) {
				r := newRig(t, o)
				require.Len(t, r.Client, max(1, o.Assocs))
				require.Len(t, r.Cables, max(1, o.Paths))
				s, err := r.Measure(500, time.Millisecond, 20*time.Millisecond)
				require.NoError(t, err)
				require.NotZero(t, s.Messages)
				require.NotZero(t, s.Packets)
				require.Greater(t, r.packets(), s.Messages/3)
				require.Equal(t, 500*s.Messages, s.Bytes)
				require.Positive(t, s.CPU)
			})
		}
	}
}

func TestTwoWorkersOverRings(t *testing.T) {
	r := newRig(t, Options{Kind: ports.DefaultKind, CPUs: [2][]int{{-1, -1}, {-1, -1}}, Assocs: 4})
	_, err := r.Measure(100, 0, 20*time.Millisecond)
	require.NoError(t, err)
}

func TestManualRigMovesByHandOnly(t *testing.T) {
	r := newRig(t, Options{Manual: true, Paths: 2})
	require.NoError(t, r.Drive(1400, 5000))
	require.NoError(t, r.Drive(20000, 50))
}

func TestWorkersAreDrivenByThreadsOfTheirOwn(t *testing.T) {
	r := newRig(t, Options{Manual: true, Assocs: 4, CPUs: [2][]int{{-1, -1}, {-1, -1}}})
	cpu := ports.CPUs()[0]
	s, err := r.DriveWorkers(200, []int{cpu, cpu}, time.Millisecond, 50*time.Millisecond)
	require.NoError(t, err)
	require.NotZero(t, s.Messages)
}

func TestOutagesLoseNothing(t *testing.T) {
	timers, cpus := sctpcore.TelecomTimers(), ports.CPUs()
	for _, how := range []Cut{Silent, LinkDown, Uncut} {
		t.Run(how.String(), func(t *testing.T) {
			r := newRig(t, Options{Paths: 2, Timers: &timers, Manual: true})
			o, err := r.Outages(how, 700, 2, [2]int{cpus[0], cpus[len(cpus)-1]})
			require.NoError(t, err)
			require.Zero(t, o.Lost+o.Duplicated)
			require.EqualValues(t, 2, o.Switch.Count()+uint64(o.Missed))
			t.Logf("switch %v, pause %v, regain %v", &o.Switch, &o.Pause, &o.Regain)
		})
	}
}

func TestNumbersTellLossAndRepetition(t *testing.T) {
	var s numbered
	for _, n := range []uint64{0, 1, 4, 4, 5, 3} {
		s.take(n)
	}
	require.EqualValues(t, 2, s.lost)
	require.EqualValues(t, 2, s.duplicated)
}

func TestLoadEndsWhenTheCablesAreDead(t *testing.T) {
	r := newRig(t, Options{})
	l := r.StartLoad(100)
	require.Eventually(t, func() bool { return l.Received() > 0 }, 60*time.Second, time.Millisecond)
	r.Cables[0].Ends[A].Blackhole(fault.Both)
	require.NoError(t, r.Client[0].Abort("the test says so"))
	r.Cables[0].Ends[A].Blackhole(fault.None)
	_ = r.Server[0].Abort("and here")
	require.Error(t, l.Stop())
}

func TestBadOptions(t *testing.T) {
	_, err := New(base, Options{Kind: "pigeon"})
	require.ErrorContains(t, err, "not a kind of cable")
	_, err = New(base, Options{CPUs: [2][]int{{0, 0}, nil}})
	require.ErrorContains(t, err, "share CPU 0")
	_, err = New(base, Options{MTU: 100})
	require.ErrorContains(t, err, "MTU")
}

func TestHistogramQuantiles(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var h, other Histogram
	require.Zero(t, h.Quantile(0.5))
	var all []time.Duration
	for i := range 10000 {
		d := time.Duration(rng.Uint64() >> (8 + rng.IntN(55)))
		all = append(all, d)
		if i%2 == 0 {
			h.Record(d)
		} else {
			other.Record(d)
		}
	}
	h.Merge(&other)
	h.Merge(&Histogram{})
	require.EqualValues(t, len(all), h.Count())
	slices.Sort(all)
	require.Equal(t, all[0], h.Quantile(0))
	require.Equal(t, all[len(all)-1], h.Quantile(1))
	for _, q := range []float64{0.1, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(q*float64(len(all)))]
		require.InDelta(t, want.Nanoseconds(), h.Quantile(q).Nanoseconds(), float64(want)/32+1, "%v", q)
	}
	text, err := json.Marshal(&h)
	require.NoError(t, err)
	var back Histogram
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, h, back)
	require.Error(t, json.Unmarshal([]byte(`{"Counts":{"99999":1}}`), &back))
	h.Record(-1)
	require.Zero(t, h.Quantile(0))
}
