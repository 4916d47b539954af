package dataplane

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic/mem"
)

// quietPair is two dataplanes driven by hand, joined and warmed up.
func quietPair(t testing.TB, workers int) (l *lab, c, s *Conn, run func()) {
	now := int64(1)
	l = newLab(t, labOptions{mem: mem.Options{Queues: workers}, tune: func(_ int, cfg *Config) {
		cfg.Manual, cfg.Clock = true, func() int64 { return now }
		cfg.Timers.MaxBurst = 0
		cfg.CPUs = make([]int, workers)
		for i := range cfg.CPUs {
			cfg.CPUs[i] = -1
		}
	}})
	run = func() {
		for range 4 * workers {
			now += 10_000
			l.a.Step()
			l.b.Step()
		}
	}
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	c, err = l.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	for s == nil {
		run()
		s = ln.TryAccept()
	}
	return l, c, s, run
}

func TestNoAllocationOnTheDataPath(t *testing.T) {
	for _, workers := range []int{1, 2} {
		l, c, s, run := quietPair(t, workers)
		out, in := make([]Message, 16), make([]Message, 64)
		for i := range out {
			out[i].Data = make([]byte, 700)
		}
		for i := range in {
			in[i].Data = make([]byte, 2000)
		}
		one, buf := make([]byte, 100), make([]byte, 2000)
		got, sent := 0, 0
		turn := func() {
			n, err := c.TrySendBatch(out)
			require.NoError(t, err)
			require.NoError(t, c.Send(one, &Message{Stream: 1}))
			sent += n + 1
			run()
			n, err = s.Recv(buf, nil)
			require.NoError(t, err)
			got++
			for n > 0 {
				n, err = s.TryRecvBatch(in)
				require.NoError(t, err)
				got += n
			}
		}
		for range 3000 { // the rings and the core's stores grow to what they need
			turn()
		}
		require.Zero(t, testing.AllocsPerRun(500, turn), "messages through %d workers", workers)
		require.Zero(t, testing.AllocsPerRun(500, func() { l.a.Step() }), "idle polls")
		for range 10 {
			run()
		}
		for n, err := s.TryRecvBatch(in); n > 0; n, err = s.TryRecvBatch(in) {
			require.NoError(t, err)
			got += n
		}
		require.Equal(t, sent, got)
	}
}

func BenchmarkIdlePoll(b *testing.B) {
	l, _, _, _ := quietPair(b, 1)
	w := l.a.workers[0]
	b.ReportAllocs()
	for b.Loop() {
		w.poll(w.now)
	}
}
