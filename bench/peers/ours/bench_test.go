package ours

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// BenchmarkStages is the same work as the table's, for profiles: b.N counts
// messages, and packets/op says how many packets they took.
func BenchmarkStages(b *testing.B) {
	for _, kind := range []load.Kind{load.Stream, load.Transact} {
		for _, size := range []int{64, load.TransactSize, 1400, 16 << 10} {
			if (kind == load.Transact) != (size == load.TransactSize) {
				continue
			}
			s := load.Spec{Kind: kind, Size: size, Assocs: 1, Checksum: true}
			if kind == load.Transact {
				s.Assocs = 1000
			}
			b.Run(fmt.Sprintf("%s/size=%d", kind, size), func(b *testing.B) { stages(b, s) })
		}
	}
}

// BenchmarkSetup is INIT to SHUTDOWN COMPLETE, both ends; b.N counts associations.
func BenchmarkSetup(b *testing.B) {
	p, err := newPair(load.Spec{Kind: load.Setup, Assocs: load.SetupWave, Checksum: true}, sctpcore.RFC9260Timers())
	require.NoError(b, err)
	step := p.setup()
	for step() < 4096 {
	}
	first := step()
	b.ReportAllocs()
	b.ResetTimer()
	for step()-first < uint64(b.N) {
	}
}

func stages(b *testing.B, s load.Spec) {
	p, err := newPair(s, sctpcore.RFC9260Timers())
	require.NoError(b, err)
	begin := p.stream
	if s.Kind == load.Transact {
		begin = p.transact
	}
	step, err := begin(s)
	require.NoError(b, err)
	for step() < uint64(s.Assocs) {
	}
	first, packets := step(), p.packets()
	b.ReportAllocs()
	b.ResetTimer()
	for step()-first < uint64(b.N) {
	}
	b.ReportMetric(float64(p.packets()-packets)/float64(b.N), "packets/op")
}

// Every kind of work completes operations, loses nothing and sends nothing twice.
func TestRun(t *testing.T) {
	for _, s := range []load.Spec{
		{Kind: load.Stream, Size: 64, Assocs: 1, Checksum: true},
		{Kind: load.Stream, Size: 64 << 10, Assocs: 3},
		{Kind: load.Transact, Size: 100, Assocs: 5, Checksum: true},
		{Kind: load.Setup, Assocs: load.SetupWave, Checksum: true},
		{Kind: load.Idle, Assocs: 70, Checksum: true},
	} {
		s.CPU = 1
		begun := time.Now()
		sample, err := Run(s)
		require.NoError(t, err, s.Name())
		require.NotZero(t, sample.Ops, s.Name())
		require.NotZero(t, sample.Packets, s.Name())
		if rto := time.Duration(sctpcore.RFC9260Timers().RTOMin); time.Since(begun) < rto {
			require.Zero(t, sample.Resent, s.Name())
		}
	}
	_, err := Run(load.Spec{Kind: "nonsense", Assocs: 1})
	require.ErrorContains(t, err, "nonsense")
}
