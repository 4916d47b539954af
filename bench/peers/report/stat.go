package report

import (
	"fmt"
	"math"
	"slices"
)

// Stat sums up repeated measurements of one thing.
type Stat struct {
	N                int // measurements; 0 is none, and the rest is 0
	Median, Min, Max float64
}

// Of sums up values; it does not change them. The median of an even number is
// the mean of the two in the middle.
func Of(values []float64) Stat {
	n := len(values)
	if n == 0 {
		return Stat{}
	}
	s := slices.Sorted(slices.Values(values))
	return Stat{N: n, Median: (s[(n-1)/2] + s[n/2]) / 2, Min: s[0], Max: s[n-1]}
}

// Ratios divides over by under, round by round: what slows the machine down
// for a while slows both of a round and leaves their ratio alone. Rounds that one
// of the two lacks, or in which under is 0, are left out.
func Ratios(over, under []float64) []float64 {
	var r []float64
	for i := range min(len(over), len(under)) {
		if q := over[i] / under[i]; !math.IsNaN(q) && !math.IsInf(q, 0) {
			r = append(r, q)
		}
	}
	return r
}

// String is the median and the range, "–" if nothing was measured.
func (s Stat) String() string {
	if s.N == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", Figure(s.Median), Figure(s.Min), Figure(s.Max))
}

// Figure writes v with about three significant digits and no exponent.
func Figure(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == 0:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.01:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.6f", v)
	}
}

// BenchLine is one measurement in the format of Go's benchmarks.
func BenchLine(name string, ops uint64, cpuNsPerOp float64) string {
	return fmt.Sprintf("Benchmark%s %d %.1f cpu-ns/op\n", name, ops, cpuNsPerOp)
}
