// Command targets measures Trunkline's core against its peers in one run, and
// tells which of the project's performance targets it meets.
//
// Each measurement runs in a process of its own (this program again, with
// -child); the contestants take turns, round by round, so that what the machine
// does meanwhile hits all of them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

// options are the flags.
type options struct {
	quick  bool
	rounds int
	cpu    time.Duration
	only   string
	out    string
	child  string
}

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "fewer cases and rounds: under 5 minutes")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds (default 7, quick 3)")
	flag.DurationVar(&o.cpu, "cpu", 0, "CPU time per measurement (default 800ms, quick 250ms)")
	flag.StringVar(&o.only, "only", "", "only the cases whose name contains this")
	flag.StringVar(&o.out, "out", "..", "folder for results.md, results.txt and the plots; empty writes none")
	flag.StringVar(&o.child, "child", "", "internal: contestant and JSON spec to measure")
	flag.Parse()
	if o.child != "" {
		exit(child(o.child, flag.Arg(0)))
	}
	if flag.NArg() > 0 {
		exit(fmt.Errorf("unexpected argument %q; see -help", flag.Arg(0)))
	}
	if o.rounds <= 0 {
		o.rounds = pick(o.quick, 3, 7)
	}
	if o.cpu <= 0 {
		o.cpu = pick(o.quick, 250*time.Millisecond, 800*time.Millisecond)
	}
	exit(measure(o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "targets:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// command is how this run can be repeated, from bench/peers.
func command(o options) string {
	words := []string{"go run ./cmd/targets"}
	if o.quick {
		words = append(words, "-quick")
	}
	words = append(words, fmt.Sprintf("-rounds %d -cpu %v", o.rounds, o.cpu))
	if o.only != "" {
		words = append(words, "-only "+o.only)
	}
	return strings.Join(words, " ")
}

// child does one job in this process and prints what it found.
func child(job, spec string) error {
	var found any
	var err error
	if do, ok := jobs[job]; ok {
		found, err = do([]byte(spec))
	} else {
		found, err = contest(job, spec)
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// contest measures one spec of a contestant.
func contest(stack, spec string) (load.Sample, error) {
	var s load.Spec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return load.Sample{}, err
	}
	run, ok := contestants[stack]
	if !ok {
		return load.Sample{}, fmt.Errorf("no contestant %q", stack)
	}
	return run(s)
}
