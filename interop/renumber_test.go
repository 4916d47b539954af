//go:build linux && cgo

package interop

import (
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// TestUsrsctpFollowsOurPorts: our address on the second network is exchanged for another while
// data is echoed; usrsctp is told without anybody's doing, and uses the new one when the
// first network is cut. It is the second, and usrsctp has all acknowledged before, since it goes on
// counting as under way what it had sent to an address that is deleted, and so may stop sending.
func TestUsrsctpFollowsOurPorts(t *testing.T) {
	for _, c := range []moveCase{moveCases[0], moveCases[3]} {
		again(t, c.name(), func(t *testing.T) {
			l := newLab(t, true)
			capture := l.startCapture(t)
			ours := l.startOurs(t, labTimers)
			p := plan{seed: c.seed, bytes: 16 << 20, streams: 8}
			server := startPeer(t, l.peer, c.peerArgs(peerArgs("server", "echo", list(c.family.peer), "", peerPort, p))...)
			server.awaitKey("READY")
			opt := c.options()
			opt.AutoAsconf = true
			all, old := netip.IPv4Unspecified(), c.family.ours[1]
			if old.Addr().Is6() {
				all = netip.IPv6Unspecified()
			}
			conn := ours.dialWith(&dataplane.Addr{IPs: []netip.Addr{all}}, on(c.family.peer, 2, peerPort), opt)
			seen := watch(conn)
			var progress atomic.Uint64
			gate := make(chan struct{})
			result := background(t, func() error { return verify(conn, p, &progress, gate) })
			awaitProgress(t, &progress, p.bytes/4, result)

			b := old.Addr().AsSlice()
			b[len(b)-1] = 77
			ip, _ := netip.AddrFromSlice(b)
			port := ours.ports[1].Info().Name
			require.NoError(t, ours.dp.AddAddr(port, netip.PrefixFrom(ip, old.Bits())))
			seen.outcome(t, sctpcore.AddAddress)
			server.awaitUsable(ip)
			server.awaitIdle()
			require.NoError(t, ours.dp.RemoveAddr(port, old.Addr()))
			seen.outcome(t, sctpcore.DeleteAddress)
			require.ElementsMatch(t, []netip.Addr{ip, c.family.ours[0].Addr()}, conn.LocalAddr().(*dataplane.Addr).IPs)
			l.breakNetwork(t, 0, cutSilent)
			close(gate)
			require.NoError(t, awaitResult(t, result), "our events:\n%v", seen)
			l.heal(t, 0, cutSilent)
			require.NoError(t, conn.Close())
			require.NoError(t, ours.ended(conn))
			server.awaitOK()
			c.judge(t, ours, capture.files)
		})
	}
}
