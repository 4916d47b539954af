package e2e

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const optAutoAsconf = 30

// gains gives a node's port in a network another address, loses takes one away.
func (n *node) gains(t *testing.T, network int, ip string) {
	t.Helper()
	bits := 24
	if strings.Contains(ip, ":") {
		bits = 64
	}
	require.NoError(t, n.dp.AddAddr(n.ports[network].Info().Name, netip.PrefixFrom(netip.MustParseAddr(ip), bits)))
}

func (n *node) loses(t *testing.T, network int, ip string) {
	t.Helper()
	require.NoError(t, n.dp.RemoveAddr(n.ports[network].Info().Name, netip.MustParseAddr(ip)))
}

// sorted is at, in the order in which sctpsh prints addresses.
func sorted(port string, ips ...string) string {
	ips = slices.Clone(ips)
	for i, ip := range ips {
		if strings.Contains(ip, ":") {
			ips[i] = "[" + ip + "]"
		}
	}
	all := strings.Fields(at(port, ips...))
	slices.Sort(all)
	return strings.Join(all, " ")
}

// paddrsAre waits for a socket to show these addresses of its peer, and no others.
func paddrsAre(t *testing.T, s *shell, fd, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return s.do("paddrs %s", fd) == want }, patience, 5e6, want)
}

// The addresses of a server's dataplane change under a program that follows them: what flows
// is not disturbed, and the peer sees each change.
func TestServerFollowsAddresses(t *testing.T) {
	for _, style := range []string{"stream", "seqpacket"} {
		t.Run(style, func(t *testing.T) {
			w := newWorld(t, usual)
			server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
			l := server.do("socket 4 %s", style)
			server.fails("EINVAL", "set %s 132 %d 1", l, optAutoAsconf)
			server.do("bind %s 0.0.0.0 5000", l)
			server.do("set %s 132 %d 1", l, optAutoAsconf)
			server.do("listen %s 5", l)
			fd := client.do("socket 4 stream")
			client.do("connect %s %s 5000", fd, w.b.ips[0])
			s := l
			if style == "stream" {
				s = first(server.do("accept %s", l))
				require.Equal(t, "0", server.do("get %s 132 %d", s, optAutoAsconf), "it is not inherited")
				server.do("set %s 132 %d 1", s, optAutoAsconf)
			}
			require.Equal(t, "1", server.do("get %s 132 %d", s, optAutoAsconf))
			server.do("echo %s", s)
			client.do("pump %s 500", fd)
			moved(t, client)

			old, fresh := w.b.ips[0], "10.1.0.77"
			w.b.gains(t, 0, fresh)
			paddrsAre(t, client, fd, sorted("5000", old, fresh, w.b.ips[1]))
			require.Equal(t, sorted("5000", append(w.b.ips, fresh, "127.0.0.1")...), server.do("laddrs %s", l), "the wildcard has it at once")
			client.until("ACTIVE", "path %s %s 5000", fd, fresh)
			client.do("primary %s %s 5000", fd, fresh)
			moved(t, client)
			w.b.loses(t, 0, old)
			paddrsAre(t, client, fd, sorted("5000", fresh, w.b.ips[1]))
			moved(t, client)
			w.cut(1)
			moved(t, client)
			client.do("stop")

			again := client.do("socket 4 stream")
			client.do("connect %s %s 5000", again, fresh)
			require.Equal(t, sorted("5000", fresh, w.b.ips[1]), client.do("paddrs %s", again), "new associations begin with it")
		})
	}
}

// A client that connected without bind follows, too; its only address in use moves, before
// another one is there, and the server's program is told.
func TestClientMoves(t *testing.T) {
	w := newWorld(t, usual)
	for _, n := range []*node{w.a, w.b} {
		n.gains(t, 0, map[*node]string{w.a: "fd00::1", w.b: "fd00::2"}[n])
		n.gains(t, 1, map[*node]string{w.a: "fd01::1", w.b: "fd01::2"}[n])
	}
	w.a.loses(t, 1, w.a.ips[1])
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd := client.do("socket 4 stream")
	client.do("connect %s %s 5000", fd, w.b.ips[0])
	client.do("set %s 132 %d 1", fd, optAutoAsconf)
	s := first(server.do("accept %s", l))
	port := portOf(client.do("getsockname %s", fd))
	require.Equal(t, at(port, w.a.ips[0]), server.do("paddrs %s", s))
	server.do("events %s %d", s, notifyPeerAddrChange)
	client.do("send %s before", fd)
	require.Contains(t, server.do("recv %s", s), "data before")

	fresh := "10.1.0.77"
	w.a.loses(t, 0, w.a.ips[0])
	client.do("send %s between", fd)
	w.a.gains(t, 0, fresh)
	seen := ""
	for !strings.Contains(seen, "data between") || !strings.Contains(seen, "REMOVED") || !strings.Contains(seen, "CONFIRMED") {
		seen += server.do("recv %s", s) + "\n"
	}
	require.Contains(t, seen, "PEER_ADDR_CHANGE ADDED "+at(port, fresh))
	require.Contains(t, seen, "PEER_ADDR_CHANGE REMOVED "+at(port, w.a.ips[0]))
	require.Equal(t, at(port, fresh), server.do("paddrs %s", s))
	require.Equal(t, at(port, fresh), client.do("laddrs %s", fd))
	talk(t, client, fd, server, s)
}

// A socket without the option keeps what it has, and takes new addresses for new associations.
func TestWhoDoesNotFollow(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := server.do("socket 6 stream")
	server.do("bind %s :: 5000", l)
	server.do("listen %s 5", l)
	connect := func(ip string) (fd, s string) {
		fd = client.do("socket %s stream", map[bool]string{true: "6", false: "4"}[strings.Contains(ip, ":")])
		client.do("connect %s %s 5000", fd, ip)
		return fd, first(server.do("accept %s", l))
	}
	fd, s := connect(w.b.ips[0])
	w.b.gains(t, 0, "10.1.0.77")
	w.b.gains(t, 0, "fd00::2")
	w.a.gains(t, 0, "fd00::1")
	other, peer := connect("fd00::2")
	require.Equal(t, 4, len(strings.Fields(client.do("paddrs %s", other))), "both families")
	talk(t, client, other, server, peer)
	require.Equal(t, sorted("5000", w.b.ips...), client.do("paddrs %s", fd))
	w.b.loses(t, 0, w.b.ips[0])
	talk(t, client, fd, server, s)
	require.Equal(t, sorted("5000", w.b.ips...), client.do("paddrs %s", fd))
}
