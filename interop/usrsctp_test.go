//go:build linux && cgo

package interop

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Ports of the tests: ours when the peer calls, the peer's when we call.
const (
	ourPort  = 5101
	peerPort = 5102
)

// mixed has IPv4 on the first network and IPv6 on the second, in one
// association.
var mixed = family{"mixed", both(ipv4.ours, ipv6.ours), both(ipv4.peer, ipv6.peer), both(ipv4.others, ipv6.others)}

// transferCase is one transfer of echoed data with the primary network cut in
// the middle and mended later.
type transferCase struct {
	family family
	weDial bool
	how    cut
	timers profile
	bytes  uint64
	seed   uint64
}

func (c transferCase) name() string {
	role := "peer dials"
	if c.weDial {
		role = "we dial"
	}
	return c.family.name + "/" + role + "/" + string(c.how) + " cut/" + c.timers.name
}

// place is where a peer runs, and where its networks can be cut: a lab or a guest.
type place interface {
	startOurs(t testing.TB, timers profile) *side
	startWith(t testing.TB, timers profile, limits sctpcore.Limits, wrap func(nic.Port) nic.Port) *side
	peerIn(t testing.TB, args ...string) *peer
	breakNetwork(t testing.TB, network int, how cut)
	heal(t testing.TB, network int, how cut)
}

// TestUsrsctp is the real thing: data echoed between our dataplane and usrsctp
// over two networks, in both roles and families, the primary cut in the
// middle. Everything must come exactly once and in order, and both oracles
// must be content with every packet.
func TestUsrsctp(t *testing.T) {
	const full, short = 64 << 20, 16 << 20
	for _, c := range []transferCase{
		{ipv4, false, cutCarrier, labTimers, full, 1},
		{ipv4, true, cutSilent, labTimers, full, 2},
		{ipv6, false, cutSilent, labTimers, full, 3},
		{ipv6, true, cutCarrier, labTimers, full, 4},
		{ipv4, false, cutPeerCarrier, labTimers, short, 5},
		{ipv6, true, cutPeerCarrier, labTimers, short, 6},
		{mixed, false, cutSilent, labTimers, short, 7},
		{mixed, true, cutCarrier, labTimers, short, 8},
		{ipv4, true, cutCarrier, rfc9260Timers, short, 9},
		{ipv4, true, cutSilent, telecomTimers, short, 10},
	} {
		again(t, c.name(), func(t *testing.T) {
			l := newLab(t, true)
			capture := l.startCapture(t)
			ours := l.startOurs(t, c.timers)
			p := plan{seed: c.seed, bytes: c.bytes, streams: 8}
			n, total := p.messages()
			t.Logf("seed %d: %d messages, %d bytes", p.seed, n, total)
			if c.weDial {
				c.dial(t, l, ours, p)
			} else {
				c.answer(t, l, ours, p)
			}
			ours.close()
			s := capture.judge(ours.macs)
			require.GreaterOrEqual(t, s.userBytes, total/2, "the capture has too little of what we sent")
		})
	}
}

// dial is the case in which we call the peer and check its echo.
func (c transferCase) dial(t *testing.T, l place, ours *side, p plan) {
	server := l.peerIn(t, peerArgs("server", "echo", list(c.family.peer), "", peerPort, p)...)
	server.awaitKey("READY")
	conn := ours.dial(addr(c.family.ours, 0), addr(c.family.peer, peerPort))
	seen := watch(conn)
	var progress atomic.Uint64
	gate := make(chan struct{})
	result := background(t, func() error { return verify(conn, p, &progress, gate) })
	network := c.disturb(t, l, p, conn, func() { close(gate) }, func(bytes uint64) { awaitProgress(t, &progress, bytes, result) })
	require.NoError(t, awaitResult(t, result), "our events:\n%v", seen)
	seen.await(t, "failover", kind(sctpcore.EventFailover))
	seen.awaitActive(t, conn, c.family.peer[network].Addr())
	require.NoError(t, conn.Close())
	require.NoError(t, ours.ended(conn))
	server.awaitOK()
	t.Logf("our events:\n%v", seen)
}

// answer is the case in which the peer calls us and checks our echo.
func (c transferCase) answer(t *testing.T, l place, ours *side, p plan) {
	accept := ours.listen(addr(c.family.ours, ourPort))
	args := peerArgs("client", "verify", list(c.family.peer), list(c.family.ours), ourPort, p)
	client := l.peerIn(t, append(args, "--pause", fmt.Sprint(p.bytes/2))...)
	conn := accept()
	seen := watch(conn)
	var progress atomic.Uint64
	result := background(t, func() error { return echo(conn, &progress) })
	c.disturb(t, l, p, conn, func() { client.command("go") }, func(bytes uint64) { awaitProgress(t, &progress, bytes, result) })
	client.awaitOK()
	require.NoError(t, <-result, "our events:\n%v", seen)
	require.NoError(t, ours.ended(conn))
	seen.await(t, "failover", kind(sctpcore.EventFailover))
	t.Logf("our events:\n%v", seen)
}

// disturb cuts the network that our data goes over after a quarter of it, and
// mends it after three. When the peer calls, that need not be the first:
// usrsctp's INIT may come from either of its addresses, which is our primary
// then. The second half of the data is held back until the cut is made, so that
// it is in the middle on a slow machine too; release lets it go.
func (c transferCase) disturb(t *testing.T, l place, p plan, conn *dataplane.Conn, release func(), await func(bytes uint64)) (network int) {
	t.Helper()
	await(p.bytes / 4)
	network = currentNetwork(t, conn, c.family)
	l.breakNetwork(t, network, c.how)
	release()
	await(p.bytes * 3 / 4)
	l.heal(t, network, c.how)
	return network
}

// TestUsrsctpEnds ends associations in each way, and refuses them.
func TestUsrsctpEnds(t *testing.T) {
	l := newLab(t, true)
	capture := l.startCapture(t)
	ours := l.startOurs(t, labTimers)
	testEnds(t, l, ours)
	ours.close()
	capture.judge(ours.macs)
}

func testEnds(t *testing.T, l place, ours *side) {
	t.Run("shutdown", func(t *testing.T) { testShutdown(t, l, ours) })
	t.Run("abort", func(t *testing.T) { testAbort(t, l, ours) })
	t.Run("refused", func(t *testing.T) { testRefused(t, l, ours) })
}

// testShutdown ends associations gracefully, begun by either side, called by either
// side, with data still on its way: all of it arrives.
func testShutdown(t *testing.T, l place, ours *side) {
	p := plan{seed: 11, bytes: 2 << 20, streams: 4}
	for _, c := range []struct {
		name          string
		weDial, weEnd bool
	}{
		{"we dial, we end", true, true}, {"we dial, peer ends", true, false},
		{"peer dials, we end", false, true}, {"peer dials, peer ends", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			mode := "source"
			if c.weEnd {
				mode = "sink"
			}
			conn, other := ours.meet(t, l, c.weDial, mode, p)
			if c.weEnd {
				require.NoError(t, source(conn, p, nil))
				require.NoError(t, conn.Close())
				require.Error(t, conn.Send([]byte{1}, &dataplane.Message{}), "Send after Close")
			} else {
				var progress atomic.Uint64
				require.NoError(t, sink(conn, p, &progress))
				requireEOF(t, conn)
				require.NoError(t, conn.Close())
			}
			require.NoError(t, ours.ended(conn), "a graceful end has no error")
			other.awaitOK()
		})
	}
	t.Run("both end", func(t *testing.T) {
		conn, other := ours.meet(t, l, true, "hold", p)
		other.command("shutdown")
		require.NoError(t, conn.Close())
		require.NoError(t, ours.ended(conn))
		other.awaitOK()
	})
}

// testAbort ends associations at once, from either side.
func testAbort(t *testing.T, l place, ours *side) {
	p := plan{seed: 12, bytes: 1 << 20, streams: 4}
	t.Run("we abort", func(t *testing.T) {
		conn, other := ours.meet(t, l, true, "hold", p)
		require.NoError(t, conn.Abort("enough"))
		require.Error(t, ours.ended(conn))
		other.awaitEvent("assoc", "lost")
	})
	t.Run("peer aborts", func(t *testing.T) {
		conn, other := ours.meet(t, l, false, "hold", p)
		other.command("abort")
		require.Error(t, ours.ended(conn))
		_, err := conn.Recv(make([]byte, 16), &dataplane.Message{})
		require.Error(t, err, "Recv after the peer's ABORT")
	})
}

// testRefused calls a port that nobody listens on, both ways: RFC 9260,
// section 8.4, wants an ABORT at once, not a timeout.
func testRefused(t *testing.T, l place, ours *side) {
	p := plan{seed: 13, bytes: 1 << 20, streams: 4}
	t.Run("by the peer", func(t *testing.T) {
		server := l.peerIn(t, peerArgs("server", "hold", list(ipv4.peer), "", peerPort, p)...)
		server.awaitKey("READY")
		_, err := ours.dp.Dial(t.Context(), nil, addr(ipv4.peer, peerPort+7), nil)
		require.Error(t, err)
		t.Logf("our error: %v", err)
	})
	t.Run("by us", func(t *testing.T) {
		client := l.peerIn(t, peerArgs("client", "hold", list(ipv4.peer), list(ipv4.ours), ourPort+7, p)...)
		client.awaitEvent("assoc", "cannot_start")
	})
}

// TestUsrsctpRestart kills the peer and starts it again from the same port: we
// see the restart of the association (RFC 9260, section 5.2.2) and go on with
// it, stream sequence numbers from 0.
func TestUsrsctpRestart(t *testing.T) {
	p := plan{seed: 14, bytes: 1 << 20, streams: 4}
	l := newLab(t, true)
	capture := l.startCapture(t)
	ours := l.startOurs(t, labTimers)
	accept := ours.listen(addr(ipv4.ours, ourPort))
	args := append(peerArgs("client", "echo", list(ipv4.peer), list(ipv4.ours), ourPort, p), append([]string{"--lport", "7001"}, still...)...)
	first := startPeer(t, l.peer, args...)
	conn := accept()
	seen := watch(conn)
	var progress atomic.Uint64
	require.NoError(t, verify(conn, p, &progress, nil))
	hush(t, conn, first)
	first.kill()
	second := startPeer(t, l.peer, args...)
	second.awaitEvent("assoc", "up")
	seen.await(t, "restart", kind(sctpcore.EventRestart))
	progress.Store(0)
	require.NoError(t, verify(conn, p, &progress, nil), "after the restart; our events:\n%v", seen)
	require.NoError(t, conn.Close())
	require.NoError(t, ours.ended(conn))
	second.awaitOK()
	ours.close()
	capture.judge(ours.macs)
}

// TestUsrsctpSeesOurRestart is the same the other way round: our dataplane goes
// away unseen, since both networks are cut, and calls again from the same port.
func TestUsrsctpSeesOurRestart(t *testing.T) {
	p := plan{seed: 15, bytes: 1 << 20, streams: 4}
	l := newLab(t, true)
	capture := l.startCapture(t)
	server := startPeer(t, l.peer, append(peerArgs("server", "echo", list(ipv4.peer), "", peerPort, p), still...)...)
	server.awaitKey("READY")
	first := l.startOurs(t, labTimers)
	var progress atomic.Uint64
	require.NoError(t, verify(first.dial(addr(ipv4.ours, 7002), addr(ipv4.peer, peerPort)), p, &progress, nil))
	server.awaitIdle() // what it sent to our second life would be aborted
	for i := range networks {
		l.breakNetwork(t, i, cutSilent)
	}
	first.close()
	for i := range networks {
		l.heal(t, i, cutSilent)
	}
	second := l.startOurs(t, labTimers)
	conn := second.dial(addr(ipv4.ours, 7002), addr(ipv4.peer, peerPort))
	server.awaitEvent("assoc", "restart")
	progress.Store(0)
	require.NoError(t, verify(conn, p, &progress, nil))
	require.NoError(t, conn.Close())
	require.NoError(t, second.ended(conn))
	server.awaitOK()
	second.close()
	capture.judge(second.macs)
}
