//go:build linux && cgo

package interop

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// TestUsrsctpFeatures has usrsctp agree on what RFC 9260 wants beyond a plain
// transfer, each thing in both directions.
func TestUsrsctpFeatures(t *testing.T) {
	l := newLab(t, true)
	capture := l.startCapture(t)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, l place)
	}{
		{"message sizes and PPIDs", testSizes}, {"65535 streams", testManyStreams}, {"unordered", testUnordered},
		{"fast retransmit", testFastRetransmit}, {"duplicates", testDuplicates}, {"I bit", testImmediate},
		{"peer's window closes", testPeerWindow}, {"our window closes", testOurWindow},
		{"partial delivery", testPartialDelivery}, {"heartbeats and a dead path", testDeadPath},
	} {
		again(t, c.name, func(t *testing.T) { c.run(t, l) })
	}
	capture.judge(macsOf(t, l))
	requireOnWire(t, capture)
}

// requireOnWire has tshark find in the capture what the tests of features were
// about, from either end.
func requireOnWire(t *testing.T, c *capture) {
	t.Helper()
	above := func(least uint64) func(uint64) bool { return func(n uint64) bool { return n > least } }
	is := func(want uint64) func(uint64) bool { return func(n uint64) bool { return n == want } }
	signs := []struct {
		what, field string
		ok          func(uint64) bool
	}{
		{"duplicates reported", "sctp.sack_number_of_duplicated_tsns", above(0)},
		{"gaps reported", "sctp.sack_number_of_gap_blocks", above(0)},
		{"window too small for a chunk", "sctp.sack_a_rwnd", func(n uint64) bool { return n < 1452 }},
		{"U bit", "sctp.data_u_bit", is(1)}, {"I bit", "sctp.data_i_bit", is(1)},
		{"HEARTBEAT", "sctp.chunk_type", is(4)}, {"HEARTBEAT ACK", "sctp.chunk_type", is(5)},
	}
	var fields []string
	for _, sign := range signs {
		fields = append(fields, sign.field)
	}
	slices.Sort(fields)
	ours := []string{ipv4.ours[0].Addr().String(), ipv4.ours[1].Addr().String()}
	found, asked := map[string]int{}, map[string]int{} // asked by heartbeats, by destination
	for _, packet := range c.look(slices.Compact(fields)...) {
		from := "peer: "
		if slices.Contains(ours, packet.src) {
			from = "us: "
		}
		for _, sign := range signs {
			if packet.has(sign.field, sign.ok) {
				found[from+sign.what]++
			}
		}
		if packet.has("sctp.chunk_type", is(4)) {
			asked[packet.dst]++
		}
	}
	for _, sign := range signs {
		require.NotZero(t, found["us: "+sign.what], "in no packet of ours: %s", sign.what)
		require.NotZero(t, found["peer: "+sign.what], "in no packet of the peer's: %s", sign.what)
	}
	require.Len(t, asked, 2*networks, "each end's HEARTBEATs to each address of the other: %v", asked)
	t.Logf("on the wire: %v; HEARTBEATs to %v", found, asked)
}

func macsOf(t *testing.T, l *lab) (macs []net.HardwareAddr) {
	for _, name := range l.ours {
		iface, err := net.InterfaceByName(name)
		require.NoError(t, err)
		macs = append(macs, iface.HardwareAddr)
	}
	return macs
}

// roomy keeps usrsctp from losing packets of its own accord, so that a test
// decides what is lost.
var roomy = []string{"--raw-buffer", fmt.Sprint(4 << 20)}

// slowPeer has usrsctp's timers out of the way of what needs none, on a busy machine too; noTimer ours.
var slowPeer = append([]string{"--rto-min", "10000", "--rto-max", "20000"}, roomy...)

var noTimer = func() profile {
	p := rfc9260Timers
	p.RTOInitial, p.RTOMin = 10*sctpcore.Second, 10*sctpcore.Second
	return p
}()

// call makes an association with a new peer in the given mode.
func (s *side) call(t *testing.T, l place, mode string, p plan, more ...string) (*dataplane.Conn, *peer) {
	t.Helper()
	other := l.peerIn(t, append(peerArgs("server", mode, list(ipv4.peer), "", peerPort, p), more...)...)
	other.awaitKey("READY")
	conn := s.dial(addr(ipv4.ours, 0), addr(ipv4.peer, peerPort))
	other.awaitKey("ACCEPTED")
	return conn, other
}

// end closes an association from our side.
func (s *side) end(conn *dataplane.Conn, other *peer) {
	s.t.Helper()
	require.NoError(s.t, conn.Close())
	require.NoError(s.t, s.ended(conn))
	other.awaitOK()
	s.close()
}

// stack asks the peer for its counters.
func (p *peer) stack() line {
	p.t.Helper()
	p.command("paths")
	l := p.awaitKey("STACK")
	p.awaitKey("PATHS")
	return l
}

var smallPlan = plan{seed: 31, bytes: 2 << 20, streams: 8}

// testSizes has messages of every size near a boundary echoed, with the extreme
// PPIDs, ordered and not.
func testSizes(t *testing.T, l place) {
	ours := l.startOurs(t, labTimers)
	conn, other := ours.call(t, l, "echo", smallPlan)
	most := sctpcore.DefaultLimits().MaxMessage
	require.ErrorIs(t, conn.Send(nil, nil), sctpcore.ErrEmpty)
	require.ErrorIs(t, conn.Send(make([]byte, most+1), nil), sctpcore.ErrMessageTooLong)
	room := make([]byte, most+1)
	sizes := []int{1, 2, 3, 4, 5, 255, 256, 2903, 2904, 2905, 65535, 65536, 65537, most}
	for n := 1440; n < 1460; n++ {
		sizes = append(sizes, n)
	}
	for i, n := range sizes {
		want := dataplane.Message{Stream: uint16(i % 64), PPID: []uint32{0, 1, 0x01020304, 1 << 31, 1<<32 - 1}[i%5], Unordered: i%3 == 0}
		message := make([]byte, n)
		plan{seed: uint64(n)}.fill(message, 0, 0)
		require.NoError(t, conn.Send(message, &want))
		got, about, err := recvMessage(conn, room)
		require.NoError(t, err)
		require.Equal(t, message, got, "%d bytes", n)
		require.Equal(t, want.Stream, about.Stream)
		require.Equal(t, want.PPID, about.PPID)
		require.Equal(t, want.Unordered, about.Unordered)
	}
	ours.end(conn, other)
}

// testManyStreams uses as many streams as there can be, both ways: every
// fourteenth, the first and the last among them.
func testManyStreams(t *testing.T, l place) {
	const streams, step = 65535, 14 // divides 65534
	limits := sctpcore.DefaultLimits()
	limits.InStreams, limits.OutStreams = streams, streams
	ours := l.startWith(t, labTimers, limits, func(p nic.Port) nic.Port { return p })
	conn, other := ours.call(t, l, "echo", plan{seed: 32, streams: streams})
	info, err := conn.Info()
	require.NoError(t, err)
	require.Equal(t, [2]int{streams, streams}, [2]int{info.InStreams, info.OutStreams})
	sent := background(t, func() error {
		for i := 0; i < streams; i += step {
			if err := conn.Send(fmt.Append(nil, i), &dataplane.Message{Stream: uint16(i), PPID: uint32(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	seen := make([]bool, streams)
	room := make([]byte, 16)
	for range streams/step + 1 {
		got, about, err := recvMessage(conn, room)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(about.Stream), string(got))
		require.Equal(t, uint32(about.Stream), about.PPID)
		require.False(t, seen[about.Stream], "stream %d twice", about.Stream)
		seen[about.Stream] = true
	}
	require.NoError(t, <-sent)
	require.ErrorIs(t, conn.Send([]byte{1}, &dataplane.Message{Stream: streams}), sctpcore.ErrStream)
	ours.end(conn, other)
}

// testUnordered loses an ordered message until the unordered one sent after it has
// overtaken it: first in the echo, then on the way to the peer.
func testUnordered(t *testing.T, l place) {
	var wires tampering
	ours := l.startWith(t, labTimers, sctpcore.Limits{}, wires.wrap)
	conn, other := ours.call(t, l, "echo", smallPlan, append([]string{"--path-retrans", "100"}, roomy...)...)
	room := make([]byte, 16)
	get := func(want string) {
		got, _, err := recvMessage(conn, room)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	for _, hook := range []func(func(*nic.Packet) bool){wires.onRx, wires.onTx} {
		var lost atomic.Bool
		hook(loseOrdered(&lost))
		require.NoError(t, conn.Send([]byte("ordered"), &dataplane.Message{}))
		eventually(t, lost.Load, "nothing was lost")
		require.NoError(t, conn.Send([]byte("unordered"), &dataplane.Message{Unordered: true}))
		get("unordered")
		hook(nil)
		get("ordered")
	}
	ours.end(conn, other)
}

// loseOrdered is a hook that loses all ordered user data, and nothing else of its packets.
func loseOrdered(lost *atomic.Bool) func(*nic.Packet) bool {
	return func(pkt *nic.Packet) bool {
		var rest []byte
		all := chunksOf(pkt)
		kept := 0
		for _, c := range all {
			if d, err := wire.ParseData(c); err == nil && !d.Unordered() {
				continue
			}
			kept++
			rest = append(append(rest, c...), make([]byte, wire.Pad4(len(c))-len(c))...)
		}
		if kept == len(all) {
			return true
		}
		lost.Store(true)
		binary.BigEndian.PutUint16(pkt.Data()[ipAt+2:], sctpAt-ipAt+wire.CommonHeaderLen)
		appendTo(pkt, rest)
		return kept > 0
	}
}

// loseOne is a hook that loses the n-th packet with DATA, once; chunks tells how
// many it held.
func loseOne(n int, chunks *atomic.Int32) func(*nic.Packet) bool {
	var seen int // one worker
	return func(pkt *nic.Packet) bool {
		data := dataOf(pkt)
		if len(data) == 0 {
			return true
		}
		if seen++; seen != n {
			return true
		}
		chunks.Store(int32(len(data)))
		return false
	}
}

// testFastRetransmit loses one packet of many each way: it is sent again by fast
// retransmit, and nothing else is; no timer expires.
func testFastRetransmit(t *testing.T, l place) {
	t.Run("ours", func(t *testing.T) {
		var wires tampering
		var lost atomic.Int32
		ours := l.startWith(t, noTimer, sctpcore.Limits{}, wires.wrap)
		conn, other := ours.call(t, l, "sink", smallPlan, slowPeer...)
		wires.onTx(loseOne(200, &lost))
		require.NoError(t, source(conn, smallPlan, nil))
		sent, _ := smallPlan.messages()
		awaitAcked(t, conn, sent)
		info, err := conn.Info()
		require.NoError(t, err)
		require.NotZero(t, lost.Load())
		require.Equal(t, uint64(lost.Load()), info.RetransmittedChunks)
		require.Equal(t, uint64(1), info.FastRetransmits)
		require.Zero(t, info.Timeouts)
		require.Zero(t, other.stack().number("duplicates"))
		ours.end(conn, other)
	})
	t.Run("the peer's", func(t *testing.T) {
		var wires tampering
		var lost atomic.Int32
		ours := l.startWith(t, noTimer, sctpcore.Limits{}, wires.wrap)
		accept := ours.listen(addr(ipv4.ours, ourPort))
		wires.onRx(loseOne(200, &lost))
		args := peerArgs("client", "source", list(ipv4.peer), list(ipv4.ours), ourPort, smallPlan)
		other := l.peerIn(t, append(args, slowPeer...)...)
		conn := accept()
		var progress atomic.Uint64
		require.NoError(t, sink(conn, smallPlan, &progress))
		require.NotZero(t, lost.Load())
		require.Zero(t, ours.dp.Stats().Core.Drops.DuplicateTSN)
		require.NoError(t, conn.Close())
		require.NoError(t, ours.ended(conn))
		stack := other.awaitKey("STACK")
		require.Equal(t, uint64(lost.Load()), stack.number("fast"))
		require.Zero(t, stack.number("t3"))
		other.awaitOK()
		ours.close()
	})
}

// testDuplicates has the network double packets both ways: each message comes
// once, and both ends report the duplicates (the capture shows it).
func testDuplicates(t *testing.T, l place) {
	var faults []*fault.Port
	ours := l.startWith(t, labTimers, sctpcore.Limits{}, func(port nic.Port) nic.Port {
		doubling := fault.Impairment{Duplicate: 0.2}
		p := fault.Wrap(port, fault.Config{Rx: doubling, Tx: doubling, Seed: 33})
		faults = append(faults, p)
		return p
	})
	conn, other := ours.call(t, l, "echo", smallPlan, roomy...)
	var progress atomic.Uint64
	require.NoError(t, verify(conn, smallPlan, &progress, nil))
	require.NotZero(t, faults[0].Count(fault.Rx, fault.Duplicated)+faults[1].Count(fault.Rx, fault.Duplicated))
	info, err := conn.Info()
	require.NoError(t, err)
	require.NotZero(t, info.DuplicateTSNs)
	require.NotZero(t, other.stack().number("duplicates"))
	ours.end(conn, other)
}

// testImmediate sends lone messages with the I bit and without: only the latter
// wait for the receiver's SACK timer.
func testImmediate(t *testing.T, l place) {
	ours := l.startWith(t, noTimer, sctpcore.Limits{}, func(p nic.Port) nic.Port { return p })
	conn, other := ours.call(t, l, "hold", smallPlan, append([]string{"--sack-delay", "300"}, slowPeer...)...)
	for i, now := range []bool{true, false} {
		require.NoError(t, conn.Send([]byte("now?"), &dataplane.Message{SackNow: now}))
		awaitAcked(t, conn, uint64(i+1))
		require.Equal(t, !now, other.stack().number("sack_timer") > 0, "I bit %v: the peer's SACK timer", now)
	}
	expired := func() uint64 { return ours.dp.Stats().Core.DelaySackExpireds }
	for i, flags := range []int{0x4000 /* SCTP_SACK_IMMEDIATELY */, 0} {
		sacks := other.stack().number("sacks_in")
		other.command(fmt.Sprintf("send 100 0 5 %d", flags))
		got, _, err := recvMessage(conn, make([]byte, 200))
		require.NoError(t, err)
		require.Len(t, got, 100)
		eventually(t, func() bool { return other.stack().number("sacks_in") > sacks }, "no SACK from us")
		require.Equal(t, uint64(i), expired(), "our SACK timer")
	}
	ours.end(conn, other)
}

// testPeerWindow has the peer's application stop reading: we probe its closed
// window, take no path for dead meanwhile, and go on when it reads again. (Then Linux, short
// of memory, drops what its window had invited.)
func testPeerWindow(t *testing.T, l place) {
	timers := labTimers // with which a machine may stand still for two seconds, and no answer is late
	timers.RTOInitial, timers.RTOMin, timers.RTOMax = 200*sctpcore.Millisecond, 200*sctpcore.Millisecond, 200*sctpcore.Millisecond
	timers.PathMaxRetrans, timers.PFMaxRetrans = 10, -1
	ours := l.startOurs(t, timers)
	conn, other := ours.call(t, l, "sink", smallPlan, append([]string{"--buffer", "65536"}, roomy...)...)
	seen := watch(conn)
	other.command("halt")
	other.awaitKey("HALTED")
	sent := background(t, func() error { return source(conn, smallPlan, nil) })
	eventually(t, func() bool {
		info, err := conn.Info()
		return err == nil && info.Timeouts > 11 && info.State == sctpcore.Established
	}, "no window probes")
	_, moved := seen.find(func(e dataplane.PathEvent) bool {
		return e.Kind == sctpcore.EventPathState && e.From == sctpcore.Active
	})
	require.False(t, moved, "a closed window was taken for a dead path:\n%v", seen)
	other.command("resume")
	require.NoError(t, <-sent)
	messages, _ := smallPlan.messages()
	awaitAcked(t, conn, messages)
	ours.end(conn, other)
}

// testOurWindow is the same the other way round.
func testOurWindow(t *testing.T, l place) {
	limits := sctpcore.DefaultLimits()
	limits.ReceiveBuffer = 64 << 10
	ours := l.startWith(t, labTimers, limits, func(p nic.Port) nic.Port { return p })
	accept := ours.listen(addr(ipv4.ours, ourPort))
	other := l.peerIn(t, append(peerArgs("client", "source", list(ipv4.peer), list(ipv4.ours), ourPort, smallPlan),
		append([]string{"--rto-min", "100", "--rto-max", "100", "--path-retrans", "20"}, roomy...)...)...)
	conn := accept()
	eventually(t, func() bool { return other.stack().number("window_timer") > 21 }, "no window probes")
	var progress atomic.Uint64
	require.NoError(t, sink(conn, smallPlan, &progress))
	require.Zero(t, other.count(func(l line) bool { return l.values["state"] == "unreachable" }), "the peer took a closed window for a dead path")
	ours.end(conn, other)
}

// testPartialDelivery sends messages that are longer than the receiver's buffer.
func testPartialDelivery(t *testing.T, l place) {
	limits := sctpcore.DefaultLimits()
	limits.ReceiveBuffer = 64 << 10
	ours := l.startWith(t, labTimers, limits, func(p nic.Port) nic.Port { return p })
	p := plan{seed: 34, bytes: 3 * maxMessage, streams: 2}
	t.Run("by the peer", func(t *testing.T) {
		conn, other := ours.call(t, l, "sink", p, append([]string{"--buffer", "65536"}, roomy...)...)
		require.NoError(t, source(conn, p, nil))
		require.NoError(t, conn.Close())
		require.NoError(t, ours.ended(conn))
		other.awaitOK()
	})
	t.Run("by us", func(t *testing.T) {
		conn, other := ours.call(t, l, "source", p, roomy...)
		var progress atomic.Uint64
		require.NoError(t, sink(conn, p, &progress))
		requireEOF(t, conn)
		require.NoError(t, conn.Close())
		require.NoError(t, ours.ended(conn))
		other.awaitOK()
	})
	ours.close()
}

// testDeadPath leaves an association idle: each end asks the other on every path
// and is answered; when one network dies both ends see it, and see it come
// back.
func testDeadPath(t *testing.T, l place) {
	timers := labTimers
	timers.PathMaxRetrans = 2
	ours := l.startOurs(t, timers)
	conn, other := ours.call(t, l, "hold", smallPlan, "--path-retrans", "1", "--heartbeat", "150")
	seen := watch(conn)
	eventually(t, func() bool {
		paths, err := conn.Paths()
		require.NoError(t, err)
		return len(paths) == networks && paths[0].HeartbeatsAcked >= 2 && paths[1].HeartbeatsAcked >= 2 &&
			other.stack().number("heartbeat_acks_in") >= 2*networks
	}, "heartbeats are not answered")
	l.breakNetwork(t, 0, cutSilent)
	other.await("path unreachable", func(l line) bool {
		return l.values["path"] == ipv4.ours[0].Addr().String() && l.values["state"] == "unreachable"
	})
	seen.await(t, "path given up", func(e dataplane.PathEvent) bool {
		return e.Kind == sctpcore.EventPathState && e.To == sctpcore.Inactive && e.Dst == ipv4.peer[0].Addr()
	})
	l.heal(t, 0, cutSilent)
	other.await("path available", func(l line) bool {
		return l.values["path"] == ipv4.ours[0].Addr().String() && l.values["state"] == "available"
	})
	seen.awaitActive(t, conn, ipv4.peer[0].Addr())
	ours.end(conn, other)
}
