package sockets

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

func i32(v int32) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

// getAs reads an option whose value is a T.
func getAs[T any](k *sock, name uint32, in T) T {
	k.p.t.Helper()
	return decode[T](k.get(name, encode(&in)))
}

// TestOptionDefaults: a new socket answers as one of Linux does, where the core has
// no other limits.
func TestOptionDefaults(t *testing.T) {
	k := newProgram(t, newServer(t)).socket(unix.AF_INET, unix.SOCK_STREAM)
	require.Equal(t, rtoInfo{0, 1000, 60000, 1000}, getAs(k, optRTOInfo, rtoInfo{}))
	require.Equal(t, assocParams{MaxRetrans: 10, CookieLife: 60000}, getAs(k, optAssocInfo, assocParams{}))
	require.Equal(t, initMsg{10, 1024, 8, 60000}, getAs(k, optInitMsg, initMsg{}))
	require.Equal(t, sackInfo{0, 200, 2}, getAs(k, optDelayedSACK, sackInfo{}))
	require.Equal(t, assocValue{0, 4}, getAs(k, optMaxBurst, assocValue{}))
	require.Equal(t, assocValue{}, getAs(k, optMaxSeg, assocValue{}))
	require.Equal(t, peerAddrParams{HBInterval: 30000, MaxRetrans: 5, SACKDelay: 200, Flags: sppHBEnable | sppPMTUDEnable | sppSACKDelayOn},
		getAs(k, optPeerAddrParams, peerAddrParams{}))
	for name, want := range map[uint32]int32{optNoDelay: 0, optDisableFragments: 0, optWantMappedV4: 1, optFragmentInterleave: 0,
		optPartialDeliveryPoint: 0, optRecvRcvInfo: 0, optRecvNxtInfo: 0, optAdaptationLayer: 0, optReusePort: 0} {
		require.Equal(t, i32(want), k.get(name, make([]byte, 4)), "option %d", name)
	}
	require.Equal(t, make([]byte, 14), k.get(optEvents, make([]byte, 14)))
	require.Equal(t, make([]byte, 8), k.get(optEvents, make([]byte, 8)))
	require.Equal(t, i32(212992), k.do(proto.OpGetOpt, solSocket, unix.SO_SNDBUF, make([]byte, 4)).body)
	require.Equal(t, make([]byte, 8), k.do(proto.OpGetOpt, solSocket, unix.SO_LINGER, make([]byte, 8)).body)
}

// TestOptionsAreKept: what is set is read again.
func TestOptionsAreKept(t *testing.T) {
	k := newProgram(t, newServer(t)).socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	for _, c := range []struct {
		name     uint32
		set, get any
	}{
		{optRTOInfo, &rtoInfo{0, 0, 5000, 100}, &rtoInfo{0, 1000, 5000, 100}},
		{optAssocInfo, &assocParams{MaxRetrans: 3}, &assocParams{MaxRetrans: 3, CookieLife: 60000}},
		{optInitMsg, &initMsg{OutStreams: 5}, &initMsg{5, 1024, 8, 60000}},
		{optDelayedSACK, &sackInfo{0, 100, 0}, &sackInfo{0, 100, 2}},
		{optDelayedSACK, &sackInfo{0, 0, 1}, &sackInfo{0, 0, 1}},
		{optMaxSeg, &assocValue{0, 1000}, &assocValue{0, 1000}},
		{optMaxBurst, &assocValue{0, 7}, &assocValue{0, 7}},
		{optContext, &assocValue{0, 42}, &assocValue{0, 42}},
		{optDefaultSendParam, &sndRcvInfo{Stream: 1, Flags: sndUnordered, PPID: 2, Context: 3, TimeToLive: 4}, &sndRcvInfo{Stream: 1, Flags: sndUnordered, PPID: 2, Context: 3, TimeToLive: 4}},
		{optDefaultSndInfo, &sndInfo{Stream: 5, PPID: 6, Context: 7}, &sndInfo{Stream: 5, PPID: 6, Context: 7}},
		{optDefaultPRInfo, &defaultPRInfo{}, &defaultPRInfo{}},
		{optEvent, &eventChoice{0, snShutdownEvent, 1, [1]byte{}}, &eventChoice{0, snShutdownEvent, 1, [1]byte{}}},
		{optPeerAddrThresholds, &thresholds{MaxRetrans: 9, PF: 2}, &thresholds{MaxRetrans: 9, PF: 2}},
		{optPeerAddrThresholdsV2, &thresholdsV2{MaxRetrans: 9, PF: 2, Switchover: 65535}, &thresholdsV2{MaxRetrans: 9, PF: 2, Switchover: 65535}},
		{optAsconfSupported, &assocValue{}, &assocValue{}},
		{optExposePFState, &assocValue{0, 2}, &assocValue{0, 2}},
		{optPeerAddrParams, &peerAddrParams{HBInterval: 500, MaxRetrans: 2, PathMTU: 1280, Flags: sppHBEnable | sppPMTUDDisable | sppSACKDelayOff},
			&peerAddrParams{HBInterval: 500, MaxRetrans: 2, PathMTU: 1280, SACKDelay: 100, Flags: sppHBEnable | sppPMTUDDisable | sppSACKDelayOff}},
	} {
		require.Zero(t, k.try(proto.OpSetOpt, solSCTP, c.name, encode(c.set)).Error, "option %d", c.name)
		in := make([]byte, binary.Size(c.get))
		if c.name == optEvent {
			in = encode(&eventChoice{Type: snShutdownEvent})
		}
		require.Equal(t, encode(c.get), k.get(c.name, in), "option %d", c.name)
	}
	for _, name := range []uint32{optNoDelay, optDisableFragments, optFragmentInterleave, optRecvRcvInfo, optRecvNxtInfo, optAutoclose, optAdaptationLayer} {
		k.set(name, i32(1))
		require.Equal(t, i32(1), k.get(name, make([]byte, 4)), "option %d", name)
	}
	k.set(optEvents, []byte{1, 1, 0, 0, 0, 1, 0, 0})
	require.NotZero(t, k.status().State&proto.StateSndRcv)
	require.NotZero(t, k.status().State&proto.StateRcvInfo)
	k.do(proto.OpSetOpt, solSocket, unix.SO_SNDBUF, i32(50_000))
	require.Equal(t, i32(100_000), k.do(proto.OpGetOpt, solSocket, unix.SO_SNDBUF, make([]byte, 4)).body)
	k.set(optDisableFragments, i32(0))
	require.EqualValues(t, 100_000, k.status().Limit)
	k.do(proto.OpSetOpt, solSocket, unix.SO_LINGER, append(i32(1), i32(3)...))
	require.EqualValues(t, 3, k.status().Linger)
	k.do(proto.OpSetOpt, solIP, unix.IP_TOS, i32(0x10))
	require.Equal(t, i32(0x10), k.do(proto.OpGetOpt, solIP, unix.IP_TOS, make([]byte, 4)).body)
}

// TestOptionErrors are Linux's.
func TestOptionErrors(t *testing.T) {
	p := newProgram(t, newServer(t))
	one, many := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET6, unix.SOCK_SEQPACKET)
	set := func(k *sock, no unix.Errno, name uint32, v any) {
		t.Helper()
		k.fails(no, proto.OpSetOpt, solSCTP, name, encode(v))
	}
	get := func(k *sock, no unix.Errno, name uint32, v any) {
		t.Helper()
		k.fails(no, proto.OpGetOpt, solSCTP, name, encode(v))
	}
	// an association that there is not
	for name, v := range map[uint32]any{optRTOInfo: &rtoInfo{AssocID: 9}, optAssocInfo: &assocParams{AssocID: 9}, optContext: &assocValue{9, 1},
		optPeerAddrParams: &peerAddrParams{AssocID: 9}, optEvent: &eventChoice{9, snAssocChange, 1, [1]byte{}}, optDelayedSACK: &sackInfo{9, 100, 2}} {
		set(many, unix.EINVAL, name, v)
		get(many, unix.EINVAL, name, v)
		if name != optContext { // a socket with one association ignores the identifier
			one.set(name, encode(v))
		}
	}
	get(one, unix.EINVAL, optStatus, &assocStatus{})
	get(one, unix.EINVAL, optGetPeerAddrs, &assocValue{})
	get(one, unix.EINVAL, optPeerAddrInfo, &pathInfo{})
	set(one, unix.EINVAL, optPrimaryAddr, &prim{Addr: inet.store(netip.MustParseAddr("127.0.0.1"), 1)})
	get(one, unix.EOPNOTSUPP, optAssocNumber, int32(0))
	get(one, unix.EOPNOTSUPP, optAutoclose, int32(0))
	set(one, unix.EOPNOTSUPP, optAutoclose, int32(1))
	set(many, unix.EOPNOTSUPP, optReusePort, int32(1))
	// values
	set(one, unix.EINVAL, optRTOInfo, &rtoInfo{0, 0, 10, 20})
	set(one, unix.EINVAL, optDelayedSACK, &sackInfo{0, 501, 2})
	set(one, unix.EINVAL, optMaxSeg, &assocValue{0, 10})
	set(one, unix.EINVAL, optEvent, &eventChoice{0, 5, 1, [1]byte{}})
	set(one, unix.EINVAL, optDefaultSndInfo, &sndInfo{Flags: 0x4000})
	set(one, unix.EINVAL, optPeerAddrParams, &peerAddrParams{Flags: sppHBEnable | sppHBDisable})
	set(one, unix.EINVAL, optPeerAddrParams, &peerAddrParams{Flags: sppHBDemand})
	set(one, unix.EINVAL, optPartialDeliveryPoint, int32(1<<20))
	set(one, unix.EINVAL, optAuthChunk, uint8(1))
	set(one, unix.EOPNOTSUPP, optHMACIdent, struct {
		N   uint32
		IDs [2]uint16
	}{2, [2]uint16{1, 2}})
	// lengths
	for _, n := range []int{0, 1, 15, 17} {
		one.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optRTOInfo, make([]byte, n))
	}
	one.fails(unix.EINVAL, proto.OpGetOpt, solSCTP, optRTOInfo, make([]byte, 15))
	one.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optEvents, make([]byte, 15))
	one.fails(unix.EINVAL, proto.OpGetOpt, solSCTP, optEvents, nil)
	one.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optNoDelay, make([]byte, 3))
	one.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optPeerAddrParams, make([]byte, 151))
	one.set(optPeerAddrParams, make([]byte, 152))
	require.Len(t, one.get(optPeerAddrParams, make([]byte, 153)), 152)
	// options that are not there
	one.fails(unix.ENOPROTOOPT, proto.OpGetOpt, solSCTP, 9999, make([]byte, 4))
	one.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optStatus, make([]byte, 176))
	one.fails(unix.ENOPROTOOPT, proto.OpGetOpt, solSocket, 9999, make([]byte, 4))
	one.fails(unix.ENOPROTOOPT, proto.OpGetOpt, solIPv6, unix.IPV6_V6ONLY, make([]byte, 4))
	set(one, unix.ENOPROTOOPT, optPRSupported, &assocValue{0, 1})
	set(one, unix.ENOPROTOOPT, optDefaultPRInfo, &defaultPRInfo{Policy: 0x10, Value: 5})
	require.Equal(t, assocValue{}, getAs(one, optPRSupported, assocValue{}))
}

// TestAutoAsconfIsForTheWildcard: where Linux takes SCTP_AUTO_ASCONF, and who inherits it.
func TestAutoAsconfIsForTheWildcard(t *testing.T) {
	p := newProgram(t, newServer(t))
	for _, typ := range []uint32{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		k := p.socket(unix.AF_INET, typ)
		refused := func() {
			require.EqualValues(t, unix.EINVAL, k.try(proto.OpSetOpt, solSCTP, optAutoAsconf, i32(1)).Error)
			k.set(optAutoAsconf, i32(0))
			require.Equal(t, i32(0), k.get(optAutoAsconf, make([]byte, 4)))
		}
		refused()
		k.do(proto.OpBind, 0, 0, sockaddr("0.0.0.0:0"))
		require.EqualValues(t, unix.EINVAL, k.try(proto.OpSetOpt, solSCTP, optAutoAsconf, make([]byte, 3)).Error)
		k.set(optAutoAsconf, i32(1))
		require.Equal(t, i32(1), k.get(optAutoAsconf, make([]byte, 4)))
		k = p.socket(unix.AF_INET, typ)
		k.do(proto.OpBind, 0, 0, sockaddr("127.0.0.1:0"))
		refused()
	}
}

// TestScopes: SCTP_FUTURE_ASSOC, SCTP_CURRENT_ASSOC and SCTP_ALL_ASSOC.
func TestScopes(t *testing.T) {
	p := newProgram(t, newServer(t))
	a, b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	to := b.bound()
	b.do(proto.OpListen, 1, 0, nil)
	r := a.check(named(to), 1)
	require.Zero(t, r.Error)
	id := r.Socket.AssocID
	values := func() [2]uint32 {
		return [2]uint32{getAs(a, optContext, assocValue{}).Value, getAs(a, optContext, assocValue{AssocID: id}).Value}
	}
	a.set(optContext, encode(&assocValue{futureAssoc, 1}))
	require.Equal(t, [2]uint32{1, 0}, values())
	a.set(optContext, encode(&assocValue{currentAssoc, 2}))
	require.Equal(t, [2]uint32{1, 2}, values())
	a.set(optContext, encode(&assocValue{allAssoc, 3}))
	require.Equal(t, [2]uint32{3, 3}, values())
	a.set(optContext, encode(&assocValue{id, 4}))
	require.Equal(t, [2]uint32{3, 4}, values())
	a.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optRTOInfo, encode(&rtoInfo{AssocID: allAssoc})) // knows no scopes
}

// TestConnectedOptions: what a live association tells.
func TestConnectedOptions(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, listener := pair(t, p)
	st := getAs(client, optStatus, assocStatus{})
	require.EqualValues(t, 4, st.State) // SCTP_ESTABLISHED
	require.EqualValues(t, 10, st.OutStreams)
	require.NotZero(t, st.Window)
	require.NotZero(t, st.Fragmentation)
	require.EqualValues(t, spinfoActive, st.Primary.State)
	peer, _, err := inet.parse(st.Primary.Addr[:])
	require.NoError(t, err)
	bound, _, err := inet.parse(listener.do(proto.OpSockName, 0, 0, nil).body)
	require.NoError(t, err)
	require.Equal(t, bound, peer)
	require.Equal(t, inet.append(nil, peer.Addr(), peer.Port()), client.do(proto.OpPeerName, 0, 0, nil).body)

	b := client.get(optGetPeerAddrs, make([]byte, 8+16*8))
	require.EqualValues(t, 1, binary.LittleEndian.Uint32(b[4:]))
	all, err := inet.parseAll(b[8:])
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{bound}, all)
	client.fails(unix.ENOMEM, proto.OpGetOpt, solSCTP, optGetPeerAddrs, make([]byte, 9))
	a := client.try(proto.OpGetOpt, solSCTP, optGetLocalAddrs, make([]byte, 8+16*8))
	require.EqualValues(t, len(a.body)-8, a.Value) // Linux counts the addresses alone

	info := getAs(client, optPeerAddrInfo, pathInfo{Addr: inet.store(peer.Addr(), peer.Port())})
	require.EqualValues(t, spinfoActive, info.State)
	require.NotZero(t, info.MTU)
	require.Equal(t, st.Primary.Addr, getAs(client, optPrimaryAddr, prim{}).Addr)
	client.set(optPrimaryAddr, encode(&prim{Addr: st.Primary.Addr}))
	client.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optPrimaryAddr, encode(&prim{Addr: inet.store(netip.MustParseAddr("127.0.0.9"), peer.Port())}))
	require.EqualValues(t, 1, getAs(client, optAssocInfo, assocParams{}).Destinations)
	client.set(optRTOInfo, encode(&rtoInfo{Max: 2000}))
	require.EqualValues(t, 2000, getAs(client, optRTOInfo, rtoInfo{}).Max)
	require.EqualValues(t, 60000, getAs(server, optRTOInfo, rtoInfo{}).Max)
	require.NotZero(t, getAs(client, optAssocStats, assocStats{}).InPackets)
}
