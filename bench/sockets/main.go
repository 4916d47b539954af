package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets"
	"github.com/trunkline-sctp/trunkline/sockets/shim"
)

// result is one measurement of a contestant.
type result struct {
	count   uint64 // messages received, or round trips, or bytes (iperf3)
	elapsed time.Duration
	cpu     time.Duration
}

func (r result) rate() float64 { return float64(r.count) / r.elapsed.Seconds() }

func (r result) cost() float64 { return float64(r.cpu.Nanoseconds()) / float64(r.count) }

// contestant is one way to exchange messages.
type contestant struct {
	name string
	run  func(kind string, size int, d time.Duration) (result, error)
}

// row is a line of the table: a kind of exchange and a size.
type row struct {
	kind string
	size int
}

var rows = []row{
	{"stream", 64}, {"stream", 1400}, {"stream", 16384},
	{"pingpong", 64}, {"pingpong", 1400}, {"pingpong", 16384},
	{"iperf3", 65536},
}

func main() {
	rounds := flag.Int("rounds", 5, "how often each is measured")
	each := flag.Duration("time", 500*time.Millisecond, "how long each measurement takes; iperf3 takes whole seconds")
	only := flag.String("only", "", "the kind to measure: stream, pingpong or iperf3; all if empty")
	flag.Parse()
	if err := measure(*rounds, *each, *only); err != nil {
		fmt.Fprintln(os.Stderr, "sockets:", err)
		os.Exit(1)
	}
}

func measure(rounds int, each time.Duration, only string) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all, end, err := contestants(dir)
	if err != nil {
		return err
	}
	defer end()
	fmt.Println("| what | bytes | contestant | per second | Gbit/s | CPU ns each | ÷ Go API |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, r := range rows {
		if only != "" && only != r.kind {
			continue
		}
		if err := r.measure(all, rounds, each); err != nil {
			return fmt.Errorf("%s of %d bytes: %w", r.kind, r.size, err)
		}
	}
	return nil
}

// measure has the contestants take turns and prints a line for each.
func (r row) measure(all []contestant, rounds int, each time.Duration) error {
	got := make([][]result, len(all))
	for range rounds {
		for i, c := range all {
			one, err := c.run(r.kind, r.size, each)
			if errors.Is(err, errNotItsKind) {
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			got[i] = append(got[i], one)
		}
	}
	native := got[len(all)-1] // the Go API is the last
	for i, c := range all {
		if len(got[i]) == 0 {
			continue
		}
		rate := median(got[i], result.rate)
		cost := fmt.Sprintf("%.0f", median(got[i], result.cost))
		size, ratio, perSecond := float64(r.size), "–", fmt.Sprintf("%.0f", rate)
		if r.kind == "iperf3" { // which counts bytes
			size, cost, perSecond = 1, fmt.Sprintf("%.2f per byte", median(got[i], result.cost)), "–"
		}
		if len(native) == len(got[i]) {
			var ratios []float64
			for j := range native {
				ratios = append(ratios, got[i][j].rate()/native[j].rate())
			}
			slices.Sort(ratios)
			ratio = fmt.Sprintf("%.2f", ratios[len(ratios)/2])
		}
		fmt.Printf("| %s | %d | %s | %s | %.2f | %s | %s |\n", r.kind, r.size, c.name, perSecond, rate*size*8/1e9, cost, ratio)
	}
	return nil
}

func median(all []result, of func(result) float64) float64 {
	var v []float64
	for _, r := range all {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// contestants makes a dataplane and all that exchange messages over it; the Go API is the last.
func contestants(dir string) (all []contestant, end func(), err error) {
	program := filepath.Join(dir, "messages")
	if out, err := exec.Command("cc", "-O2", "-Wall", "-o", program, "bench/sockets/testdata/messages.c").CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("run this in the repository's root, with a C compiler: %w\n%s", err, out)
	}
	b, err := shim.Library()
	if err != nil {
		return nil, nil, err
	}
	preload := filepath.Join(dir, "libtrunkline.so")
	if err := os.WriteFile(preload, b, 0o600); err != nil {
		return nil, nil, err
	}
	d, err := dataplane.New(dataplane.Config{Loopback: true})
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "socket")
	s, err := sockets.Listen(d, sockets.Config{Path: path})
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	p := programs{messages: program, preload: preload, socket: path}
	without := p
	without.env = []string{"TRUNKLINE_RING=0"}
	return []contestant{
		{"library, without lanes", without.run},
		{"library", p.run},
		{"Go API", goAPI{d}.run},
	}, func() { _, _ = s.Close(), d.Close() }, nil
}
