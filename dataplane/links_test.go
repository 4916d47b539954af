package dataplane

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// newCrowd is a simulation with quiet associations, of one worker on each side.
func newCrowd(t *testing.T, n int, tune ...func(side int, c *Config)) (s *simulation, conns []*Conn) {
	s = newSimulationWith(t, 1, fault.Impairment{}, func(side int, c *Config) {
		c.Timers = sctpcore.RFC9260Timers()
		for _, f := range tune {
			f(side, c)
		}
	})
	conns = s.crowd(n)
	for _, c := range conns {
		for i := range c.assoc.paths {
			require.Equal(t, s.a.ports[i], c.assoc.paths[i].port)
		}
	}
	return s, conns
}

// look has side a look at its links, and go on where it was.
func (s *simulation) look() {
	s.now += int64(linkInterval)
	s.a.StepWorker(0)
}

// onPort is how many first paths go by a port.
func onPort(conns []*Conn, p *port) (n int) {
	for _, c := range conns {
		if c.assoc.paths[0].port == p {
			n++
		}
	}
	return n
}

// TestDataUnderWayMovesFirst: associations that have some are on another path when the worker
// has seen the link go down, the others follow a few at a time, or when they send.
func TestDataUnderWayMovesFirst(t *testing.T) {
	const n = 2*followTurn + 50
	s, conns := newCrowd(t, n)
	first := s.a.ports[0]
	require.Zero(t, s.a.workers[0].relinking.busy.count)
	hurry := []*Conn{conns[0], conns[n/2], conns[n-1]}
	var events []<-chan PathEvent
	for _, c := range hurry {
		ok, err := c.TrySend([]byte("under way"), nil)
		require.NoError(t, err)
		require.True(t, ok)
		events = append(events, c.Events(10))
	}
	s.a.StepWorker(0)
	require.Equal(t, len(hurry), s.a.workers[0].relinking.busy.count)
	require.NoError(t, s.wires[0][0].SetLink(false))
	s.look()
	seen := s.now
	require.Zero(t, onPort(hurry, first))
	left := onPort(conns, first)
	require.Equal(t, n-len(hurry), left)
	late := conns[n-2]
	ok, err := late.TrySend([]byte("in the middle"), nil)
	require.True(t, ok)
	require.NoError(t, err)
	s.a.StepWorker(0)
	require.Nil(t, late.assoc.paths[0].port)
	left = onPort(conns, first)
	require.Greater(t, left, 100, "others wait")
	for left > 0 {
		s.now++
		require.EqualValues(t, s.now, s.a.StepWorker(0), "it has more to do")
		now := onPort(conns, first)
		require.Less(t, now, left)
		require.GreaterOrEqual(t, now, left-followTurn)
		left = now
	}
	for _, ch := range events {
		require.EqualValues(t, seen, await(t, ch, sctpcore.EventFailover).Switched)
	}
	s.pass(1e9)
	require.Zero(t, s.a.workers[0].relinking.busy.count, "all is acknowledged")
	requireCounts(t, s.a)
}

// TestLinksThatFlapForgetNobody: what happens to links and associations while they are being
// routed anew, in the end each goes by its own links.
func TestLinksThatFlapForgetNobody(t *testing.T) {
	const n, rounds = 2*followTurn + 50, 400
	s, conns := newCrowd(t, n)
	w := s.a.workers[0]
	rng := rand.New(rand.NewPCG(3, 4))
	ln, err := s.b.Listen(&Addr{Port: 8}, nil)
	require.NoError(t, err)
	for range rounds {
		p := s.wires[rng.IntN(2)][rng.IntN(2)]
		switch rng.IntN(8) {
		case 0:
			require.NoError(t, p.SetLink(false))
		case 1:
			require.NoError(t, p.SetLink(false))
			require.NoError(t, p.SetLink(true)) // between two looks
		case 2:
			i := rng.IntN(len(conns))
			_ = conns[i].Abort("enough") // it may have ended
			conns[i], conns = conns[len(conns)-1], conns[:len(conns)-1]
		case 3:
			c, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 8}, nil)
			require.NoError(t, err)
			conns = append(conns, c)
		case 4:
			_, _ = conns[rng.IntN(len(conns))].TrySend(make([]byte, 1000), nil)
		default:
			require.NoError(t, p.SetLink(true))
		}
		s.look()
		s.b.Step()
		for ln.TryAccept() != nil {
		}
		if w.relinking.left.count > 0 {
			continue
		}
		for _, a := range w.order {
			for i := range a.paths {
				p := &a.paths[i]
				require.False(t, w.lost(p))
				require.True(t, p.port == nil || p.port.nic.Link().Up)
			}
		}
	}
	for _, wire := range s.wires {
		require.NoError(t, wire[0].SetLink(true))
		require.NoError(t, wire[1].SetLink(true))
	}
	s.pass(100e9)
	require.Len(t, w.order, len(conns))
	for _, a := range w.order {
		require.Len(t, a.paths, 2)
		for i := range a.paths {
			require.Equal(t, s.a.ports[i], a.paths[i].port)
			require.Equal(t, sctpcore.Active, a.paths[i].state)
			require.False(t, a.paths[i].probing)
		}
	}
	require.Zero(t, w.relinking.busy.count)
	require.Len(t, w.egress.byKey, 2, "those of before are given back")
	requireCounts(t, s.a)
	requireCounts(t, s.b)
}

// TestLinkThatFlapsForEverHoldsNobodyUp: each association has its turn to leave another link.
func TestLinkThatFlapsForEverHoldsNobodyUp(t *testing.T) {
	const n = 4 * followTurn
	s, conns := newCrowd(t, n)
	require.NoError(t, s.wires[0][0].SetLink(false))
	for range n/followTurn + 2 {
		require.NoError(t, s.wires[1][0].SetLink(false))
		require.NoError(t, s.wires[1][0].SetLink(true))
		s.look()
	}
	require.Zero(t, onPort(conns, s.a.ports[0]))
}

// TestAnotherMACBeforeAllHaveMoved: who is routed anew first sends from the MAC that the
// port came up with, while others are still to leave the one of before.
func TestAnotherMACBeforeAllHaveMoved(t *testing.T) {
	p := &renewed{from: map[inet.MAC]int{}}
	s, conns := newCrowd(t, followTurn+50, func(side int, c *Config) {
		if side == 0 {
			p.Port = c.Ports[0].Port
			c.Ports[0].Port = p
		}
	})
	ok, err := conns[len(conns)-1].TrySend([]byte("under way"), nil)
	require.NoError(t, err)
	require.True(t, ok)
	s.a.StepWorker(0)
	old := p.Info().MAC
	require.NotZero(t, p.from[old])
	clear(p.from)
	p.mac = inet.MAC{2, 0xde, 0xad, 0xbe, 0xef, 1}
	require.NoError(t, s.wires[0][0].SetLink(false))
	require.NoError(t, s.wires[0][0].SetLink(true))
	s.look()
	require.NotZero(t, s.a.workers[0].relinking.left.count)
	s.pass(1e9)
	require.Greater(t, p.from[p.mac], len(conns), "each probes")
	require.Zero(t, p.from[old])
}

func TestPlaces(t *testing.T) {
	var s places
	s.fill(130)
	require.Equal(t, 130, s.count)
	seen := 0
	for p := s.next(0); p < 200; p = s.next(p + 1) {
		require.Equal(t, seen, p)
		s.remove(p)
		s.remove(p)
		seen++
	}
	require.Equal(t, 130, seen)
	require.Zero(t, s.count)
	s.add(1000)
	s.add(1000)
	require.Equal(t, 1, s.count)
	require.Equal(t, 1000, s.next(64))
	s.fill(64)
	require.Equal(t, 64, s.count)
	require.Less(t, 1000, s.next(64), "no more")
}

// BenchmarkLinkChange takes a link that 100 000 associations have down and up: how long it
// is until one with data under way is on the other path, and how long the worker is kept from its
// ports at most.
func BenchmarkLinkChange(b *testing.B) {
	s := newMultitude(b)
	w := s.a.workers[0]
	last := w.order[len(w.order)-1].conn
	var worst [2]time.Duration
	var switched time.Duration
	for range b.N {
		ok, err := last.TrySend([]byte("under way"), nil)
		require.True(b, ok)
		require.NoError(b, err)
		s.a.StepWorker(0)
		for i, up := range []bool{false, true} {
			require.NoError(b, s.wires[0][0].SetLink(up))
			s.now += int64(linkInterval)
			before, begun := w.ports[1].count.TxPackets, s.now
			for next := s.now; next <= s.now; {
				from := time.Now()
				next = int64(s.a.StepWorker(0))
				took := time.Since(from)
				s.now += took.Nanoseconds()
				worst[i] = max(worst[i], took)
				if !up && before > 0 && w.ports[1].count.TxPackets > before {
					switched, before = switched+time.Duration(s.now-begun), 0
				}
			}
			s.pass(5e9)
		}
	}
	b.ReportMetric(float64(switched.Microseconds())/float64(b.N), "switch-µs")
	b.ReportMetric(float64(worst[0].Microseconds()), "worst-turn-down-µs")
	b.ReportMetric(float64(worst[1].Microseconds()), "worst-turn-up-µs")
	b.ReportMetric(0, "ns/op")
}
