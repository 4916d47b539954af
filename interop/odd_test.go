//go:build linux && cgo

package interop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// TestUsrsctpOddities puts into packets what their receiver cannot know or must
// not accept, in both directions: both stacks do what RFC 9260 says of it, and
// each understands the other's complaint.
func TestUsrsctpOddities(t *testing.T) {
	l := newLab(t, true)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, l place)
	}{
		{"unknown chunks", testUnknownChunks}, {"unknown parameters, we dial", testUnknownParamsOut},
		{"unknown parameters, peer dials", testUnknownParamsIn},
		{"empty DATA to the peer", testEmptyDataOut}, {"empty DATA to us", testEmptyDataIn},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, l) })
	}
}

// once is a hook that appends a tail to the first packet with DATA and lets
// everything pass; done is set then.
func once(done *atomic.Bool, tail func(last wire.Data) []byte) func(*nic.Packet) bool {
	return func(pkt *nic.Packet) bool {
		if data := dataOf(pkt); len(data) > 0 && !done.Swap(true) {
			appendTo(pkt, tail(data[len(data)-1]))
		}
		return true
	}
}

// testUnknownChunks sends chunks of types that nobody has given a meaning. Their
// two upper bits say what happens (RFC 9260, section 3.2): with 01 and 11 they
// are reported, and 10 and 11 let the DATA behind them through.
func testUnknownChunks(t *testing.T, l place) {
	for _, c := range []struct {
		kind     byte
		reported bool
	}{{0x3e, false}, {0x7e, true}, {0xbe, false}, {0xfe, true}} {
		t.Run(fmt.Sprintf("%#x", c.kind), func(t *testing.T) {
			var wires tampering
			ours := l.startWith(t, labTimers, sctpcore.Limits{}, wires.wrap)
			conn, other := ours.call(t, l, "echo", smallPlan)
			other.awaitConfirmed(ipv4.ours[1].Addr())
			events := watch(conn)
			tail := func(wire.Data) []byte { return []byte{c.kind, 0, 0, 8, 1, 2, 3, 4} }
			pong := func() {
				require.NoError(t, conn.Send([]byte("ping"), nil))
				got, _, err := recvMessage(conn, make([]byte, 16))
				require.NoError(t, err)
				require.Equal(t, "ping", string(got))
			}
			var toPeer, toUs atomic.Bool
			wires.onTx(once(&toPeer, tail))
			pong()
			wires.onTx(nil)
			wires.onRx(once(&toUs, tail))
			pong()
			require.True(t, toPeer.Load() && toUs.Load())
			if c.reported {
				events.await(t, "the peer's ERROR", func(e dataplane.PathEvent) bool {
					return e.Kind == sctpcore.EventPeerError && e.Cause == wire.CauseUnrecognizedChunk
				})
				other.awaitEvent("remote_error", fmt.Sprint(int(wire.CauseUnrecognizedChunk)))
			}
			pong() // behind any ERROR on the same path
			_, told := events.find(func(e dataplane.PathEvent) bool { return e.Cause == wire.CauseUnrecognizedChunk })
			require.Equal(t, c.reported, told)
			require.Equal(t, c.reported, other.count(func(l line) bool {
				return l.values["remote_error"] == fmt.Sprint(int(wire.CauseUnrecognizedChunk))
			}) > 0, "the peer got an ERROR from us")
			ours.end(conn, other)
		})
	}
}

// Unknown parameters: one to be skipped and reported, one to be skipped only.
const (
	reportedParam = 0xc0fe
	silentParam   = 0x80fe
)

// addParams appends the unknown parameters to a packet with an INIT.
func addParams(pkt *nic.Packet) bool {
	chunks := chunksOf(pkt)
	if len(chunks) != 1 || chunks[0].Type() != wire.ChunkInit {
		return true
	}
	params := wire.AppendParam(wire.AppendParam(nil, silentParam, []byte{1, 2, 3, 4}), reportedParam, []byte{5, 6, 7, 8})
	length := wire.Pad4(len(chunks[0])) + len(params)
	binary.BigEndian.PutUint16(pkt.Data()[sctpAt+wire.CommonHeaderLen+2:], uint16(length))
	appendTo(pkt, params)
	return true
}

// reports are which unknown parameters INIT ACKs report.
type reports struct{ sync.Map }

func (r *reports) has(p wire.ParamType) bool {
	_, there := r.Load(p)
	return there
}

// hook is one that gathers them.
func (r *reports) hook(pkt *nic.Packet) bool {
	r.gather(pkt)
	return true
}

func (r *reports) gather(pkt *nic.Packet) {
	for _, c := range chunksOf(pkt) {
		init, err := wire.ParseInit(c)
		if err != nil || c.Type() != wire.ChunkInitAck {
			continue
		}
		for rest := init.Params(); len(rest) > 0; {
			p, next, err := wire.NextParam(rest)
			if err != nil {
				return
			}
			rest = next
			if quoted, ok := wire.ParseUnrecognized(p); ok {
				r.Store(quoted.Type(), true)
			}
		}
	}
}

// testUnknownParamsOut puts unknown parameters into our INIT.
func testUnknownParamsOut(t *testing.T, l place) {
	var wires tampering
	var reported reports
	ours := l.startWith(t, labTimers, sctpcore.Limits{}, wires.wrap)
	wires.onTx(addParams)
	wires.onRx(reported.hook)
	conn, other := ours.call(t, l, "hold", smallPlan)
	require.True(t, reported.has(reportedParam), "the peer does not report what it should")
	require.False(t, reported.has(silentParam))
	ours.end(conn, other)
}

// testUnknownParamsIn puts them into the peer's INIT.
func testUnknownParamsIn(t *testing.T, l place) {
	var wires tampering
	var reported reports
	ours := l.startWith(t, labTimers, sctpcore.Limits{}, wires.wrap)
	wires.onRx(addParams)
	wires.onTx(reported.hook)
	accept := ours.listen(addr(ipv4.ours, ourPort))
	other := l.peerIn(t, peerArgs("client", "hold", list(ipv4.peer), list(ipv4.ours), ourPort, smallPlan)...)
	conn := accept()
	other.awaitEvent("assoc", "up")
	require.True(t, reported.has(reportedParam), "we do not report what we should")
	require.False(t, reported.has(silentParam))
	ours.end(conn, other)
}

// emptyData is a DATA chunk without user data that follows another.
func emptyData(last wire.Data) []byte {
	b := make([]byte, wire.DataHeaderLen)
	wire.PutDataHeader(b, wire.FlagB|wire.FlagE, 0, last.TSN()+1, 0, last.SSN()+1, planPPID)
	return b
}

// testEmptyDataOut sends the peer what RFC 9260, section 6.2, wants answered with
// ABORT and No User Data; we understand that.
func testEmptyDataOut(t *testing.T, l place) {
	var wires tampering
	var done atomic.Bool
	ours := l.startWith(t, labTimers, sctpcore.Limits{}, wires.wrap)
	conn, other := ours.call(t, l, "hold", smallPlan)
	wires.onTx(once(&done, emptyData))
	require.NoError(t, conn.Send([]byte("one"), nil))
	var why *dataplane.AssocError
	require.True(t, errors.As(ours.ended(conn), &why))
	require.Equal(t, sctpcore.ReasonPeerAbort, why.Reason)
	require.Equal(t, wire.CauseNoUserData, why.Cause)
	other.awaitEvent("assoc", "lost")
	ours.close()
}

// testEmptyDataIn is the same the other way round; the counter has its name.
func testEmptyDataIn(t *testing.T, l place) {
	var wires tampering
	var done atomic.Bool
	ours := l.startWith(t, labTimers, sctpcore.Limits{}, wires.wrap)
	conn, other := ours.call(t, l, "hold", smallPlan)
	wires.onRx(once(&done, emptyData))
	other.command("send 10 0 1 0")
	require.Error(t, ours.ended(conn))
	require.Equal(t, uint64(1), ours.dp.Stats().Core.Drops.EmptyData)
	other.awaitEvent("assoc", "lost")
	ours.close()
}
