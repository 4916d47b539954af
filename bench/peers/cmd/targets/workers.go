package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/report"
	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

const jobWorkers = "workers"

// workersAssocs have buffers that fit in a core's caches together.
const (
	workersAssocs = 8
	workersBuffer = 64 << 10
)

// workersSetups are what the two cores are given to do.
const (
	oneWorker  = iota // one worker for each side on one core
	twoWorkers        // two for each side, on a core each
	twoRigs           // two pairs of dataplanes that share nothing: what the machine can do
	workersSetups
)

// workers measures what a second worker on a core of its own adds.
type workers struct {
	rates   map[int][workersSetups][]float64 // messages per second by payload
	machine *machine                         // nil until it was measured
	missing error
}

func newWorkers() *workers { return &workers{rates: map[int][workersSetups][]float64{}} }

func (w *workers) name() string { return "workers" }

func (w *workers) round(o options, n int) {
	if len(ports.CPUs()) < 2 {
		w.missing = fmt.Errorf("two workers against one: two CPUs are needed")
		return
	}
	if w.machine == nil {
		var m machine
		if err := runChild(jobMachine, struct{}{}, &m); err != nil {
			w.missing = err
			return
		}
		w.machine = &m
	}
	for _, size := range payloads {
		rates := w.rates[size]
		for setup := range workersSetups {
			var rate float64
			if err := runChild(jobWorkers, workersSpec{setup, size}, &rate); err != nil {
				w.missing = err
				return
			}
			rates[setup] = append(rates[setup], rate)
		}
		w.rates[size] = rates
	}
}

type workersSpec struct{ Setup, Size int }

// driveWorkers gives the messages per second of all rigs of a set-up together.
func driveWorkers(s workersSpec) (float64, error) {
	o := rig.Options{Manual: true, Assocs: workersAssocs, Limits: sctpcore.DefaultLimits()}
	o.Limits.SendBuffer, o.Limits.ReceiveBuffer, o.Limits.MaxMessage = workersBuffer, workersBuffer, workersBuffer/2
	cpus := ports.CPUs()
	on := [][]int{cpus[:1]}
	switch s.Setup {
	case twoWorkers:
		o.CPUs = [2][]int{{-1, -1}, {-1, -1}}
		on = [][]int{cpus[:2]}
	case twoRigs:
		on = [][]int{cpus[:1], cpus[1:2]}
	}
	var running sync.WaitGroup
	rates, errs := make([]float64, len(on)), make([]error, len(on))
	for i := range on {
		running.Go(func() {
			errs[i] = withRig(o, func(r *rig.Rig) error {
				sample, err := r.DriveWorkers(s.Size, on[i], 100*time.Millisecond, 400*time.Millisecond)
				rates[i] = sample.Rate()
				return err
			})
		})
	}
	running.Wait()
	sum := 0.0
	for i := range on {
		if errs[i] != nil {
			return 0, errs[i]
		}
		sum += rates[i]
	}
	return sum, nil
}

func (w *workers) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### A second worker, %d associations over the memory cable, every second packet at the other worker's queue\n\n", workersAssocs)
	b.WriteString("| payload | 1 worker per side on 1 core, Mmessages/s | 2 on 2 cores | two rigs that share nothing | two workers ÷ one | two rigs ÷ one |\n|---|---|---|---|---|---|\n")
	for _, size := range payloads {
		r := w.rates[size]
		fmt.Fprintf(&b, "| %d B | %s | %s | %s | %s | %s |\n", size, millions(r[oneWorker]), millions(r[twoWorkers]), millions(r[twoRigs]),
			report.Of(report.Ratios(r[twoWorkers], r[oneWorker])), report.Of(report.Ratios(r[twoRigs], r[oneWorker])))
	}
	b.WriteString("\n" + w.model())
	if w.missing != nil {
		fmt.Fprintf(&b, "not measured: %v\n\n", w.missing)
	}
	return b.String()
}

// targets: the worse of the two payloads.
func (w *workers) targets() map[string]float64 {
	worst, ok := 0.0, false
	for _, r := range w.rates {
		s := report.Of(report.Ratios(r[twoWorkers], r[oneWorker]))
		if s.N > 0 && (!ok || s.Median < worst) {
			worst, ok = s.Median, true
		}
	}
	if !ok {
		return nil
	}
	return map[string]float64{"two-workers-vs-one": worst}
}

func (w *workers) err() error { return nil }
