package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/internal/ports"
)

// family is a part of the run that measures in its own way, and has tables and
// target lines of its own.
type family interface {
	// name is what -only looks for.
	name() string
	// round measures everything once more; n counts from 0.
	round(o options, n int)
	// table is what was measured, in Markdown.
	table() string
	// targets are the values of target lines, by their names; what could not be
	// measured is missing.
	targets() map[string]float64
	// err joins what failed. What the machine lacks is no failure: the table names it.
	err() error
}

// jobs are what a child process can be asked for beside the contestants.
var jobs = map[string]func(spec []byte) (any, error){
	jobStream:   job(move),
	jobWorkers:  job(driveWorkers),
	jobMachine:  job(measureMachine),
	jobOutages:  job(cutPaths),
	jobScale:    job(measureScale),
	jobLatency:  job(measureLatency),
	jobPollGaps: job(watchPolls),
}

// job gives a function the form of a child's job.
func job[Spec, Found any](do func(Spec) (Found, error)) func([]byte) (any, error) {
	return func(text []byte) (any, error) {
		var s Spec
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, err
		}
		return do(s)
	}
}

// withRig does something with a rig that stands alone in the process.
func withRig(o rig.Options, do func(*rig.Rig) error) error {
	base := ports.New(ports.Memory{Hugepages: "auto"})
	defer base.Close()
	r, err := rig.New(base, o)
	if err != nil {
		return err
	}
	defer r.Close()
	return do(r)
}

func selectedFamilies(o options) []family {
	var some []family
	for _, f := range []family{newScale(), newForwarding(), newWorkers(), newOutages(), newLatency(), newPollGaps()} {
		if strings.Contains(f.name(), o.only) {
			some = append(some, f)
		}
	}
	return some
}

func tables(all []family) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s\n", f.table())
	}
	return b.String()
}
