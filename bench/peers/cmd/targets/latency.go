package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/report"
	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

const jobLatency = "latency"

const (
	pingSize  = 100 // bytes
	pingPause = 2 * time.Millisecond
	loadSize  = 1400
	loadShare = 0.7
)

// latency measures round trips of messages between two applications, at rest and
// beside a load, and what the workers cost while nothing happens.
type latency struct {
	rows []*latencyRow
}

type latencyRow struct {
	what    string
	spec    latencySpec
	idle    []float64 // percent of a processor, both workers
	found   pings     // of all rounds
	shares  []float64 // of the full rate
	missing error
}

// latencySpec: Inline is polling with the application in the worker's loop.
type latencySpec struct {
	Kind   string
	Inline bool
	Busy   bool
	Sleep  time.Duration
	Span   time.Duration
}

// pings are round trips one after another, with pauses, and beside a load.
type pings struct {
	Close, Apart, Loaded rig.Histogram
	Idle, Share          float64
}

func newLatency() *latency {
	l := &latency{}
	add := func(what string, s latencySpec) { l.rows = append(l.rows, &latencyRow{what: what, spec: s}) }
	add("polled, application in the worker's loop", latencySpec{Kind: ports.DefaultKind, Inline: true})
	add("busy", latencySpec{Kind: ports.DefaultKind, Busy: true})
	add("adaptive", latencySpec{Kind: ports.DefaultKind})
	add("busy", latencySpec{Kind: "memif", Busy: true})
	add("adaptive, idle_sleep 50 µs", latencySpec{Kind: "memif", Sleep: 50 * time.Microsecond})
	add("adaptive, idle_sleep 500 µs", latencySpec{Kind: "memif", Sleep: 500 * time.Microsecond})
	add("adaptive", latencySpec{Kind: "af_packet"})
	return l
}

func (l *latency) name() string { return "latency" }

func (l *latency) round(o options, n int) {
	if n >= pick(o.quick, 1, 3) {
		return
	}
	for _, r := range l.rows {
		if r.missing != nil {
			continue
		}
		r.spec.Span = pick(o.quick, 300*time.Millisecond, time.Second)
		var p pings
		if r.missing = runChild(jobLatency, r.spec, &p); r.missing != nil {
			continue
		}
		r.found.Close.Merge(&p.Close)
		r.found.Apart.Merge(&p.Apart)
		r.found.Loaded.Merge(&p.Loaded)
		r.idle = append(r.idle, p.Idle)
		if p.Share > 0 {
			r.shares = append(r.shares, p.Share)
		}
	}
}

func measureLatency(s latencySpec) (*pings, error) {
	p, cpus := new(pings), ports.CPUs()
	if len(cpus) < 2 {
		return p, errors.New("two CPUs are needed, one for each side")
	}
	if s.Inline {
		return p, withRig(rig.Options{Kind: s.Kind, Manual: true}, func(r *rig.Rig) error {
			p.Idle = 200 // that is how it works
			h, err := r.PollPingPong(pingSize, [2]int{cpus[0], cpus[1]}, s.Span)
			if err == nil {
				p.Close = *h
			}
			return err
		})
	}
	o := rig.Options{Kind: s.Kind, CPUs: [2][]int{cpus[:1], cpus[1:2]}, Assocs: 2, IdleSleep: s.Sleep}
	if s.Busy {
		o.Idle = [2]dataplane.IdlePolicy{dataplane.IdleBusy, dataplane.IdleBusy}
	}
	return p, withRig(o, func(r *rig.Rig) error { return p.measure(r, s.Span) })
}

func (p *pings) measure(r *rig.Rig, span time.Duration) error {
	used, begun := rig.CPUTime(), time.Now()
	time.Sleep(span)
	p.Idle = 100 * float64(rig.CPUTime()-used) / float64(time.Since(begun))
	for _, t := range []struct {
		h     *rig.Histogram
		pause time.Duration
	}{{&p.Close, 0}, {&p.Apart, pingPause}} {
		h, err := r.PingPong(pingSize, t.pause, span)
		if err != nil {
			return err
		}
		t.h.Merge(h)
	}
	full, err := r.Measure(loadSize, 200*time.Millisecond, 400*time.Millisecond)
	if err != nil {
		return err
	}
	l := r.StartPaced(loadSize, loadShare*full.Rate())
	time.Sleep(100 * time.Millisecond)
	before, begun := l.Received(), time.Now()
	h, err := r.PingPong(pingSize, 0, span)
	p.Share = 100 * float64(l.Received()-before) / time.Since(begun).Seconds() / full.Rate()
	if err == nil {
		p.Loaded.Merge(h)
	}
	return errors.Join(err, l.Stop())
}

func (l *latency) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Latency: round trips of %d B between two applications, µs\n\n", pingSize)
	fmt.Fprintf(&b, "| cable, workers | CPU of a process at rest, %% of a core | one after another: p50 | p99 | p99.9 | one per %v: p50 | p99 | p99.9 | beside a load of %d B: p50 | p99 | p99.9 | load, %% of the full rate |\n", pingPause, loadSize)
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range l.rows {
		fmt.Fprintf(&b, "| %s, %s | %s |", r.spec.Kind, r.what, report.Of(r.idle))
		for _, h := range []*rig.Histogram{&r.found.Close, &r.found.Apart, &r.found.Loaded} {
			for _, q := range []float64{0.5, 0.99, 0.999} {
				if h.Count() == 0 {
					b.WriteString(" – |")
					continue
				}
				fmt.Fprintf(&b, " %s |", report.Figure(h.Quantile(q).Seconds()*1e6))
			}
		}
		fmt.Fprintf(&b, " %s |\n", report.Of(r.shares))
	}
	b.WriteString("\n")
	for _, r := range l.rows {
		if r.missing != nil {
			fmt.Fprintf(&b, "not measured: %s, %s: %v\n\n", r.spec.Kind, r.what, r.missing)
		}
	}
	return b.String()
}

// targets: none; the figures are published.
func (l *latency) targets() map[string]float64 { return nil }

func (l *latency) err() error { return nil }
