package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/bench/peers/report"
)

// childLimit is the wall time after which a measurement is given up.
const childLimit = 2 * time.Minute

// measure runs all rounds and reports.
func measure(o options) error {
	all := groups(o.quick)
	cases, families := selected(all, o.only), selectedFamilies(o)
	if len(cases)+len(families) == 0 {
		return fmt.Errorf("no case has %q in its name", o.only)
	}
	begun, tree := time.Now(), report.Commit()
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d, %d cases, %v\n", round+1, o.rounds, len(cases)+len(families), time.Since(begun).Round(time.Second))
		for _, c := range cases {
			if c.rounds > 0 && round >= c.rounds {
				continue
			}
			c.run(o.cpu)
		}
		for _, f := range families {
			f.round(o, round)
		}
	}
	head := header(o, tree, time.Since(begun))
	text := head + "\n" + table(all) + tables(families)
	fmt.Println(text)
	lines := targetLines(all, families)
	if o.out != "" && o.only == "" { // a part must not replace the whole
		if err := write(o.out, text, all, lines); err != nil {
			return err
		}
	}
	fmt.Print(lines)
	failed := failures(cases)
	for _, f := range families {
		failed = errors.Join(failed, f.err())
	}
	return failed
}

func selected(all []*group, only string) []*benchCase {
	var cases []*benchCase
	for _, g := range all {
		for _, c := range g.cases {
			if strings.Contains(c.spec.Name(), only) {
				cases = append(cases, c)
			}
		}
	}
	return cases
}

// run lets each contestant have its turn. One that failed has no more turns: its
// rounds would not be in step with the others'.
func (c *benchCase) run(cpu time.Duration) {
	spec := c.spec
	spec.CPU = cpu
	for _, stack := range c.stacks {
		if c.errs[stack] != nil {
			continue
		}
		s, err := inChild(stack, spec)
		if err != nil {
			c.errs[stack] = err
			delete(c.samples, stack)
			continue
		}
		c.samples[stack] = append(c.samples[stack], s)
	}
}

// inChild measures a contestant in a process of its own.
func inChild(stack string, spec load.Spec) (load.Sample, error) {
	var sample load.Sample
	if err := runChild(stack, spec, &sample); err != nil {
		return sample, fmt.Errorf("%s, %s: %w", stack, spec.Name(), err)
	}
	if sample.Ops == 0 {
		return sample, fmt.Errorf("%s, %s: no operation was completed", stack, spec.Name())
	}
	return sample, nil
}

// runChild runs this program again to do one job, and takes what it found.
func runChild(job string, spec, found any) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	arg, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), childLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-child", job, string(arg))
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		text, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return fmt.Errorf("%w: %s", err, text)
	}
	return json.Unmarshal(out.Bytes(), found)
}

// failures joins what went wrong, so that no figure is missing unnoticed.
func failures(cases []*benchCase) error {
	var all []error
	for _, c := range cases {
		for _, stack := range c.stacks {
			all = append(all, c.errs[stack])
		}
	}
	return errors.Join(all...)
}

// write puts table, lines for benchstat and plots into folder.
func write(folder, text string, all []*group, lines string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files := map[string]string{
		"results.md":  "# Results\n\n" + text + "\n## Targets\n\n```\n" + lines + "```\n",
		"results.txt": benchLines(all),
	}
	for _, g := range all {
		if g.file != "" && g.measured() {
			files[g.file+".svg"] = g.chart().SVG()
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
