package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/ours"
	"github.com/trunkline-sctp/trunkline/bench/peers/report"
)

const jobScale = "scale"

// scaleRounds bounds the rounds: setting 100 000 associations up takes its time.
const scaleRounds = 3

var (
	// scaleCounts are the numbers of associations. The first is what the others are
	// held against; 32 fill a burst as more do, and fit in a cache.
	scaleCounts = []int{1, 32, 1000, 100_000}
	scaleSizes  = []int{64, 1400} // bytes of a message
)

// scale measures what a packet costs when there are many associations, and what
// these take to set up and to keep.
type scale struct {
	found map[int][]ours.Scale // by number of associations, a value per round
	fault error
}

func newScale() *scale { return &scale{found: map[int][]ours.Scale{}} }

func (s *scale) name() string { return "scale" }

func (s *scale) round(o options, n int) {
	if n >= scaleRounds || s.fault != nil {
		return
	}
	for _, assocs := range scaleCounts {
		var found ours.Scale
		if err := runChild(jobScale, scaleSpec{assocs, o.cpu}, &found); err != nil {
			s.fault = fmt.Errorf("%d associations: %w", assocs, err)
			return
		}
		s.found[assocs] = append(s.found[assocs], found)
	}
}

type scaleSpec struct {
	Assocs int
	CPU    time.Duration
}

func measureScale(s scaleSpec) (ours.Scale, error) { return ours.Many(s.Assocs, scaleSizes, s.CPU) }

// values are one figure of all rounds.
func (s *scale) values(assocs int, of func(ours.Scale) float64) (v []float64) {
	for _, found := range s.found[assocs] {
		v = append(v, of(found))
	}
	return v
}

// ratios are what a packet costs with so many associations against what it costs with
// base of them, at the i-th size.
func (s *scale) ratios(assocs, base, i int) report.Stat {
	packet := func(f ours.Scale) float64 { return f.Packet[i] }
	return report.Of(report.Ratios(s.values(assocs, packet), s.values(base, packet)))
}

func (s *scale) table() string {
	var b strings.Builder
	b.WriteString("### Scale: one message on each of so many dual-homed associations in turn, a packet and a SACK for each\n\n")
	b.WriteString("| associations |")
	for _, size := range scaleSizes {
		fmt.Fprintf(&b, " %d B, CPU ns per packet, both ends | ÷ 1 association | ÷ 32 |", size)
	}
	b.WriteString(" set-ups per CPU second, both ends | bytes of each, one end | after heartbeats |\n")
	b.WriteString("|---|" + strings.Repeat("---|", 3*len(scaleSizes)) + "---|---|---|\n")
	for _, n := range scaleCounts {
		fmt.Fprintf(&b, "| %d |", n)
		for i := range scaleSizes {
			cost := report.Of(s.values(n, func(f ours.Scale) float64 { return f.Packet[i] }))
			fmt.Fprintf(&b, " %s | %s | %s |", cost, s.ratios(n, scaleCounts[0], i), s.ratios(n, scaleCounts[1], i))
		}
		for _, of := range []func(ours.Scale) float64{
			func(f ours.Scale) float64 { return f.Setups },
			func(f ours.Scale) float64 { return f.Fresh },
			func(f ours.Scale) float64 { return f.Beating },
		} {
			text := "–" // of a few associations these say more about the endpoint
			if n >= 1000 {
				text = report.Of(s.values(n, of)).String()
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	if s.fault != nil {
		fmt.Fprintf(&b, "failed: %v\n\n", s.fault)
	}
	return b.String()
}

// targets: the worse size against one association.
func (s *scale) targets() map[string]float64 {
	worst := func(assocs int) float64 {
		var v []float64
		for i := range scaleSizes {
			v = append(v, s.ratios(assocs, scaleCounts[0], i).Median)
		}
		return slices.Max(v)
	}
	if s.fault != nil || len(s.found) < len(scaleCounts) {
		return nil
	}
	return map[string]float64{"packet-cost-at-1000-assocs": worst(1000), "packet-cost-at-100000-assocs": worst(100_000)}
}

func (s *scale) err() error { return s.fault }
