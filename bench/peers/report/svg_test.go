package report

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wellFormed parses all of an SVG and counts its elements by name.
func wellFormed(t *testing.T, svg string) map[string]int {
	t.Helper()
	n := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return n
		}
		require.NoError(t, err)
		if e, ok := tok.(xml.StartElement); ok {
			n[e.Name.Local]++
		}
	}
}

func TestChart(t *testing.T) {
	c := Chart{Title: "a < b & c", Unit: "ns", Groups: []string{"64 B", "1400 B"}, Series: []Series{
		{"ours", []Stat{Of([]float64{10, 20}), Of([]float64{100})}},
		{"other", []Stat{Of([]float64{1000}), {}}},
		{"short", nil},
	}}
	n := wellFormed(t, c.SVG())
	// The background, a bar for each of three measurements, and three colours of the legend.
	require.Equal(t, 1+3+3, n["rect"])
	require.Contains(t, c.SVG(), "a &lt; b &amp; c")
}

func TestChartOfNothing(t *testing.T) {
	svg := Chart{Title: "x", Groups: []string{"a"}, Series: []Series{{"s", []Stat{{}}}, {"zero", []Stat{Of([]float64{0})}}}}.SVG()
	wellFormed(t, svg)
	require.Contains(t, svg, "nothing was measured")
	require.NotContains(t, svg, "NaN")
}

// A bar that is ten times as high in value stands one decade higher.
func TestChartIsLogarithmic(t *testing.T) {
	lo, hi, ok := Chart{Series: []Series{{"", []Stat{Of([]float64{30}), Of([]float64{3000})}}}}.decades()
	require.True(t, ok)
	require.Equal(t, 1.0, lo)
	require.Equal(t, 4.0, hi)
}
