package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// prepare completes the device's arguments from spec and looks, before DPDK
// does, for what would make it fail in ways that are hard to understand.
func prepare(d *device, spec *PortSpec) error {
	queues := strconv.Itoa(max(spec.RxQueues, spec.TxQueues))
	switch d.kind {
	case kindAFPacket:
		if err := d.findInterface(); err != nil {
			return err
		}
		if err := checkInterface(d, spec); err != nil {
			return err
		}
		d.args.setDefault("qpairs", queues)
		frames(d, spec)
		return needCaps("af_packet", unix.CAP_NET_RAW, unix.CAP_NET_ADMIN)
	case kindAFXDP:
		if err := checkInterface(d, spec); err != nil {
			return err
		}
		d.args.setDefault("queue_count", queues)
		return needCaps("af_xdp", unix.CAP_NET_RAW, unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN, unix.CAP_IPC_LOCK)
	case kindPcap:
		if d.netIface() != "" {
			return checkInterface(d, spec)
		}
		return checkFile(d.args.get("rx_pcap"))
	case kindTap:
		return checkTap()
	case kindMemif:
		return checkMemif(d)
	case kindVhost:
		d.args.setDefault("queues", queues)
		return checkServer(d.args.get("iface"))
	case kindVirtio:
		d.args.setDefault("queues", queues)
		d.args.setDefault("queue_size", "1024")
		return checkVirtio(d)
	}
	return nil
}

// findInterface has the device be on the interface that has an address in its subnet, if it
// is to be found by that.
func (d *device) findInterface() error {
	if !d.subnet.IsValid() {
		return nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range all {
		addrs, _ := i.Addrs() // none of one that went meanwhile
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && d.subnet.Contains(p.Addr()) {
				d.args.put(d.kind.iface, i.Name)
				return nil
			}
		}
	}
	return fmt.Errorf("no interface in this network namespace has an address in %v (see: ip address)", d.subnet)
}

// checkInterface looks for the interface, and takes its MTU over.
func checkInterface(d *device, spec *PortSpec) error {
	name := d.netIface()
	if name == "" {
		return fmt.Errorf("%s needs %s=INTERFACE", d.kind.name, d.kind.iface)
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("there is no interface %s in this network namespace (see: ip link): %w", name, err)
	}
	switch {
	case spec.MTU == 0:
		spec.MTU = min(max(i.MTU, minMTU), maxMTU)
	case spec.MTU > i.MTU:
		return fmt.Errorf("MTU %d: interface %s has %d; raise it with: ip link set dev %s mtu %d", spec.MTU, name, i.MTU, name, spec.MTU)
	}
	return nil
}

// frames sizes the rings that af_packet shares with the kernel: a frame holds
// the MTU and what the kernel puts before it, a block four frames and whole
// pages.
func frames(d *device, spec *PortSpec) {
	const kernelHeader, unit = 192, 1024
	size := max(2*unit, (spec.MTU+frameExtra+kernelHeader+unit-1)/unit*unit)
	d.args.setDefault("framesz", strconv.Itoa(size))
	d.args.setDefault("blocksz", strconv.Itoa(4*size))
	d.args.setDefault("framecnt", "1024")
}

// capNames are the capabilities that some kind of device needs.
var capNames = map[int]string{
	unix.CAP_NET_RAW: "cap_net_raw", unix.CAP_NET_ADMIN: "cap_net_admin",
	unix.CAP_SYS_ADMIN: "cap_sys_admin", unix.CAP_IPC_LOCK: "cap_ipc_lock",
}

// needCaps is an error that names every capability of bits that the thread lacks.
func needCaps(what string, bits ...int) error {
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return nil // cannot tell: DPDK will
	}
	var all, lacking []string
	for line := range strings.Lines(string(b)) {
		v, ok := strings.CutPrefix(line, "CapEff:")
		caps, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		if !ok || err != nil {
			continue
		}
		for _, bit := range bits {
			all = append(all, capNames[bit])
			if caps>>bit&1 == 0 {
				lacking = append(lacking, strings.ToUpper(capNames[bit]))
			}
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%s needs %s: run as root, or: setcap %s+ep THE_PROGRAM",
		what, strings.Join(lacking, " and "), strings.Join(all, ","))
}

func checkTap() error {
	if err := needCaps("tap", unix.CAP_NET_ADMIN); err != nil {
		return err
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("tap needs /dev/net/tun (modprobe tun; in a container: --device /dev/net/tun): %w", err)
	}
	return f.Close()
}

func checkFile(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("capture to replay: %w", err)
	}
	return f.Close()
}

func checkMemif(d *device) error {
	path := d.args.get("socket")
	if path == "" || d.args.get("socket-abstract") != "no" {
		return nil
	}
	if isMemifServer(d) {
		return checkServer(path)
	}
	return checkDir(path)
}

func checkDir(path string) error {
	if s, err := os.Stat(filepath.Dir(path)); err != nil || !s.IsDir() {
		return fmt.Errorf("socket %s: there is no directory %s", path, filepath.Dir(path))
	}
	return nil
}

// checkServer makes sure that a socket can be listened on: nobody does yet, and
// what a dead process left behind is removed.
func checkServer(path string) error {
	if path == "" {
		return errors.New("a socket path is needed")
	}
	if err := checkDir(path); err != nil {
		return err
	}
	s, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if s.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("socket %s: there is a file of another kind in its place; remove it or choose another path", path)
	}
	if listening(path) {
		return fmt.Errorf("socket %s: another process (or port) listens on it; choose another path", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("socket left behind: %w", err)
	}
	return nil
}

// listening is whether a socket of any process is bound to path. A datagram
// socket cannot be connected to those we look for, and says so: nobody is
// disturbed. (A connection that is closed at once makes DPDK's memif server
// abort the process.)
func listening(path string) bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	return err == nil || errors.Is(err, unix.EPROTOTYPE)
}

// checkVirtio looks for the vhost side without connecting: it takes one client.
func checkVirtio(d *device) error {
	path := d.args.get("path")
	if path == "" {
		return errors.New("virtio-user needs path=SOCKET")
	}
	if d.args.get("server") == "1" {
		return checkServer(path)
	}
	s, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("virtio-user: start the vhost side first: %w", err)
	}
	if path == "/dev/vhost-net" {
		return nil
	}
	if s.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("virtio-user: %s is no socket", path)
	}
	return nil
}

// probeHint is what to do when DPDK cannot make a port of a device.
func probeHint(d *device) string {
	if d.kind == kindPCI {
		return "check that the device exists (lspci -D) and is bound to vfio-pci (dpdk-devbind.py), or that its driver is one DPDK shares with the kernel"
	}
	dir := C.GoString(C.tl_plugin_path())
	if dir == "" || d.kind.plugin == "" {
		return ""
	}
	if m, _ := filepath.Glob(filepath.Join(dir, "librte_"+d.kind.plugin+".so*")); len(m) == 0 {
		return fmt.Sprintf("DPDK's driver is not installed: no librte_%s.so in %s (Debian: librte-%s, or librte-meta-allpmds for all)",
			d.kind.plugin, dir, strings.ReplaceAll(d.kind.plugin, "_", "-"))
	}
	return ""
}

func configureHint(p *Port) string {
	s := &p.spec
	return fmt.Sprintf("asked for %d rx and %d tx queues of %d and %d descriptors, MTU %d, %d buffers", s.RxQueues, s.TxQueues, s.RxDesc, s.TxDesc, s.MTU, s.Buffers)
}
