package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Packets that belong to no association: RFC 9260, section 8.4, rule by rule.
func TestOutOfTheBlue(t *testing.T) {
	const tag = 0x11223344
	data := dataChunk(whole, 1, 0, 0, []byte("x"))
	stale := wire.AppendError(nil, wire.AppendCauseStaleCookie(nil, 1))
	for _, c := range []struct {
		rule   string
		src    wire.Addr
		chunks [][]byte
		want   string
		drop   func(d *Drops) uint64
	}{
		{"1: multicast source", wire.AddrFrom4([4]byte{224, 0, 0, 5}), [][]byte{data}, "", func(d *Drops) uint64 { return d.BadAddress }},
		{"1: broadcast source", wire.AddrFrom4([4]byte{255, 255, 255, 255}), [][]byte{data}, "", func(d *Drops) uint64 { return d.BadAddress }},
		{"1: unspecified source", wire.AddrFrom4([4]byte{}), [][]byte{data}, "", func(d *Drops) uint64 { return d.BadAddress }},
		{"2: ABORT", addrOf(1, 0), [][]byte{wire.AppendAbort(nil, false, nil)}, "", func(d *Drops) uint64 { return d.OutOfBlue }},
		{"2: ABORT further on", addrOf(1, 0), [][]byte{data, wire.AppendAbort(nil, true, nil)}, "", func(d *Drops) uint64 { return d.OutOfBlue }},
		{"5: SHUTDOWN ACK", addrOf(1, 0), [][]byte{wire.AppendShutdownAck(nil)}, "SHUTDOWN COMPLETE", nil},
		{"6: SHUTDOWN COMPLETE", addrOf(1, 0), [][]byte{wire.AppendShutdownComplete(nil, false)}, "", func(d *Drops) uint64 { return d.OutOfBlue }},
		{"7: ERROR Stale Cookie", addrOf(1, 0), [][]byte{stale}, "", func(d *Drops) uint64 { return d.OutOfBlue }},
		{"7: COOKIE ACK", addrOf(1, 0), [][]byte{wire.AppendCookieAck(nil)}, "", func(d *Drops) uint64 { return d.OutOfBlue }},
		{"8: DATA", addrOf(1, 0), [][]byte{data}, "ABORT", nil},
		{"8: SACK", addrOf(1, 0), [][]byte{sackChunk(5)}, "ABORT", nil},
		{"8: HEARTBEAT", addrOf(1, 0), [][]byte{wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("x"))}, "ABORT", nil},
		{"8: another ERROR", addrOf(1, 0), [][]byte{wire.AppendError(nil, wire.AppendCauseInvalidParam(nil))}, "ABORT", nil},
		{"8: unknown chunk", addrOf(1, 0), [][]byte{unknown(200, "x")}, "ABORT", nil},
		{"8: INIT ACK", addrOf(1, 0), [][]byte{initChunk(wire.ChunkInitAck, 5, 9000, 1, 1, 1)}, "ABORT", nil},
		{"malformed later", addrOf(1, 0), [][]byte{data, {0, 0, 0, 99}}, "", func(d *Drops) uint64 { return d.BadChunkLength }},
		{"no chunk", addrOf(1, 0), [][]byte{{1, 2}}, "", func(d *Drops) uint64 { return d.ShortPacket }},
		{"4: COOKIE ECHO without our MAC", addrOf(1, 0), [][]byte{wire.AppendCookieEcho(nil, make([]byte, 150))}, "", func(d *Drops) uint64 { return d.BadCookie }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			r := newRawPeer(t, nil)
			r.listen(1)
			r.src = c.src
			got := r.put(tag, c.chunks...)
			if c.want == "" {
				require.Empty(t, got)
				require.EqualValues(t, 1, c.drop(&r.e.ctr.Drops))
				return
			}
			require.Equal(t, []string{c.want}, names(got))
			require.EqualValues(t, tag, got[0].VerificationTag(), "the tag comes back")
			require.Equal(t, wire.FlagT, got[0].chunk(0).Flags()&wire.FlagT)
			require.Equal(t, []uint16{portZ, portA}, []uint16{got[0].SrcPort(), got[0].DstPort()})
			require.Equal(t, []wire.Addr{r.dst, r.src}, []wire.Addr{got[0].src, got[0].dst})
			require.EqualValues(t, 1, r.e.ctr.OutOfBlues)
		})
	}
}

// Two endpoints never answer each other's answers for ever.
func TestOutOfTheBlueEnds(t *testing.T) {
	a, z := newRawPeer(t, nil), newRawPeer(t, nil)
	for _, chunk := range [][]byte{dataChunk(whole, 1, 0, 0, []byte("x")), wire.AppendShutdownAck(nil), unknown(255, "x"), sackChunk(1)} {
		got := a.put(77, chunk)
		require.Len(t, got, 1)
		require.Empty(t, z.putBytes(got[0].Packet))
	}
}

// An association that one side lost: its packets are answered by ABORT with the T
// bit, which ends the other side's half.
func TestLostAssociationIsAborted(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	p.crash(1)
	p.ladder = nil
	p.sendMsg(0, 0, message(1, 10), 0)
	p.run(p.now + Second)
	require.Equal(t, []string{"A→Z DATA", "Z→A ABORT"}, p.ladder)
	p.requireDown(0, ReasonPeerAbort)
}

// No packet with a wrong tag or a wrong address ends or changes an association (8.5).
func TestWrongTags(t *testing.T) {
	chunks := map[string][]byte{
		"DATA": nil, "SACK": nil,
		"HEARTBEAT":         wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("x")),
		"ABORT":             wire.AppendAbort(nil, false, nil),
		"ABORT T":           wire.AppendAbort(nil, true, nil),
		"SHUTDOWN":          nil,
		"SHUTDOWN ACK":      wire.AppendShutdownAck(nil),
		"SHUTDOWN COMPLETE": wire.AppendShutdownComplete(nil, false),
		"ERROR":             wire.AppendError(nil, wire.AppendCauseInvalidParam(nil)),
		"COOKIE ACK":        wire.AppendCookieAck(nil),
		"INIT ACK":          initChunk(wire.ChunkInitAck, 5, 9000, 1, 1, 1),
		"unknown":           unknown(0xc5, "x"),
	}
	for _, state := range []State{Established, ShutdownSent, ShutdownAckSent, CookieEchoed, CookieWait} {
		for name, chunk := range chunks {
			t.Run(name+" in "+state.String(), func(t *testing.T) {
				r := newRawPeer(t, nil)
				switch state {
				case CookieWait:
					r.dial()
				case CookieEchoed:
					r.dial()
					r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))
				default:
					r.establish()
				}
				switch state {
				case ShutdownSent:
					require.NoError(t, r.e.Shutdown(r.now, r.id))
					r.poll()
				case ShutdownAckSent:
					r.say(wire.AppendShutdown(nil, r.assoc().out.cumAcked))
				}
				a := r.assoc()
				switch name {
				case "DATA":
					chunk = dataChunk(whole, r.tsn, 0, 0, []byte("x"))
				case "SACK":
					chunk = sackChunk(a.out.cumAcked)
				case "SHUTDOWN":
					chunk = wire.AppendShutdown(nil, a.out.cumAcked)
				}
				require.Equal(t, state, a.state)
				before := *a
				for _, tag := range []uint32{r.theirs ^ 1, r.theirs + 1<<31, r.mine ^ 4} {
					got := r.put(tag, chunk)
					if len(got) > 0 {
						// 8.5.1 E: a SHUTDOWN ACK during the handshake is out of the blue.
						require.Equal(t, "SHUTDOWN ACK", name)
						require.LessOrEqual(t, state, CookieEchoed)
						require.Equal(t, []string{"SHUTDOWN COMPLETE"}, names(got))
					} else {
						require.NotZero(t, r.e.ctr.Drops.BadTag)
					}
				}
				require.Empty(t, r.put(0, chunk))
				require.EqualValues(t, 1, r.e.ctr.Drops.ZeroTag)
				if name == "INIT ACK" && state == CookieWait {
					return // it may come from an address that is new
				}
				home := r.src
				r.src = addrOf(99, 0)
				require.Empty(t, r.say(chunk), "the right tag from a wrong address")
				require.EqualValues(t, 1, r.e.ctr.Drops.AddressNotOfAssoc)
				r.src = home
				require.Equal(t, []any{before.state, before.peerTag, before.in.cum, before.out.cumAcked, before.errors, before.t1},
					[]any{a.state, a.peerTag, a.in.cum, a.out.cumAcked, a.errors, a.t1})
				if state == Established {
					r.works()
				}
			})
		}
	}
}
