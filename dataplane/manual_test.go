package dataplane

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// simulation drives two dataplanes and their cables on a virtual clock, in one
// goroutine: what happens depends on nothing but the seed.
type simulation struct {
	*lab
	now    int64
	faults []*fault.Port
}

func newSimulation(t testing.TB, workers int, i fault.Impairment) *simulation {
	return newSimulationWith(t, workers, i, func(int, *Config) {})
}

func newSimulationWith(t testing.TB, workers int, i fault.Impairment, tune func(side int, c *Config)) *simulation {
	s := &simulation{now: 1}
	clock := func() int64 { return s.now }
	s.lab = newLab(t, labOptions{cables: 2,
		mem: mem.Options{Clock: clock, Latency: 100_000, BitsPerSecond: 1e9, Queues: workers},
		wrap: func(side, cable int, p nic.Port) nic.Port {
			f := fault.Wrap(p, fault.Config{Seed: uint64(10*side + cable), Clock: clock, Tx: i})
			s.faults = append(s.faults, f)
			return f
		},
		tune: func(side int, c *Config) {
			c.Manual, c.Clock = true, clock
			c.Timers = sctpcore.TelecomTimers()
			c.CPUs = c.CPUs[:0]
			for range workers {
				c.CPUs = append(c.CPUs, -1)
			}
			tune(side, c)
		}})
	return s
}

// step lets everything happen that happens now, then jumps to the next event.
func (s *simulation) step() {
	next := min(s.a.Step(), s.b.Step())
	at := int64(next)
	for _, w := range s.wires {
		for _, p := range w {
			if t, ok := p.NextArrival(); ok {
				at = min(at, t)
			}
		}
	}
	for _, f := range s.faults {
		if t, ok := f.NextRelease(); ok {
			at = min(at, t)
		}
	}
	s.now = max(s.now, at)
}

// until steps until the condition holds or virtual seconds have passed.
func (s *simulation) until(seconds int64, what string, ok func() bool) {
	s.t.Helper()
	for end := s.now + seconds*1e9; !ok(); s.step() {
		require.Less(s.t, s.now, end, "%s: not within %d virtual seconds", what, seconds)
	}
}

// run makes an association, sends messages through loss, a blackhole and a
// link-down, and returns what was seen on the way.
func (s *simulation) run(t testing.TB, messages int) string {
	var trace strings.Builder
	ln, err := s.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	c, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	events := c.Events(10000)
	var srv *Conn
	s.until(10, "accept", func() bool { srv = ln.TryAccept(); return srv != nil })
	sent, got := 0, 0
	out, in := []Message{{Data: make([]byte, 1000)}}, []Message{{Data: make([]byte, 2000)}}
	want := make([]byte, 1000)
	s.until(600, "transfer", func() bool {
		for sent < messages {
			pattern(out[0].Data, sent)
			n, err := c.TrySendBatch(out)
			require.NoError(t, err)
			if n == 0 {
				break
			}
			sent++
		}
		for {
			n, err := srv.TryRecvBatch(in)
			require.NoError(t, err)
			if n == 0 {
				break
			}
			pattern(want, got)
			require.Equal(t, want, in[0].Data[:in[0].N], "message %d", got)
			got++
			switch got {
			case messages / 4:
				s.faults[0].Blackhole(fault.Both)
			case messages / 2:
				s.faults[0].Blackhole(fault.None)
				_ = s.wires[1][0].SetLink(false)
			case messages * 3 / 4:
				_ = s.wires[1][0].SetLink(true)
			}
		}
		return got == messages
	})
	require.NoError(t, c.Close())
	s.until(60, "shutdown", func() bool {
		select {
		case <-c.Done():
			return true
		default:
			return false
		}
	})
	require.NoError(t, c.Err())
	for e := range events {
		fmt.Fprintln(&trace, e.At, e.Kind, e.Dst, e.From, e.To, e.Reason, e.OldDst, e.Port)
	}
	fmt.Fprintln(&trace, s.now, s.a.Stats().Core, s.b.Stats().Core)
	return trace.String()
}

func TestSimulationIsDeterministic(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			var first string
			for i := range 2 {
				s := newSimulation(t, workers, fault.Impairment{Loss: 0.02, Duplicate: 0.01, Reorder: 0.02, Corrupt: 0.01})
				trace := s.run(t, 2000)
				require.Contains(t, trace, "\n")
				if i == 0 {
					first = trace
				}
				require.Equal(t, first, trace)
				require.NotZero(t, dropCount(t, s.b, "dataplane_sctp_checksum"), "corrupted packets are dropped")
				require.NoError(t, s.a.Close())
				require.NoError(t, s.b.Close())
			}
		})
	}
}

func TestStepOfADataplaneWithThreadsDoesNothing(t *testing.T) {
	l := newLab(t, labOptions{})
	require.Equal(t, sctpcore.Never, l.a.Step())
}
