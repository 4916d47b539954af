package main

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/bench/peers/ours"
)

func sampleOf(ns float64) load.Sample {
	return load.Sample{Ops: 1000, CPU: time.Duration(ns * 1000), Packets: 1000}
}

// find is the case of a spec among all groups.
func find(t *testing.T, all []*group, s load.Spec) *benchCase {
	t.Helper()
	for _, g := range all {
		for _, c := range g.cases {
			if c.spec.Name() == s.Name() {
				return c
			}
		}
	}
	require.Fail(t, "no such case", s.Name())
	return nil
}

func TestModelOfWorkers(t *testing.T) {
	free := newScaling(1e6, 2e6, 2e6) // two workers lose nothing
	require.InDelta(t, 16, free.speedup(16, &machine{}, 2), 1e-9)
	s := newScaling(1e6, 1.6e6, 1.9e6)
	require.InDelta(t, 1.6, s.speedup(2, &machine{Ring: [3]float64{3, 5, 9}}, 0), 1e-9)
	cheap, dear := s.speedup(16, &machine{}, 2), s.speedup(16, &machine{Ring: [3]float64{3, 5, 90}}, 2)
	require.Greater(t, cheap, dear)
	floor, serial := amdahl(2, 1.6)
	require.InDelta(t, 1.6, floor, 1e-9)
	require.InDelta(t, 0.25, serial, 1e-9)
}

func TestNothingMeasuredIsSaidAndShort(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(targetLines(groups(true), nil)), "\n")
	require.Len(t, lines, len(targets))
	for _, l := range lines {
		require.Regexp(t, `^target \S+ not-measured [<>]=\S+ short$`, l)
	}
}

// Each target that this program computes finds its case in both forms of the run.
func TestTargetsAreComputedFromSamples(t *testing.T) {
	for _, quick := range []bool{true, false} {
		all := groups(quick)
		for _, g := range all {
			for _, c := range g.cases {
				c.samples[stackOurs] = []load.Sample{sampleOf(100), sampleOf(300)}
				if len(c.stacks) > 1 {
					c.samples[stackUsrsctp] = []load.Sample{sampleOf(1200), sampleOf(3600)}
				}
			}
		}
		lines := targetLines(all, nil)
		require.Contains(t, lines, "target stream-1400-crc-vs-usrsctp 12.0x >=10x ok\n")
		require.Contains(t, lines, "target stream-64-crc-vs-usrsctp 12.0x >=15x short\n")
		require.Contains(t, lines, "target stream-64-crc-cost 200ns <=90ns short\n")
		require.Contains(t, lines, "target transactions-1000-assocs-crc 5000000/s/core >=1000000/s/core ok\n")
		require.Contains(t, lines, "target idle-100000-heartbeats 1.00%core <=2%core ok\n")
		require.Contains(t, lines, "target allocations-per-packet 0 <=0 ok\n")
		require.Contains(t, lines, "target worst-poll-gap-while-collecting not-measured <=1ms short\n")
		for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
			require.Len(t, strings.Fields(l), 5, "five words: %s", l)
		}
	}
}

func TestOneAllocationInAThousandPacketsIsSeen(t *testing.T) {
	all := groups(true)
	c := find(t, all, stream(1400, true))
	s := sampleOf(1)
	s.Mallocs = 1
	c.samples[stackOurs] = []load.Sample{s}
	require.Contains(t, targetLines(all, nil), "target allocations-per-packet 0.001000 <=0 short\n")
}

func TestFailureIsShown(t *testing.T) {
	all := groups(true)
	c := find(t, all, stream(64, true))
	c.errs[stackUsrsctp] = errors.New("no library")
	require.Contains(t, table(all), "failed: no library")
	require.ErrorContains(t, failures([]*benchCase{c}), "no library")
	require.NoError(t, failures([]*benchCase{find(t, all, stream(1400, true))}))
}

func TestBenchLines(t *testing.T) {
	all := groups(true)
	find(t, all, stream(64, false)).samples[stackPion] = []load.Sample{sampleOf(7)}
	require.Regexp(t, regexp.MustCompile(`^BenchmarkPeers/kind=stream/size=64/assocs=1/sum=offload/stack=pion 1000 7\.0 cpu-ns/op\n$`), benchLines(all))
}

func TestTargetNamesAreDistinctAndOneWord(t *testing.T) {
	seen := map[string]bool{}
	for _, x := range targets {
		require.False(t, seen[x.name], x.name)
		require.NotContains(t, x.name, " ")
		seen[x.name] = true
	}
}

// The worse size against one association is what counts.
func TestScaleTargets(t *testing.T) {
	s := newScale()
	require.Empty(t, s.targets())
	for n, cost := range map[int]float64{1: 100, 32: 80, 1000: 90, 100_000: 130} {
		s.found[n] = []ours.Scale{{Packet: []float64{100, cost}, Setups: 5, Fresh: 2000, Beating: 2100}}
	}
	lines := targetLines(groups(true), []family{s})
	require.Contains(t, lines, "target packet-cost-at-1000-assocs 1.00x <=1.2x ok\n")
	require.Contains(t, lines, "target packet-cost-at-100000-assocs 1.30x <=1.2x short\n")
	require.Contains(t, s.table(), "| 100000 | 100 (100–100) | 1.00 (1.00–1.00) |")
	s.fault = errors.New("out of memory")
	require.Empty(t, s.targets())
	require.Contains(t, s.table(), "failed: out of memory")
}
