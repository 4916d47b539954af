//go:build linux && cgo

package interop

import (
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNeighbourAsksFromOtherNetwork has the peer's kernel look for us on one
// network with its address of the other as ARP's sender: what Linux does
// whenever a multi-homed program binds one address and sends over all its
// networks, since arp_announce is 0 there. RFC 826 wants an answer to whoever
// asks for our address.
func TestNeighbourAsksFromOtherNetwork(t *testing.T) {
	for _, f := range []family{ipv4, ipv6} {
		t.Run(f.name, func(t *testing.T) {
			l := newLab(t, true)
			capture := l.startCapture(t)
			ours := l.startOurs(t, labTimers)
			target := f.ours[0].Addr()
			knows := func() bool {
				out, err := exec.Command("ip", "-n", l.peer, "neigh", "show", target.String(), "dev", "net0").Output()
				return err == nil && strings.Contains(string(out), "lladdr")
			}
			require.NoError(t, inNamespace(l.peer, func() error { return sendDatagram(f.peer[1].Addr(), target) }))
			eventually(t, knows, "the peer's question for %v was not answered", target)
			ours.close()
			t.Logf("we sent %s", countSent(t, capture, ours.macs))
		})
	}
}

// sendDatagram sends one UDP datagram from the calling thread's namespace.
func sendDatagram(from, to netip.Addr) error {
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9)))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("who"))
	return err
}

// countSent stops a capture of packets other than SCTP and counts ours.
func countSent(t *testing.T, c *capture, macs []net.HardwareAddr) sent {
	t.Helper()
	s, err := decodeSent(c.stop(), macs)
	require.NoError(t, err)
	return s
}
