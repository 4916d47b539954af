package sockets

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// setting is an option of associations and two values of it, which read as they were set.
type setting struct {
	level, name uint32
	values      [2]any
}

var theSettings = []setting{
	{solSCTP, optRTOInfo, [2]any{&rtoInfo{0, 700, 9000, 600}, &rtoInfo{0, 800, 8000, 300}}},
	{solSCTP, optDelayedSACK, [2]any{&sackInfo{0, 90, 5}, &sackInfo{0, 80, 3}}},
	{solSCTP, optMaxBurst, [2]any{&assocValue{0, 9}, &assocValue{0, 8}}},
	{solSCTP, optMaxSeg, [2]any{&assocValue{0, 900}, &assocValue{0, 800}}},
	{solSCTP, optContext, [2]any{&assocValue{0, 5}, &assocValue{0, 6}}},
	{solSCTP, optDefaultSndInfo, [2]any{&sndInfo{Stream: 5, PPID: 6, Context: 7}, &sndInfo{Stream: 4}}},
	{solSCTP, optExposePFState, [2]any{&assocValue{0, 2}, &assocValue{0, 1}}},
	{solSCTP, optPeerAddrThresholdsV2, [2]any{&thresholdsV2{MaxRetrans: 9, PF: 2, Switchover: 4}, &thresholdsV2{MaxRetrans: 8, PF: 1, Switchover: 65535}}},
	{solSCTP, optPeerAddrParams, [2]any{
		&peerAddrParams{HBInterval: 500, MaxRetrans: 9, PathMTU: 1280, SACKDelay: 90, FlowLabel: 0x12345, DSCP: 0xb8,
			Flags: sppHBEnable | sppPMTUDDisable | sppSACKDelayOn | sppDSCP | sppIPv6FlowLabel},
		&peerAddrParams{HBInterval: 600, MaxRetrans: 8, PathMTU: 1000, SACKDelay: 80, FlowLabel: 5, DSCP: 0x20,
			Flags: sppHBEnable | sppPMTUDDisable | sppSACKDelayOn | sppDSCP | sppIPv6FlowLabel}}},
}

// theSocketSettings are those of a whole socket.
var theSocketSettings = []setting{
	{solSCTP, optPartialDeliveryPoint, [2]any{u32(5000), u32(600)}},
	{solSCTP, optNoDelay, [2]any{u32(1), u32(0)}},
	{solSCTP, optDisableFragments, [2]any{u32(1), u32(0)}},
	{solSCTP, optFragmentInterleave, [2]any{u32(1), u32(0)}},
	{solIP, unix.IP_TOS, [2]any{u32(0x28), u32(0x88)}},
	{solIP, unix.IP_TTL, [2]any{u32(7), u32(9)}},
}

func u32(v uint32) *uint32 { return &v }

// of is a value with the identifier of an association, if it has one.
func of(id int32, v any) []byte {
	b := encode(v)
	at := 0
	if _, last := v.(*sndInfo); last {
		at = len(b) - 4
	}
	if len(b) > 4 {
		binary.LittleEndian.PutUint32(b[at:], uint32(id))
	}
	return b
}

// has tells which values a socket, or an association of it, has.
func (k *sock) has(all []setting, which int, id int32) {
	k.p.t.Helper()
	for _, o := range all {
		asked := of(id, reflect.New(reflect.TypeOf(o.values[which]).Elem()).Interface())
		require.Equal(k.p.t, of(id, o.values[which]), k.do(proto.OpGetOpt, o.level, o.name, asked).body, "option %d", o.name)
	}
}

func (k *sock) take(all []setting, which int, id int32) {
	k.p.t.Helper()
	for _, o := range all {
		require.Zero(k.p.t, k.try(proto.OpSetOpt, o.level, o.name, of(id, o.values[which])).Error, "option %d", o.name)
	}
}

// TestSettingsOfOne: a one-to-one socket has what it was told before it connected, an
// accepted one what the listener was told, and both can be told something else.
func TestSettingsOfOne(t *testing.T) {
	all := append(theSettings[:len(theSettings):len(theSettings)], theSocketSettings...)
	p := newProgram(t, newServer(t))
	listener, client := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_STREAM)
	a := listener.bound()
	listener.take(all[:4], 0, 0)
	listener.do(proto.OpListen, 5, 0, nil)
	listener.take(all, 0, 0)
	listener.has(all, 0, 0)
	client.take(all, 1, 0)
	client.has(all, 1, 0)
	require.Zero(t, client.connect(at(a)))
	server, _ := listener.accept()
	client.has(all, 1, 0)
	server.has(all, 0, 0)
	client.take(all, 0, 0)
	client.has(all, 0, 0)
	server.take(all, 1, 0)
	server.has(all, 1, 0)
	listener.has(all, 0, 0)
	// What the core has is what was told.
	client.set(optDisableFragments, i32(1))
	require.EqualValues(t, 900, getAs(client, optStatus, assocStatus{}).Fragmentation)
	require.EqualValues(t, 1280, getAs(client, optStatus, assocStatus{}).Primary.MTU)
	f := proto.Frame{Kind: proto.FrameSend}
	for size, no := range map[uint32]unix.Errno{900: 0, 901: unix.EMSGSIZE} {
		r := p.ask(proto.Request{Op: proto.OpCheck, ID: client.id, Size: size}, proto.AppendFrame(nil, &f))
		require.Equal(t, no, unix.Errno(r.Error))
	}
}

// TestSettingsOfMany: the associations of a one-to-many socket, and those to come.
func TestSettingsOfMany(t *testing.T) {
	p := newProgram(t, newServer(t))
	a, b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	to := b.bound()
	b.do(proto.OpListen, 1, 0, nil)
	a.take(theSettings, 0, futureAssoc)
	r := a.check(named(to), 1)
	require.Zero(t, r.Error)
	id := r.Socket.AssocID
	a.has(theSettings, 0, id)
	a.take(theSettings, 1, futureAssoc)
	a.has(theSettings, 0, id)
	a.has(theSettings, 1, futureAssoc)
	a.take(theSettings, 1, id)
	a.has(theSettings, 1, id)
	a.take(theSocketSettings, 0, 0)
	a.has(theSocketSettings, 0, 0)
	for _, o := range theSettings { // an identifier of none
		a.fails(unix.EINVAL, proto.OpSetOpt, o.level, o.name, of(id+1000, o.values[0]))
		a.fails(unix.EINVAL, proto.OpGetOpt, o.level, o.name, of(id+1000, o.values[0]))
	}
}

// homes is a pair with two addresses each.
func homes(t testing.TB, p *program) (client, server *sock, at [2]netip.AddrPort) {
	t.Helper()
	listener, client := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_STREAM)
	at[0] = listener.bound()
	at[1] = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), at[0].Port())
	listener.set(optBindxAdd, sockaddr(at[1].String()))
	listener.do(proto.OpListen, 5, 0, nil)
	require.Zero(t, client.connect(sockaddr(at[0].String())))
	server, _ = listener.accept()
	return client, server, at
}

// TestSettingsOfPath: of one path, and then of all.
func TestSettingsOfPath(t *testing.T) {
	client, _, at := homes(t, newProgram(t, newServer(t)))
	addr := func(i int) storage { return inet.store(at[i].Addr(), at[i].Port()) }
	get := func(i int) peerAddrParams {
		t.Helper()
		return getAs(client, optPeerAddrParams, peerAddrParams{Addr: addr(i)})
	}
	was := get(1)
	require.Equal(t, uint32(sppHBEnable|sppPMTUDEnable|sppSACKDelayOn), was.Flags)
	require.EqualValues(t, 9000, was.PathMTU)
	client.set(optPeerAddrParams, encode(&peerAddrParams{Addr: addr(1), HBInterval: 70, MaxRetrans: 3, PathMTU: 1400, DSCP: 0x2b, FlowLabel: 1,
		Flags: sppHBEnable | sppPMTUDDisable | sppDSCP}))
	want := was
	want.HBInterval, want.MaxRetrans, want.PathMTU, want.DSCP, want.Flags = 70, 3, 1400, 0x28, sppHBEnable|sppPMTUDDisable|sppSACKDelayOn|sppDSCP
	require.Equal(t, want, get(1))
	other := was
	other.Addr = addr(0)
	require.Equal(t, other, get(0))
	// All paths: only what is set is changed.
	client.set(optPeerAddrParams, encode(&peerAddrParams{MaxRetrans: 6, Flags: sppHBDisable}))
	want.MaxRetrans, want.Flags = 6, want.Flags^sppHBEnable^sppHBDisable
	other.MaxRetrans, other.Flags = 6, other.Flags^sppHBEnable^sppHBDisable
	require.Equal(t, want, get(1))
	require.Equal(t, other, get(0))
	client.set(optPeerAddrParams, encode(&peerAddrParams{Addr: addr(1), Flags: sppHBEnable | sppHBTimeIsZero | sppPMTUDEnable}))
	want.HBInterval, want.PathMTU, want.Flags = 0, 9000, sppHBEnable|sppPMTUDEnable|sppSACKDelayOn|sppDSCP
	require.Equal(t, want, get(1))
	// Thresholds.
	client.set(optPeerAddrThresholdsV2, encode(&thresholdsV2{Addr: addr(0), MaxRetrans: 7, PF: 0, Switchover: 2}))
	require.Equal(t, thresholdsV2{Addr: addr(0), MaxRetrans: 7, PF: 0, Switchover: 2}, getAs(client, optPeerAddrThresholdsV2, thresholdsV2{Addr: addr(0)}))
	require.Equal(t, thresholdsV2{Addr: addr(1), MaxRetrans: 6, PF: 65535, Switchover: 65535}, getAs(client, optPeerAddrThresholdsV2, thresholdsV2{Addr: addr(1)}))
	client.set(optPeerAddrThresholds, encode(&thresholds{PF: 3}))
	require.Equal(t, thresholdsV2{Addr: addr(0), MaxRetrans: 7, PF: 3, Switchover: 2}, getAs(client, optPeerAddrThresholdsV2, thresholdsV2{Addr: addr(0)}))
	require.EqualValues(t, 3, getAs(client, optPeerAddrThresholds, thresholds{Addr: addr(1)}).PF)
	// Association.Max.Retrans is bounded by the sum of the paths'.
	client.set(optAssocInfo, encode(&assocParams{MaxRetrans: 13}))
	client.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optAssocInfo, encode(&assocParams{MaxRetrans: 14}))
	// A path that there is not.
	nobody := inet.store(netip.MustParseAddr("127.0.0.9"), at[0].Port())
	client.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optPeerAddrParams, encode(&peerAddrParams{Addr: nobody}))
	client.fails(unix.EINVAL, proto.OpGetOpt, solSCTP, optPeerAddrParams, encode(&peerAddrParams{Addr: nobody}))
	client.fails(unix.ENOENT, proto.OpSetOpt, solSCTP, optPeerAddrThresholds, encode(&thresholds{Addr: nobody}))
	client.fails(unix.ENOENT, proto.OpGetOpt, solSCTP, optPeerAddrThresholdsV2, encode(&thresholdsV2{Addr: nobody}))
}

// TestHeartbeatOnDemand: one that is asked for goes at once, though none go by themselves.
func TestHeartbeatOnDemand(t *testing.T) {
	client, server, _ := pair(t, newProgram(t, newServer(t)))
	client.set(optPeerAddrParams, encode(&peerAddrParams{Flags: sppHBDisable}))
	control := func() uint64 { return getAs(server, optAssocStats, assocStats{}).InControl }
	before := control()
	client.set(optPeerAddrParams, encode(&peerAddrParams{Flags: sppHBDemand}))
	require.Eventually(t, func() bool { return control() > before }, within, 1e6)
	require.NotZero(t, getAs(client, optPeerAddrParams, peerAddrParams{}).Flags&sppHBDisable)
}

// TestAutocloseOfMany: an idle association ends after that many seconds.
func TestAutocloseOfMany(t *testing.T) {
	p := newProgram(t, newServer(t))
	a, b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	to := b.bound()
	b.set(optAutoclose, i32(1))
	b.do(proto.OpListen, 1, 0, nil)
	a.set(optEvents, []byte{0, 1, 0, 0, 0, 0})
	require.Zero(t, a.check(named(to), 1).Error)
	for _, state := range []uint16{sacCommUp, sacShutdownComp} {
		r := a.recv()
		require.Equal(t, proto.FrameNotification, r.Kind)
		require.Equal(t, state, decode[assocChange](r.data).State)
	}
}

// TestInitMsgIsUsed: what an association begins with.
func TestInitMsgIsUsed(t *testing.T) {
	s := newServer(t)
	k := newProgram(t, s).socket(unix.AF_INET, unix.SOCK_STREAM)
	k.set(optInitMsg, encode(&initMsg{7, 6, 3, 2000}))
	own := s.socket(k.id)
	own.mu.Lock()
	o := own.assocOptions(&initMsg{InStreams: 9})
	own.mu.Unlock()
	require.Equal(t, []int{7, 9, 3}, []int{o.OutStreams, o.InStreams, o.Params.MaxInitRetrans})
	require.Equal(t, 2*sctpcore.Second, o.Params.MaxInitTimeout)
}

// TestMissingOptions read as off, stay off, and say so.
func TestMissingOptions(t *testing.T) {
	client, _, _ := pair(t, newProgram(t, newServer(t)))
	for _, name := range []uint32{optPRSupported, optReconfigSupported, optEnableStreamReset, optECNSupported, optStreamScheduler} {
		require.Equal(t, assocValue{}, getAs(client, name, assocValue{}))
		client.set(name, encode(&assocValue{}))
		client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, name, encode(&assocValue{0, 1}))
	}
	require.Equal(t, assocValue{}, getAs(client, optInterleavingSupported, assocValue{}))
	client.fails(unix.EPERM, proto.OpSetOpt, solSCTP, optInterleavingSupported, encode(&assocValue{0, 1}))
	client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optResetStreams, make([]byte, 8))
	client.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optResetStreams, make([]byte, 7))
	client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optResetAssoc, make([]byte, 4))
	client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optAddStreams, make([]byte, 8))
	require.Equal(t, streamValue{Stream: 1}, getAs(client, optStreamSchedulerValue, streamValue{Stream: 1, Value: 9}))
	client.fails(unix.EINVAL, proto.OpGetOpt, solSCTP, optStreamSchedulerValue, encode(&streamValue{Stream: 9999}))
	client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optStreamSchedulerValue, encode(&streamValue{Value: 1}))
	for _, name := range []uint32{optPRAssocStatus, optPRStreamStatus} {
		require.Equal(t, prStatus{Policy: 0x80}, getAs(client, name, prStatus{Policy: 0x80, Sent: 3}))
		client.fails(unix.EINVAL, proto.OpGetOpt, solSCTP, name, encode(&prStatus{}))
	}
	require.Equal(t, udpEncaps{}, getAs(client, optRemoteUDPEncapsPort, udpEncaps{Port: 1}))
	client.set(optRemoteUDPEncapsPort, encode(&udpEncaps{}))
	client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optRemoteUDPEncapsPort, encode(&udpEncaps{Port: 9899}))
	require.Equal(t, probeInterval{}, getAs(client, optPLPMTUDProbeInterval, probeInterval{Interval: 1}))
	client.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optPLPMTUDProbeInterval, encode(&probeInterval{Interval: 4999}))
	client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, solSCTP, optPLPMTUDProbeInterval, encode(&probeInterval{Interval: 5000}))
	for _, name := range []uint32{optAuthKey, optAuthChunk, optAuthDeleteKey, optAuthDeactivateKey} {
		client.fails(unix.EOPNOTSUPP, proto.OpGetOpt, solSCTP, name, make([]byte, 64))
	}
	for level, names := range offOptions {
		for _, name := range names {
			if level == solIPv6 {
				client.fails(unix.ENOPROTOOPT, proto.OpGetOpt, level, name, make([]byte, 4))
				continue
			}
			require.Equal(t, i32(0), client.do(proto.OpGetOpt, level, name, make([]byte, 4)).body)
			client.do(proto.OpSetOpt, level, name, i32(0))
			client.fails(unix.ENOPROTOOPT, proto.OpSetOpt, level, name, i32(1))
		}
	}
}

// TestHeaderOptions: ranges, and that both families' are one.
func TestHeaderOptions(t *testing.T) {
	k := newProgram(t, newServer(t)).socket(unix.AF_INET6, unix.SOCK_STREAM)
	get := func(level, name uint32) []byte { return k.do(proto.OpGetOpt, level, name, make([]byte, 4)).body }
	set := func(no unix.Errno, level, name uint32, v []byte) {
		t.Helper()
		k.fails(no, proto.OpSetOpt, level, name, v)
	}
	set(0, solIP, unix.IP_TOS, []byte{0xbb})
	require.Equal(t, i32(0xb8), get(solIP, unix.IP_TOS), "without ECN")
	require.Equal(t, i32(0xb8), get(solIPv6, unix.IPV6_TCLASS))
	set(0, solIPv6, unix.IPV6_TCLASS, i32(-1))
	require.Equal(t, i32(0), get(solIP, unix.IP_TOS))
	require.Equal(t, i32(64), get(solIPv6, unix.IPV6_UNICAST_HOPS))
	set(0, solIPv6, unix.IPV6_UNICAST_HOPS, i32(3))
	require.Equal(t, i32(3), get(solIP, unix.IP_TTL))
	for _, v := range []int32{-2, 0, 256} {
		set(unix.EINVAL, solIP, unix.IP_TTL, i32(v))
	}
	set(unix.EINVAL, solIPv6, unix.IPV6_TCLASS, i32(256))
	set(unix.EINVAL, solIP, unix.IP_TTL, nil)
}

// TestAddressOfOneMessage: one that names an address of the peer is sent there, be it not the
// primary one.
func TestAddressOfOneMessage(t *testing.T) {
	s := newServer(t)
	client, server, at := homes(t, newProgram(t, s))
	own := s.socket(client.id)
	chunks := func() (n [2]uint64) {
		own.mu.Lock()
		defer own.mu.Unlock()
		paths, err := own.single.conn.Paths()
		require.NoError(t, err)
		for i := range at {
			require.Equal(t, at[i].Addr(), paths[i].Dst.Netip())
			n[i] = paths[i].TxDataChunks
		}
		return n
	}
	require.Eventually(t, func() bool {
		return getAs(client, optPeerAddrInfo, pathInfo{Addr: inet.store(at[1].Addr(), at[1].Port())}).State == spinfoActive
	}, within, 1e6)
	for _, c := range []struct {
		f    proto.Frame
		want [2]uint64
	}{{named(at[1]), [2]uint64{0, 1}}, {named(at[0]), [2]uint64{1, 1}}, {proto.Frame{}, [2]uint64{2, 1}}} {
		c.f.SinfoFlags = sndAddrOver
		client.write(c.f, []byte("hello"))
		require.Equal(t, "hello", string(server.data().data))
		require.Equal(t, c.want, chunks())
	}
}
