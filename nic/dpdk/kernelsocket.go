package dpdk

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// kernelSockets are the sockets behind an af_packet or af_xdp port: they wake
// who waits for frames, and the PMD of DPDK 22.11 does not ask those of
// af_packet what the kernel dropped because the receive ring was full, so we do.
type kernelSockets struct {
	// fds are ascending: a PMD opens them queue by queue. They are written with the locks of
	// the port and of the EAL, and read with either.
	fds     []int
	dropped uint64 // frames; the kernel's own counter begins anew when it is read
}

// findKernelSockets finds the PMD's sockets on the interface, which were opened by this
// process and are no port's yet: there is no other way to them. Control path.
func (p *Port) findKernelSockets(index int) (fds []int) {
	if p.dev.kind.socket == 0 {
		return nil
	}
	p.eal.mu.Lock()
	defer p.eal.mu.Unlock()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil // the drops stay uncounted, and the port is polled
	}
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || !p.isKernelSocket(fd, index) {
			continue
		}
		if !slices.ContainsFunc(p.eal.ports, func(o *Port) bool { return slices.Contains(o.sockets.fds, fd) }) {
			fds = append(fds, fd)
		}
	}
	slices.Sort(fds)
	return fds
}

// standsOn tells whether the port's sockets are still on the interface: those of
// af_packet are on none for ever once the interface was taken away, even if it
// is put back. Of others it is not known, and believed, as of a port that is closed.
func (p *Port) standsOn(index int) bool {
	if p.dev.kind != kindAFPacket {
		return true
	}
	p.eal.mu.Lock()
	defer p.eal.mu.Unlock()
	off := slices.ContainsFunc(p.sockets.fds, func(fd int) bool { return !isPacketSocketOn(fd, index) })
	return !off || p.closed.Load() // in this order: a port is marked before its sockets go
}

// isKernelSocket tells whether fd is a socket as the port's PMD makes them.
func (p *Port) isKernelSocket(fd, index int) bool {
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != p.dev.kind.socket {
		return false
	}
	return p.dev.kind != kindAFPacket || isPacketSocketOn(fd, index)
}

// isPacketSocketOn tells whether a packet socket is one as the PMD makes them,
// bound to an interface.
func isPacketSocketOn(fd, index int) bool {
	if version, err := unix.GetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION); err != nil || version != unix.TPACKET_V2 {
		return false
	}
	name, err := unix.Getsockname(fd)
	link, ok := name.(*unix.SockaddrLinklayer)
	return err == nil && ok && link.Ifindex == index
}

// missed is how many frames the kernel had no room for in the receive rings;
// AF_XDP sockets do not tell.
// The caller holds the port's lock, and the port is not closed.
func (s *kernelSockets) missed() uint64 {
	for _, fd := range s.fds {
		if stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.dropped += uint64(stats.Drops)
		}
	}
	return s.dropped
}
