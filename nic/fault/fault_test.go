package fault

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

func TestContract(t *testing.T) {
	t.Run("no faults", func(t *testing.T) {
		nictest.Run(t, func(*testing.T) (a, b nic.Port) {
			x, y := mem.NewPair(mem.Options{})
			return Wrap(x, Config{}), Wrap(y, Config{})
		})
	})
	// A delay changes nothing but the time, and takes every frame through the
	// slow path.
	t.Run("delay", func(t *testing.T) {
		later := Impairment{Delay: time.Microsecond}
		nictest.Run(t, func(*testing.T) (a, b nic.Port) {
			x, y := mem.NewPair(mem.Options{Queues: 2})
			return &polled{Wrap(x, Config{Rx: later, Tx: later})}, &polled{Wrap(y, Config{Rx: later, Tx: later})}
		})
	})
}

// polled looks after what is held on tx whenever it sends, as a poll loop does
// by receiving all the time.
type polled struct{ *Port }

func (p *polled) TxBurst(queue int, pkts []*nic.Packet) int {
	n := p.Port.TxBurst(queue, pkts)
	nictest.Poll(time.Minute, func() bool {
		p.releaseTx(queue)
		return p.lanes[tx][queue].held.len() == 0
	})
	return n
}

// bench is a wrapped port a, its plain peer b, and a clock.
type bench struct {
	t    testing.TB
	now  int64
	a    *Port
	b    *mem.Port
	in   *mem.Port // a's inner port
	next int
}

func newBench(t testing.TB, cfg Config, opts mem.Options) *bench {
	s := &bench{t: t}
	s.in, s.b = mem.NewPair(opts)
	cfg.Clock = func() int64 { return s.now }
	s.a = Wrap(s.in, cfg)
	return s
}

// make allocates n frames numbered on.
func (s *bench) make(p nic.Port, n int) []*nic.Packet {
	pkts := make([]*nic.Packet, n)
	require.Equal(s.t, n, p.Alloc(pkts))
	for _, pkt := range pkts {
		d := pkt.Append(64)
		clear(d)
		d[0], d[1] = byte(s.next>>8), byte(s.next)
		s.next++
	}
	return pkts
}

// send sends n frames from a.
func (s *bench) send(n int) {
	for ; n > 0; n -= min(n, 32) {
		pkts := s.make(s.a, min(n, 32))
		require.Equal(s.t, len(pkts), s.a.TxBurst(0, pkts))
	}
}

// feed sends n frames from b to a.
func (s *bench) feed(n int) {
	pkts := s.make(s.b, n)
	require.Equal(s.t, n, s.b.TxBurst(0, pkts))
}

// take receives all there is at p and returns the numbers.
func (s *bench) take(p nic.Port) (numbers []int) {
	var pkts [nic.MaxBurst]*nic.Packet
	for {
		n := p.RxBurst(0, pkts[:])
		if n == 0 {
			return numbers
		}
		for _, pkt := range pkts[:n] {
			numbers = append(numbers, int(pkt.Data()[0])<<8|int(pkt.Data()[1]))
		}
		nic.Free(pkts[:n])
	}
}

// close closes everything and wants all packets at home and active at zero.
func (s *bench) close() {
	s.t.Helper()
	for range 2 {
		require.NoError(s.t, s.a.Close())
	}
	require.NoError(s.t, s.b.Close())
	for _, p := range []*mem.Port{s.in, s.b} {
		stats := map[string]uint64{}
		for _, x := range p.XStats() {
			stats[x.Name] = x.Value
		}
		require.Equal(s.t, stats["pool_size"], stats["pool_free"])
	}
	require.Zero(s.t, s.a.active.Load()>>heldShift, "held frames that active counts")
}

func sequence(from, to int) (v []int) {
	for i := from; i < to; i++ {
		v = append(v, i)
	}
	return v
}

func TestLossIsSeededAndCounted(t *testing.T) {
	run := func(seed uint64, cfg Impairment) []int {
		s := newBench(t, Config{Seed: seed, Tx: cfg}, mem.Options{})
		s.send(1000)
		got := s.take(s.b)
		require.EqualValues(t, 1000-len(got), s.a.Count(Tx, Lost))
		require.Zero(t, s.a.Count(Rx, Lost))
		s.close()
		return got
	}
	got := run(1, Impairment{Loss: 0.3})
	require.InDelta(t, 700, len(got), 60)
	require.True(t, slices.IsSorted(got))
	require.Equal(t, got, run(1, Impairment{Loss: 0.3}))
	require.Equal(t, got, run(1, Impairment{Loss: 0.3, Corrupt: 0.5}), "other faults leave the decisions alone")
	require.NotEqual(t, got, run(2, Impairment{Loss: 0.3}))
	require.Empty(t, run(3, Impairment{Loss: 1}))
	require.Empty(t, run(3, Impairment{Loss: 7}))
	require.Len(t, run(3, Impairment{Loss: math.NaN()}), 1000)
	require.Len(t, run(3, Impairment{Loss: -1, Delay: -5, Jitter: -5}), 1000)
}

func TestDelayBothWays(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Delay: 100}, Rx: Impairment{Delay: 40}}, mem.Options{})
	_, ok := s.a.NextRelease()
	require.False(t, ok)
	s.send(3)
	s.feed(2)
	require.Empty(t, s.take(s.b))
	require.Empty(t, s.take(s.a))
	at, ok := s.a.NextRelease()
	require.True(t, ok)
	require.EqualValues(t, 40, at)
	s.now = 39
	require.Empty(t, s.take(s.a))
	s.now = 40
	require.Equal(t, []int{3, 4}, s.take(s.a))
	at, _ = s.a.NextRelease()
	require.EqualValues(t, 100, at)
	s.now = 99
	require.Empty(t, s.take(s.a))
	require.Empty(t, s.take(s.b))
	s.now = 100
	require.Empty(t, s.take(s.a)) // releases what waits on tx
	require.Equal(t, []int{0, 1, 2}, s.take(s.b))
	s.close()
}

func TestJitterKeepsTheOrderAndReorderDoesNot(t *testing.T) {
	run := func(i Impairment) (got []int, reordered uint64) {
		s := newBench(t, Config{Seed: 5, Tx: i}, mem.Options{})
		for range 50 {
			s.send(1)
			s.now += 10
			s.take(s.a)
			got = append(got, s.take(s.b)...)
		}
		s.now += 1e6
		s.take(s.a)
		got = append(got, s.take(s.b)...)
		defer s.close()
		return got, s.a.Count(Tx, Reordered)
	}
	got, n := run(Impairment{Delay: 50, Jitter: 500})
	require.Equal(t, sequence(0, 50), got)
	require.Zero(t, n)
	got, n = run(Impairment{Reorder: 0.2, ReorderDelay: 35})
	require.NotEqual(t, sequence(0, 50), got)
	require.Positive(t, n)
	slices.Sort(got)
	require.Equal(t, sequence(0, 50), got)
}

func TestDuplicate(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Duplicate: 1}, Rx: Impairment{Duplicate: 1}}, mem.Options{})
	s.send(2)
	require.Equal(t, []int{0, 0, 1, 1}, s.take(s.b))
	s.feed(2)
	require.Equal(t, []int{2, 2, 3, 3}, s.take(s.a))
	require.EqualValues(t, 4, s.a.Count(Both, Duplicated))
	s.close()

	s = newBench(t, Config{Rx: Impairment{Duplicate: 1}}, mem.Options{Buffers: 4})
	s.make(s.a, 4) // all of them
	s.feed(1)
	require.Equal(t, []int{4}, s.take(s.a))
	require.EqualValues(t, 1, s.a.Count(Rx, DuplicatesFailed))
}

func TestCorruptFlipsOneBitBehindTheHeader(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Corrupt: 1}}, mem.Options{})
	for range 200 {
		s.next = 0
		s.send(1)
		got := make([]*nic.Packet, 1)
		require.Equal(t, 1, s.b.RxBurst(0, got))
		set := 0
		for i, c := range got[0].Data() {
			for ; c != 0; c &= c - 1 {
				require.GreaterOrEqual(t, i, etherLen)
				set++
			}
		}
		require.Equal(t, 1, set)
		nic.Free(got)
	}
	require.EqualValues(t, 200, s.a.Count(Tx, Corrupted))
	s.close()
}

// TestCorruptionIsNotHiddenByOffloads: a checksum inserted by the port must
// not cover the flipped bit, and a verdict given before must not stand.
func TestCorruptionIsNotHiddenByOffloads(t *testing.T) {
	caps := nic.Capabilities{TxSCTPChecksum: true, RxSCTPChecksum: true}
	for _, cfg := range []Config{{Tx: Impairment{Corrupt: 1}}, {Rx: Impairment{Corrupt: 1}}} {
		s := newBench(t, cfg, mem.Options{A: mem.Side{Caps: caps}, B: mem.Side{Caps: caps}})
		from, to := nic.Port(s.a), nic.Port(s.b)
		if cfg.Rx.Corrupt > 0 {
			from, to = s.b, s.a
		}
		for range 100 {
			pkt := s.make(from, 1)
			pkt[0].Append(14 + 20 + 12 + 1000 - 64)
			d := pkt[0].Data()
			copy(d[12:], []byte{0x08, 0x00, 0x45, 0, 1032 >> 8, 1032 & 255, 0, 1, 0, 0, 64, 132})
			pkt[0].Flags, pkt[0].L2Len, pkt[0].L3Len = nic.TxIPv4|nic.TxSCTPChecksum, 14, 20
			require.Equal(t, 1, from.TxBurst(0, pkt))
			require.Equal(t, 1, to.RxBurst(0, pkt))
			// A flip in the IP header leaves SCTP good on tx; else it is bad.
			if pkt[0].Flags&nic.RxSCTPChecksumGood != 0 {
				require.NotEqual(t, []byte{0x45, 0, 1032 >> 8, 1032 & 255, 0, 1, 0, 0, 64, 132, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
					pkt[0].Data()[14:34], "the flip is in what the checksum covers")
				require.Zero(t, cfg.Rx.Corrupt)
			}
			nic.Free(pkt)
		}
		s.close()
	}
}

func TestBlackhole(t *testing.T) {
	for _, dir := range []Direction{Rx, Tx, Both, None} {
		s := newBench(t, Config{}, mem.Options{})
		s.a.Blackhole(dir)
		s.send(1)
		s.feed(1)
		require.Equal(t, dir&Tx == 0, len(s.take(s.b)) == 1, "tx through %d", dir)
		require.Equal(t, dir&Rx == 0, len(s.take(s.a)) == 1, "rx through %d", dir)
		require.True(t, s.a.Link().Up, "nobody can see it")
		require.Zero(t, s.a.Stats().TxErrors)
		s.a.Blackhole(None)
		require.Zero(t, s.a.active.Load())
		s.send(1)
		require.Len(t, s.take(s.b), 1)
		s.close()
	}
}

func TestFaultsStopWhenTheyAreTakenBack(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Delay: 100}}, mem.Options{})
	s.send(2)
	s.a.Set(Config{})
	s.now = 10
	s.send(2)
	require.Empty(t, s.take(s.b), "later frames do not overtake held ones")
	s.now = 100
	s.send(1)
	require.Equal(t, sequence(0, 5), s.take(s.b))
	require.Zero(t, s.a.active.Load(), "nothing left to do")
	s.close()
}

func TestLinkDownLosesHeldFrames(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Delay: 100}, Rx: Impairment{Delay: 100}}, mem.Options{})
	s.send(3)
	s.feed(2)
	require.Empty(t, s.take(s.a))
	require.NoError(t, s.a.SetLink(false))
	require.Equal(t, nic.Link{Changes: 1}, s.a.Link())
	require.False(t, s.b.Link().Up, "the inner port's link follows")
	require.EqualValues(t, 5, s.a.Count(Both, LinkDown))
	s.send(1)
	require.EqualValues(t, 4, s.a.Stats().TxErrors)
	s.now = 1000
	require.Empty(t, s.take(s.a))
	require.NoError(t, s.a.SetLink(true))
	require.Equal(t, nic.Link{Up: true, Changes: 2}, s.a.Link())
	require.Empty(t, s.take(s.b))
	s.close()
}

// fixed is a port that cannot set its link, or fails to.
type fixed struct {
	nic.Port
	err error
}

func (f fixed) SetLink(bool) error { return f.err }

func TestLinkOfPortsThatCannotSetIt(t *testing.T) {
	x, y := mem.NewPair(mem.Options{})
	a := Wrap(fixed{x, fmt.Errorf("tap: %w", nic.ErrNotSupported)}, Config{})
	s := &bench{t: t, a: a, b: y, in: x}
	for range 2 {
		require.NoError(t, a.SetLink(false))
		require.Equal(t, nic.Link{Changes: 1}, a.Link())
	}
	require.True(t, y.Link().Up)
	s.send(1)
	s.feed(1)
	require.Empty(t, s.take(y))
	require.Empty(t, s.take(a), "what arrives at a link that is down is dropped")
	require.NoError(t, a.SetLink(true))
	require.Equal(t, nic.Link{Up: true, Changes: 2}, a.Link())
	s.close()

	x, y = mem.NewPair(mem.Options{})
	broken := errors.New("device lost")
	a = Wrap(fixed{x, broken}, Config{})
	require.ErrorIs(t, a.SetLink(false), broken)
	require.True(t, a.Link().Up, "nothing changed")
	(&bench{t: t, a: a, b: y, in: x}).close()
}

func TestFullDelayQueueDropsAndCounts(t *testing.T) {
	s := newBench(t, Config{QueueDepth: 4, Tx: Impairment{Delay: 100, Duplicate: 1}}, mem.Options{})
	s.send(32)
	require.EqualValues(t, 60, s.a.Count(Tx, Overflowed))
	s.now = 100
	s.take(s.a)
	require.Equal(t, []int{0, 0, 1, 1}, s.take(s.b))
	s.close()
}

func TestFramesThatTheInnerPortRefusesStayHeld(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Delay: 1}}, mem.Options{Depth: 4, Backpressure: true})
	s.send(10)
	s.now = 1
	var got []int
	for range 3 {
		s.take(s.a)
		got = append(got, s.take(s.b)...)
	}
	require.Equal(t, sequence(0, 10), got)
	s.close()
}

// TestNothingIsLostUncounted drives random traffic, faults and time, and
// balances frames in against frames out and counts.
func TestNothingIsLostUncounted(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		probability := rapid.SampledFrom([]float64{0, 0, 0.1, 0.5, 1})
		delay := rapid.SampledFrom([]time.Duration{0, 0, 10, 1000})
		draw := func() Config {
			i := Impairment{
				Loss: probability.Draw(r, "loss") / 2, Duplicate: probability.Draw(r, "duplicate"),
				Corrupt: probability.Draw(r, "corrupt"), Reorder: probability.Draw(r, "reorder"),
				Delay: delay.Draw(r, "delay"), Jitter: delay.Draw(r, "jitter"), ReorderDelay: 20,
			}
			return Config{Tx: i, Seed: 1, QueueDepth: 64}
		}
		s := newBench(t, draw(), mem.Options{Buffers: 512})
		sent, got := 0, 0
		r.Repeat(map[string]func(*rapid.T){
			"send": func(r *rapid.T) {
				n := rapid.IntRange(1, 32).Draw(r, "n")
				s.send(n)
				sent += n
			},
			"receive":   func(*rapid.T) { got += len(s.take(s.b)) },
			"poll":      func(*rapid.T) { s.take(s.a) },
			"time":      func(r *rapid.T) { s.now += int64(rapid.IntRange(1, 500).Draw(r, "ns")) },
			"configure": func(*rapid.T) { s.a.Set(draw()) },
			"blackhole": func(r *rapid.T) {
				s.a.Blackhole(Direction(rapid.IntRange(0, 3).Draw(r, "direction")))
			},
		})
		s.now += 1e6
		s.take(s.a)
		got += len(s.take(s.b))
		var dropped uint64
		for _, what := range []Count{Lost, Blackholed, LinkDown, Overflowed} {
			dropped += s.a.Count(Tx, what)
		}
		// An overflowing copy was never counted as Duplicated, so it is
		// allocated anew: frames in = Duplicated + such copies.
		in := uint64(sent) + s.a.Count(Tx, Duplicated)
		require.LessOrEqual(t, in, uint64(got)+dropped)
		if s.a.Count(Tx, Overflowed) == 0 {
			require.Equal(t, in, uint64(got)+dropped)
		}
		s.close()
	})
}

// TestThreads changes everything while two threads poll and send on the same
// queue numbers; the race detector and the pools' balance judge.
func TestThreads(t *testing.T) {
	x, y := mem.NewPair(mem.Options{})
	a := Wrap(x, Config{Seed: 1})
	s := &bench{t: t, a: a, b: y, in: x}
	const rounds = 2000
	var wg sync.WaitGroup
	wg.Go(func() {
		var pkts [16]*nic.Packet
		for range rounds {
			n := a.Alloc(pkts[:])
			for _, p := range pkts[:n] {
				p.Append(64)
			}
			nic.Free(pkts[a.TxBurst(0, pkts[:n]):n])
		}
	})
	wg.Go(func() {
		var pkts [16]*nic.Packet
		for range rounds {
			nic.Free(pkts[:a.RxBurst(0, pkts[:])])
			runtime.Gosched()
		}
	})
	wg.Go(func() {
		var pkts [16]*nic.Packet
		for range rounds {
			n := y.RxBurst(0, pkts[:])
			y.TxBurst(0, pkts[:n])
		}
	})
	wg.Go(func() {
		i := Impairment{Delay: 1000, Duplicate: 0.1, Loss: 0.1}
		for round := range rounds / 10 {
			a.Set([]Config{{}, {Tx: i}, {Rx: i, Tx: i}}[round%3])
			a.Blackhole(Direction(round % 4))
			_ = a.SetLink(round%5 != 0)
			a.NextRelease()
			a.Stats()
			runtime.Gosched()
		}
	})
	wg.Wait()
	s.close()
}

func TestXStatsNameEveryCount(t *testing.T) {
	s := newBench(t, Config{Tx: Impairment{Loss: 1}}, mem.Options{})
	s.send(3)
	found := map[string]uint64{}
	for _, x := range s.a.XStats() {
		found[x.Name] = x.Value
	}
	require.EqualValues(t, 3, found["fault_tx_lost"])
	for what := range countsEnd {
		require.NotEmpty(t, what.String())
		require.Contains(t, found, "fault_rx_"+what.String())
	}
	require.Contains(t, found, "pool_size")
	s.close()
}

func TestNoAllocations(t *testing.T) {
	for name, i := range map[string]Impairment{
		"no faults": {},
		"faults":    {Loss: 0.1, Duplicate: 0.3, Corrupt: 0.3, Reorder: 0.3, ReorderDelay: 20, Delay: 30, Jitter: 10},
		"overflow":  {Duplicate: 1, Delay: 1000},
	} {
		s := newBench(t, Config{Rx: i, Tx: i, QueueDepth: 256}, mem.Options{})
		pkts := make([]*nic.Packet, 32)
		require.Zero(t, testing.AllocsPerRun(100, func() { s.turn(pkts) }), name)
		s.close()
	}
}

// turn sends a burst from a, returns it from b, and receives it.
func (s *bench) turn(pkts []*nic.Packet) {
	n := s.a.Alloc(pkts)
	for _, p := range pkts[:n] {
		p.Append(64)
	}
	nic.Free(pkts[s.a.TxBurst(0, pkts[:n]):n])
	n = s.b.RxBurst(0, pkts)
	s.b.TxBurst(0, pkts[:n])
	s.now += 10
	nic.Free(pkts[:s.a.RxBurst(0, pkts)])
}

// BenchmarkPassThrough is a burst of 32 from a to b and back through a plain
// port, an idle wrapper, and working ones; an operation is one packet.
func BenchmarkPassThrough(b *testing.B) {
	b.Run("unwrapped", func(b *testing.B) {
		x, y := mem.NewPair(mem.Options{})
		pkts := make([]*nic.Packet, 32)
		for n := 0; n < b.N; n += 32 {
			k := x.Alloc(pkts)
			for _, p := range pkts[:k] {
				p.Append(64)
			}
			x.TxBurst(0, pkts[:k])
			y.TxBurst(0, pkts[:y.RxBurst(0, pkts)])
			nic.Free(pkts[:x.RxBurst(0, pkts)])
		}
	})
	for _, c := range []struct {
		name string
		i    Impairment
	}{{"idle", Impairment{}}, {"loss", Impairment{Loss: 0.01}}, {"delay", Impairment{Delay: 100}}} {
		b.Run(c.name, func(b *testing.B) {
			s := newBench(b, Config{Rx: c.i, Tx: c.i}, mem.Options{})
			pkts := make([]*nic.Packet, 32)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += 32 {
				s.turn(pkts)
			}
		})
	}
}
