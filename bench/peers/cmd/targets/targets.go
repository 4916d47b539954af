package main

import (
	"fmt"
	"maps"
	"strings"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/bench/peers/report"
)

// Scale of the target for idle associations.
const idleTarget = 100_000

// allocNoise is how many heap objects per packet are taken for the measuring
// program's own (its clock readings and memory statistics): a tenth of a thousandth.
const allocNoise = 0.0001

// target is one line of the project's performance targets. value is nil for what
// one of the families measures.
type target struct {
	name   string
	bound  float64
	atMost bool // else at least
	unit   string
	value  func(results) (float64, bool)
}

// results finds cases by their spec's name.
type results map[string]*benchCase

var targets = []target{
	{"stream-1400-crc-vs-usrsctp", 10, false, "x", ratio(stream(1400, true))},
	{"stream-1400-offload-vs-usrsctp", 10, false, "x", ratio(stream(1400, false))},
	{"stream-64-crc-vs-usrsctp", 15, false, "x", ratio(stream(64, true))},
	{"stream-64-crc-cost", 90, true, "ns", cost(stream(64, true))},
	{"transactions-1000-assocs-crc", 1e6, false, "/s/core", transactions},
	{"setup-shutdown-vs-usrsctp", 10, false, "x", ratio(load.Spec{Kind: load.Setup, Assocs: load.SetupWave, Checksum: true})},
	{"packet-cost-at-1000-assocs", 1.2, true, "x", nil},
	{"packet-cost-at-100000-assocs", 1.2, true, "x", nil},
	{"dataplane-vs-testpmd", 50, false, "%", nil},
	{"dataplane-vs-testpmd-pmd-bound", 90, false, "%", nil},
	{"two-workers-vs-one", 1.8, false, "x", nil},
	{"silent-path-loss-outage", 50, true, "ms", nil},
	{"link-down-to-first-data", 1, true, "ms", nil},
	{"failover-lost-or-duplicated", 0, true, "messages", nil},
	{"failover-rate-regained", 100, true, "ms", nil},
	{"idle-assoc-memory", 4096, true, "B", idleMemory},
	{"idle-100000-heartbeats", 2, true, "%core", idleCPU},
	{"allocations-per-packet", 0, true, "", allocations},
	{"worst-poll-gap-while-collecting", 1, true, "ms", nil},
}

func stream(size int, crc bool) load.Spec {
	return load.Spec{Kind: load.Stream, Size: size, Assocs: 1, Checksum: crc}
}

func ratio(s load.Spec) func(results) (float64, bool) {
	return func(r results) (float64, bool) {
		c := r[s.Name()]
		if c == nil {
			return 0, false
		}
		v := report.Of(report.Ratios(c.ns(stackUsrsctp), c.ns(stackOurs)))
		return v.Median, v.N > 0
	}
}

func cost(s load.Spec) func(results) (float64, bool) {
	return func(r results) (float64, bool) {
		c := r[s.Name()]
		if c == nil {
			return 0, false
		}
		v := report.Of(c.ns(stackOurs))
		return v.Median, v.N > 0
	}
}

func transactions(r results) (float64, bool) {
	ns, ok := cost(load.Spec{Kind: load.Transact, Size: load.TransactSize, Assocs: many, Checksum: true})(r)
	if !ok {
		return 0, false
	}
	return 1e9 / ns, true
}

func idleCase(r results) *benchCase {
	for _, c := range r {
		if c.spec.Kind == load.Idle && len(c.samples[stackOurs]) > 0 {
			return c
		}
	}
	return nil
}

func idleMemory(r results) (float64, bool) {
	c := idleCase(r)
	if c == nil {
		return 0, false
	}
	var v []float64
	for _, s := range c.samples[stackOurs] {
		v = append(v, s.BytesPerAssoc)
	}
	return report.Of(v).Median, true
}

// idleCPU is the share of a core for one end of the target's number of
// associations: an operation is both ends of one for a second.
func idleCPU(r results) (float64, bool) {
	c := idleCase(r)
	if c == nil {
		return 0, false
	}
	perSecond := report.Of(c.ns(stackOurs)).Median / 2 * idleTarget
	return perSecond / 1e9 * 100, true
}

// allocations is the worst case of all streams and transactions.
func allocations(r results) (float64, bool) {
	worst, ok := 0.0, false
	for _, c := range r {
		if c.spec.Kind != load.Stream && c.spec.Kind != load.Transact {
			continue
		}
		var v []float64
		for _, s := range c.samples[stackOurs] {
			v = append(v, float64(s.Mallocs)/float64(max(s.Packets, 1)))
		}
		if len(v) > 0 {
			worst, ok = max(worst, report.Of(v).Median), true
		}
	}
	if worst < allocNoise {
		worst = 0
	}
	return worst, ok
}

// line is "target NAME MEASURED WANTED ok|short".
func (t target) line(r results, found map[string]float64) string {
	sign := pick(t.atMost, "<=", ">=")
	wanted := sign + bare(t.bound) + t.unit
	measured, verdict := "not-measured", "short"
	v, ok := found[t.name]
	if t.value != nil {
		v, ok = t.value(r)
	}
	if ok {
		measured = report.Figure(v) + t.unit
		if t.atMost && v <= t.bound || !t.atMost && v >= t.bound {
			verdict = "ok"
		}
	}
	return fmt.Sprintf("target %s %s %s %s\n", t.name, measured, wanted, verdict)
}

func bare(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }

// targetLines are all targets, those that the families measured included.
func targetLines(all []*group, families []family) string {
	r := results{}
	for _, g := range all {
		for _, c := range g.cases {
			r[c.spec.Name()] = c
		}
	}
	found := map[string]float64{}
	for _, f := range families {
		maps.Copy(found, f.targets())
	}
	var b strings.Builder
	for _, t := range targets {
		b.WriteString(t.line(r, found))
	}
	return b.String()
}
