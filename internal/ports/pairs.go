//go:build cgo

package ports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/dpdk"
)

// pair makes a cable of DPDK ports.
func (r *Rig) pair(kind, nameA, nameB string) (a, b nic.Port, err error) {
	r.serial++
	switch kind {
	case "ring":
		pa, pb, err := r.dpdk.eal.OpenRingPair(nameA, nameB, dpdk.PortSpec{})
		if err != nil {
			return nil, nil, err
		}
		r.onClose(pa.Close)
		r.onClose(pb.Close)
		return pa, pb, nil
	case "memif":
		return r.socketPair(nameA, nameB, "memif:role=server,socket=%s", "memif:role=client,socket=%s")
	case "virtio-user":
		return r.socketPair(nameA, nameB, "vhost:%s", "virtio-user:%s")
	case "tap":
		return r.tapPair(nameA, nameB)
	}
	return r.vethPair(kind, nameA, nameB)
}

// socketPair joins two ports through a socket in a directory of its own.
func (r *Rig) socketPair(nameA, nameB, formA, formB string) (a, b nic.Port, err error) {
	dir, err := os.MkdirTemp("", "trunkline")
	if err != nil {
		return nil, nil, fmt.Errorf("socket of a cable: %w", err)
	}
	r.onClose(func() error { return os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	return r.openBoth(Spec{Name: nameA, Device: fmt.Sprintf(formA, path)}, Spec{Name: nameB, Device: fmt.Sprintf(formB, path)})
}

func (r *Rig) openBoth(a, b Spec) (nic.Port, nic.Port, error) {
	pa, err := r.Open(a)
	if err != nil {
		return nil, nil, err
	}
	pb, err := r.Open(b)
	if err != nil {
		return nil, nil, err
	}
	return pa, pb, nil
}

// vethPair joins two ports over a veth pair of the kernel that it makes.
func (r *Rig) vethPair(kind, nameA, nameB string) (a, b nic.Port, err error) {
	ifA, ifB := r.ifaceName("a"), r.ifaceName("b")
	if err := makeVeth(ifA, ifB); err != nil {
		return nil, nil, privilege(fmt.Errorf("veth pair %s, %s: %w", ifA, ifB, err))
	}
	r.onClose(func() error { return deleteLink(ifA) })
	a, b, err = r.openBoth(Spec{Name: nameA, Device: kind + ":" + ifA}, Spec{Name: nameB, Device: kind + ":" + ifB})
	return a, b, privilege(err)
}

// tapPair joins two tap ports by a bridge of the kernel that it makes.
func (r *Rig) tapPair(nameA, nameB string) (a, b nic.Port, err error) {
	ifA, ifB, bridge := r.ifaceName("a"), r.ifaceName("b"), r.ifaceName("r")
	if err := makeBridge(bridge); err != nil {
		return nil, nil, privilege(fmt.Errorf("bridge %s: %w", bridge, err))
	}
	r.onClose(func() error { return deleteLink(bridge) })
	a, b, err = r.openBoth(Spec{Name: nameA, Device: "tap:" + ifA}, Spec{Name: nameB, Device: "tap:" + ifB})
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

// ifaceName is a name of an interface that no other process of ours uses; the
// kernel takes 15 characters.
func (r *Rig) ifaceName(end string) string {
	return fmt.Sprintf("tl%d%s%d", os.Getpid(), end, r.serial)
}

// privilege adds what to do to an error for want of privilege.
func privilege(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; run as root, or use --device ring, memif or virtio-user, which need no privilege", err)
	}
	return err
}
