package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

const jobOutages = "outages"

// outages cuts the path of an association at full load, silently and with a
// report of the port, many times in one process, and tells how long data stood.
type outages struct {
	found [3]*rig.Outages // by rig.Cut
	errs  [3]error
}

func newOutages() *outages { return &outages{} }

func (f *outages) name() string { return "failover" }

// round cuts in the first round only: the distribution is over the cuts.
func (f *outages) round(o options, n int) {
	if n > 0 {
		return
	}
	for _, how := range []rig.Cut{rig.Silent, rig.LinkDown, rig.Uncut} {
		var found rig.Outages
		if f.errs[how] = runChild(jobOutages, outagesSpec{how, pick(o.quick, 15, 100)}, &found); f.errs[how] == nil {
			f.found[how] = &found
		}
	}
}

type outagesSpec struct {
	How  rig.Cut
	Cuts int
}

func cutPaths(s outagesSpec) (found *rig.Outages, err error) {
	cpus := ports.CPUs()
	if len(cpus) < 2 {
		return nil, errors.New("two CPUs are needed, one for each side")
	}
	timers := sctpcore.TelecomTimers()
	return found, withRig(rig.Options{Kind: ports.DefaultKind, Paths: 2, Timers: &timers, Manual: true}, func(r *rig.Rig) (err error) {
		found, err = r.Outages(s.How, 1400, s.Cuts, [2]int(cpus[:2]))
		return err
	})
}

func (f *outages) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### A path is cut at full load: two paths over %s cables, 1400 B messages, telecom timers\n\n", ports.DefaultKind)
	b.WriteString("| cut | time | cuts | min ms | p50 | p90 | p99 | max | lost | repeated | without a failover |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for how, found := range f.found {
		if found == nil {
			continue
		}
		for _, t := range []struct {
			what string
			h    *rig.Histogram
		}{
			{"cut to first DATA on the other path", &found.Switch},
			{"pause seen by the reader", &found.Pause},
			{"switch to the rate of one path", &found.Regain},
		} {
			if rig.Cut(how) == rig.Uncut && t.h == &found.Switch {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %d |", rig.Cut(how), t.what, found.Cuts)
			for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
				fmt.Fprintf(&b, " %.2f |", ms(t.h.Quantile(q)))
			}
			fmt.Fprintf(&b, " %d | %d | %d |\n", found.Lost, found.Duplicated, found.Missed)
		}
	}
	b.WriteString("\n")
	for how, err := range f.errs {
		if err != nil {
			fmt.Fprintf(&b, "failed: %s: %v\n\n", rig.Cut(how), err)
		}
	}
	return b.String()
}

func ms(d time.Duration) float64 { return d.Seconds() * 1e3 }

// published is the quantile that a target is held against; the table has the rest.
const published = 0.99

func (f *outages) targets() map[string]float64 {
	v := map[string]float64{}
	silent, down := f.found[rig.Silent], f.found[rig.LinkDown]
	if silent != nil && silent.Switch.Count() > 0 {
		v["silent-path-loss-outage"] = ms(silent.Switch.Quantile(published))
	}
	if down != nil && down.Switch.Count() > 0 {
		v["link-down-to-first-data"] = ms(down.Switch.Quantile(published))
	}
	if silent != nil && down != nil {
		v["failover-lost-or-duplicated"] = float64(silent.Lost + silent.Duplicated + down.Lost + down.Duplicated)
		v["failover-rate-regained"] = ms(max(silent.Regain.Quantile(published), down.Regain.Quantile(published)))
	}
	return v
}

func (f *outages) err() error {
	for how, err := range f.errs {
		if err != nil {
			return fmt.Errorf("failover, %s: %w", rig.Cut(how), err)
		}
	}
	return nil
}
