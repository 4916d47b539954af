package rig

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

// The two sides, as indices.
const (
	A = iota // sends, where a load has one direction
	B
)

// setUpLimit bounds the time until all associations and their paths are up.
const setUpLimit = 60 * time.Second

const serverPort = 5000

// Options describe a Rig. The zero value is one association over one memory
// cable, one unpinned worker on each side.
type Options struct {
	Kind   string   // of the cables, one of ports.Kinds; "" is mem
	Paths  int      // cables, each of which is a path of every association; 0 is 1
	Assocs int      // 0 is 1
	CPUs   [2][]int // of each side's workers, see dataplane.Config
	MTU    int      // bytes of IP packet; 0 is the cable's
	Idle   [2]dataplane.IdlePolicy
	// IdleSleep is dataplane.Config's.
	IdleSleep time.Duration
	Offload   bool // the ports pretend to compute and verify CRC32c, at no cost
	Watch     bool // for Gaps
	// Timers are nil for those of RFC 9260 without Max.Burst, as peers in
	// comparisons have none.
	Timers *sctpcore.Timers
	Limits sctpcore.Limits
	Assoc  dataplane.AssocOptions
	// Manual starts no threads: Step, Drive and DriveWorkers do the work.
	Manual bool
}

// Cable joins a port of each side. The ports are those that the dataplanes
// use: cut them with Blackhole or SetLink.
type Cable struct {
	Ends [2]*fault.Port
}

// Rig is two dataplanes with associations between them. Client[i] of side A
// and Server[i] of side B are the ends of one association.
type Rig struct {
	Dataplanes     [2]*dataplane.Dataplane
	Client, Server []*dataplane.Conn
	Cables         []Cable
	Memory         string // what the packet buffers live in

	opt     Options
	ports   *ports.Rig
	watched *pollWatch
	closers []func() error
}

// New sets everything up; all paths of all associations are confirmed when it
// returns. Close the Rig before base.
func New(base *ports.Rig, o Options) (*Rig, error) {
	if o.Kind == "" {
		o.Kind = "mem"
	}
	o.Paths, o.Assocs = max(o.Paths, 1), max(o.Assocs, 1)
	if o.Timers == nil {
		t := sctpcore.RFC9260Timers()
		t.MaxBurst = 0
		o.Timers = &t
	}
	r := &Rig{opt: o, ports: base.Part()}
	r.onClose(r.ports.Close)
	for _, step := range []func() error{r.openCables, r.startDataplanes, r.connect} {
		if err := step(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	r.Memory = r.ports.Memory()
	return r, nil
}

// Close takes everything down, the last first.
func (r *Rig) Close() error {
	var errs []error
	for _, f := range slices.Backward(r.closers) {
		errs = append(errs, f())
	}
	r.closers = nil
	return errors.Join(errs...)
}

func (r *Rig) onClose(f func() error) { r.closers = append(r.closers, f) }

func (r *Rig) openCables() error {
	for i := range r.opt.Paths {
		a, b, err := r.ports.Pair(ports.Cable{
			Kind: r.opt.Kind, NameA: fmt.Sprintf("a%d", i), NameB: fmt.Sprintf("b%d", i), MTU: r.opt.MTU,
			Queues: max(1, len(r.opt.CPUs[A]), len(r.opt.CPUs[B])), Backpressure: true,
		})
		if err != nil {
			return err
		}
		var c Cable
		for side, p := range []nic.Port{a, b} {
			if r.opt.Offload {
				p = noChecksum{p}
			}
			if r.opt.Watch && side == A && i == 0 {
				r.watched = new(pollWatch)
				p = watched{p, r.watched}
			}
			c.Ends[side] = fault.Wrap(p, fault.Config{})
		}
		r.Cables = append(r.Cables, c)
	}
	return nil
}

// Addr is the address of a side on a cable.
func Addr(side, cable int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(cable), byte(side + 1)})
}

func (r *Rig) startDataplanes() error {
	for side := range r.Dataplanes {
		cfg := dataplane.Config{CPUs: r.opt.CPUs[side], Timers: *r.opt.Timers, Limits: r.opt.Limits,
			Idle: r.opt.Idle[side], IdleSleep: r.opt.IdleSleep, Manual: r.opt.Manual, Seed: &[32]byte{byte(side), 1}}
		for i, c := range r.Cables {
			cfg.Ports = append(cfg.Ports, dataplane.PortConfig{Port: c.Ends[side], MTU: r.opt.MTU,
				Addrs: []netip.Prefix{netip.PrefixFrom(Addr(side, i), 24)}})
		}
		d, err := dataplane.New(cfg)
		if err != nil {
			return err
		}
		r.onClose(d.Close)
		r.Dataplanes[side] = d
	}
	return nil
}

// Step lets each dataplane do one iteration. It is for Options.Manual.
func (r *Rig) Step() {
	r.Dataplanes[A].Step()
	r.Dataplanes[B].Step()
}

// connect makes the associations and waits until every path is confirmed.
func (r *Rig) connect() error {
	l, err := r.Dataplanes[B].Listen(&dataplane.Addr{Port: serverPort}, &r.opt.Assoc)
	if err != nil {
		return err
	}
	defer l.Close()
	remote := &dataplane.Addr{Port: serverPort}
	for i := range r.Cables {
		remote.IPs = append(remote.IPs, Addr(B, i))
	}
	ctx, cancel := context.WithTimeout(context.Background(), setUpLimit)
	defer cancel()
	for range r.opt.Assocs {
		c, err := r.Dataplanes[A].Begin(nil, remote, &r.opt.Assoc)
		if err != nil {
			return err
		}
		var s *dataplane.Conn
		if err := r.await(ctx, "association", func() bool { s = l.TryAccept(); return s != nil }); err != nil {
			return err
		}
		r.Client, r.Server = append(r.Client, c), append(r.Server, s)
	}
	for _, c := range slices.Concat(r.Client, r.Server) {
		if err := r.await(ctx, "confirmed paths", func() bool { return r.confirmed(c) }); err != nil {
			return err
		}
	}
	return nil
}

// confirmed tells whether every path is up; that of a single cable needs no
// confirmation.
func (r *Rig) confirmed(c *dataplane.Conn) bool {
	if r.opt.Paths == 1 {
		return true
	}
	paths, err := c.Paths()
	return err == nil && len(paths) == r.opt.Paths &&
		!slices.ContainsFunc(paths, func(p dataplane.PathInfo) bool { return p.State != sctpcore.Active })
}

// await waits until something is there, driving the dataplanes if they have no
// threads.
func (r *Rig) await(ctx context.Context, what string, there func() bool) error {
	for !there() {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("rig: no %s within %v over %s", what, setUpLimit, r.opt.Kind)
		}
		if r.opt.Manual {
			r.Step()
		} else {
			time.Sleep(50 * time.Microsecond)
		}
	}
	return nil
}
