//go:build cgo

package ports

import (
	"errors"
	"fmt"
	"strings"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/dpdk"
)

// DefaultKind is the cable that needs neither privilege nor preparation.
const DefaultKind = "ring"

// driver is DPDK in this process.
type driver struct{ eal *dpdk.EAL }

func startDriver(m Memory, pci bool) (*driver, error) {
	mode, err := dpdk.ParseHugeMode(m.Hugepages)
	if err != nil {
		return nil, err
	}
	eal, err := dpdk.Init(dpdk.Options{HugePages: mode, MemoryMB: m.Megabytes, PCI: pci})
	if err != nil {
		return nil, err
	}
	return &driver{eal}, nil
}

func (d *driver) open(s Spec) (nic.Port, error) {
	spec, err := dpdk.ParseDevice(s.Device)
	if err != nil {
		return nil, shortForms(err)
	}
	spec.Name, spec.MTU, spec.RxQueues, spec.TxQueues, spec.Logger = s.Name, s.MTU, s.Queues, s.Queues, s.Log
	p, err := d.eal.Open(spec)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (d *driver) describe() string { return d.eal.Memory() }

func (d *driver) close() error { return d.eal.Close() }

// Version names the release of DPDK that is linked.
func Version() string { return dpdk.Version() }

// CheckDevice tells whether a device string can be understood; it opens nothing.
func CheckDevice(device string) error {
	spec, err := dpdk.ParseDevice(device)
	if err != nil {
		return shortForms(err)
	}
	if spec.Device == "net_ring" {
		return fmt.Errorf("device %q: a ring has both ends in one process; it is for `trunkline demo`", device)
	}
	return nil
}

// shortForms puts dpdk's list of forms on one line.
func shortForms(err error) error {
	reason, _, listed := strings.Cut(err.Error(), "; want one of")
	if !listed {
		return err
	}
	return errors.New(reason + "; use af_packet:IFACE or af_packet:SUBNET, af_xdp:IFACE, tap:IFACE, memif:role=server|client,socket=PATH, vhost:PATH, virtio-user:PATH or pci:ADDRESS")
}
