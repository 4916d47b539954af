package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/bench/peers/report"
)

// header says where, when and how.
func header(o options, commit string, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- machine: %s, %d CPUs, %s/%s\n", report.CPUInfo("model name"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "- date: %s, took %v; commit %s; %s\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), took.Round(time.Second), commit, runtime.Version())
	fmt.Fprintf(&b, "- command, in bench/peers: `%s`\n", command(o))
	b.WriteString("- CPU time (user and system, both ends) per operation in ns: median (min–max) over the rounds\n")
	return b.String()
}

// table is all that was measured, in Markdown.
func table(all []*group) string {
	var b strings.Builder
	for _, g := range all {
		if !g.measured() {
			continue
		}
		fmt.Fprintf(&b, "### %s\n\n", g.title)
		if g.file != "" {
			fmt.Fprintf(&b, "![plot](%s.svg)\n\n", g.file)
		}
		b.WriteString("| | trunkline | usrsctp | pion | usrsctp ÷ trunkline | pion ÷ trunkline | trunkline per CPU second |\n")
		b.WriteString("|---|---|---|---|---|---|---|\n")
		for _, c := range g.cases {
			ours := c.ns(stackOurs)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", c.label,
				c.cell(stackOurs), c.cell(stackUsrsctp), c.cell(stackPion),
				report.Of(report.Ratios(c.ns(stackUsrsctp), ours)), report.Of(report.Ratios(c.ns(stackPion), ours)), c.rate())
		}
		b.WriteString("\n")
		for _, c := range g.cases {
			for _, stack := range c.stacks {
				if err := c.errs[stack]; err != nil {
					fmt.Fprintf(&b, "failed: %v\n\n", err)
				}
			}
		}
	}
	return b.String()
}

// cell is a contestant's figure.
func (c *benchCase) cell(stack string) string {
	if c.errs[stack] != nil {
		return "failed"
	}
	return report.Of(c.ns(stack)).String()
}

// rate is what one CPU second does for us: bits or operations.
func (c *benchCase) rate() string {
	ns := report.Of(c.ns(stackOurs)).Median
	switch {
	case ns == 0:
		return "–"
	case c.spec.Kind == load.Stream:
		return fmt.Sprintf("%s Gbit", report.Figure(float64(8*c.spec.Size)/ns))
	}
	return fmt.Sprintf("%s k", report.Figure(1e6/ns))
}

func (g *group) measured() bool {
	for _, c := range g.cases {
		if len(c.samples) > 0 || len(c.errs) > 0 {
			return true
		}
	}
	return false
}

func (g *group) chart() report.Chart {
	ch := report.Chart{Title: g.title, Unit: "CPU ns"}
	for _, c := range g.cases {
		ch.Groups = append(ch.Groups, c.label)
	}
	for _, stack := range stacks {
		s := report.Series{Name: stack}
		any := false
		for _, c := range g.cases {
			v := report.Of(c.ns(stack))
			any = any || v.N > 0
			s.Bars = append(s.Bars, v)
		}
		if any {
			ch.Series = append(ch.Series, s)
		}
	}
	return ch
}

// benchLines are all samples for benchstat.
func benchLines(all []*group) string {
	var b strings.Builder
	for _, g := range all {
		for _, c := range g.cases {
			for _, stack := range c.stacks {
				for _, s := range c.samples[stack] {
					b.WriteString(report.BenchLine("Peers/kind="+c.spec.Name()+"/stack="+stack, s.Ops, s.NsPerOp()))
				}
			}
		}
	}
	return b.String()
}
