//go:build linux && cgo

package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Linux's numbers of what the programs of these tests turn.
const (
	optAsconfSupported = 128
	optAuthSupported   = 129

	flagAbort = 0x0004
	flagEOF   = 0x0200

	notifyAssocChange    = 0x8001
	notifyPeerAddrChange = 0x8002
	notifyShutdownEvent  = 0x8005
)

// all is what programs of these tests want to be told.
var all = fmt.Sprint(notifyAssocChange, " ", notifyPeerAddrChange, " ", notifyShutdownEvent)

// socketsLab is a node on our ends of a lab, whose other ends are usrsctp's.
type socketsLab struct {
	*lab
	node *node
}

// TestUsrsctpSockets has an unchanged C program use the sockets API of `trunkline run` against usrsctp.
func TestUsrsctpSockets(t *testing.T) {
	l := newLab(t, true)
	capture := l.startCapture(t)
	s := &socketsLab{l, newNode(t, "", l.ours, "", ipv4.ours, ipv6.ours)}
	for _, f := range []family{ipv4, ipv6} {
		t.Run(f.name, func(t *testing.T) {
			for _, style := range []string{"stream", "seqpacket"} {
				again(t, style+" calls", func(t *testing.T) { s.calls(t, f, style) })
				again(t, style+" is called", func(t *testing.T) { s.isCalled(t, f, style) })
			}
			again(t, "hints and failover", func(t *testing.T) { s.hints(t, f) })
			again(t, "ends", func(t *testing.T) { s.ends(t, f) })
			again(t, "restart", func(t *testing.T) { s.restart(t, f) })
			again(t, "addresses", func(t *testing.T) { s.moves(t, f) })
			again(t, "peer's addresses", func(t *testing.T) { s.follows(t, f) })
		})
	}
	require.Empty(t, tsharkFaults(t, capture.stop()))
}

// plainPlan is what usrsctp sends and wants back.
var plainPlan = plan{seed: 41, bytes: 2 << 20, streams: 8}

// server is a usrsctp that echoes, at both addresses.
func (s *socketsLab) server(t *testing.T, f family, more ...string) *peer {
	t.Helper()
	p := startPeer(t, s.peer, append(peerArgs("server", "echo", list(f.peer), "", peerPort, plainPlan), more...)...)
	p.awaitKey("READY")
	return p
}

// client is a usrsctp that calls one address of ours.
func (s *socketsLab) client(t *testing.T, mode string, f family, network int, more ...string) *peer {
	t.Helper()
	return startPeer(t, s.peer, append(peerArgs("client", mode, list(f.peer), f.ours[network].Addr().String(), ourPort, plainPlan), more...)...)
}

// socket is a socket of a program, which wants to be told everything.
func (s *shell) socket(f family, style string) (fd string) {
	s.t.Helper()
	fd = s.do("socket %d %s", f.number(), style)
	s.do("events %s %s", fd, all)
	return fd
}

// listen has a new socket listen on both addresses, given with bind and sctp_bindx.
func (s *shell) listen(f family, style string) (fd string) {
	s.t.Helper()
	fd = s.socket(f, style)
	s.do("bind %s %s %d", fd, f.ours[0].Addr(), ourPort)
	s.do("bindx %s add %d %s", fd, ourPort, f.ours[1].Addr())
	s.do("listen %s 8", fd)
	return fd
}

// up waits until a socket's association is up, and returns its identifier.
func (s *shell) up(fd string) (id string) {
	s.t.Helper()
	return s.gets(fd, "notification ASSOC_CHANGE COMM_UP ").values["assoc"]
}

// connectx calls usrsctp at two addresses with sctp_connectx.
func (s *shell) connectx(fd string, first, second netip.Prefix) (id string) {
	s.t.Helper()
	s.do("connectx %s %d %s %s", fd, peerPort, first.Addr(), second.Addr())
	return s.up(fd)
}

// paths asks usrsctp for the addresses that it knows of us.
func (p *peer) paths() (known []string) {
	p.t.Helper()
	p.command("paths")
	p.await("PATHS", func(l line) bool {
		if l.key == "PATH" {
			known = append(known, l.values["addr"])
		}
		return l.key == "PATHS"
	})
	slices.Sort(known)
	return known
}

// mine is what a socket that is not bound has: one of IPv6 has the IPv4 addresses, too.
func mine(f family) [][networks]netip.Prefix {
	if f.number() == 6 {
		return [][networks]netip.Prefix{ipv6.ours, ipv4.ours}
	}
	return [][networks]netip.Prefix{ipv4.ours}
}

// bare is a list of addresses without ports.
func bare(sets ...[networks]netip.Prefix) (out []string) {
	for _, set := range sets {
		out = append(out, strings.Split(list(set), ",")...)
	}
	slices.Sort(out)
	return out
}

// calls: a socket that is not bound has a port and all addresses (M3); sctp_connectx gets by an address
// that nobody has (M6, M12), and both ends know the sets of both (M7). The program ends the association.
func (s *socketsLab) calls(t *testing.T, f family, style string) {
	other, sh := s.server(t, f), s.node.shell(t, "calls")
	fd := sh.socket(f, style)
	id := sh.connectx(fd, f.others[0], f.peer[1])
	other.awaitKey("ACCEPTED")
	if style == "stream" {
		id = "0"
	}
	peerAt := fmt.Sprint(peerPort)
	require.Equal(t, at(peerAt, f.peer), sh.do("paddrs %s %s", fd, id), "what usrsctp listed, and not what was tried")
	port := portOf(sh.do("getsockname %s", fd))
	require.NotEqual(t, "0", port)
	ours := mine(f)
	require.Equal(t, at(port, ours...), sh.do("laddrs %s %s", fd, id))
	require.Equal(t, bare(ours...), other.paths())
	to := ""
	if style == "seqpacket" {
		to = fmt.Sprintf(" to=%s port=%d", f.peer[0].Addr(), peerPort)
	}
	sh.do("send %s ping stream=3 ppid=46%s", fd, to)
	sh.gets(fd, "data ping n=4 stream=3 ssn=0 ppid=46 ")
	if style == "stream" {
		sh.do("shutdown %s wr", fd)
	} else {
		sh.do("send %s x size=0 flags=%d%s", fd, flagEOF, to)
	}
	other.awaitEvent("peer_shutdown", "1")
	sh.gets(fd, "notification ASSOC_CHANGE SHUTDOWN_COMP ")
	other.awaitOK()
}

// isCalled: usrsctp reaches a listening socket at each of its addresses (M1), has what it sends echoed, and ends the
// association; one-to-many, four at once.
func (s *socketsLab) isCalled(t *testing.T, f family, style string) {
	sh := s.node.shell(t, "is called")
	l := sh.listen(f, style)
	for network := range networks {
		var more []string
		if style == "seqpacket" {
			more = []string{"--count", "4"}
		}
		other := s.client(t, "verify", f, network, more...)
		fd, id := l, "0"
		if style == "stream" {
			fd = firstWord(sh.do("accept %s", l))
			sh.up(fd)
		} else if network == 0 {
			id = sh.up(l)
		}
		if style == "stream" || network == 0 {
			from := sh.do("paddrs %s %s", fd, id)
			require.Equal(t, at(portOf(from), f.peer), from)
			require.Equal(t, at(fmt.Sprint(ourPort), f.ours), sh.do("laddrs %s %s", fd, id))
			sh.do("echo %s", fd)
		}
		other.awaitOK()
		if style == "stream" {
			sh.await("end of the echo", func(l line) bool { return strings.HasPrefix(l.text, "note echo "+fd+" ended: eof") })
		}
	}
}

// hints: with data flowing, the primary is preferred (M8), ignored while its path is down and honoured
// afterwards (M10), the program is told, and nothing is lost (M11).
func (s *socketsLab) hints(t *testing.T, f family) {
	how := cutSilent
	if f.number() == 4 {
		how = cutCarrier
	}
	other, sh := s.server(t, f), s.node.shell(t, "hints")
	fd := sh.socket(f, "stream")
	sh.connectx(fd, f.peer[0], f.peer[1])
	second := f.peer[1].Addr()
	sh.until("ACTIVE", "path %s %s %d", fd, second, peerPort)
	sh.do("primary %s %s %d", fd, second, peerPort)
	primary := endpoint(f.peer[1], fmt.Sprint(peerPort))
	require.Equal(t, primary, sh.do("primary %s", fd))
	sh.do("events %s", fd)
	sh.do("pump %s 1000", fd)
	sh.prefers(s.lab, 1)
	s.breakNetwork(t, 1, how)
	sh.until("INACTIVE", "path %s %s %d", fd, second, peerPort)
	require.Equal(t, primary, sh.do("primary %s", fd), "it stays the primary")
	sh.prefers(s.lab, 0)
	s.heal(t, 1, how)
	sh.until("ACTIVE", "path %s %s %d", fd, second, peerPort)
	sh.prefers(s.lab, 1)
	sh.do("stop")

	sh.do("events %s %d", fd, notifyPeerAddrChange)
	s.breakNetwork(t, 1, how)
	sh.gets(fd, "notification PEER_ADDR_CHANGE UNREACHABLE "+primary)
	s.heal(t, 1, how)
	sh.gets(fd, "notification PEER_ADDR_CHANGE AVAILABLE "+primary)
	sh.do("close %s", fd)
	other.awaitOK()
}

// ends: what a program sees when usrsctp ends an association, or lets none begin.
func (s *socketsLab) ends(t *testing.T, f family) {
	sh := s.node.shell(t, "ends")
	for _, style := range []string{"stream", "seqpacket"} {
		other := s.server(t, f)
		fd := sh.socket(f, style)
		sh.connectx(fd, f.peer[0], f.peer[1])
		other.awaitKey("ACCEPTED")
		other.command("shutdown")
		sh.gets(fd, "notification SHUTDOWN_EVENT ")
		sh.gets(fd, "notification ASSOC_CHANGE SHUTDOWN_COMP ")
		if style == "stream" {
			require.Equal(t, "eof", sh.do("recv %s", fd))
			sh.fails("EPIPE", "send %s late", fd)
		}
		sh.do("close %s", fd)
		other.awaitOK()

		other = s.server(t, f)
		fd = sh.socket(f, style)
		sh.connectx(fd, f.peer[0], f.peer[1])
		other.awaitKey("ACCEPTED")
		other.command("abort")
		sh.gets(fd, "notification ASSOC_CHANGE COMM_LOST ")
		if style == "stream" {
			sh.fails("ECONNRESET", "recv %s", fd)
		}
		sh.do("close %s", fd)
		other.kill()
	}
	refused := s.server(t, f)
	fd := sh.socket(f, "stream")
	sh.fails("ECONNREFUSED", "connect %s %s %d", fd, f.peer[0].Addr(), peerPort+7)
	refused.kill()
	refused = s.client(t, "hold", f, 0)
	refused.awaitEvent("assoc", "cannot_start")
	refused.kill()

	other := s.server(t, f)
	fd = sh.socket(f, "seqpacket")
	sh.connectx(fd, f.peer[0], f.peer[1])
	other.awaitKey("ACCEPTED")
	sh.do("send %s x size=0 flags=%d to=%s port=%d", fd, flagAbort, f.peer[1].Addr(), peerPort)
	other.awaitEvent("assoc", "lost")
}

// hush is hush of a socket whose messages come back, of which two are sent: the second one behind all that the worker
// still sent with the first.
func (s *shell) hush(fd string, f family, other *peer) {
	s.t.Helper()
	port := portOf(s.do("getpeername %s", fd))
	for _, ip := range f.peer {
		s.until("ACTIVE", "path %s %s %s", fd, ip.Addr(), port)
	}
	s.do("timers %s 400 400 100 600000 2", fd)
	for ssn := range 2 {
		s.do("send %s before", fd)
		s.gets(fd, fmt.Sprintf("data before n=6 stream=0 ssn=%d ", ssn))
	}
	eventually(s.t, func() bool { return strings.Contains(s.do("status %s", fd), " unacked=0 pending=0 ") }, "not all is acknowledged")
	other.awaitIdle()
}

// restart: usrsctp is killed and calls again from its port: the program is told, and goes on with the association.
func (s *socketsLab) restart(t *testing.T, f family) {
	sh := s.node.shell(t, "restart")
	l := sh.listen(f, "stream")
	args := append([]string{"--lport", "7001"}, still...)
	first := s.client(t, "echo", f, 0, args...)
	fd := firstWord(sh.do("accept %s", l))
	sh.up(fd)
	sh.hush(fd, f, first)
	first.kill()
	second := s.client(t, "echo", f, 0, args...)
	second.awaitEvent("assoc", "up")
	sh.gets(fd, "notification ASSOC_CHANGE RESTART ")
	sh.do("send %s again", fd)
	sh.gets(fd, "data again n=5 stream=0 ssn=0 ")
	sh.do("close %s", fd)
	second.awaitOK()
}

// chunkData is the number of DATA.
const chunkData = 0

// reconfigurable lets the addresses of a socket's associations change; all user data is authenticated, with a shared
// key if one is given. It returns what has usrsctp do the same.
func (s *shell) reconfigurable(fd, key string) (peerArgs []string) {
	s.t.Helper()
	s.do("setassoc %s %d 1 0", fd, optAuthSupported)
	s.do("setassoc %s %d 1 0", fd, optAsconfSupported)
	s.do("auth %s %d %s", fd, chunkData, key)
	if peerArgs = []string{"--hmac", "1"}; key != "" {
		peerArgs = append(peerArgs, "--key", key)
	}
	return peerArgs
}

// awaitAuthentic is awaitOK, after which the peer has nothing to say against what was authenticated.
func (p *peer) awaitAuthentic() {
	p.t.Helper()
	p.awaitOK()
	require.Equal(p.t, 1, p.count(func(l line) bool {
		return l.key == "AUTH" && l.number("in") >= 2 && l.number("missing")+l.number("bad")+l.number("bad_id") == 0
	}), "the peer found chunks that are not authentic")
}

// moves: the program adds an address with sctp_bindx, has usrsctp prefer it (M9), and takes the first away (M2), with
// data flowing; then the first network is cut.
func (s *socketsLab) moves(t *testing.T, f family) {
	sh := s.node.shell(t, "moves")
	fd := sh.socket(f, "stream")
	other := s.server(t, f, sh.reconfigurable(fd, map[int]string{4: "", 6: "between-you-and-me"}[f.number()])...)
	sh.do("bind %s %s 0", fd, f.ours[0].Addr())
	sh.connectx(fd, f.peer[0], f.peer[1])
	port := portOf(sh.do("getsockname %s", fd))
	sh.do("pump %s 1000", fd)
	sh.moved()
	old, fresh := f.ours[0].Addr(), f.ours[1].Addr()
	sh.do("bindx %s add %s %s", fd, port, fresh)
	other.awaitConfirmed(fresh)
	sh.do("peerprimary %s %s %s", fd, fresh, port)
	sh.until("ACTIVE", "path %s %s %d", fd, f.peer[1].Addr(), peerPort)
	sh.do("bindx %s rem %s %s", fd, port, old)
	require.Equal(t, endpoint(f.ours[1], port), sh.do("laddrs %s", fd))
	sh.fails("EINVAL", "bindx %s rem %s %s", fd, port, fresh)
	eventually(t, func() bool { return slices.Equal(other.paths(), []string{fresh.String()}) }, "usrsctp keeps %v", old)
	s.breakNetwork(t, 0, cutSilent)
	sh.moved()
	sh.do("stop")
	s.heal(t, 0, cutSilent)
	sh.do("close %s", fd)
	other.awaitAuthentic()
}

// follows: usrsctp adds an address of its own, has us prefer it, and (IPv4) takes the first away; the program is told.
func (s *socketsLab) follows(t *testing.T, f family) {
	sh := s.node.shell(t, "follows")
	l := sh.listen(f, "stream")
	args := sh.reconfigurable(l, "between-you-and-me")
	old, fresh := f.peer[0].Addr(), f.peer[1].Addr()
	args = append(args, still...)
	other := startPeer(t, s.peer, append(peerArgs("client", "echo", old.String(), list(f.ours), ourPort, plainPlan), args...)...)
	fd := firstWord(sh.do("accept %s", l))
	sh.up(fd)
	other.awaitEvent("assoc", "up") // before, usrsctp would not tell of an address
	port := portOf(sh.do("getpeername %s", fd))
	other.command("add " + fresh.String())
	sh.gets(fd, "notification PEER_ADDR_CHANGE ADDED "+endpoint(f.peer[1], port))
	sh.gets(fd, "notification PEER_ADDR_CHANGE CONFIRMED "+endpoint(f.peer[1], port))
	other.command("prefer " + fresh.String())
	sh.gets(fd, "notification PEER_ADDR_CHANGE MADE_PRIM "+endpoint(f.peer[1], port))
	require.Equal(t, endpoint(f.peer[1], port), sh.do("primary %s", fd))
	if f.number() == 4 { // with IPv6 usrsctp asks for it from the address itself
		sh.hush(fd, f, other)
		other.command("remove " + old.String())
		sh.gets(fd, "notification PEER_ADDR_CHANGE REMOVED "+endpoint(f.peer[0], port))
		require.Equal(t, endpoint(f.peer[1], port), sh.do("paddrs %s", fd))
	}
	sh.do("close %s", fd)
	other.awaitAuthentic()
}
