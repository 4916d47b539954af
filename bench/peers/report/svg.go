package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Chart is a chart of grouped bars over a logarithmic axis.
type Chart struct {
	Title, Unit string
	Groups      []string // along the axis
	Series      []Series
}

// Series is one colour of bars: one Stat per group; those without measurements
// have no bar.
type Series struct {
	Name string
	Bars []Stat
}

// Measures of the drawing, in pixels.
const (
	chartWidth, chartHeight       = 860, 420
	chartLeft, chartRight         = 70, 20
	chartTop, chartBottom         = 60, 50
	plotWidth                     = chartWidth - chartLeft - chartRight
	plotHeight                    = chartHeight - chartTop - chartBottom
	legendStep, groupGap, barGap  = 150, 0.25, 1.0
	chartFont, chartInk, gridInk  = "sans-serif", "#222", "#ddd"
	svgText                       = `<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s">%s</text>` + "\n"
	svgLine                       = `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>` + "\n"
	svgRect                       = `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s</title></rect>` + "\n"
	sizeTitle, sizeText, sizeTick = 16, 12, 11
)

var chartColours = []string{"#1b6ca8", "#d1495b", "#8d96a3", "#66a182", "#edae49"}

// SVG draws the chart. It says so if there is nothing to draw.
func (c Chart) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="%s" fill="%s">`+"\n",
		chartWidth, chartHeight, chartWidth, chartHeight, chartFont, chartInk)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, svgText, float64(chartLeft), 22.0, sizeTitle, "start", html.EscapeString(c.Title))
	lo, hi, ok := c.decades()
	if !ok {
		fmt.Fprintf(&b, svgText, float64(chartWidth)/2, float64(chartHeight)/2, sizeText, "middle", "nothing was measured")
		return b.String() + "</svg>\n"
	}
	y := func(v float64) float64 {
		return chartTop + plotHeight*(1-(math.Log10(v)-lo)/(hi-lo))
	}
	for d := lo; d <= hi; d++ {
		v := math.Pow(10, d)
		fmt.Fprintf(&b, svgLine, float64(chartLeft), y(v), float64(chartWidth-chartRight), y(v), gridInk)
		fmt.Fprintf(&b, svgText, float64(chartLeft-6), y(v)+4, sizeTick, "end", Figure(v))
	}
	c.bars(&b, y)
	for i, s := range c.Series {
		x := float64(chartLeft + i*legendStep)
		fmt.Fprintf(&b, svgRect, x, 34.0, 12.0, 12.0, chartColours[i%len(chartColours)], html.EscapeString(s.Name))
		fmt.Fprintf(&b, svgText, x+17, 44.0, sizeText, "start", html.EscapeString(s.Name))
	}
	fmt.Fprintf(&b, svgText, float64(chartWidth-chartRight), 22.0, sizeText, "end", html.EscapeString(c.Unit+", log scale, lower is better"))
	return b.String() + "</svg>\n"
}

// bars draws the bars with their ranges and the names of the groups.
func (c Chart) bars(b *strings.Builder, y func(float64) float64) {
	group := float64(plotWidth) / float64(len(c.Groups))
	width := group * (1 - groupGap) / float64(len(c.Series))
	floor := float64(chartTop + plotHeight)
	for g, name := range c.Groups {
		left := chartLeft + group*(float64(g)+groupGap/2)
		fmt.Fprintf(b, svgText, left+group*(1-groupGap)/2, floor+18, sizeText, "middle", html.EscapeString(name))
		for i, s := range c.Series {
			if g >= len(s.Bars) || !s.Bars[g].drawable() {
				continue
			}
			v, x := s.Bars[g], left+float64(i)*width
			label := fmt.Sprintf("%s, %s: %s", s.Name, name, v)
			fmt.Fprintf(b, svgRect, x, y(v.Median), width-barGap, floor-y(v.Median), chartColours[i%len(chartColours)], html.EscapeString(label))
			middle := x + (width-barGap)/2
			fmt.Fprintf(b, svgLine, middle, y(v.Min), middle, y(v.Max), chartInk)
			fmt.Fprintf(b, svgText, middle, y(v.Max)-4, sizeTick, "middle", Figure(v.Median))
		}
	}
	fmt.Fprintf(b, svgLine, float64(chartLeft), floor, float64(chartWidth-chartRight), floor, chartInk)
}

// drawable tells whether a logarithmic axis can show it.
func (s Stat) drawable() bool { return s.N > 0 && s.Min > 0 }

// decades are the powers of ten that hold all bars with room above and below.
func (c Chart) decades() (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, v := range s.Bars {
			if v.drawable() {
				lo, hi = min(lo, math.Log10(v.Min)), max(hi, math.Log10(v.Max))
			}
		}
	}
	if math.IsInf(lo, 1) {
		return 0, 0, false
	}
	return math.Floor(lo - 0.1), math.Ceil(hi + 0.05), true
}
