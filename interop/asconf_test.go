//go:build linux && cgo

package interop

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// moveCase is an association that begins on one network and moves to the other while
// data is echoed, one address added, preferred, and the first deleted; then the first
// network is cut.
type moveCase struct {
	family family
	hmacs  []wire.HMACID // that we offer
	hmac   wire.HMACID   // that the peer prefers; Debian's usrsctp has SHA-1 only
	key    string        // shared beforehand, with identifier 1; "" for none
	seed   uint64
}

func (c moveCase) name() string {
	key := "no key"
	if c.key != "" {
		key = "shared key"
	}
	return fmt.Sprintf("%s/HMACs %v/%s", c.family.name, c.hmacs, key)
}

var moveCases = []moveCase{
	{ipv4, []wire.HMACID{wire.HMACSHA1}, wire.HMACSHA1, "", 21},
	{ipv4, []wire.HMACID{wire.HMACSHA256, wire.HMACSHA1}, wire.HMACSHA1, "between you and me", 22},
	{ipv6, []wire.HMACID{wire.HMACSHA256, wire.HMACSHA1}, wire.HMACSHA1, "", 23},
	{ipv6, []wire.HMACID{wire.HMACSHA1}, wire.HMACSHA1, "between you and me", 24},
}

// options want DATA authenticated too.
func (c moveCase) options() *dataplane.AssocOptions {
	a := &sctpcore.AuthParams{Chunks: []wire.ChunkType{wire.ChunkData}, HMACs: c.hmacs, Required: true}
	if c.key != "" {
		a.Keys, a.ActiveKey = []sctpcore.AuthKey{{}, {ID: 1, Secret: []byte(c.key)}}, 1
	}
	return &dataplane.AssocOptions{Extensions: &sctpcore.Extensions{Asconf: true, Auth: a}}
}

func (c moveCase) peerArgs(args []string) []string {
	args = append(args, "--hmac", fmt.Sprint(c.hmac))
	if c.key != "" {
		args = append(args, "--key", c.key)
	}
	return args
}

// on is the first n addresses of a set.
func on(set [networks]netip.Prefix, n int, port uint16) *dataplane.Addr {
	a := addr(set, port)
	a.IPs = a.IPs[:n]
	return a
}

// outcome waits for the peer's answer to what we asked of it.
func (e *events) outcome(t testing.TB, op sctpcore.AddressOp) {
	t.Helper()
	v := e.await(t, "answer about "+op.String(), func(v dataplane.PathEvent) bool {
		return v.Kind == sctpcore.EventAsconf && v.Op == op
	})
	require.Zero(t, v.Cause, "%s is refused", op)
}

// about waits for an event about an address of the peer's.
func (e *events) about(t testing.TB, kind sctpcore.EventKind, ip netip.Addr) {
	t.Helper()
	e.await(t, fmt.Sprintf("kind %d about %v", kind, ip), func(v dataplane.PathEvent) bool { return v.Kind == kind && v.Dst == ip })
}

// TestUsrsctpFollowsUs: usrsctp follows our changes of address.
func TestUsrsctpFollowsUs(t *testing.T) {
	for _, c := range moveCases {
		again(t, c.name(), func(t *testing.T) {
			l := newLab(t, true)
			capture := l.startCapture(t)
			ours := l.startOurs(t, labTimers)
			c.peerFollows(t, l, ours)
			c.judge(t, ours, capture.files)
		})
	}
}

// peerFollows is the case in which we change our addresses.
func (c moveCase) peerFollows(t *testing.T, l place, ours *side) {
	p := plan{seed: c.seed, bytes: 16 << 20, streams: 8}
	server := l.peerIn(t, c.peerArgs(peerArgs("server", "echo", list(c.family.peer), "", peerPort, p))...)
	server.awaitKey("READY")
	conn := ours.dialWith(on(c.family.ours, 1, 0), on(c.family.peer, 1, peerPort), c.options())
	seen := watch(conn)
	var progress atomic.Uint64
	gate := make(chan struct{})
	result := background(t, func() error { return verify(conn, p, &progress, gate) })
	awaitProgress(t, &progress, p.bytes/4, result)
	old, fresh := c.family.ours[0].Addr(), c.family.ours[1].Addr()
	require.NoError(t, conn.AddLocal(fresh))
	seen.outcome(t, sctpcore.AddAddress)
	server.awaitUsable(fresh)
	require.NoError(t, conn.SetPeerPrimary(fresh))
	seen.outcome(t, sctpcore.SetPeerPrimary)
	seen.awaitActive(t, conn, c.family.peer[1].Addr())
	server.awaitIdle() // see TestUsrsctpFollowsOurPorts
	require.NoError(t, conn.RemoveLocal(old))
	seen.outcome(t, sctpcore.DeleteAddress)
	l.breakNetwork(t, 0, cutSilent)
	close(gate)
	require.NoError(t, awaitResult(t, result), "our events:\n%v", seen)
	// usrsctp may say SHUTDOWN ACK from its address on the first network.
	l.heal(t, 0, cutSilent)
	require.NoError(t, conn.Close())
	require.NoError(t, ours.ended(conn))
	server.awaitOK()
}

// TestWeFollowUsrsctp: we follow usrsctp's changes of address. With IPv6 it asks for an address to
// be removed from the address itself, which must be refused (F8).
func TestWeFollowUsrsctp(t *testing.T) {
	for _, c := range moveCases {
		again(t, c.name(), func(t *testing.T) {
			l := newLab(t, true)
			capture := l.startCapture(t)
			ours := l.startOurs(t, labTimers)
			c.weFollow(t, l, ours, c.family.peer[0].Addr().Is4())
			c.judge(t, ours, capture.files)
		})
	}
}

// weFollow is the case in which the peer changes its addresses.
func (c moveCase) weFollow(t *testing.T, l place, ours *side, removes bool) {
	accept := ours.listenWith(addr(c.family.ours, ourPort), c.options())
	p := plan{seed: c.seed, bytes: 16 << 20, streams: 8}
	old, fresh := c.family.peer[0].Addr(), c.family.peer[1].Addr()
	args := c.peerArgs(peerArgs("client", "verify", old.String(), c.family.ours[0].Addr().String(), ourPort, p))
	args = append(args, "--pause", fmt.Sprint(p.bytes/2))
	if removes {
		args = append(args, still...)
	}
	client := l.peerIn(t, args...)
	conn := accept()
	seen := watch(conn)
	var progress atomic.Uint64
	result := background(t, func() error { return echo(conn, &progress) })
	awaitProgress(t, &progress, p.bytes/2, result)
	client.command("add " + fresh.String())
	seen.about(t, sctpcore.EventAddressAdded, fresh)
	seen.awaitActive(t, conn, fresh)
	client.command("prefer " + fresh.String())
	seen.about(t, sctpcore.EventAddressPrimary, fresh)
	if removes {
		// usrsctp calls a packet out of the blue from the moment on when it asks to delete the address that the packet
		// goes to; RFC 5061, section 5.3, F4, wants it to take such packets until the ASCONF-ACK.
		hush(t, conn, client)
		client.command("remove " + old.String())
		seen.about(t, sctpcore.EventAddressRemoved, old)
		require.Equal(t, []netip.Addr{fresh}, conn.RemoteAddr().(*dataplane.Addr).IPs)
	}
	l.breakNetwork(t, 0, cutSilent)
	client.command("go")
	client.awaitOK()
	require.NoError(t, <-result, "our events:\n%v", seen)
	require.NoError(t, ours.ended(conn))
	l.heal(t, 0, cutSilent)
}

// judge has tshark, which unlike gopacket knows AUTH and ASCONF, read the captures that are
// there once our side is closed, and finds in them that all user data was authenticated.
func (c moveCase) judge(t *testing.T, ours *side, captured func() (files []string)) {
	t.Helper()
	drops := ours.dp.Stats().Core.Drops
	require.Zero(t, drops.BadAuth+drops.Unauthenticated+drops.UnknownKey+drops.UnsupportedHMAC+drops.BadAsconf)
	ours.close()
	files := captured()
	count := func(filter string) (n int) {
		for _, file := range files {
			out, err := exec.Command("tshark", "-n", "-r", file, "-o", "sctp.ulp_dissection:FALSE", "-o", "sctp.tsn_analysis:FALSE",
				"-Y", filter, "-T", "fields", "-e", "frame.number").Output()
			require.NoError(t, err)
			n += strings.Count(string(out), "\n")
		}
		return n
	}
	for _, file := range files {
		require.Empty(t, tsharkFaults(t, file))
	}
	require.GreaterOrEqual(t, count(fmt.Sprintf("sctp.chunk_type == 193 && sctp.hmac_id == %d", c.hmac)), 2, "ASCONF")
	require.Zero(t, count("sctp.chunk_type == 0 && !(sctp.chunk_type == 15) && !icmp && !icmpv6"), "DATA without AUTH")
}
