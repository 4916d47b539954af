package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// addresses of the ports: network 0 has IPv4, network 1 has both families.
var addresses = map[string][]string{
	"a0": {"10.10.0.1/24"},
	"a1": {"10.10.1.1/24", "fd00:10:1::1/64"},
	"b0": {"10.10.0.2/24"},
	"b1": {"10.10.1.2/24", "fd00:10:1::2/64"},
}

// setUp opens the ports, starts both dataplanes and makes the association.
func (s *show) setUp(ctx context.Context) error {
	if err := s.openCables(); err != nil {
		return err
	}
	var err error
	if s.a, err = s.startDataplane("a"); err != nil {
		return err
	}
	if s.b, err = s.startDataplane("b"); err != nil {
		return err
	}
	s.view.say("two dataplanes, %d ports each, on %s (%s)", len(s.cables), s.cables[0].a.Info().Driver, s.rig.Memory())
	ctx, cancel := context.WithTimeout(ctx, setupWait)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return err
	}
	return s.awaitPaths(ctx)
}

func (s *show) openCables() error {
	s.rig = ports.New(ports.Memory{Hugepages: s.opt.Hugepages})
	s.onClose(s.rig.Close)
	var given []nic.Port
	if len(s.opt.Devices) == 4 {
		var specs []ports.Spec
		for i, name := range []string{"a0", "a1", "b0", "b1"} {
			specs = append(specs, ports.Spec{Name: name, Device: s.opt.Devices[i]})
		}
		var err error
		if given, err = s.rig.OpenAll(specs); err != nil {
			return err
		}
	}
	for n := range s.cables {
		nameA, nameB := fmt.Sprintf("a%d", n), fmt.Sprintf("b%d", n)
		var a, b nic.Port
		var err error
		if given != nil {
			a, b = given[n], given[n+2]
		} else if a, b, err = s.rig.Pair(ports.Cable{Kind: s.opt.Devices[0], NameA: nameA, NameB: nameB}); err != nil {
			return err
		}
		if a, err = s.captured(a, nameA); err != nil {
			return err
		}
		if b, err = s.captured(b, nameB); err != nil {
			return err
		}
		s.cables[n] = &cable{a: fault.Wrap(a, fault.Config{}), b: fault.Wrap(b, fault.Config{})}
	}
	return nil
}

// startDataplane starts side a or b on its ends of the cables.
func (s *show) startDataplane(side string) (*dataplane.Dataplane, error) {
	cfg := dataplane.Config{Timers: s.timers, Clock: s.clock}
	for n, c := range s.cables {
		port := c.end(side)
		var prefixes []netip.Prefix
		for _, a := range addresses[fmt.Sprintf("%s%d", side, n)] {
			prefixes = append(prefixes, netip.MustParsePrefix(a))
		}
		cfg.Ports = append(cfg.Ports, dataplane.PortConfig{Port: port, Addrs: prefixes})
	}
	d, err := dataplane.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("side %s: %w", side, err)
	}
	s.onClose(d.Close)
	return d, nil
}

// connect makes the one association of the demo, from a to b.
func (s *show) connect(ctx context.Context) error {
	l, err := s.b.Listen(&dataplane.Addr{Port: demoPort}, nil)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer l.Close()
	remote := &dataplane.Addr{Port: demoPort}
	for _, name := range []string{"b0", "b1"} {
		for _, a := range addresses[name] {
			remote.IPs = append(remote.IPs, netip.MustParsePrefix(a).Addr())
		}
	}
	if s.client, err = s.a.Dial(ctx, nil, remote, nil); err != nil {
		return fmt.Errorf("connect to %s: %w; do the ports lead to each other?", remote, err)
	}
	type accepted struct {
		conn *dataplane.Conn
		err  error
	}
	got := make(chan accepted, 1)
	go func() {
		c, err := l.AcceptSCTP()
		got <- accepted{c, err}
	}()
	select {
	case a := <-got:
		if s.server = a.conn; a.err != nil {
			return fmt.Errorf("accept: %w", a.err)
		}
	case <-ctx.Done():
		return errors.New("the other side did not accept the association in time")
	}
	if err := s.client.SetPrimary(primary); err != nil {
		return fmt.Errorf("primary path: %w", err)
	}
	s.view.say("association %s to %s", s.client.LocalAddr(), s.client.RemoteAddr())
	return nil
}

// awaitPaths waits until every path of both sides has been confirmed.
func (s *show) awaitPaths(ctx context.Context) error {
	active := func(p dataplane.PathInfo) bool { return p.State == sctpcore.Active }
	for {
		up := 0
		for _, c := range []*dataplane.Conn{s.client, s.server} {
			paths, err := c.Paths()
			if err != nil {
				return fmt.Errorf("paths: %w", err)
			}
			if len(paths) == 3 && !slices.ContainsFunc(paths, func(p dataplane.PathInfo) bool { return !active(p) }) {
				up++
			}
		}
		if up == 2 {
			return nil
		}
		select {
		case <-ctx.Done():
			paths, _ := s.client.Paths()
			return fmt.Errorf("not every path was confirmed within %v: %s", setupWait, (&Status{Paths: statusOf(paths)}).Line())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (s *show) onClose(f func() error) { s.closers = append(s.closers, f) }

// close takes everything down, the last first.
func (s *show) close() error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	s.closers = nil
	return errors.Join(errs...)
}
