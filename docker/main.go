package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/trunkline-sctp/trunkline/internal/testbed"
)

func main() {
	o := testbed.Options{Out: os.Stdout}
	variant := flag.String("variant", "all", "af_packet, virtio-user or all")
	flag.StringVar(&o.Engine, "engine", "auto", strings.Join(testbed.Engines, ", "))
	flag.StringVar(&o.Root, "root", ".", "the repository")
	flag.BoolVar(&o.Hold, "hold", false, "cut nothing: show the traffic until Ctrl-C, for cuts by hand")
	flag.BoolVar(&o.Debootstrap, "debootstrap", false, "docker: make the builder's image with debootstrap in any case")
	flag.Parse()
	o.Variants = testbed.Variants
	if *variant != "all" {
		o.Variants = []testbed.Variant{testbed.Variant(*variant)}
	}
	if flag.NArg() > 0 || !slices.Contains(testbed.Variants, o.Variants[0]) || !slices.Contains(testbed.Engines, o.Engine) {
		flag.Usage()
		os.Exit(2)
	}
	os.Exit(run(o))
}

// run gives the exit code: 0 if every run passed.
func run(o testbed.Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	results, err := testbed.Run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		return 1
	}
	for _, r := range results {
		if !r.Pass() {
			return 1
		}
	}
	return 0
}
