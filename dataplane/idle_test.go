package dataplane

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// awaitSleep waits until the worker has gone to sleep once more, or is about to.
func awaitSleep(t *testing.T, w *worker) {
	t.Helper()
	require.Eventually(t, w.bell.Armed, 60*time.Second, 10*time.Microsecond)
}

// TestSleepersAreWoken: the ends of a quiet association sleep until what comes
// for them wakes them; nothing else would within the test's patience.
func TestSleepersAreWoken(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(nil)
	const rounds, most = 50, 20
	b := make([]byte, 8)
	woken := func() (n [2]uint64) {
		for range rounds {
			awaitSleep(t, l.a.workers[0])
			awaitSleep(t, l.b.workers[0])
			_, err := c.Write([]byte("ping"))
			require.NoError(t, err)
			_, err = s.Read(b)
			require.NoError(t, err)
		}
		return [2]uint64{l.a.Stats().Workers[0].Woken, l.b.Stats().Workers[0].Woken}
	}
	// What comes while a worker is not quite asleep wakes nobody; a busy machine makes that last.
	for i, before := 0, woken(); ; i++ {
		now := woken()
		if min(now[0]-before[0], now[1]-before[1]) >= rounds*3/4 {
			break
		}
		require.Less(t, i, most, "from %v to %v in %d rounds", before, now, rounds)
		before = now
	}
	for _, d := range []*Dataplane{l.a, l.b} {
		st := d.Stats().Workers[0]
		require.Greater(t, st.Slept, sctpcore.Time(0))
		require.GreaterOrEqual(t, st.Sleeps, st.Woken)
		require.Greater(t, st.Gaps.Worst, sctpcore.Time(0))
	}
}

// TestLinksAndOtherWorkersWake: a link that goes down is known at once; so is
// what one worker hands to another.
func TestLinksAndOtherWorkersWake(t *testing.T) {
	l := newLab(t, labOptions{cables: 2, mem: mem.Options{Queues: 2}, tune: func(_ int, c *Config) { c.CPUs = []int{-1, -1} }})
	c, s := l.connect(nil)
	events := c.Events(16)
	b := make([]byte, 8)
	for i := range 20 {
		for _, d := range []*Dataplane{l.a, l.b} {
			for _, w := range d.workers {
				awaitSleep(t, w)
			}
		}
		require.NoError(t, l.wires[0][i%2].SetLink(i%4 > 1))
		_, err := c.Write([]byte("ping"))
		require.NoError(t, err)
		_, err = s.Read(b)
		require.NoError(t, err)
	}
	await(t, events, sctpcore.EventPathState)
}

// deaf is a port that cannot wake anybody.
type deaf struct{ nic.Port }

func (deaf) WakeFDs(_ int, fds []int) ([]int, error) { return fds, nic.ErrNotSupported }

func (d deaf) Info() nic.Info {
	i := d.Port.Info()
	i.Caps.LinkInterrupt = false
	return i
}

func TestPortsThatWakeNobodyArePolled(t *testing.T) {
	l := newLab(t, labOptions{
		wrap: func(_, _ int, p nic.Port) nic.Port { return deaf{p} },
		tune: func(_ int, c *Config) { c.IdleSleep = MinIdleSleep },
	})
	c, s := l.connect(nil)
	pump(t, c, s, 50, 2000)
	var polled, links bool
	var longest sctpcore.Time
	w := l.a.workers[0]
	require.NoError(t, w.call(func(w *worker) {
		polled, links = w.idle.polled, w.idle.links
		w.idle.step = sctpcore.Time(MinIdleSleep)
		longest = w.longest()
	}))
	require.True(t, polled)
	require.True(t, links)
	require.Equal(t, sctpcore.Time(MinIdleSleep), longest)
}

// TestArmingLooksAtLinks: a change of a link between the last look and the
// arming rings no bell.
func TestArmingLooksAtLinks(t *testing.T) {
	w := &worker{d: &Dataplane{}, linkAt: sctpcore.Never}
	w.arm(false)
	require.Equal(t, sctpcore.Never, w.linkAt)
	w.arm(true)
	require.Zero(t, w.linkAt)
}

// TestLinksWithoutQueueArePolled: a worker without a queue of a port does not
// hear the bell of its link.
func TestLinksWithoutQueueArePolled(t *testing.T) {
	l := newLab(t, labOptions{tune: func(_ int, c *Config) { c.CPUs = []int{-1, -1} }})
	for i, w := range l.a.workers {
		var links, polled bool
		require.NoError(t, w.call(func(w *worker) { links, polled = w.idle.links, w.idle.polled }))
		require.Equal(t, i == 1, links, "of worker %d", i)
		require.False(t, polled)
	}
}

// TestSleepIsBounded by what nothing tells of.
func TestSleepIsBounded(t *testing.T) {
	w := &worker{d: &Dataplane{cfg: Config{IdleSleep: time.Millisecond}}}
	w.tx.have = 1
	require.Equal(t, sctpcore.Never, w.longest())
	w.idle.links = true
	require.Equal(t, sctpcore.Millisecond, w.longest())
	w.tx.waiting = true
	require.Equal(t, idlePressed, w.longest())
	w.tx.waiting, w.tx.have = false, 0
	require.Equal(t, idlePressed, w.longest())
	w.tx.have, w.idle.refused, w.idle.step = 1, true, idleFirst
	require.Equal(t, idleFirst, w.longest())
}

func TestPollGaps(t *testing.T) {
	var p polling
	p.begin(1000)
	require.Zero(t, p.Gaps, "the first poll follows none")
	p.begin(1500)
	p.begin(4500)
	p.slept(5000, 1_000_000, true)
	p.begin(1_001_000)
	p.begin(61_001_000)
	g := PollGaps{Worst: 60_000_000, Sum: 61_001_000 - 1000 - 995_000} // all the time but the sleep
	g.Counts[0], g.Counts[1], g.Counts[2], g.Counts[15] = 2, 1, 1, 1
	require.Equal(t, WorkerStats{Gaps: g, Sleeps: 1, Woken: 1, Slept: 995_000}, p.WorkerStats)
}
