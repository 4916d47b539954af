package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	require.Equal(t, Stat{}, Of(nil))
	require.Equal(t, Stat{1, 7, 7, 7}, Of([]float64{7}))
	require.Equal(t, Stat{2, 3, 2, 4}, Of([]float64{4, 2}), "an even number")
	values := []float64{9, 1, 100, 3, 2}
	require.Equal(t, Stat{5, 3, 1, 100}, Of(values), "an outlier does not move the median")
	require.Equal(t, []float64{9, 1, 100, 3, 2}, values, "the input keeps its order: rounds are paired by it")
}

func TestRatiosArePaired(t *testing.T) {
	// The machine was three times slower in the second round; the ratio is 10 in both.
	require.Equal(t, []float64{10, 10}, Ratios([]float64{100, 300}, []float64{10, 30}))
	require.Equal(t, []float64{10}, Ratios([]float64{100, 300}, []float64{10}), "a round that one lacks")
	require.Empty(t, Ratios([]float64{1, math.NaN(), 0}, []float64{0, 1, 0}), "what has no ratio")
	require.Empty(t, Ratios(nil, []float64{1}))
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12345.6: "12346", 99.94: "99.9", 12.34: "12.3", 1.234: "1.23", 0.0001: "0.000100", -5: "-5.00"} {
		require.Equal(t, want, Figure(v))
	}
	require.Equal(t, "–", Stat{}.String())
	require.Equal(t, "3.00 (1.00–100)", Of([]float64{1, 3, 100}).String())
	require.Equal(t, "BenchmarkX/y=1 5 12.3 cpu-ns/op\n", BenchLine("X/y=1", 5, 12.34))
}
