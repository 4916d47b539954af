//go:build linux && cgo

package interop

import (
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// TestKernelTransfer: data echoed between our dataplane and the kernel over two networks, in both
// roles and families, the network in use cut in the middle, in each way that there is.
// Everything must come exactly once and in order, and both oracles must be content
// with every packet of both sides.
func TestKernelTransfer(t *testing.T) {
	const bytes = 16 << 20
	g := startGuest(t, labTimers, true)
	for _, c := range []transferCase{
		{ipv4, true, cutCarrier, labTimers, bytes, 31},
		{ipv4, false, cutSilent, labTimers, bytes, 32},
		{ipv6, true, cutSilent, labTimers, bytes, 33},
		{ipv6, false, cutCarrier, labTimers, bytes, 34},
		{mixed, true, cutPort, labTimers, bytes, 35},
		{mixed, false, cutPeerCarrier, labTimers, bytes, 36},
	} {
		require.True(t, t.Run(c.name(), func(t *testing.T) {
			g.within(t)
			p := plan{seed: c.seed, bytes: c.bytes, streams: 8}
			n, total := p.messages()
			t.Logf("seed %d: %d messages, %d bytes", p.seed, n, total)
			if c.weDial {
				c.dial(t, &guests{g}, g.ours, p)
			} else {
				c.answer(t, &guests{g}, g.ours, p)
			}
		}))
	}
	g.judge(t)
}

// TestKernelReset resets the guest's machine under an association. When it calls again from the
// same port, we see the restart (RFC 9260, section 5.2.2) and go on with the
// association; when we send first, be it a heartbeat, its kernel knows of none and aborts ours.
func TestKernelReset(t *testing.T) {
	p := plan{seed: 41, bytes: 1 << 20, streams: 4}
	g := startGuest(t, rfc9260Timers, true)
	accept := g.ours.listen(addr(ipv4.ours, ourPort))
	args := append(peerArgs("client", "echo", list(ipv4.peer), list(ipv4.ours), ourPort, p), append([]string{"--lport", "7001"}, still...)...)
	first := g.peerIn(t, args...)
	conn := accept()
	seen := watch(conn)
	var progress atomic.Uint64
	require.NoError(t, verify(conn, p, &progress, nil))
	hush(t, conn, first)

	// The call begins before the networks are whole: the links come up anew, and our probes of them
	// would be aborted.
	for i := range networks {
		g.breakNetwork(t, i, cutSilent)
	}
	g.reset()
	g.configure()
	second := g.peerIn(t, args...)
	second.awaitKey("CONNECTED")
	for i := range networks {
		g.heal(t, i, cutSilent)
	}
	second.awaitEvent("assoc", "up")
	seen.await(t, "restart", kind(sctpcore.EventRestart))
	require.NoError(t, verify(conn, p, &progress, nil), "after the restart; our events:\n%v", seen)
	t.Logf("our events:\n%v", seen)

	g.reset()
	g.configure()
	if err := conn.Send([]byte("is anybody there?"), nil); err != nil {
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
	require.ErrorIs(t, g.ours.ended(conn), syscall.ECONNRESET)
	g.judge(t)
}

// TestKernelDefaults has the kernel's own timers meet our fastest: its RTO of a second and SACK
// delay of 200 ms, ours of 20 ms. A network is cut silently in the middle.
func TestKernelDefaults(t *testing.T) {
	p := plan{seed: 43, bytes: 8 << 20, streams: 8}
	g := startGuest(t, telecomTimers, false)
	server := g.peerIn(t, append(peerArgs("server", "echo", list(ipv4.peer), "", peerPort, p),
		"--rto-min", "1000", "--rto-max", "3000", "--heartbeat", "30000", "--path-retrans", "5")...)
	server.awaitKey("READY")
	conn := g.ours.dial(addr(ipv4.ours, 0), addr(ipv4.peer, peerPort))
	seen := watch(conn)
	var progress atomic.Uint64
	gate := make(chan struct{})
	result := background(t, func() error { return verify(conn, p, &progress, gate) })
	awaitProgress(t, &progress, p.bytes/4, result)
	info, err := conn.Info()
	require.NoError(t, err)
	t.Logf("before the cut: %d chunks sent, %d of them again, T3-rtx expired %d times", info.TxDataChunks, info.RetransmittedChunks, info.Timeouts)
	g.breakNetwork(t, currentNetwork(t, conn, ipv4), cutSilent)
	close(gate)
	require.NoError(t, awaitResult(t, result), "our events:\n%v", seen)
	require.NoError(t, conn.Close())
	require.NoError(t, g.ours.ended(conn))
	server.awaitOK()
}

// TestKernelKilled kills the program in the guest: its kernel shuts the association down, and
// the program calls again from the same port.
func TestKernelKilled(t *testing.T) {
	p := plan{seed: 42, bytes: 1 << 20, streams: 4}
	g := startGuest(t, labTimers, false)
	for range 2 {
		accept := g.ours.listen(addr(ipv6.ours, ourPort))
		client := g.peerIn(t, append(peerArgs("client", "echo", list(ipv6.peer), list(ipv6.ours), ourPort, p), "--lport", "7001")...)
		conn := accept()
		var progress atomic.Uint64
		require.NoError(t, verify(conn, p, &progress, nil))
		client.kill()
		require.NoError(t, g.ours.ended(conn))
	}
}

// TestKernelMoves: each end follows the other's changes of address, with all DATA authenticated.
func TestKernelMoves(t *testing.T) {
	both := []wire.HMACID{wire.HMACSHA256, wire.HMACSHA1}
	for _, c := range []moveCase{
		{ipv4, both, wire.HMACSHA256, "between you and me", 51},
		{ipv6, both, wire.HMACSHA1, "", 52},
	} {
		t.Run(c.name(), func(t *testing.T) {
			g := startGuest(t, labTimers, true)
			c.peerFollows(t, &guests{g}, g.ours)
			c.weFollow(t, &guests{g}, g.ours, true)
			g.stop()
			c.judge(t, g.ours, func() []string { return []string{g.captureFile(0), g.captureFile(1)} })
		})
	}
}

// TestKernelEnds ends associations in each way, and refuses them.
func TestKernelEnds(t *testing.T) {
	g := startGuest(t, labTimers, true)
	testEnds(t, &guests{g}, g.ours)
	g.judge(t)
}

// TestKernelFeatures has the kernel agree on what RFC 9260 wants beyond a plain transfer, as far
// as its counters show it. Each needs a guest of its own: not where time is short.
func TestKernelFeatures(t *testing.T) {
	needGuest(t)
	if kernelLength(t) < time.Minute {
		t.Skip("TRUNKLINE_KERNEL is below 60")
	}
	for _, c := range []struct {
		name string
		run  func(t *testing.T, l place)
	}{
		{"message sizes and PPIDs", testSizes}, {"65535 streams", testManyStreams}, {"unordered", testUnordered},
		{"fast retransmit", testFastRetransmit}, {"peer's window closes", testPeerWindow}, {"partial delivery", testPartialDelivery},
		{"unknown chunks", testUnknownChunks}, {"unknown parameters, we dial", testUnknownParamsOut},
		{"unknown parameters, peer dials", testUnknownParamsIn},
		{"empty DATA to the peer", testEmptyDataOut}, {"empty DATA to us", testEmptyDataIn},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, &guests{}) })
	}
}
