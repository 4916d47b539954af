package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/report"
	"github.com/trunkline-sctp/trunkline/bench/peers/testpmd"
	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

const (
	jobStream = "dataplane"
	// headers are Ethernet, IPv4, SCTP's common header and that of a DATA chunk.
	headers = 14 + 20 + 12 + 16
	warm    = 300 * time.Millisecond
	span    = 700 * time.Millisecond
)

// boundByPMD are the kinds whose driver calls the kernel for every burst, which
// costs more than all that is done with a packet.
var boundByPMD = []string{"af_packet", "af_xdp"}

var payloads = []int{64, 1400}

// forwarding compares whole dataplanes with testpmd over the same driver on the
// same two cores, in turns: what crosses the cable per second, both ways together.
type forwarding struct {
	rows []*forwardingRow
}

type forwardingRow struct {
	kind    string
	payload int
	theirs  []float64 // frames per second
	packets []float64 // ours per second, SACKs included
	ours    []rig.Sample
	threads []float64 // packets per second of a stream with applications on threads of their own
	missing error
}

func newForwarding() *forwarding {
	f := &forwarding{}
	for _, kind := range testpmd.Kinds {
		for _, payload := range payloads {
			f.rows = append(f.rows, &forwardingRow{kind: kind, payload: payload})
		}
	}
	return f
}

func (f *forwarding) name() string { return "forwarding" }

func (f *forwarding) round(o options, n int) {
	if n >= pick(o.quick, 1, 3) {
		return
	}
	for _, r := range f.rows {
		if r.missing == nil {
			r.missing = r.measure()
		}
	}
}

func (r *forwardingRow) measure() error {
	theirs, err := testpmd.Run(r.kind, r.payload+headers, ports.CPUs(), span)
	if err != nil {
		return err
	}
	var s, threads rig.Sample
	if err := runChild(jobStream, streamSpec{Kind: r.kind, Size: r.payload}, &s); err != nil {
		return err
	}
	if err := runChild(jobStream, streamSpec{Kind: r.kind, Size: r.payload, Threads: true}, &threads); err != nil {
		return err
	}
	r.theirs = append(r.theirs, theirs)
	r.packets = append(r.packets, float64(s.Packets)/s.Wall.Seconds())
	r.threads = append(r.threads, float64(threads.Packets)/threads.Wall.Seconds())
	r.ours = append(r.ours, s)
	return nil
}

// streamSpec is messages over one cable of a kind, each side on a core of its
// own: both ways and the applications between two polls of their side's worker,
// or with Threads one way and the applications on threads beside the workers'.
type streamSpec struct {
	Kind    string
	Size    int
	Threads bool
}

func move(s streamSpec) (sample rig.Sample, err error) {
	cpus := ports.CPUs()
	if len(cpus) < 2 {
		return sample, errors.New("two CPUs are needed, one for each side")
	}
	o := rig.Options{Kind: s.Kind, Manual: !s.Threads}
	if s.Threads {
		o.CPUs = [2][]int{cpus[:1], cpus[1:2]}
	}
	return sample, withRig(o, func(r *rig.Rig) (err error) {
		if s.Threads {
			sample, err = r.Measure(s.Size, warm, span)
		} else {
			sample, err = r.DriveSides(s.Size, [2]int(cpus[:2]), warm, span)
		}
		return err
	})
}

// share is our packets per second in percent of theirs, round by round.
func (r *forwardingRow) share() report.Stat {
	v := report.Ratios(r.packets, r.theirs)
	for i := range v {
		v[i] *= 100
	}
	return report.Of(v)
}

func (f *forwarding) table() string {
	var b strings.Builder
	b.WriteString("### Whole dataplanes against testpmd (io forwarding), both ends of one cable on two cores\n\n")
	b.WriteString("| driver, payload | testpmd Mframes/s | ours Mpackets/s | % of testpmd | Mmessages/s | Gbit/s of payload | core-ns per frame: testpmd | ours | SCTP adds | with application threads Mpackets/s |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range f.rows {
		if len(r.ours) == 0 {
			fmt.Fprintf(&b, "| %s, %d B | – | – | – | – | – | – | – | – | – |\n", r.kind, r.payload)
			continue
		}
		var messages, gbits, theirs, ours, more []float64
		for i, s := range r.ours {
			messages, gbits = append(messages, s.Rate()/1e6), append(gbits, s.Gbits())
			t, o := coreTime(r.theirs[i]), coreTime(r.packets[i])
			theirs, ours, more = append(theirs, t), append(ours, o), append(more, o-t)
		}
		fmt.Fprintf(&b, "| %s, %d B | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.kind, r.payload, millions(r.theirs), millions(r.packets), r.share(),
			report.Of(messages), report.Of(gbits), report.Of(theirs), report.Of(ours), report.Of(more), millions(r.threads))
	}
	b.WriteString("\n")
	for _, r := range f.rows {
		if r.missing != nil {
			fmt.Fprintf(&b, "not measured: %s, %d B: %v\n\n", r.kind, r.payload, r.missing)
		}
	}
	return b.String()
}

// coreTime is the nanoseconds of the two cores for each of so many packets per second.
func coreTime(perSecond float64) float64 { return 2e9 / perSecond }

func millions(v []float64) report.Stat {
	m := slices.Clone(v)
	for i := range m {
		m[i] /= 1e6
	}
	return report.Of(m)
}

// targets: the median over all drivers, and the worst of those that are the limit
// themselves, both for the larger payload.
func (f *forwarding) targets() map[string]float64 {
	found := map[string]float64{}
	var all, bound []float64
	for _, r := range f.rows {
		if s := r.share(); s.N > 0 && r.payload == payloads[len(payloads)-1] {
			all = append(all, s.Median)
			if slices.Contains(boundByPMD, r.kind) {
				bound = append(bound, s.Median)
			}
		}
	}
	if len(all) > 0 {
		found["dataplane-vs-testpmd"] = report.Of(all).Median
	}
	if len(bound) > 0 {
		found["dataplane-vs-testpmd-pmd-bound"] = slices.Min(bound)
	}
	return found
}

// err is nil: a driver that cannot be had is named in the table.
func (f *forwarding) err() error { return nil }
