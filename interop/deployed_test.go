//go:build linux && cgo

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// deployment is two nodes on the two networks of a lab.
type deployment struct {
	*lab
	near, far *node
}

// outsider may use the sockets of no node; the far node's are of user nobody, the near node's of group daemon.
const outsider = 12345

// TestDeployed runs unchanged C programs as in production: two `trunkline run` with configuration files on af_packet
// ports over two networks, programs started with `trunkline exec`.
func TestDeployed(t *testing.T) {
	l := newLab(t, true)
	l.clearPeer(t)
	d := &deployment{lab: l,
		near: newNode(t, "", l.ours, ", mode: 0660, group: daemon", ipv4.ours, ipv6.ours),
		far:  newNode(t, l.peer, [networks]string{"net0", "net1"}, ", owner: nobody", ipv4.peer, ipv6.peer)}
	for _, f := range []family{ipv4, ipv6} {
		t.Run("addresses "+f.name, func(t *testing.T) { d.addresses(t, f) })
	}
	for _, name := range []string{"bind_then_bindx", "bindx_zero"} {
		t.Run(name, func(t *testing.T) { d.client(t, name) })
	}
	t.Run("sctp_darn", d.darn)
	t.Run("cuts", d.cuts)
	t.Run("users", d.users)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run("the daemon gets "+s.String(), func(t *testing.T) { d.ends(t, s) })
	}
}

// clearPeer takes the addresses from the peer's interfaces: they are for a node.
func (l *lab) clearPeer(t testing.TB) {
	t.Helper()
	quiet(t, l.peer)
	for i := range networks {
		ip(t, l.peer, fmt.Sprintf("addr flush dev net%d", i))
	}
}

// serve has a new socket of the far node listen on both addresses.
func serve(sh *shell, f family) (fd string) {
	sh.t.Helper()
	fd = sh.do("socket %d stream", f.number())
	sh.do("bindx %s add %d %s %s", fd, peerPort, f.peer[0].Addr(), f.peer[1].Addr())
	sh.do("listen %s 8", fd)
	return fd
}

// pair is an association between programs of the two nodes.
func pair(near, far *shell, l string, f family, network int) (nearFD, farFD string) {
	near.t.Helper()
	nearFD = near.do("socket %d stream", f.number())
	near.do("connect %s %s %d", nearFD, f.peer[network].Addr(), peerPort)
	return nearFD, firstWord(far.do("accept %s", l))
}

// addresses: whichever address is called, both programs know the addresses of both ends.
func (d *deployment) addresses(t *testing.T, f family) {
	near, far := d.near.shell(t, "near"), d.far.shell(t, "far")
	l := serve(far, f)
	for network := range networks {
		a, b := pair(near, far, l, f, network)
		port := portOf(near.do("getsockname %s", a))
		require.Equal(t, at(port, mine(f)...), near.do("laddrs %s", a))
		require.Equal(t, at(fmt.Sprint(peerPort), f.peer), near.do("paddrs %s", a))
		require.Equal(t, at(port, f.ours), far.do("paddrs %s", b), "those that it can reach from its own")
		require.Equal(t, at(fmt.Sprint(peerPort), f.peer), far.do("laddrs %s", b))
	}
}

// client is one of the clients that bind several addresses to one ephemeral port.
func (d *deployment) client(t *testing.T, name string) {
	far := d.far.shell(t, "far")
	l := serve(far, ipv4)
	args := append([]string{ipv4.peer[0].Addr().String(), fmt.Sprint(peerPort)}, bare(ipv4.ours)...)
	client := startProcess(t, name, d.near.command(program(t, name), args...))
	fd := firstWord(far.do("accept %s", l))
	port := portOf(far.do("getpeername %s", fd))
	require.Equal(t, at(port, ipv4.ours), far.do("paddrs %s", fd))
	far.do("echo %s", fd)
	for _, ip := range bare(ipv4.ours) {
		client.await("its address "+ip, func(l line) bool { return l.text == "local "+ip+" "+port })
	}
	client.await("the reply", func(l line) bool { return l.text == "reply hello" })
	<-client.done
	require.True(t, client.cmd.ProcessState.Success())
}

// darn is a program of lksctp-tools on both nodes; the first network is cut between two of its messages.
func (d *deployment) darn(t *testing.T) {
	start := func(n *node, name string, args ...string) *peer {
		return startProcess(t, name, n.command("stdbuf", append([]string{"-oL", "sctp_darn"}, args...)...))
	}
	says := func(p *peer, what string) {
		t.Helper()
		p.await(what, func(l line) bool { return strings.Contains(l.text, what) })
	}
	a, b := bare(ipv4.ours), bare(ipv4.peer)
	server := start(d.far, "server", "-H", b[0], "-B", b[1], "-P", "6100", "-l")
	says(server, "listening")
	client := start(d.near, "client", "-H", a[0], "-B", a[1], "-P", "6101", "-h", b[0], "-p", "6100", "-s")
	client.command("the first line")
	says(server, "the first line")
	d.breakNetwork(t, 0, cutSilent)
	client.command("the second line")
	says(server, "the second line")
	d.heal(t, 0, cutSilent)
}

// cuts: with data flowing each network is cut in each way, and nothing is lost.
func (d *deployment) cuts(t *testing.T) {
	near, far := d.near.shell(t, "near"), d.far.shell(t, "far")
	a, b := pair(near, far, serve(far, ipv4), ipv4, 0)
	far.do("echo %s", b)
	near.do("pump %s 1000", a)
	for i, how := range []cut{cutCarrier, cutSilent, cutPeerCarrier, cutSilent} {
		for _, p := range ipv4.peer {
			near.until("ACTIVE", "path %s %s %d", a, p.Addr(), peerPort)
		}
		network := i % networks
		d.breakNetwork(t, network, how)
		near.moved()
		near.until("INACTIVE", "path %s %s %d", a, ipv4.peer[network].Addr(), peerPort)
		near.moved()
		d.heal(t, network, how)
	}
	near.do("stop")
}

// commandAs is command for another user.
func (n *node) commandAs(uid, gid int, program string, args ...string) *exec.Cmd {
	n.t.Helper()
	dir := filepath.Join(filepath.Dir(n.sock), fmt.Sprint("run-", uid))
	require.NoError(n.t, os.MkdirAll(dir, 0o700))
	require.NoError(n.t, os.Chown(dir, uid, gid))
	c := n.command(program, args...)
	c.Env = append(c.Env, "XDG_RUNTIME_DIR="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return c
}

// users: the socket's owner, group and mode say who may use a node, and who may not is told.
func (d *deployment) users(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	daemon, err := user.LookupGroup("daemon")
	require.NoError(t, err)
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(daemon.Gid)
	sctpsh := program(t, "sctpsh")
	near := &shell{startProcess(t, "near", d.near.commandAs(outsider, gid, sctpsh))}
	far := &shell{startProcess(t, "far", d.far.commandAs(uid, uid, sctpsh))}
	a, b := pair(near, far, serve(far, ipv4), ipv4, 0)
	near.do("send %s hello", a)
	require.Contains(t, far.do("recv %s", b), "data hello")
	for _, c := range []struct {
		n        *node
		uid, gid int
		advice   string
	}{
		{d.near, outsider, outsider, "they are for user root and group daemon"},
		{d.far, outsider, gid, "they are for user nobody"},
	} {
		out, err := c.n.commandAs(c.uid, c.gid, sctpsh).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), c.n.sock+": permission denied")
		require.Contains(t, string(out), c.advice)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
	}
}

// ends: the near daemon ends. Its programs get ECONNRESET wherever they wait, one with data flowing too; the far ones when they hear of it: by its
// last ABORT, or from its successor. Once it runs again the same programs make new sockets.
func (d *deployment) ends(t *testing.T, how syscall.Signal) {
	near, far, waiting := d.near.shell(t, "near"), d.far.shell(t, "far"), d.near.shell(t, "waiting")
	l := serve(far, ipv4)
	a, b := pair(near, far, l, ipv4, 0)
	idle := near.do("socket 4 seqpacket")
	listener := waiting.do("socket 4 stream")
	waiting.do("bind %s 0.0.0.0 %d", listener, ourPort)
	waiting.do("listen %s 5", listener)
	waiting.command("accept " + listener)
	busy := d.near.shell(t, "busy")
	c, e := pair(busy, far, l, ipv4, 1)
	far.do("echo %s", e)
	busy.do("pump %s 1000", c)
	busy.moved()
	near.command("recv " + a)
	far.command("recv " + b)

	require.NoError(t, d.near.daemon.cmd.Process.Signal(how))
	near.failed("ECONNRESET")
	waiting.failed("ECONNRESET")
	// One of its two threads gets the error, the other EPIPE or 0, as on Linux.
	eventually(t, func() bool { return strings.Contains(busy.do("pumped"), "message") }, "the pump does not fail")
	near.fails("ECONNRESET", "bind %s 0.0.0.0 0", idle)
	near.fails("ENETDOWN", "socket 4 stream")
	if how == syscall.SIGTERM {
		far.failed("ECONNRESET")
	}
	<-d.near.daemon.done
	out, err := d.near.command("true").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "start `trunkline run`")
	d.near.start()
	if how == syscall.SIGKILL {
		far.failed("ECONNRESET")
	}
	eventually(t, func() bool {
		return far.count(func(l line) bool { return strings.HasPrefix(l.text, "note echo "+e+" ") }) == 1
	}, "the echo does not end")
	for _, sh := range []*shell{near, waiting, busy} {
		a, b := pair(sh, far, l, ipv4, 1)
		sh.do("send %s hello", a)
		require.Contains(t, far.do("recv %s", b), "data hello")
	}
}
