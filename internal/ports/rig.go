package ports

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

// Memory is what packet buffers live in.
type Memory struct {
	Hugepages string // "auto", "off" or "required"
	Megabytes int    // 0 is DPDK's default
}

// Spec is one port to open.
type Spec struct {
	Name   string
	Device string
	MTU    int // bytes, 0 is the device's
	Queues int // 0 is 1
	// Log is told when the interface under the port goes and comes back; nil is nobody.
	Log *slog.Logger
}

// Rig is a set of open ports and what they stand on.
type Rig struct {
	memory  Memory
	whole   *Rig    // whose DPDK a part uses; nil of a whole
	dpdk    *driver // nil until a device needs it
	closers []func() error
}

// New makes an empty rig; nothing is started yet.
func New(m Memory) *Rig { return &Rig{memory: m} }

// Part makes a rig over the same DPDK, which runs on when the part is closed: it
// cannot be started twice in a process. The part must be closed first.
func (r *Rig) Part() *Rig { return &Rig{memory: r.memory, whole: r} }

// Open opens one port of a device string.
func (r *Rig) Open(s Spec) (nic.Port, error) {
	if err := r.start(isPCI(s.Device)); err != nil {
		return nil, err
	}
	p, err := r.dpdk.open(s)
	if err != nil {
		return nil, err
	}
	r.onClose(p.Close)
	return p, nil
}

// OpenAll opens every port or none.
func (r *Rig) OpenAll(specs []Spec) ([]nic.Port, error) {
	if err := r.start(slices.ContainsFunc(specs, func(s Spec) bool { return isPCI(s.Device) })); err != nil {
		return nil, err
	}
	all := make([]nic.Port, 0, len(specs))
	for _, s := range specs {
		p, err := r.Open(s)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Cable is two ports that are joined.
type Cable struct {
	Kind         string // one of Kinds
	NameA, NameB string // of the ports
	MTU          int    // bytes of IP packet; 0 is the kind's own
	Queues       int    // rx and tx queues of each port; 0 is 1
	// Backpressure has a full queue of the memory cable hold its sender back, as
	// that of a ring does; otherwise it drops.
	Backpressure bool
}

// Pair opens the two ports of a cable.
func (r *Rig) Pair(c Cable) (a, b nic.Port, err error) {
	if c.Kind == "mem" {
		ma, mb := mem.NewPair(mem.Options{A: mem.Side{Name: c.NameA}, B: mem.Side{Name: c.NameB}, MTU: c.MTU,
			Queues: c.Queues, Buffers: mem.DefaultBuffers * max(1, c.Queues), Backpressure: c.Backpressure})
		r.onClose(ma.Close)
		r.onClose(mb.Close)
		return ma, mb, nil
	}
	if !slices.Contains(Kinds, c.Kind) {
		return nil, nil, fmt.Errorf("device %q: not a kind of cable: use one of %s, or four devices", c.Kind, strings.Join(Kinds, ", "))
	}
	if err := r.start(false); err != nil {
		return nil, nil, err
	}
	return r.pair(c)
}

// Kinds are the cables that Pair can make. All but tap, af_packet and af_xdp
// need no privilege.
var Kinds = []string{"ring", "mem", "memif", "virtio-user", "tap", "af_packet", "af_xdp"}

// Memory says in words what the buffers live in, "" before the first port.
func (r *Rig) Memory() string {
	if r.dpdk == nil {
		return "ordinary memory, no DPDK"
	}
	return r.dpdk.describe()
}

func (r *Rig) start(pci bool) error {
	if r.dpdk != nil {
		return nil
	}
	if r.whole != nil {
		if err := r.whole.start(pci); err != nil {
			return err
		}
		r.dpdk = r.whole.dpdk
		return nil
	}
	d, err := startDriver(r.memory, pci)
	if err != nil {
		return err
	}
	r.dpdk = d
	r.onClose(d.close)
	return nil
}

func (r *Rig) onClose(f func() error) { r.closers = append(r.closers, f) }

// Close closes all that was opened, the last first; it goes on after errors and
// gives them all. A second call does nothing.
func (r *Rig) Close() error {
	var errs []error
	for _, f := range slices.Backward(r.closers) {
		errs = append(errs, f())
	}
	r.closers, r.dpdk = nil, nil
	return errors.Join(errs...)
}

// pciAddress is how a device begins that is a PCI address, with or without its
// domain.
var pciAddress = regexp.MustCompile(`^(pci:)?([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7](,|$)`)

func isPCI(device string) bool { return pciAddress.MatchString(strings.TrimPrefix(device, "vdev:")) }

// SplitDevices takes a comma-separated list of devices apart: a comma begins
// a new device where one of the known forms follows it, and else belongs to the
// arguments of the one before.
func SplitDevices(list string) []string {
	var out []string
	for part := range strings.SplitSeq(list, ",") {
		form, _, _ := strings.Cut(part, ":")
		if len(out) == 0 || slices.Contains(forms, form) || isPCI(part) {
			out = append(out, part)
			continue
		}
		out[len(out)-1] += "," + part
	}
	return out
}

var forms = []string{"ring", "mem", "memif", "vhost", "virtio-user", "af_packet", "af_xdp", "tap", "pcap", "null", "pci", "vdev"}
