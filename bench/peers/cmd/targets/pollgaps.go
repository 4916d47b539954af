package main

import (
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/report"
	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

const jobPollGaps = "pollgaps"

const gapsSpan = time.Second

// gapBounds are what the gaps are counted beyond.
var gapBounds = []time.Duration{100 * time.Microsecond, time.Millisecond}

// pollGaps measures the times between two polls of a worker that polls without
// pause on a processor of its own, while a goroutine of the process works.
type pollGaps struct {
	rows    []*gapsRow
	missing error
}

type gapsRow struct {
	what        string
	spec        gapsSpec
	worst       []float64   // ms, of each round
	beyond      [][]float64 // per second, by gapBounds
	collections []float64   // per second
}

// gapsSpec: GOGC 0 is the default.
type gapsSpec struct {
	Work     rig.Work
	GOGC     int
	Limit    int64
	Unpinned bool
}

func newPollGaps() *pollGaps {
	g := &pollGaps{}
	add := func(what string, s gapsSpec) {
		g.rows = append(g.rows, &gapsRow{what: what, spec: s, beyond: make([][]float64, len(gapBounds))})
	}
	for _, w := range []rig.Work{rig.Nothing, rig.Compute, rig.Allocate, rig.AllocateAll} {
		add("defaults", gapsSpec{Work: w})
	}
	add("worker not pinned", gapsSpec{Work: rig.Allocate, Unpinned: true})
	add("GOGC=400", gapsSpec{Work: rig.Allocate, GOGC: 400})
	add("GOGC=400", gapsSpec{Work: rig.AllocateAll, GOGC: 400})
	add("GOGC=off GOMEMLIMIT=1GiB", gapsSpec{Work: rig.Allocate, GOGC: -1, Limit: 1 << 30})
	return g
}

func (g *pollGaps) name() string { return "pollgaps" }

func (g *pollGaps) round(o options, n int) {
	for _, r := range g.rows {
		var found rig.Gaps
		if g.missing != nil {
			return
		}
		if g.missing = runChild(jobPollGaps, r.spec, &found); g.missing != nil {
			continue
		}
		r.worst = append(r.worst, ms(found.Polls.Quantile(1)))
		for i, bound := range gapBounds {
			r.beyond[i] = append(r.beyond[i], float64(found.Polls.Beyond(bound))/found.Wall.Seconds())
		}
		r.collections = append(r.collections, float64(found.Collections)/found.Wall.Seconds())
	}
}

func watchPolls(s gapsSpec) (found *rig.Gaps, err error) {
	if s.GOGC != 0 {
		debug.SetGCPercent(s.GOGC)
	}
	if s.Limit != 0 {
		debug.SetMemoryLimit(s.Limit)
	}
	cpus := ports.CPUs()
	o := rig.Options{Watch: true, Idle: [2]dataplane.IdlePolicy{dataplane.IdleBusy, dataplane.IdleAdaptive}}
	if !s.Unpinned {
		o.CPUs[rig.A] = cpus[len(cpus)-1:]
	}
	return found, withRig(o, func(r *rig.Rig) error {
		found = r.Gaps(s.Work, gapsSpan)
		return nil
	})
}

func (g *pollGaps) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Gaps between two polls of a busy worker on one of %d processors, while a goroutine of the process works\n\n", len(ports.CPUs()))
	fmt.Fprintf(&b, "| the goroutine | settings | longest gap in %v, ms | gaps beyond %v, /s | beyond %v, /s | collections /s |\n|---|---|---|---|---|---|\n", gapsSpan, gapBounds[0], gapBounds[1])
	for _, r := range g.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.spec.Work, r.what, report.Of(r.worst), report.Of(r.beyond[0]), report.Of(r.beyond[1]), report.Of(r.collections))
	}
	b.WriteString("\nThe rows that allocate nothing are the control: what the kernel and the hypervisor do to such a worker without any collection.\n\n")
	if g.missing != nil {
		fmt.Fprintf(&b, "not measured: %v\n\n", g.missing)
	}
	return b.String()
}

// targets: the median over the rounds of the longest gap while the process
// allocates, with default settings.
func (g *pollGaps) targets() map[string]float64 {
	worst := math.NaN()
	for _, r := range g.rows {
		if r.spec == (gapsSpec{Work: rig.Allocate}) && len(r.worst) > 0 {
			worst = report.Of(r.worst).Median
		}
	}
	if math.IsNaN(worst) {
		return nil
	}
	return map[string]float64{"worst-poll-gap-while-collecting": worst}
}

func (g *pollGaps) err() error { return g.missing }
