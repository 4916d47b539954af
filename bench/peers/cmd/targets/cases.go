package main

import (
	"fmt"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/bench/peers/ours"
	"github.com/trunkline-sctp/trunkline/bench/peers/pion"
	"github.com/trunkline-sctp/trunkline/bench/peers/usrsctp"
)

// The names of the contestants.
const (
	stackOurs    = "trunkline"
	stackUsrsctp = "usrsctp"
	stackPion    = "pion"
)

var contestants = map[string]func(load.Spec) (load.Sample, error){
	stackOurs: ours.Run, stackUsrsctp: usrsctp.Run, stackPion: pion.Run,
}

// stacks are all contestants in the order of tables and rounds.
var stacks = []string{stackOurs, stackUsrsctp, stackPion}

// Sizes of what is measured.
const (
	many      = 1000    // associations
	idleFull  = 100_000 // idle associations
	idleQuick = 10_000
)

var messageSizes = []int{64, 256, 1400, 16 << 10, 64 << 10}

// group is a set of cases that make one plot.
type group struct {
	file, title string
	cases       []*benchCase
}

// benchCase is one spec and what each contestant did in each round.
type benchCase struct {
	spec    load.Spec
	label   string
	stacks  []string
	rounds  int // 0 is as many as asked for
	samples map[string][]load.Sample
	errs    map[string]error
}

func newCase(s load.Spec, label string, stacks ...string) *benchCase {
	return &benchCase{spec: s, label: label, stacks: stacks, samples: map[string][]load.Sample{}, errs: map[string]error{}}
}

// ns are a contestant's CPU times per operation, a value per round.
func (c *benchCase) ns(stack string) []float64 {
	var v []float64
	for _, s := range c.samples[stack] {
		v = append(v, s.NsPerOp())
	}
	return v
}

// groups lists everything that is measured.
func groups(quick bool) []*group {
	var all []*group
	for _, crc := range []bool{true, false} {
		all = append(all, streamGroup(1, crc, messageSizes, stacks))
		sizes := pick(quick, []int{64, 1400}, messageSizes)
		all = append(all, streamGroup(many, crc, sizes, stacks[:2]))
	}
	transact := &group{file: "transact", title: fmt.Sprintf("Request and response of %d B, one under way per association", load.TransactSize)}
	for _, n := range []int{1, many} {
		for _, crc := range []bool{true, false} {
			who := pick(n == 1, stacks, stacks[:2])
			s := load.Spec{Kind: load.Transact, Size: load.TransactSize, Assocs: n, Checksum: crc}
			transact.cases = append(transact.cases, newCase(s, fmt.Sprintf("%d, %s", n, sumName(crc)), who...))
		}
	}
	setup := &group{file: "setup", title: fmt.Sprintf("Association set-up and shutdown, %d at a time", load.SetupWave)}
	setup.cases = append(setup.cases, newCase(load.Spec{Kind: load.Setup, Assocs: load.SetupWave, Checksum: true}, "CRC32c", stacks...))
	idle := &group{file: "", title: "Idle dual-homed associations, an operation is one of them for a second"}
	n := pick(quick, idleQuick, idleFull)
	c := newCase(load.Spec{Kind: load.Idle, Assocs: n, Checksum: true}, fmt.Sprint(n), stackOurs)
	c.rounds = pick(quick, 1, 3)
	idle.cases = append(idle.cases, c)
	return append(all, transact, setup, idle)
}

func sumName(crc bool) string { return pick(crc, "CRC32c", "offloaded") }

func streamGroup(assocs int, crc bool, sizes []int, who []string) *group {
	g := &group{
		file:  fmt.Sprintf("stream-%d-%s", assocs, pick(crc, "crc", "offloaded")),
		title: fmt.Sprintf("CPU per message, both ends, associations: %d, checksum: %s", assocs, sumName(crc)),
	}
	for _, size := range sizes {
		s := load.Spec{Kind: load.Stream, Size: size, Assocs: assocs, Checksum: crc}
		g.cases = append(g.cases, newCase(s, sizeName(size), who...))
	}
	return g
}

func sizeName(size int) string {
	if size >= 16<<10 {
		return fmt.Sprintf("%d KiB", size>>10)
	}
	return fmt.Sprintf("%d B", size)
}
