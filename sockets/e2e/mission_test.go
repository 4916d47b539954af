package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Linux's numbers of what the tests turn.
const (
	optAsconfSupported = 128
	optAuthSupported   = 129
	futureAssoc        = 0

	notifyAssocChange    = 0x8001
	notifyPeerAddrChange = 0x8002
)

// serve has a shell bind the addresses to port 5000 with bind and sctp_bindx, and listen.
func serve(s *shell, addrs ...string) (fd string) {
	fd = s.do("socket 4 stream")
	s.do("bind %s %s 5000", fd, addrs[0])
	if len(addrs) > 1 {
		s.do("bindx %s add 5000 %s", fd, strings.Join(addrs[1:], " "))
	}
	s.do("listen %s 5", fd)
	return fd
}

// call connects a new socket of client to an address of server, whose socket l accepts it.
func call(client *shell, ip string, server *shell, l string) (fd, accepted string) {
	fd = client.do("socket 4 stream")
	client.do("connect %s %s 5000", fd, ip)
	return fd, first(server.do("accept %s", l))
}

// reconfigurable lets the addresses of a socket's associations change (RFC 5061 wants RFC 4895).
func reconfigurable(s *shell, fd string) {
	s.do("setassoc %s %d 1 %d", fd, optAuthSupported, futureAssoc)
	s.do("setassoc %s %d 1 %d", fd, optAsconfSupported, futureAssoc)
}

// at is a list of transport addresses as sctpsh prints it.
func at(port string, ips ...string) string {
	out := make([]string, len(ips))
	for i, ip := range ips {
		out[i] = ip + ":" + port
	}
	return strings.Join(out, " ")
}

func portOf(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

// talk proves that both ends send and receive.
func talk(t *testing.T, a *shell, afd string, b *shell, bfd string) {
	t.Helper()
	a.do("events %s", afd)
	b.do("events %s", bfd)
	a.do("send %s ping stream=1 ppid=46", afd)
	require.Contains(t, b.do("recv %s", bfd), "data ping n=4 stream=1")
	b.do("send %s pong", bfd)
	require.Contains(t, a.do("recv %s", afd), "data pong n=4")
}

// M1: a server binds several addresses, clients reach it on any of them.
func TestServerOnSeveralAddresses(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	for _, ip := range w.b.ips {
		fd, s := call(client, ip, server, l)
		require.Equal(t, at("5000", w.b.ips...), client.do("paddrs %s", fd))
		require.Equal(t, at("5000", w.b.ips...), server.do("laddrs %s", s))
		talk(t, client, fd, server, s)
	}
}

// M2: sctp_bindx takes an address away, also from a live association; the last one cannot go.
func TestBindxRemoves(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	server.do("bindx %s rem 5000 %s", l, w.b.ips[1])
	require.Equal(t, at("5000", w.b.ips[0]), server.do("laddrs %s", l))
	server.fails("EINVAL", "bindx %s rem 5000 %s", l, w.b.ips[0])
	server.do("bindx %s add 5000 %s", l, w.b.ips[1])

	reconfigurable(server, l)
	fd := client.do("socket 4 stream")
	reconfigurable(client, fd)
	client.do("connect %s %s 5000", fd, w.b.ips[0])
	s := first(server.do("accept %s", l))
	server.do("echo %s", s)
	client.do("pump %s 500", fd)
	client.until(" ", "pumped")
	for range 3 {
		server.do("bindx %s rem 5000 %s", s, w.b.ips[0])
		client.until(at("5000", w.b.ips[1]), "paddrs %s", fd)
		require.Eventually(t, func() bool { return client.do("paddrs %s", fd) == at("5000", w.b.ips[1]) }, patience, 1e7)
		moved(t, client)
		server.do("bindx %s add 5000 %s", s, w.b.ips[0])
		client.until(at("5000", w.b.ips...), "paddrs %s", fd)
		moved(t, client)
	}
	client.do("stop")
}

// moved waits until another 200 messages have come back.
func moved(t *testing.T, client *shell) {
	t.Helper()
	count := func() int {
		n, err := strconv.Atoi(first(client.do("pumped")))
		require.NoError(t, err)
		return n
	}
	was := count()
	require.Eventually(t, func() bool { return count() >= was+200 }, patience, 1e6)
}

// M3: connect without bind: an ephemeral port, and every usable local address joins.
func TestConnectWithoutBind(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd, s := call(client, w.b.ips[0], server, l)
	port := portOf(client.do("getsockname %s", fd))
	require.NotEqual(t, "0", port)
	require.Equal(t, at(port, w.a.ips...), client.do("laddrs %s", fd))
	require.Equal(t, at(port, w.a.ips...), server.do("paddrs %s", s), "the server sees both interfaces")
	talk(t, client, fd, server, s)
}

// M4: bind to one address is single-homed, to the wildcard is all addresses.
func TestBindThenConnect(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)

	one := client.do("socket 4 stream")
	client.do("bind %s %s 0", one, w.a.ips[1])
	client.do("connect %s %s 5000", one, w.b.ips[1])
	s := first(server.do("accept %s", l))
	require.Equal(t, at(portOf(client.do("getsockname %s", one)), w.a.ips[1]), server.do("paddrs %s", s))
	talk(t, client, one, server, s)

	all := client.do("socket 4 stream")
	client.do("bind %s 0.0.0.0 7777", all)
	client.do("connect %s %s 5000", all, w.b.ips[1])
	s = first(server.do("accept %s", l))
	require.Equal(t, at("7777", w.a.ips...), server.do("paddrs %s", s))
	talk(t, client, all, server, s)

	v6 := client.do("socket 6 stream")
	client.do("bind %s :: 7778", v6)
	client.do("connect %s %s 5000", v6, w.b.ips[0])
	s = first(server.do("accept %s", l))
	require.Contains(t, server.do("paddrs %s", s), at("7778", w.a.ips...), "a socket of the IPv6 wildcard has the IPv4 addresses, too")
	talk(t, client, v6, server, s)
}

// M5: sctp_bindx with all ports 0 gives one ephemeral port, and so does the old workaround.
func TestEphemeralPortOfSeveralAddresses(t *testing.T) {
	w := newWorld(t, usual)
	c := w.a.shell(t, "client")
	zero := c.do("socket 4 stream")
	c.do("bindx %s add 0 %s", zero, strings.Join(w.a.ips, " "))
	port := portOf(c.do("getsockname %s", zero))
	require.NotEqual(t, "0", port)
	require.Equal(t, at(port, w.a.ips...), c.do("laddrs %s", zero))

	old := c.do("socket 4 stream")
	c.do("bind %s %s 0", old, w.a.ips[0])
	port = portOf(c.do("getsockname %s", old))
	c.do("bindx %s add %s %s", old, port, w.a.ips[1])
	require.Equal(t, at(port, w.a.ips...), c.do("laddrs %s", old))

	again := c.do("socket 4 stream")
	c.fails("EADDRINUSE", "bind %s %s %s", again, w.a.ips[0], port)
}

// M6, M12: sctp_connectx tries several addresses; the INIT ACK decides the set.
func TestConnectxWithDeadFirstAddress(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	w.cut(0)
	fd := client.do("socket 4 stream")
	client.do("connectx %s 5000 %s", fd, strings.Join(w.b.ips, " "))
	s := first(server.do("accept %s", l))
	require.Equal(t, at("5000", w.b.ips...), client.do("paddrs %s", fd))
	talk(t, client, fd, server, s)

	w.heal(0)
	third := "10.1.0.77" // nobody's
	fd = client.do("socket 4 stream")
	client.do("connectx %s 5000 %s %s", fd, third, w.b.ips[1])
	s = first(server.do("accept %s", l))
	require.Equal(t, at("5000", w.b.ips...), client.do("paddrs %s", fd), "what the peer listed, and not what was tried")
	talk(t, client, fd, server, s)
}

// M7 is in all of these: getpaddrs and getladdrs tell the negotiated sets. On a
// one-to-many socket they go by association.
func TestAddressesOfOneToMany(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := server.do("socket 4 seqpacket")
	server.do("bindx %s add 5000 %s", l, strings.Join(w.b.ips, " "))
	server.do("events %s %d", l, notifyAssocChange)
	server.do("listen %s 5", l)
	for range 2 {
		fd := client.do("socket 4 seqpacket")
		client.do("send %s hello to=%s port=5000", fd, w.b.ips[0])
		up := server.do("recv %s", l)
		require.Contains(t, up, "notification ASSOC_CHANGE COMM_UP")
		id := up[strings.Index(up, "assoc=")+len("assoc=") : strings.Index(up, " error=")]
		require.Contains(t, server.do("recv %s", l), "data hello n=5")
		port := portOf(client.do("getsockname %s", fd))
		require.Equal(t, at(port, w.a.ips...), server.do("paddrs %s %s", l, id))
		require.Equal(t, at("5000", w.b.ips...), server.do("laddrs %s %s", l, id))
		peeled := server.do("peeloff %s %s", l, id)
		server.fails("EADDRNOTAVAIL", "send %s hello to=%s port=%s", l, w.a.ips[0], port)
		client.do("send %s ping to=%s port=5000", fd, w.b.ips[1])
		require.Contains(t, server.do("recv %s", peeled), "data ping n=4")
		server.do("send %s pong", peeled)
		require.Contains(t, client.do("recv %s", fd), "data pong n=4")
	}
	server.fails("EINVAL", "paddrs %s 4711", l)
}

// M8, M10: the primary is preferred, ignored while its path is down, honoured again.
func TestPrimaryIsAHint(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd, s := call(client, w.b.ips[0], server, l)
	server.do("echo %s", s)
	for _, ip := range w.b.ips {
		client.until("ACTIVE", "path %s %s 5000", fd, ip)
	}
	client.do("primary %s %s 5000", fd, w.b.ips[1])
	require.Equal(t, at("5000", w.b.ips[1]), client.do("primary %s", fd))
	client.do("pump %s 200", fd)
	w.prefers(t, 1, client)

	w.cut(1)
	client.until("INACTIVE", "path %s %s 5000", fd, w.b.ips[1])
	require.Equal(t, at("5000", w.b.ips[1]), client.do("primary %s", fd), "it stays the primary")
	w.prefers(t, 0, client)

	w.heal(1)
	client.until("ACTIVE", "path %s %s 5000", fd, w.b.ips[1])
	w.prefers(t, 1, client)
	client.do("stop")
}

// M9: ask the peer to prefer one of ours.
func TestSetPeerPrimary(t *testing.T) {
	w := newWorld(t, usual)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	reconfigurable(server, l)
	fd := client.do("socket 4 stream")
	reconfigurable(client, fd)
	client.do("connect %s %s 5000", fd, w.b.ips[0])
	s := first(server.do("accept %s", l))
	for _, ip := range []string{w.a.ips[1], w.a.ips[0], w.a.ips[1]} {
		port := portOf(client.do("getsockname %s", fd))
		client.do("peerprimary %s %s %s", fd, ip, port)
		server.until(at(port, ip), "primary %s", s)
	}
	talk(t, client, fd, server, s)
	client.fails("EADDRNOTAVAIL", "peerprimary %s %s %s", fd, "10.9.9.9", portOf(client.do("getsockname %s", fd)))
}

// M11: one network is cut, and the other, data flowing: neither program notices.
func TestCutNetworkGoesUnnoticed(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd, s := call(client, w.b.ips[0], server, l)
	server.do("echo %s", s)
	client.do("pump %s 1000", fd)
	for round := range 4 {
		net := round % 2
		moved(t, client)
		for _, ip := range w.b.ips {
			client.until("ACTIVE", "path %s %s 5000", fd, ip)
		}
		w.cut(net)
		moved(t, client)
		w.heal(net)
	}
	client.do("stop")
}

// Paths that die and come back are told of to who asks.
func TestPathNotifications(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd := client.do("socket 4 stream")
	client.do("connect %s %s 5000", fd, w.b.ips[0])
	server.do("accept %s", l)
	client.until("ACTIVE", "path %s %s 5000", fd, w.b.ips[1])
	client.do("events %s %d", fd, notifyPeerAddrChange)
	told := func(what string) { // the other path may be late, too, on a busy machine
		for {
			text := client.do("recv %s", fd)
			require.Contains(t, text, "PEER_ADDR_CHANGE ")
			if strings.Contains(text, "PEER_ADDR_CHANGE "+what+" "+at("5000", w.b.ips[1])) {
				return
			}
		}
	}
	w.cut(1)
	told("UNREACHABLE")
	w.heal(1)
	told("AVAILABLE")
}

// An address that is not of the network by which the peer is reached is the source
// all the same, if the program has no other.
func TestAddressOfAnotherNetwork(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd := client.do("socket 4 stream")
	client.do("bind %s %s 0", fd, w.a.ips[0])
	port := portOf(client.do("getsockname %s", fd))
	client.do("bindx %s add %s %s", fd, port, w.a.ips[1])
	client.do("bindx %s rem %s %s", fd, port, w.a.ips[0])
	client.do("connect %s %s 5000", fd, w.b.ips[0])
	s := first(server.do("accept %s", l))
	require.Equal(t, at(port, w.a.ips[1]), server.do("paddrs %s", s))
	talk(t, client, fd, server, s)
	client.until("ACTIVE", "path %s %s 5000", fd, w.b.ips[1])
	w.cut(0)
	talk(t, client, fd, server, s)
}
