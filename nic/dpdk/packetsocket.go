package dpdk

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// packetSockets are the sockets behind an af_packet port. The PMD of DPDK 22.11
// does not ask them what the kernel dropped because the receive ring was full;
// so we do.
type packetSockets struct {
	fds     []int
	dropped uint64 // frames; the kernel's own counter begins anew when it is read
}

// findPacketSockets finds the PMD's sockets on the port's interface, which were
// opened by this process and are no other port's. Control path.
func (p *Port) findPacketSockets() {
	if p.dev.kind != kindAFPacket || p.watch == nil {
		return
	}
	p.eal.mu.Lock()
	defer p.eal.mu.Unlock()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // the drops stay uncounted
	}
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || !isPacketSocketOn(fd, p.watch.index) {
			continue
		}
		if !slices.ContainsFunc(p.eal.ports, func(o *Port) bool { return slices.Contains(o.sockets.fds, fd) }) {
			p.sockets.fds = append(p.sockets.fds, fd)
		}
	}
}

// isPacketSocketOn tells whether fd is a packet socket as the PMD makes them,
// bound to an interface.
func isPacketSocketOn(fd, index int) bool {
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_PACKET {
		return false
	}
	if version, err := unix.GetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION); err != nil || version != unix.TPACKET_V2 {
		return false
	}
	name, err := unix.Getsockname(fd)
	link, ok := name.(*unix.SockaddrLinklayer)
	return err == nil && ok && link.Ifindex == index
}

// missed is how many frames the kernel had no room for in the receive rings.
// The caller holds the port's lock, and the port is not closed.
func (s *packetSockets) missed() uint64 {
	for _, fd := range s.fds {
		if stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.dropped += uint64(stats.Drops)
		}
	}
	return s.dropped
}
