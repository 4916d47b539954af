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
	// Debootstrap makes what docker builds the images in with debootstrap in any case.
	Debootstrap bool
	Hold        bool // cut nothing: show the first variant until ctx is done, for cuts by hand
	Out         io.Writer
}

// Engines are the words for an engine; auto is the first that there is.
var Engines = []string{"auto", "docker", "namespaces"}

// peerScript builds the foreign peer.
const peerScript = "docker/peer.sh"

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
		res, err := runVariant(ctx, e, v, o.Hold, say)
		if err != nil {
			return all, fmt.Errorf("%s: %w", v, err)
		}
		res.Prepared = prepared
		res.Write(o.Out)
		all = append(all, res)
		if o.Hold {
			break
		}
	}
	return all, nil
}

// runVariant plays the scenario, and again where the foreign peer hung.
func runVariant(ctx context.Context, e engine, v Variant, hold bool, say func(string, ...any)) (*Result, error) {
	for n := 1; ; n++ {
		start := time.Now()
		s := &scenario{engine: e, say: say, variant: v, hold: hold, topology: newTopology(v, e.socketDir())}
		s.res = &Result{Variant: v, Engine: e.describe(), Image: e.imageSize(), Held: hold}
		err := s.play(ctx)
		if errors.Is(err, errPeerHung) && n < hangsMax {
			say("%v; once more", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		s.res.Elapsed = time.Since(start)
		s.res.judge()
		return s.res, nil
	}
}

// openEngine opens the engine that is asked for, or the first that there is.
func openEngine(ctx context.Context, o Options, say func(string, ...any)) (engine, error) {
	all := map[string]engine{"docker": newDocker(&o, say), "namespaces": newNamespaces(o.Root)}
	order := Engines[1:]
	if o.Engine != Engines[0] {
		order = []string{o.Engine}
	}
	var errs []error
	for _, name := range order {
		e := all[name]
		err := e.open(ctx)
		if err == nil {
			return e, nil
		}
		err = errors.Join(err, e.close())
		if !errors.Is(err, errUnavailable) {
			return nil, err
		}
		say("%v", err)
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
