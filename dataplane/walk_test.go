package dataplane

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// crowd makes n associations from a to b.
func (s *simulation) crowd(n int) (all []*Conn) {
	ln, err := s.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(s.t, err)
	for range n {
		c, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
		require.NoError(s.t, err)
		all = append(all, c)
		s.until(10, "accept", func() bool { return ln.TryAccept() != nil })
	}
	s.pass(1e9)
	return all
}

// pass lets virtual time pass, in ns.
func (s *simulation) pass(ns int64) {
	end := s.now + ns
	for s.now < end {
		s.step()
		s.now = max(s.now, min(end, s.now+1e6))
	}
}

// walked is the names of all associations, in parts of at most limit.
func walked(t testing.TB, d *Dataplane, limit int) []AssocName {
	return names(t, d.Walk(AssocName{}), limit)
}

// names are what a walk meets, in parts of at most limit.
func names(t testing.TB, k *Walk, limit int) (names []AssocName) {
	for {
		part := k.Next(limit)
		if len(part) == 0 {
			return names
		}
		require.LessOrEqual(t, len(part), limit)
		for i := range part {
			names = append(names, part[i].Name)
		}
	}
}

// requireCounts holds the counts of paths against the paths.
func requireCounts(t *testing.T, d *Dataplane) {
	t.Helper()
	want := map[string][sctpcore.NumPathStates]int{"": {}}
	for _, p := range d.ports {
		want[p.info.Name] = [sctpcore.NumPathStates]int{}
	}
	for k := d.Walk(AssocName{}); ; {
		part := k.Next(1000)
		for i := range part {
			for _, p := range part[i].Paths {
				n := want[p.Port]
				n[p.State]++
				want[p.Port] = n
			}
		}
		if len(part) == 0 {
			break
		}
	}
	got := d.Totals()
	require.Equal(t, want[""], got.NoPort)
	for _, p := range got.Ports {
		require.Equal(t, want[p.Name], p.Paths, p.Name)
	}
}

// requirePlights holds the associations of each plight against the paths of all, and their
// number, and gives it.
func requirePlights(t *testing.T, d *Dataplane) [NumPlights]int {
	t.Helper()
	var want [NumPlights][]AssocName
	for k := d.Walk(AssocName{}); ; {
		part := k.Next(1000)
		for i := range part {
			worst, left := AllActive, false
			for _, p := range part[i].Paths {
				is := map[sctpcore.PathState]Plight{sctpcore.Active: AllActive, sctpcore.Unconfirmed: SomeUnconfirmed,
					sctpcore.PotentiallyFailed: SomeFailing, sctpcore.Inactive: SomeInactive}[p.State]
				if p.Port == "" {
					is = SomeInactive
				}
				worst, left = max(worst, is), left || is != SomeInactive
			}
			if !left {
				worst = NoneLeft
			}
			require.Equal(t, worst, part[i].Plight, "%+v", part[i].Paths)
			want[worst] = append(want[worst], part[i].Name)
		}
		if len(part) == 0 {
			break
		}
	}
	totals := d.Totals().Plights
	var all []AssocName
	for p := NumPlights - 1; p >= AllActive; p-- {
		require.Equal(t, len(want[p]), totals[p], "%v", p)
		all = append(all, want[p]...)
	}
	require.Equal(t, all, names(t, d.WalkWorst(), 3))
	return totals
}

func TestWalk(t *testing.T) {
	s := newSimulation(t, 2, fault.Impairment{})
	conns := s.crowd(200)
	all := walked(t, s.a, 1000)
	require.Len(t, all, len(conns))
	require.Equal(t, all, walked(t, s.a, 7), "in whatever parts")
	seen := map[AssocName]bool{}
	for _, n := range all {
		require.False(t, seen[n])
		seen[n] = true
		again, err := ParseAssocName(n.String())
		require.NoError(t, err)
		require.Equal(t, n, again)
		one, ok := s.a.Assoc(n)
		require.True(t, ok)
		require.Equal(t, n, one.Name)
		require.Len(t, one.Paths, 2)
		require.Equal(t, sctpcore.Established, one.State)
		require.Less(t, int64(one.Since), s.now-1e8)
	}
	requireCounts(t, s.a)
	requireCounts(t, s.b)

	// Behind one that has ended, those that came after it go on.
	for _, c := range conns[50:150] {
		require.NoError(t, c.Abort("enough"))
	}
	s.pass(1e9)
	left := walked(t, s.a, 1000)
	require.Len(t, left, 100)
	gone := 0
	for i, n := range all {
		if _, ok := s.a.Assoc(n); ok {
			continue
		}
		gone++
		var want []AssocName
		for _, m := range all[i:] {
			if _, ok := s.a.Assoc(m); ok {
				want = append(want, m)
			}
		}
		var got []AssocName
		for _, a := range s.a.Walk(n).Next(1) {
			got = append(got, a.Name)
		}
		require.Equal(t, want[:min(1, len(want))], got)
	}
	require.Equal(t, 100, gone)
	requireCounts(t, s.a)
	requireCounts(t, s.b)
	for _, bad := range []string{"", "1", ".", "256.1", "0.x", "0.4294967296", "-1.5", "0.1.0", "0.1.1", "0.1.2.3", "0.01", "0.1048576"} {
		_, err := ParseAssocName(bad)
		require.Error(t, err, bad)
	}
	_, ok := s.a.Assoc(AssocName{Worker: 9, ID: 1})
	require.False(t, ok)
	require.Empty(t, s.a.Walk(AssocName{Worker: 9, ID: 1}).Next(1))
}

// Whatever happens to links, the counts are those of the paths.
func TestPathCounts(t *testing.T) {
	s := newSimulation(t, 2, fault.Impairment{})
	rng := rand.New(rand.NewPCG(1, 2))
	conns := s.crowd(40)
	late, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	met := requirePlights(t, s.a)
	for range 1000 { // its other path is confirmed meanwhile
		s.pass(1000)
		met[SomeUnconfirmed] += requirePlights(t, s.a)[SomeUnconfirmed]
	}
	s.faults[0].Blackhole(fault.Both)
	for range 200 {
		s.pass(1e6)
		met[SomeFailing] += requirePlights(t, s.a)[SomeFailing]
	}
	for range 60 {
		cable := rng.IntN(2)
		switch rng.IntN(4) {
		case 0:
			require.NoError(t, s.wires[cable][0].SetLink(false))
		case 1:
			require.NoError(t, s.wires[cable][0].SetLink(true))
		case 2:
			s.faults[rng.IntN(len(s.faults))].Blackhole([]fault.Direction{fault.None, fault.Both}[rng.IntN(2)])
		case 3:
			_, _ = conns[rng.IntN(len(conns))].TrySendBatch([]Message{{Data: make([]byte, 100)}}) // it may have ended
		}
		s.pass(rng.Int64N(5e8))
		requireCounts(t, s.a)
		requireCounts(t, s.b)
		requirePlights(t, s.b)
		for p, n := range requirePlights(t, s.a) {
			met[p] += n
		}
	}
	for p := AllActive; p < NumPlights; p++ {
		require.Positive(t, met[p], "never one that is %v", p)
	}
	for _, c := range append(conns, late) {
		_ = c.Abort("enough")
	}
	s.pass(1e9)
	requireCounts(t, s.a)
	require.Zero(t, requirePlights(t, s.a))
	require.Empty(t, walked(t, s.a, 10))
}

// lines is a slog.Handler that keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	s := r.Message
	r.Attrs(func(a slog.Attr) bool {
		s += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, s)
	return nil
}

// take gives the lines that begin with a word, and forgets all.
func (l *lines) take(begin string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.text {
		if strings.HasPrefix(s, begin) {
			found = append(found, s)
		}
	}
	return found
}

// Each change says who, from, to, why and how long; many at once are counted.
func TestEventsAreLogged(t *testing.T) {
	log := &lines{}
	s := newSimulationWith(t, 1, fault.Impairment{}, func(side int, c *Config) {
		if side == 0 {
			c.Logger = slog.New(log)
		}
	})
	c := s.crowd(1)[0]
	send := func() {
		n, err := c.TrySendBatch([]Message{{Data: make([]byte, 1000)}})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	for range 20 {
		send()
		s.pass(1e6)
	}
	_ = s.wires[0][0].SetLink(false)
	send()
	s.pass(2e9)
	who := "assoc=" + walked(t, s.a, 1)[0].String() + " local_port="
	path := log.take("path state " + who)
	require.Contains(t, path[len(path)-1], "peer=10.0.1.2:7 path=10.0.1.2 port="+s.wires[0][0].Info().Name+" from=ACTIVE to=INACTIVE why=link down")
	moved := log.take("failover " + who)
	require.Len(t, moved, 1)
	require.Contains(t, moved[0], "from=10.0.1.2 to=10.0.2.2")
	require.Contains(t, moved[0], "why=link down detected_ms=")
	require.Len(t, log.take("traffic resumed "+who), 1)
	require.Contains(t, log.take("traffic resumed ")[0], "standstill_ms=")
	require.Empty(t, log.take("more events"))
	_ = s.wires[0][0].SetLink(true)
	s.pass(2e9)
}

func TestLoggingIsBounded(t *testing.T) {
	log := &lines{}
	s := newSimulationWith(t, 1, fault.Impairment{}, func(side int, c *Config) {
		if side == 0 {
			c.Logger = slog.New(log)
		}
	})
	s.crowd(120)
	s.pass(2e9)
	log.text = nil
	_ = s.wires[0][0].SetLink(false)
	s.pass(2e9)
	require.Len(t, log.take("path state"), linesPerSecond)
	require.Equal(t, []string{"more events than are logged in a second worker=0 path state=70"}, log.take("more"))
}

// multitude is how many associations there are in benchmarks of what is done with all.
const multitude = 100_000

// newMultitude makes them, dual-homed, from a to b.
func newMultitude(b *testing.B) *simulation {
	const n, ports = multitude, 100
	s := newSimulationWith(b, 1, fault.Impairment{}, func(_ int, c *Config) {
		c.Timers = sctpcore.RFC9260Timers()
		c.Limits = sctpcore.DefaultLimits()
		c.Limits.Associations = n
	})
	var listeners []*Listener
	for i := range ports {
		ln, err := s.b.Listen(&Addr{Port: uint16(2000 + i)}, nil)
		require.NoError(b, err)
		listeners = append(listeners, ln)
	}
	for i := range n / ports {
		from, err := s.a.Bind(&Addr{Port: uint16(3000 + i)}, nil)
		require.NoError(b, err)
		for j := range ports {
			_, err := from.Begin(&Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: uint16(2000 + j)}, nil)
			require.NoError(b, err)
		}
		s.pass(5e6)
		for _, ln := range listeners {
			for ln.TryAccept() != nil {
			}
		}
	}
	require.Len(b, walked(b, s.a, walkTurn), n)
	return s
}

// BenchmarkWalk goes through all of them: how long a worker is kept from its ports by one
// turn, and what all of it costs; and for the 200 worst of them, where one in a thousand is in trouble.
func BenchmarkWalk(b *testing.B) {
	const n, few = multitude, 200
	s := newMultitude(b)
	b.Run("all", func(b *testing.B) {
		benchmarkTurns(b, n, func(turn func(*Walk, int) int) {
			for k := s.a.Walk(AssocName{}); turn(k, walkTurn) > 0; {
			}
		})
	})
	w := s.a.workers[0]
	for i := 0; i < n; i += 1000 {
		w.order[i].paths[0].state = sctpcore.Inactive
		w.judge(w.order[i])
	}
	b.Run("worst", func(b *testing.B) {
		benchmarkTurns(b, few, func(turn func(*Walk, int) int) {
			for k, left := s.a.WalkWorst(), few; left > 0; {
				left -= turn(k, left)
			}
		})
	})
}

// benchmarkTurns measures the turns of walks through so many associations.
func benchmarkTurns(b *testing.B, n float64, walk func(turn func(*Walk, int) int)) {
	var worst, sum time.Duration
	turns := 0
	b.ReportAllocs()
	for range b.N {
		walk(func(k *Walk, limit int) int {
			from := time.Now()
			part := k.Next(limit)
			took := time.Since(from)
			worst, sum = max(worst, took), sum+took
			turns++
			return len(part)
		})
	}
	b.ReportMetric(float64(worst.Microseconds()), "worst-turn-µs")
	b.ReportMetric(float64(sum.Microseconds())/float64(turns), "turn-µs")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/assoc")
}
