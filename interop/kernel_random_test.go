//go:build linux && cgo

package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// kernelLength is how long TestKernelRandom runs: TRUNKLINE_KERNEL says the seconds.
func kernelLength(t *testing.T) time.Duration {
	n, err := strconv.Atoi(os.Getenv("TRUNKLINE_KERNEL"))
	require.NoError(t, err, "TRUNKLINE_KERNEL")
	return time.Duration(n) * time.Second
}

// TestKernelRandom has five associations send messages of 1 byte to 200 KiB both ways, a quarter
// of them unordered, while one network after the other is cut or impaired at random. Three
// are called by us, over IPv4, over IPv6 and over all four addresses, and two by the kernel,
// over both families. Every message must come once, in its order and with its content.
// TRUNKLINE_SEED repeats the messages and the cuts of a run.
func TestKernelRandom(t *testing.T) {
	needGuest(t)
	length, seed := kernelLength(t), uint64(time.Now().UnixNano())
	if text := os.Getenv("TRUNKLINE_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "TRUNKLINE_SEED")
	}
	g := startGuest(t, labTimers, false)
	t.Logf("TRUNKLINE_SEED=%d, %v", seed, length)
	p := plan{seed: seed, streams: 16, unordered: true}
	server, called := g.call(t, p)
	client, calling := g.beCalled(t, p)
	all := append(append([]*duplex{}, called...), calling...)
	for _, d := range all {
		require.NoError(t, d.conn.SetDeadline(time.Now().Add(length+patience)))
	}
	g.disturbAtRandom(t, all, rand.New(rand.NewPCG(seed, 0)), length)
	for _, d := range all {
		d.stop.Store(true)
	}
	server.command("stop")
	client.command("stop")
	endDuplexes(t, g.ours, server, called)
	endDuplexes(t, g.ours, client, calling)
	server.awaitOK()
	client.awaitOK()
	for _, drop := range g.ours.dp.Drops() {
		if drop.Count > 0 {
			t.Logf("drop %s: %d", drop.Name, drop.Count)
		}
	}
}

// call makes three associations to a server in the guest.
func (g *guest) call(t *testing.T, p plan) (server *peer, all []*duplex) {
	t.Helper()
	everything := strings.Join([]string{list(ipv4.peer), list(ipv6.peer)}, ",")
	server = g.peerIn(t, append(peerArgs("server", "duplex", everything, "", peerPort, p), "--count", "3", "--unordered", "1")...)
	server.awaitKey("READY")
	both := func(a, b *dataplane.Addr) *dataplane.Addr {
		return &dataplane.Addr{IPs: append(a.IPs, b.IPs...), Port: a.Port}
	}
	for i := range uint16(3) {
		port := fullSpeedPort + i
		local := []*dataplane.Addr{addr(ipv4.ours, port), addr(ipv6.ours, port), both(addr(ipv4.ours, port), addr(ipv6.ours, port))}[i]
		remote := []*dataplane.Addr{addr(ipv4.peer, peerPort), addr(ipv6.peer, peerPort), both(addr(ipv4.peer, peerPort), addr(ipv6.peer, peerPort))}[i]
		conn := g.ours.dial(local, remote)
		server.awaitKey("ACCEPTED")
		all = append(all, startDuplex(t, conn, port, p, false))
	}
	return server, all
}

// beCalled takes two associations from a client in the guest.
func (g *guest) beCalled(t *testing.T, p plan) (client *peer, all []*duplex) {
	t.Helper()
	const count = 2
	listener, err := g.ours.dp.Listen(addr(mixed.ours, ourPort), nil)
	require.NoError(t, err)
	defer listener.Close()
	client = g.peerIn(t, append(peerArgs("client", "duplex", list(mixed.peer), list(mixed.ours), ourPort, p),
		"--count", fmt.Sprint(count), "--unordered", "1", "--lport", "7300")...)
	for range count {
		client.awaitEvent("assoc", "up")
	}
	for range count {
		conn, err := listener.AcceptSCTP()
		require.NoError(t, err)
		all = append(all, startDuplex(t, conn, conn.RemoteAddr().(*dataplane.Addr).Port, p, true))
	}
	return client, all
}

// disturbAtRandom cuts and mends networks until the time is over.
func (g *guest) disturbAtRandom(t *testing.T, all []*duplex, random *rand.Rand, length time.Duration) {
	t.Helper()
	ways := []cut{cutCarrier, cutSilent, cutPeerCarrier, cutPort, cutImpaired}
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(random.Int64N(int64(most-least)))
	}
	wait := func(d time.Duration) {
		for over := time.After(d); ; {
			select {
			case <-over:
				return
			case <-time.After(50 * time.Millisecond):
			}
			for _, d := range all {
				require.Empty(t, d.reading, "port %d: the reader ended: %s", d.port, state{d.conn})
				require.Empty(t, d.sending, "port %d: the sender ended: %s", d.port, state{d.conn})
			}
		}
	}
	counts := map[cut]int{}
	for end := time.Now().Add(length); time.Now().Before(end); {
		wait(between(time.Second, 2*time.Second))
		network, how := random.IntN(networks), ways[random.IntN(len(ways))]
		g.breakNetwork(t, network, how)
		wait(between(200*time.Millisecond, 2*time.Second))
		g.heal(t, network, how)
		counts[how]++
	}
	t.Logf("cuts: %v", counts)
}
