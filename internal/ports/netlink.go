//go:build cgo

package ports

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
)

// makeVeth makes a pair of interfaces that are up and carry nothing of the
// kernel's own.
func makeVeth(a, b string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: b}); err != nil {
		return err
	}
	for _, name := range []string{a, b} {
		if err := bringUp(name); err != nil {
			return errors.Join(err, deleteLink(a))
		}
	}
	return nil
}

func makeBridge(name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return err
	}
	if err := bringUp(name); err != nil {
		return errors.Join(err, deleteLink(name))
	}
	return nil
}

func enslave(bridge string, names ...string) error {
	br, err := netlink.LinkByName(bridge)
	if err != nil {
		return err
	}
	for _, name := range names {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMaster(l, br); err != nil {
			return err
		}
		if err := bringUp(name); err != nil {
			return err
		}
	}
	return nil
}

// bringUp sets an interface up, without the IPv6 addresses that the kernel
// would give it and announce.
func bringUp(name string) error {
	conf := filepath.Join("/proc/sys/net/ipv6/conf", name, "disable_ipv6")
	if err := os.WriteFile(conf, []byte("1"), 0); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return setLinkUp(name, true)
}

func setLinkUp(name string, up bool) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if up {
		return netlink.LinkSetUp(l)
	}
	return netlink.LinkSetDown(l)
}

// newMAC gives an interface a random, locally administered address.
func newMAC(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	mac := binary.BigEndian.AppendUint64(nil, rand.Uint64())[:6]
	mac[0] = mac[0]&^1 | 2
	return netlink.LinkSetHardwareAddr(l, mac)
}

func deleteLink(name string) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkDel(l)
}
