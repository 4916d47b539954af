package dataplane_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// The simulation: two dataplanes on a virtual clock, joined by two cables whose
// frames are lost, doubled, reordered, delayed and damaged, and which go dead in
// turn, silently or with their links. Everything follows from the seed. The oracle
// wants every message exactly once, and in order within its stream.

var (
	simSeed = flag.Uint64("sim.seed", 0, "run the simulation with this seed only")
	simRuns = flag.Int("sim.runs", 25, "how many seeds the simulation runs with")
)

const (
	simStreams = 6
	simPort    = 4000
)

type simulation struct {
	t     testing.TB
	rng   *rand.Rand
	now   int64
	mem   [2][2]*mem.Port   // cable, side
	fault [2][2]*fault.Port // cable, side
	dp    [2]*dataplane.Dataplane
	conn  [2]*dataplane.Conn

	sent     [2]map[uint32]bool // numbers that are under way, by sending side
	next     [2]uint32
	order    [2][simStreams]uint32 // the number that stream got last
	received [2]int
	buf      []byte
	part     [2][]byte // of the message that each side is reading
	cut      int       // cable that is cut, -1 for none
	linkDown bool
}

func newSimulation(t testing.TB, seed uint64) *simulation {
	s := &simulation{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: int64(time.Second), buf: make([]byte, 256<<10), cut: -1}
	clock := func() int64 { return s.now }
	var cfg [2]dataplane.Config
	for cable := range 2 {
		a, b := mem.NewPair(mem.Options{Clock: clock, Latency: time.Duration(100+s.rng.IntN(4000)) * time.Microsecond, BitsPerSecond: 1e9})
		s.mem[cable] = [2]*mem.Port{a, b}
		for side, p := range s.mem[cable] {
			f := fault.Wrap(p, fault.Config{Seed: seed*4 + uint64(2*cable+side), Clock: clock})
			s.fault[cable][side] = f
			cfg[side].Ports = append(cfg[side].Ports, dataplane.PortConfig{Port: f, Addrs: []netip.Prefix{
				netip.MustParsePrefix(fmt.Sprintf("10.7.%d.%d/24", cable, side+1)),
				netip.MustParsePrefix(fmt.Sprintf("fd07:%d::%d/64", cable, side+1)),
			}})
		}
	}
	workers := 1 + s.rng.IntN(2)
	for side := range cfg {
		c := &cfg[side]
		c.Manual, c.Clock = true, clock
		c.Seed = &[32]byte{byte(seed), byte(seed >> 8), byte(side)}
		c.Timers = sctpcore.TelecomTimers()
		c.Limits = sctpcore.DefaultLimits()
		c.Limits.ReceiveBuffer = 64<<10 + s.rng.IntN(1<<20)
		for range workers {
			c.CPUs = append(c.CPUs, -1)
		}
		var err error
		s.dp[side], err = dataplane.New(*c)
		require.NoError(t, err)
		s.sent[side] = map[uint32]bool{}
	}
	return s
}

// connect makes the association while nothing is broken.
func (s *simulation) connect() {
	l, err := s.dp[1].Listen(&dataplane.Addr{Port: simPort}, nil)
	require.NoError(s.t, err)
	c, err := s.dp[0].Begin(nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.7.0.2")}, Port: simPort}, nil)
	require.NoError(s.t, err)
	s.conn[0] = c
	for deadline := s.now + int64(10*time.Second); s.conn[1] == nil; {
		s.step(s.now + int64(time.Millisecond))
		s.conn[1] = l.TryAccept()
		require.Less(s.t, s.now, deadline, "no association")
	}
	s.run(time.Second) // heartbeats confirm the other paths
}

// step goes on to the next thing that happens, at most to limit.
func (s *simulation) step(limit int64) {
	next := limit
	for side := range 2 {
		next = min(next, int64(s.dp[side].Step()))
		for cable := range 2 {
			if at, ok := s.mem[cable][side].NextArrival(); ok {
				next = min(next, at)
			}
			if at, ok := s.fault[cable][side].NextRelease(); ok {
				next = min(next, at)
			}
		}
	}
	s.now = max(s.now+1000, next)
}

// run lets time pass and reads what arrives.
func (s *simulation) run(d time.Duration) {
	for end := s.now + int64(d); s.now < end; {
		s.step(end)
		s.receive()
	}
}

// send queues one message from a side if there is room: number, stream, CRC-32 of
// the rest, the rest.
func (s *simulation) send(side int) {
	size := 12 + s.rng.IntN(1500)
	if s.rng.IntN(10) == 0 {
		size = 12 + s.rng.IntN(200<<10)
	}
	b := s.buf[:size]
	number, stream := s.next[side]+1, uint32(s.rng.IntN(simStreams))
	binary.BigEndian.PutUint32(b, number)
	binary.BigEndian.PutUint32(b[4:], stream)
	for i := 12; i < size; i++ {
		b[i] = byte(i) * byte(number)
	}
	binary.BigEndian.PutUint32(b[8:], crc32.ChecksumIEEE(b[12:]))
	m := []dataplane.Message{{Data: b, Stream: uint16(stream), Unordered: stream == 0}}
	n, err := s.conn[side].TrySendBatch(m)
	require.NoError(s.t, err)
	if n == 1 {
		s.next[side] = number
		s.sent[side][number] = true
	}
}

// receive takes in everything that is there, at both sides.
func (s *simulation) receive() {
	m := []dataplane.Message{{Data: s.buf}}
	for side := range 2 {
		for {
			n, err := s.conn[side].TryRecvBatch(m)
			require.NoError(s.t, err)
			if n == 0 {
				break
			}
			s.part[side] = append(s.part[side], m[0].Data[:m[0].N]...)
			if !m[0].More {
				s.check(1-side, &m[0], s.part[side])
				s.part[side] = s.part[side][:0]
			}
		}
	}
}

func (s *simulation) check(from int, m *dataplane.Message, b []byte) {
	require.GreaterOrEqual(s.t, len(b), 12)
	number, stream := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	require.Equal(s.t, binary.BigEndian.Uint32(b[8:]), crc32.ChecksumIEEE(b[12:]), "message %d is damaged", number)
	require.True(s.t, s.sent[from][number], "message %d was not sent, or came twice", number)
	delete(s.sent[from], number)
	require.EqualValues(s.t, stream, m.Stream)
	require.Equal(s.t, stream == 0, m.Unordered)
	if stream != 0 {
		require.Less(s.t, s.order[from][stream], number, "stream %d is out of order", stream)
		s.order[from][stream] = number
	}
	s.received[from]++
}

// disturb changes what the networks do.
func (s *simulation) disturb() {
	p := func(most float64) float64 { return s.rng.Float64() * most }
	for cable := range 2 {
		for side := range 2 {
			c := fault.Config{}
			c.Tx = fault.Impairment{Loss: p(0.03), Duplicate: p(0.03), Corrupt: p(0.01), Reorder: p(0.05),
				Jitter: time.Duration(s.rng.IntN(3)) * time.Millisecond}
			s.fault[cable][side].Set(c)
		}
	}
	if s.cut >= 0 {
		s.mend()
		return
	}
	s.cut = s.rng.IntN(2)
	s.linkDown = s.rng.IntN(2) == 0
	if s.linkDown {
		require.NoError(s.t, s.fault[s.cut][s.rng.IntN(2)].SetLink(false))
		return
	}
	dirs := []fault.Direction{fault.Rx, fault.Tx, fault.Both}
	s.fault[s.cut][s.rng.IntN(2)].Blackhole(dirs[s.rng.IntN(3)])
}

func (s *simulation) mend() {
	if s.cut < 0 {
		return
	}
	for side := range 2 {
		s.fault[s.cut][side].Blackhole(fault.None)
		require.NoError(s.t, s.fault[s.cut][side].SetLink(true))
	}
	s.cut = -1
}

// finish mends everything, waits for what is under way, and shuts down.
func (s *simulation) finish() {
	s.mend()
	for cable := range 2 {
		for side := range 2 {
			s.fault[cable][side].Set(fault.Config{})
		}
	}
	for end := s.now + int64(120*time.Second); len(s.sent[0])+len(s.sent[1]) > 0 && s.now < end; {
		s.run(100 * time.Millisecond)
	}
	require.Empty(s.t, s.sent[0], "messages from a are lost")
	require.Empty(s.t, s.sent[1], "messages from b are lost")
	require.NoError(s.t, s.conn[0].Close())
	for end := s.now + int64(30*time.Second); s.now < end; {
		s.step(s.now + int64(10*time.Millisecond))
		select {
		case <-s.conn[0].Done():
			require.NoError(s.t, s.conn[0].Err())
			return
		default:
		}
	}
	s.t.Error("the association does not shut down")
}

func (s *simulation) close() {
	for side := range 2 {
		require.NoError(s.t, s.dp[side].Close())
	}
	for cable := range 2 {
		for side := range 2 {
			require.NoError(s.t, s.fault[cable][side].Close())
		}
	}
	for cable := range 2 {
		for side := range 2 {
			x := s.mem[cable][side].XStats()
			require.Equal(s.t, x[0].Value, x[1].Value, "packets lost from the pool")
		}
	}
}

// simulate runs one seed and returns the totals of both sides.
func simulate(t testing.TB, seed uint64) [2]sctpcore.Counters {
	s := newSimulation(t, seed)
	s.connect()
	for round := range 40 {
		if round%4 == 3 {
			s.disturb()
		}
		for range 1 + s.rng.IntN(30) {
			s.send(s.rng.IntN(2))
			if s.rng.IntN(4) == 0 {
				s.run(time.Duration(s.rng.IntN(20)) * time.Millisecond)
			}
		}
		s.run(time.Duration(s.rng.IntN(100)) * time.Millisecond)
	}
	s.finish()
	totals := [2]sctpcore.Counters{s.dp[0].Stats().Core, s.dp[1].Stats().Core}
	s.close()
	require.NotZero(t, s.received[0])
	require.NotZero(t, s.received[1])
	return totals
}

func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		simulate(t, *simSeed)
		return
	}
	runs := *simRuns
	if testing.Short() {
		runs = min(runs, 5)
	}
	var lost, failovers uint64
	for seed := uint64(1); seed <= uint64(runs); seed++ {
		ok := t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := simulate(t, seed)
			lost += c[0].RetransmittedChunks + c[1].RetransmittedChunks
			failovers += c[0].Failovers + c[1].Failovers
		})
		if !ok {
			t.Fatalf("again with: go test ./dataplane -run TestSimulation -sim.seed=%d", seed)
		}
	}
	// The networks must have been bad enough to prove something.
	require.NotZero(t, lost)
	require.NotZero(t, failovers)
	t.Logf("%d runs: %d chunks retransmitted, %d failovers", runs, lost, failovers)
}

// TestSimulationRepeats: the same seed gives the same run, to the last counter.
func TestSimulationRepeats(t *testing.T) {
	require.Equal(t, simulate(t, 12345), simulate(t, 12345))
}
