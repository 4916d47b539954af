//go:build cgo

package ports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/dpdk"
)

// pair makes a cable of DPDK ports.
func (r *Rig) pair(c Cable) (a, b nic.Port, err error) {
	switch c.Kind {
	case "ring":
		pa, pb, err := r.dpdk.eal.OpenRingPair(c.NameA, c.NameB, dpdk.PortSpec{MTU: c.MTU, RxQueues: c.Queues, TxQueues: c.Queues})
		if err != nil {
			return nil, nil, err
		}
		r.onClose(pa.Close)
		r.onClose(pb.Close)
		return pa, pb, nil
	case "memif":
		return r.socketPair(c, "memif:role=server,socket=%s", "memif:role=client,socket=%s")
	case "virtio-user":
		return r.socketPair(c, "vhost:%s", "virtio-user:%s")
	case "tap":
		return r.tapPair(c)
	}
	return r.vethPair(c)
}

// socketPair joins two ports through a socket in a directory of its own.
func (r *Rig) socketPair(c Cable, formA, formB string) (a, b nic.Port, err error) {
	dir, err := os.MkdirTemp("", "trunkline")
	if err != nil {
		return nil, nil, fmt.Errorf("socket of a cable: %w", err)
	}
	r.onClose(func() error { return os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	return r.openBoth(c, fmt.Sprintf(formA, path), fmt.Sprintf(formB, path))
}

// openBoth opens the cable's ports on the given devices.
func (r *Rig) openBoth(c Cable, deviceA, deviceB string) (nic.Port, nic.Port, error) {
	pa, err := r.Open(Spec{Name: c.NameA, Device: deviceA, MTU: c.MTU, Queues: c.Queues})
	if err != nil {
		return nil, nil, err
	}
	pb, err := r.Open(Spec{Name: c.NameB, Device: deviceB, MTU: c.MTU, Queues: c.Queues})
	if err != nil {
		return nil, nil, err
	}
	return pa, pb, nil
}

// vethPair joins two ports over a veth pair of the kernel that it makes.
func (r *Rig) vethPair(c Cable) (a, b nic.Port, err error) {
	n := cables.Add(1)
	ifA, ifB := ifaceName("a", n), ifaceName("b", n)
	if err := makeVeth(ifA, ifB); err != nil {
		return nil, nil, privilege(fmt.Errorf("veth pair %s, %s: %w", ifA, ifB, err))
	}
	r.onClose(func() error { return deleteLink(ifA) })
	a, b, err = r.openBoth(c, c.Kind+":"+ifA, c.Kind+":"+ifB)
	if err != nil {
		return nil, nil, privilege(err)
	}
	// The ports keep the addresses that the interfaces had. What is for these is
	// no longer for the kernel, which else takes every frame through its IP too.
	if err := errors.Join(newMAC(ifA), newMAC(ifB)); err != nil {
		return nil, nil, privilege(fmt.Errorf("veth pair %s, %s: %w", ifA, ifB, err))
	}
	return a, b, nil
}

// tapPair joins two tap ports by a bridge of the kernel that it makes.
func (r *Rig) tapPair(c Cable) (a, b nic.Port, err error) {
	n := cables.Add(1)
	ifA, ifB, bridge := ifaceName("a", n), ifaceName("b", n), ifaceName("r", n)
	if err := makeBridge(bridge); err != nil {
		return nil, nil, privilege(fmt.Errorf("bridge %s: %w", bridge, err))
	}
	r.onClose(func() error { return deleteLink(bridge) })
	a, b, err = r.openBoth(c, "tap:"+ifA, "tap:"+ifB)
	if err != nil {
		return nil, nil, privilege(err)
	}
	// The kernel gives a tap the address of its port, and a bridge keeps what is
	// for the address of one of its own interfaces: they get other ones.
	if err := errors.Join(newMAC(ifA), newMAC(ifB), enslave(bridge, ifA, ifB)); err != nil {
		return nil, nil, privilege(fmt.Errorf("bridge %s: %w", bridge, err))
	}
	return a, b, nil
}

// cables counts the cables of the process that have interfaces of the kernel.
var cables atomic.Uint32

// ifaceName is a name of an interface that no other process of ours uses; the
// kernel takes 15 characters.
func ifaceName(end string, cable uint32) string {
	return fmt.Sprintf("tl%d%s%d", os.Getpid(), end, cable)
}

// privilege adds what to do to an error for want of privilege.
func privilege(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; run as root, or use --device ring, memif or virtio-user, which need no privilege", err)
	}
	return err
}
