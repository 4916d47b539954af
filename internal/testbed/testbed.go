package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options are what Run runs.
type Options struct {
	Variants []Variant
	Engine   string // one of Engines
	Root     string // the repository
	Out      io.Writer
}

// Engines are the words for an engine; auto is the first that there is.
var Engines = []string{"auto", "namespaces"}

// peerSources is the foreign peer's folder.
const peerSources = "interop/testdata/peer"

// kernelSettings are those of every node's namespace: the kernel forwards nothing that DPDK
// gets too, speaks no IPv6 of its own, and lets the peer, which sends from one address over both
// networks, have its answers.
var kernelSettings = map[string]string{
	"net.ipv4.ip_forward":                "0",
	"net.ipv4.conf.all.rp_filter":        "0",
	"net.ipv4.conf.default.rp_filter":    "0",
	"net.ipv6.conf.all.disable_ipv6":     "1",
	"net.ipv6.conf.default.disable_ipv6": "1",
}

// Run runs the variants one after the other on one engine and gives their results, which it has
// written to o.Out. An error means that a run could not be made; what was found wrong is in
// the results.
func Run(ctx context.Context, o Options) (all []*Result, err error) {
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(o.Out, "[%5.1f s] %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	e, err := openEngine(ctx, o, say)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := e.close(); cerr != nil {
			err = errors.Join(err, fmt.Errorf("cleaning up: %w", cerr))
		}
	}()
	prepared := time.Since(began)
	for _, v := range o.Variants {
		say("%s on %s", v, e.describe())
		start := time.Now()
		s := &scenario{engine: e, say: say, variant: v, topology: newTopology(v, e.socketDir())}
		s.res = &Result{Variant: v, Engine: e.describe(), Prepared: prepared}
		if err := s.play(ctx); err != nil {
			return all, fmt.Errorf("%s: %w", v, err)
		}
		s.res.Elapsed = time.Since(start)
		s.res.judge()
		s.res.Write(o.Out)
		all = append(all, s.res)
	}
	return all, nil
}

// openEngine opens the engine that is asked for, or the first that there is.
func openEngine(ctx context.Context, o Options, say func(string, ...any)) (engine, error) {
	e := newNamespaces(o.Root)
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}
