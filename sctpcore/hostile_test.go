package sctpcore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Packets that are malformed: each is counted by name, and the association that got it
// works on.
func TestMalformedPackets(t *testing.T) {
	lengths := func(n uint16) []byte { return []byte{byte(wire.ChunkCookieAck), 0, byte(n >> 8), byte(n)} }
	for _, c := range []struct {
		name   string
		bytes  func(r *rawPeer) []byte
		drop   func(d *Drops) uint64
		answer string
	}{
		{"nothing", func(*rawPeer) []byte { return nil }, func(d *Drops) uint64 { return d.ShortPacket }, ""},
		{"half a common header", func(r *rawPeer) []byte { return packet(r.theirs)[:7] }, func(d *Drops) uint64 { return d.ShortPacket }, ""},
		{"no chunk", func(r *rawPeer) []byte { return packet(r.theirs) }, func(d *Drops) uint64 { return d.ShortPacket }, ""},
		{"chunk length 0", func(r *rawPeer) []byte { return packet(r.theirs, lengths(0)) }, func(d *Drops) uint64 { return d.BadChunkLength }, ""},
		{"chunk length 3", func(r *rawPeer) []byte { return packet(r.theirs, lengths(3)) }, func(d *Drops) uint64 { return d.BadChunkLength }, ""},
		{"chunk beyond the packet", func(r *rawPeer) []byte { return packet(r.theirs, lengths(5)) }, func(d *Drops) uint64 { return d.BadChunkLength }, ""},
		{"chunk of 65535 bytes", func(r *rawPeer) []byte { return packet(r.theirs, lengths(65535)) }, func(d *Drops) uint64 { return d.BadChunkLength }, ""},
		{"half a chunk header after a chunk", func(r *rawPeer) []byte { return packet(r.theirs, unknown(0x8f, ""), []byte{1, 2}) }, func(d *Drops) uint64 { return d.BadChunkLength }, ""},
		{"bad length after a good chunk", func(r *rawPeer) []byte { return packet(r.theirs, unknown(0x8f, ""), lengths(1)) }, func(d *Drops) uint64 { return d.BadChunkLength }, ""},
		{"source port 0", func(r *rawPeer) []byte { b := packet(r.theirs, lengths(4)); b[0], b[1] = 0, 0; return b }, func(d *Drops) uint64 { return d.BadPort }, ""},
		{"destination port 0", func(r *rawPeer) []byte { b := packet(r.theirs, lengths(4)); b[2], b[3] = 0, 0; return b }, func(d *Drops) uint64 { return d.BadPort }, ""},
		{"DATA too short", func(r *rawPeer) []byte { return packet(r.theirs, unknown(wire.ChunkData, "12345678")) }, func(d *Drops) uint64 { return d.BadChunk }, ""},
		{"HEARTBEAT without information", func(r *rawPeer) []byte { return packet(r.theirs, unknown(wire.ChunkHeartbeat, "")) }, func(d *Drops) uint64 { return d.BadChunk }, ""},
		{"HEARTBEAT with a parameter beyond it", func(r *rawPeer) []byte {
			return packet(r.theirs, unknown(wire.ChunkHeartbeat, "\x00\x01\x00\x09abcd"))
		}, func(d *Drops) uint64 { return d.BadChunk }, ""},
		{"ERROR with a cause beyond it", func(r *rawPeer) []byte { return packet(r.theirs, unknown(wire.ChunkError, "\x00\x01\x00\x09abcd")) }, func(d *Drops) uint64 { return d.BadChunk }, ""},
		{"ERROR with a cause of length 0", func(r *rawPeer) []byte { return packet(r.theirs, unknown(wire.ChunkError, "\x00\x01\x00\x00")) }, func(d *Drops) uint64 { return d.BadChunk }, ""},
		{"INIT ACK with DATA", func(r *rawPeer) []byte {
			return packet(r.theirs, initChunk(wire.ChunkInitAck, 5, 9000, 1, 1, 1), dataChunk(whole, r.tsn, 0, 0, []byte("x")))
		}, func(d *Drops) uint64 { return d.NotAlone }, ""},
		{"INIT after DATA", func(r *rawPeer) []byte {
			return packet(r.theirs, unknown(0x8f, ""), r.plainInit())
		}, func(d *Drops) uint64 { return d.NotAlone }, ""},
		{"SHUTDOWN COMPLETE with others", func(r *rawPeer) []byte {
			return packet(r.theirs, wire.AppendShutdownComplete(nil, false), unknown(0x8f, ""))
		}, func(d *Drops) uint64 { return d.NotAlone }, ""},
		{"COOKIE ECHO after another chunk", func(r *rawPeer) []byte { return packet(r.theirs, unknown(0x8f, ""), r.echo()) }, func(d *Drops) uint64 { return d.UnexpectedChunk }, ""},
		{"INIT behind COOKIE ECHO", func(r *rawPeer) []byte { return packet(r.theirs, r.echo(), r.plainInit()) }, func(d *Drops) uint64 { return d.NotAlone }, "COOKIE ACK"},
		{"SHUTDOWN COMPLETE behind COOKIE ECHO", func(r *rawPeer) []byte {
			return packet(r.theirs, r.echo(), wire.AppendShutdownComplete(nil, false))
		}, func(d *Drops) uint64 { return d.NotAlone }, "COOKIE ACK"},
		{"FORWARD TSN, not negotiated", func(r *rawPeer) []byte { return packet(r.theirs, unknown(192, "\xff\xff\xff\xff")) }, func(d *Drops) uint64 { return d.UnknownChunk }, "ERROR"},
		{"I-DATA, not negotiated", func(r *rawPeer) []byte { return packet(r.theirs, unknown(64, strings.Repeat("x", 17))) }, func(d *Drops) uint64 { return d.UnknownChunk }, "ERROR"},
		{"ASCONF, not negotiated", func(r *rawPeer) []byte { return packet(r.theirs, unknown(0xc1, "\x00\x00\x00\x01")) }, func(d *Drops) uint64 { return d.UnknownChunk }, "ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rawEstablished(t, nil)
			got := r.putBytes(c.bytes(r))
			require.Equal(t, c.answer, strings.Join(names(got), " "))
			require.EqualValues(t, 1, c.drop(&r.e.ctr.Drops))
			r.works()
		})
	}
}

// A last chunk whose padding is missing is whole all the same.
func TestMissingPadding(t *testing.T) {
	r := rawEstablished(t, nil)
	b := packet(r.theirs, dataChunk(whole, r.tsn, 0, 0, []byte("abcde")))
	r.putBytes(b[:len(b)-3])
	require.Equal(t, []string{"abcde"}, r.read())
	r.works()
}

// Chunks of unknown type by their two high bits (RFC 9260, section 3.2).
func TestUnknownChunks(t *testing.T) {
	for _, c := range []struct {
		typ            wire.ChunkType
		report, goesOn bool
	}{{0x3e, false, false}, {0x7e, true, false}, {0xbe, false, true}, {0xfe, true, true}} {
		t.Run(fmt.Sprintf("%#x", uint8(c.typ)), func(t *testing.T) {
			r := rawEstablished(t, nil)
			r.say(dataChunk(whole|wire.FlagU, r.tsn, 0, 0, []byte("first")))
			r.read()
			r.tsn++
			odd := unknown(c.typ, "what's this?")
			got := r.say(odd, dataChunk(whole, r.tsn, 0, 0, []byte("after")))
			require.Equal(t, c.report, len(got) == 1)
			if c.report {
				require.Equal(t, []string{"ERROR"}, names(got))
				quoted, ok := firstCause(got[0].chunk(0)).UnrecognizedChunk()
				require.True(t, ok)
				require.Equal(t, odd, []byte(quoted))
			}
			if c.goesOn {
				require.Equal(t, []string{"after"}, r.read())
				r.tsn++
			} else {
				require.Empty(t, r.read())
			}
			require.EqualValues(t, 1, r.e.ctr.Drops.UnknownChunk)
			r.works()
		})
	}
	// It is quoted whole, or as far as the path's MTU allows.
	for n, mtu := range map[int]int{1000: 1500, 1020: 1500, 1400: 1500, 8000: 1500, 1300: 576} {
		r := rawEstablished(t, nil)
		require.NoError(t, r.e.SetRoute(r.now, r.id, 0, Route{Src: r.dst, MTU: mtu}))
		odd := unknown(0xfe, strings.Repeat("x", n-4))
		got := r.say(odd)
		require.Equal(t, []string{"ERROR"}, names(got))
		require.LessOrEqual(t, len(got[0].Packet), mtu-20)
		cause := firstCause(got[0].chunk(0))
		require.Equal(t, wire.CauseUnrecognizedChunk, cause.Code())
		quoted := cause[4:]
		require.Equal(t, odd[:len(quoted)], []byte(quoted))
		if n <= 1400 && mtu == 1500 {
			require.Len(t, quoted, n)
		}
		require.Greater(t, len(quoted), min(n, mtu)-100)
		r.works()
	}
}

// ERROR causes: nested, unknown, endless; a report of a report is not reported
// (hostile.md, 10).
func TestErrorChains(t *testing.T) {
	nested := wire.AppendCauseUnrecognizedChunk(nil, wire.Chunk(unknown(0xfe, "x")))
	for range 50 {
		nested = wire.AppendCauseUnrecognizedChunk(nil, wire.Chunk(wire.AppendError(nil, nested)))
	}
	for name, causes := range map[string][]byte{
		"nested":   nested,
		"unknown":  wire.AppendCause(nil, 0xbeef, []byte("x")),
		"endless":  bytes.Repeat(wire.AppendCauseInvalidParam(nil), 340),
		"all zero": make([]byte, 4)[:0],
	} {
		r := rawEstablished(t, nil)
		before := len(r.events)
		require.Empty(t, r.say(wire.AppendError(nil, causes)), name)
		require.LessOrEqual(t, len(r.events)-before, maxCauses, name)
		r.works()
	}
}

// HEARTBEAT ACKs that do not echo what was sent prove nothing (hostile.md, 9).
func TestHostileHeartbeatAcks(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, addrOf(1, 1)))
	a := r.assoc()
	require.Equal(t, Unconfirmed, a.paths[1].state)
	require.NoError(t, r.e.RequestHeartbeat(r.now, r.id, 1))
	var hb wire.Chunk
	for _, g := range append(r.poll(), r.wait(2*Second)...) {
		if c := g.chunk(0); c.Type() == wire.ChunkHeartbeat && g.dst == addrOf(1, 1) {
			hb = c
		}
	}
	require.NotNil(t, hb)
	good, err := wire.ParseHeartbeat(hb)
	require.NoError(t, err)
	bad := uint64(0)
	forge := func(name string, info []byte) {
		require.Empty(t, r.say(wire.AppendHeartbeat(nil, wire.ChunkHeartbeatAck, info)), name)
		bad++
		require.Equal(t, bad, r.e.ctr.Drops.BadHeartbeatAck, name)
		require.Equal(t, Unconfirmed, a.paths[1].state, name)
	}
	forge("empty", nil)
	forge("short", good[:len(good)-1])
	forge("long", append(append([]byte(nil), good...), 0))
	forge("huge", make([]byte, 1300))
	forge("zero", make([]byte, len(good)))
	for i := 4; i < 12; i++ {
		forged := append([]byte(nil), good...)
		forged[i] ^= 0x10
		forge("another nonce", forged)
	}
	for _, path := range []byte{0, 2, 31, 255} {
		forged := append([]byte(nil), good...)
		forged[0] = path
		forge("another path", forged)
	}
	// The time in it is not believed: only our own note of when it went out counts.
	forged := append([]byte(nil), good...)
	copy(forged[12:], []byte{0x80, 0, 0, 0, 0, 0, 0, 0})
	r.say(wire.AppendHeartbeat(nil, wire.ChunkHeartbeatAck, forged))
	require.Equal(t, Active, a.paths[1].state)
	require.LessOrEqual(t, a.paths[1].rto, r.e.cfg.Timers.RTOMax)
	require.GreaterOrEqual(t, a.paths[1].srtt, Time(0))
	require.Empty(t, r.say(wire.AppendHeartbeat(nil, wire.ChunkHeartbeatAck, good)), "a second time")
	require.Equal(t, bad+1, r.e.ctr.Drops.BadHeartbeatAck)
	r.works()
}

// A HEARTBEAT is echoed as it is, up to what fits a packet; larger ones are dropped.
func TestHeartbeatEcho(t *testing.T) {
	r := rawEstablished(t, nil)
	for _, n := range []int{0, 1, 2, 3, 40, 1000, 1420} {
		info := bytes.Repeat([]byte{0xa5}, n)
		got := r.say(wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, info))
		require.Equal(t, []string{"HEARTBEAT ACK"}, names(got))
		back, err := wire.ParseHeartbeat(got[0].chunk(0))
		require.NoError(t, err)
		require.Equal(t, info, append([]byte{}, back...))
		require.Equal(t, r.mine, got[0].VerificationTag())
	}
	for i, n := range []int{1500, 8000, 60000} {
		require.Empty(t, r.say(wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, make([]byte, n))))
		require.EqualValues(t, i+1, r.e.ctr.Drops.BadChunk)
	}
	r.works()
}

// Addresses that the peer lists but that nobody proved to be its own get heartbeats
// at a slow rate and no data (RFC 5062: bombing; RFC 9260, section 5.4).
func TestNoBombing(t *testing.T) {
	r := newRawPeer(t, nil)
	var params [][]byte
	for n := range 8 {
		params = append(params, wire.AppendAddr(nil, addrOf(1, n)))
	}
	r.establish(params...)
	m := &Message{Data: make([]byte, 200_000)}
	require.NoError(t, r.e.Send(r.now, r.id, m))
	count := map[wire.Addr]int{}
	for _, g := range r.wait(20 * Second) {
		if g.dst != r.src {
			require.Equal(t, "HEARTBEAT", describe(g.Packet))
			count[g.dst]++
		}
	}
	for addr, n := range count {
		require.LessOrEqual(t, n, 6, "%v", addr)
	}
}

// The INIT ACK is not much larger than the INIT that asks for it, whatever that lists.
func TestNoAmplification(t *testing.T) {
	r := newRawPeer(t, nil)
	r.listen(2)
	small := packet(0, r.plainInit())
	require.LessOrEqual(t, len(r.putBytes(small)[0].Packet), 8*len(small))
	var params [][]byte
	for i := range 60 {
		params = append(params, param(0xc000|wire.ParamType(i+100), "0123456789"))
	}
	big := packet(0, r.plainInit(params...))
	got := r.putBytes(big)
	require.LessOrEqual(t, len(got[0].Packet), replySize)
	require.LessOrEqual(t, len(got[0].Packet), 2*len(big))
}

// limited is an endpoint with a small receive buffer and store, and many streams.
func limited(c *Config) {
	c.Limits.ReceiveBuffer, c.Limits.StoreMemory = 64<<10, 256<<10
	c.Limits.InStreams = 65535
}

func (r *rawPeer) bounded() {
	r.t.Helper()
	in := &r.assoc().in
	require.LessOrEqual(r.t, in.held, 2*in.limit)
	require.LessOrEqual(r.t, r.e.store.taken, r.e.cfg.Limits.StoreMemory)
	require.LessOrEqual(r.t, len(in.records), maxWindow)
	require.LessOrEqual(r.t, len(in.runs), maxRuns)
	require.LessOrEqual(r.t, in.ready.len(), 2*in.limit/blockSizes[0])
}

// Peers that mean to use up memory (hostile.md, 11): the bounds hold, what is beyond
// them is counted, and another association of the endpoint works on.
func TestMemoryIsBounded(t *testing.T) {
	const n = 20_000
	one := []byte("x")
	for name, c := range map[string]struct {
		chunk   func(i int) []byte // relative to the first TSN 1000
		drop    func(d *Drops) uint64
		recover bool // the association itself works on
	}{
		"never the first": {func(i int) []byte { return dataChunk(whole, wire.TSN(1001+i), 0, wire.SSN(1+i), one) },
			func(d *Drops) uint64 { return d.TSNOutsideWindow + d.NoReceiveBuffer }, true},
		"every second TSN": {func(i int) []byte { return dataChunk(whole, wire.TSN(1001+2*i), 0, wire.SSN(1+i), one) },
			func(d *Drops) uint64 { return d.TSNOutsideWindow + d.NoReceiveBuffer }, true},
		"every second TSN, downwards": {func(i int) []byte { return dataChunk(whole, wire.TSN(1000+2*(n-i)), 0, wire.SSN(1+i), one) },
			func(d *Drops) uint64 { return d.TSNOutsideWindow }, true},
		"a fragment on every stream, with gaps": {func(i int) []byte {
			return dataChunk(wire.FlagB, wire.TSN(1001+2*i), uint16(i), 0, one)
		}, func(d *Drops) uint64 { return d.TSNOutsideWindow + d.NoReceiveBuffer }, true},
		"message without end": {func(i int) []byte {
			flags := uint8(0)
			if i == 0 {
				flags = wire.FlagB
			}
			return dataChunk(flags, wire.TSN(1000+i), 0, 0, one)
		}, func(d *Drops) uint64 { return d.NoReceiveBuffer }, false},
		"a reader that never reads": {func(i int) []byte { return dataChunk(whole, wire.TSN(1000+i), 0, wire.SSN(i), one) },
			func(d *Drops) uint64 { return d.NoReceiveBuffer }, false},
		"each TSN twice": {func(i int) []byte { return dataChunk(whole, wire.TSN(1000+i/2), 0, wire.SSN(i/2), one) },
			func(d *Drops) uint64 { return d.DuplicateTSN }, false},
		"sequence numbers ahead": {func(i int) []byte { return dataChunk(whole, wire.TSN(1000+i), uint16(i), 5, one) },
			func(d *Drops) uint64 { return d.NoReceiveBuffer + d.TSNOutsideWindow }, false},
		"large chunks ahead": {func(i int) []byte { return dataChunk(whole, wire.TSN(1001+i%1000), 0, wire.SSN(i), make([]byte, 1400)) },
			func(d *Drops) uint64 { return d.NoReceiveBuffer }, true},
		"bad streams far ahead": {func(i int) []byte { return dataChunk(whole, wire.TSN(1001+i*99991), 65535, 0, one) },
			func(d *Drops) uint64 { return d.BadStream }, true}, // 65535 streams: 0 to 65534
	} {
		t.Run(name, func(t *testing.T) {
			r := newRawPeer(t, limited)
			r.streams = 65535
			other := newRawPeer(t, nil)
			other.e, other.src, other.mine = r.e, addrOf(3, 0), 99
			r.listen(1)
			other.establish()
			r.establish()
			burst := make([]Inbound, 0, 64)
			for i := range n {
				burst = append(burst, Inbound{Src: r.src, Dst: r.dst, Data: packet(r.theirs, c.chunk(i))})
				if len(burst) == cap(burst) {
					r.e.HandlePackets(r.now, burst)
					burst = burst[:0]
					r.bounded()
					if i%1000 < 64 {
						r.poll()
					}
				}
			}
			r.bounded()
			r.poll()
			require.NotZero(t, c.drop(&r.e.ctr.Drops))
			require.Equal(t, Established, r.state(), "nothing of this is a reason to abort")
			other.works()
			if c.recover {
				// What was missing comes: everything that waited gets out.
				r.say(dataChunk(whole, 1000, 0, 0, one))
				require.NotEmpty(t, r.read())
				require.Equal(t, Established, r.state())
			}
			require.NoError(t, r.e.Abort(r.now, r.id, nil))
			r.poll()
			r.e.Forget(r.id)
			require.NoError(t, invariants(r.e))
			other.works()
		})
	}
}

// All associations together stay below StoreMemory, and one that cannot store
// anything goes on when there is room again.
func TestStoreMemoryIsShared(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.ReceiveBuffer, c.Limits.StoreMemory = 128<<10, 192<<10 })
	r.listen(1)
	var peers []*rawPeer
	for i := range 6 {
		p := newRawPeer(t, nil)
		p.e, p.src, p.mine = r.e, addrOf(byte(10+i), 0), uint32(100+i)
		p.establish()
		peers = append(peers, p)
		for k := range 60 {
			p.say(dataChunk(whole, p.tsn+wire.TSN(k), 0, wire.SSN(k), make([]byte, 1400)))
		}
		p.bounded()
	}
	require.NotZero(t, r.e.ctr.Drops.NoStore)
	for _, p := range peers {
		p.read()
	}
	for _, p := range peers {
		p.tsn = p.assoc().in.cum + 1
		p.say(dataChunk(whole|wire.FlagU, p.tsn, 0, 0, make([]byte, 1400)))
		require.Len(t, p.read(), 1)
	}
}

// A peer whose every DATA is new but never in order cannot make one packet cost much:
// the work of reassembly is bounded by the window, not by what TSNs it names.
func TestFarTSNsCostNothing(t *testing.T) {
	r := newRawPeer(t, limited)
	r.establish()
	for _, ahead := range []wire.TSN{maxWindow, 1 << 20, 1<<31 - 2} {
		for _, stream := range []uint16{0, 65535} {
			r.say(dataChunk(whole, r.tsn+ahead, stream, 0, []byte("x")))
		}
	}
	require.LessOrEqual(t, uint32(r.assoc().in.highest()-r.assoc().in.cum), uint32(maxWindow))
	r.works()
}
