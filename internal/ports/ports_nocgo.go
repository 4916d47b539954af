//go:build !cgo

package ports

import (
	"errors"

	"github.com/trunkline-sctp/trunkline/nic"
)

// DefaultKind is the cable that needs neither privilege nor preparation.
const DefaultKind = "mem"

var errNoDPDK = errors.New("no DPDK: this binary was built with CGO_ENABLED=0; build it with cgo and libdpdk, or use `trunkline demo --device mem`")

type driver struct{}

func startDriver(Memory, bool) (*driver, error) { return nil, errNoDPDK }

func (*driver) open(Spec) (nic.Port, error) { return nil, errNoDPDK }

func (*driver) describe() string { return "" }

func (*driver) close() error { return nil }

func (*Rig) pair(Cable) (nic.Port, nic.Port, error) { return nil, nil, errNoDPDK }

// Version names the release of DPDK that is linked.
func Version() string { return "no DPDK (built without cgo)" }

// CheckDevice tells whether a device string can be understood; it opens nothing.
func CheckDevice(string) error { return errNoDPDK }
