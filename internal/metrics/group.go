package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// namespace is what every name of ours begins with.
const namespace = "trunkline_"

// Kinds of metrics, as the exposition format names them.
const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

// family is one metric: what its samples have in common.
type family struct {
	name, kind, help string
	labels           []string
	desc             *prometheus.Desc
}

func newFamily(name, kind, help string, labels ...string) *family {
	name = namespace + name
	return &family{name, kind, help, labels, prometheus.NewDesc(name, help, labels, nil)}
}

// column is a metric that shows one number of a T.
type column[T any] struct {
	name, kind, help string
	value            func(*T) float64
}

// group is the metrics of a T, which all have the same labels.
type group[T any] struct {
	families []*family
	columns  []column[T]
}

// newGroup names each metric prefix and its column's name.
func newGroup[T any](prefix string, labels []string, columns ...column[T]) *group[T] {
	g := &group[T]{columns: columns}
	for _, c := range columns {
		g.families = append(g.families, newFamily(prefix+c.name, c.kind, c.help, labels...))
	}
	return g
}

// collect gives the samples of v, whose labels have these values.
func (g *group[T]) collect(ch chan<- prometheus.Metric, v *T, labels ...string) {
	pairs := prometheus.MakeLabelPairs(g.families[0].desc, valid(labels))
	for i, c := range g.columns {
		ch <- &sample{g.families[i], pairs, c.value(v)}
	}
}

// collect gives one sample of f.
func (f *family) collect(ch chan<- prometheus.Metric, value float64, labels ...string) {
	ch <- &sample{f, prometheus.MakeLabelPairs(f.desc, valid(labels)), value}
}

// valid has no label refused: those that come from a configuration may be any bytes.
func valid(labels []string) []string {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	return labels
}

// sample is a number of a gauge or counter. Those of one group share their pairs,
// which is most of what a sample is made of.
type sample struct {
	of    *family
	pairs []*dto.LabelPair
	value float64
}

// Desc is what the samples of one metric have in common.
func (s *sample) Desc() *prometheus.Desc { return s.of.desc }

// Write puts the sample into m.
func (s *sample) Write(m *dto.Metric) error {
	m.Label = s.pairs
	if s.of.kind == counter {
		m.Counter = &dto.Counter{Value: &s.value}
	} else {
		m.Gauge = &dto.Gauge{Value: &s.value}
	}
	return nil
}
