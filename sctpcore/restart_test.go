package sctpcore

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// crash replaces a side's endpoint by a fresh one that knows nothing.
func (p *pair) crash(side int) {
	c := p.e[side].cfg
	c.Seed[5]++
	e, err := New(c)
	require.NoError(p.t, err)
	p.e[side], p.id[side] = e, 0
	var rest []flying
	for _, f := range p.wire {
		if f.from == 1-side {
			rest = append(rest, f)
		}
	}
	p.wire = rest
}

// The peer lost its half of the association and begins again (RFC 9260, 5.2.2).
func TestPeerRestart(t *testing.T) {
	p := newPair(t, 2, nil)
	p.connect()
	p.sendMsg(0, 0, message(1, 100), 0)
	p.sendMsg(0, 0, message(2, 100), 0)
	p.run(p.now + Second)
	id := p.id[1]
	p.crash(0)
	p.ladder = nil
	require.NoError(t, p.associate(0, 1))
	p.run(p.now + Second)
	require.Equal(t, []string{"A→Z INIT", "Z→A INIT ACK", "A→Z COOKIE ECHO", "Z→A COOKIE ACK"}, p.ladder[:4])
	require.Equal(t, id, p.id[1], "Z has the same association")
	require.Contains(t, p.kinds(1), EventRestart)
	require.NotContains(t, p.kinds(1), EventDown)
	require.EqualValues(t, 1, p.e[1].ctr.CurrEstab)
	require.Len(t, p.receive(1), 2, "what came before the restart can still be read")
	for i := range 3 {
		p.sendMsg(0, 0, message(i, 5000), 0)
		p.sendMsg(1, 0, message(i, 5000), 0)
	}
	p.run(p.now + 2*Second)
	for side := range 2 {
		require.Equal(t, [][]byte{message(0, 5000), message(1, 5000), message(2, 5000)}, p.receive(side))
	}
}

// What the peer has not acknowledged when it restarts is sent to it anew, on streams
// that begin again.
func TestRestartWithDataOutstanding(t *testing.T) {
	for _, queued := range []int{1, 4, 100} {
		p := newPair(t, 1, nil)
		p.connect()
		for i := range queued {
			p.sendMsg(1, uint16(i%3), message(i, 1400), 0)
		}
		p.pump() // the window is full
		p.crash(0)
		p.wire = nil
		require.NoError(t, p.associate(0, 1))
		p.run(p.now + 20*Second)
		got := p.receive(0)
		require.Len(t, got, queued)
		seen := map[string]bool{}
		for _, m := range got {
			seen[string(m)] = true
		}
		require.Len(t, seen, queued)
		require.EqualValues(t, queued, p.e[1].Released(p.id[1]))
	}
}

// Messages that were half received when the peer restarted are gone, and their memory too.
func TestRestartDropsHalfReceived(t *testing.T) {
	r := rawEstablished(t, nil)
	r.say(dataChunk(wire.FlagB, r.tsn, 0, 0, []byte("half a mess")))
	r.say(dataChunk(whole, r.tsn+2, 1, 1, []byte("waits")))
	require.NotZero(t, r.assoc().in.held)
	r.tsn += 5000
	r.mine++
	r.open()
	r.say(r.echo())
	require.Equal(t, EventRestart, r.lastEvent().Kind)
	require.Zero(t, r.assoc().in.held)
	require.Empty(t, r.read())
	r.say(dataChunk(whole, r.tsn, 0, 0, []byte("new")))
	require.Equal(t, []string{"new"}, r.read())
	r.works()
}

// A restart in the middle of a partial delivery: the rest of that message will never
// come, and the next message must not pass for it.
func TestRestartDuringPartialDelivery(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.ReceiveBuffer = 8192 })
	r.establish()
	half := make([]byte, 1400)
	for i := range 8 {
		flags := uint8(0)
		if i == 0 {
			flags = wire.FlagB
		}
		r.say(dataChunk(flags, r.tsn+wire.TSN(i), 0, 0, half))
	}
	require.True(t, r.assoc().in.partial.active)
	r.tsn += 5000
	r.mine++
	r.open()
	r.say(r.echo())
	require.Equal(t, EventRestart, r.lastEvent().Kind)
	require.NotContains(t, kindsOf(r.events), EventPartialAborted, "nobody has seen any of it")
	r.say(dataChunk(whole, r.tsn, 0, 0, []byte("new")))
	require.Equal(t, []string{"new"}, r.read())
}

// A part of it was read: an event tells that the rest will not come, and so does
// Receive, in front of the next message (RFC 6458, section 6.1.7). The end of the
// association is told by the event.
func TestPartialDeliveryIsAborted(t *testing.T) {
	for _, restart := range []bool{true, false} {
		for _, n := range []int{100, 1400, 5000, 1 << 20} {
			r := newRawPeer(t, func(c *Config) { c.Limits.ReceiveBuffer = 8192 })
			r.establish()
			for i := range 8 {
				flags := uint8(0)
				if i == 0 {
					flags = wire.FlagB
				}
				r.say(dataChunk(flags, r.tsn+wire.TSN(i), 3, 0, make([]byte, 1400)))
			}
			require.True(t, r.assoc().in.partial.active)
			_, info, ok := r.e.Receive(r.now, r.id, make([]byte, n))
			require.True(t, ok)
			require.True(t, info.More)
			if !restart {
				r.say(wire.AppendAbort(nil, false, nil))
				require.Equal(t, []EventKind{EventPartialAborted, EventDown}, kindsOf(r.events[len(r.events)-2:]))
				continue
			}
			r.tsn += 5000
			r.mine++
			r.poll() // the window has opened
			r.open()
			r.events = nil
			r.say(r.echo())
			i := slices.IndexFunc(r.events, func(v Event) bool { return v.Kind == EventPartialAborted })
			require.GreaterOrEqual(t, i, 0)
			require.EqualValues(t, 3, r.events[i].Stream)
			r.say(dataChunk(whole, r.tsn, 0, 0, []byte("new")))
			size, ok := r.e.Pending(r.id)
			require.True(t, ok)
			require.Zero(t, size)
			_, info, ok = r.e.Receive(r.now, r.id, make([]byte, n))
			require.True(t, ok)
			require.Equal(t, Received{Aborted: true}, info)
			require.Equal(t, []string{"new"}, r.read())
			r.tsn++
			r.works()
		}
	}
}

// A restart with fewer streams fails what was queued for the others.
func TestRestartWithFewerStreams(t *testing.T) {
	r := rawEstablished(t, nil)
	for stream := range uint16(4) {
		require.NoError(t, r.e.Send(r.now, r.id, &Message{Data: []byte{1, byte(stream)}, Stream: stream * 5}))
	}
	r.mine++
	r.tsn += 5000
	got := r.put(0, initChunk(wire.ChunkInit, r.mine, 1<<20, r.streams, 6, r.tsn))
	ack, err := wire.ParseInit(got[0].chunk(0))
	require.NoError(t, err)
	r.theirs = ack.InitiateTag()
	r.cookie = paramOf(got[0].chunk(0), wire.ParamStateCookie).Value()
	r.events = nil
	r.say(r.echo())
	var failed []uint64
	for _, v := range r.events {
		if v.Kind == EventSendFailed {
			failed = append(failed, v.Message)
		}
	}
	require.Equal(t, []uint64{2, 3}, failed)
	r.ackAll()
	require.EqualValues(t, 4, r.e.Released(r.id))
	r.works()
}

// An INIT that brings addresses which the association does not have is refused with
// an ABORT that names them, and changes nothing (RFC 9260, section 5.2.2).
func TestRestartWithNewAddresses(t *testing.T) {
	r := rawEstablished(t, nil)
	tag := r.mine
	r.mine = 4711
	got := r.put(0, r.plainInit(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, addrOf(66, 0)), wire.AppendAddr(nil, addrOf(66, 1))))
	require.Equal(t, []string{"ABORT"}, names(got))
	require.EqualValues(t, 4711, got[0].VerificationTag())
	params, ok := firstCause(got[0].chunk(0)).RestartNewAddrs()
	require.True(t, ok)
	var news []wire.Addr
	for len(params) > 0 {
		p, rest, err := wire.NextParam(params)
		require.NoError(t, err)
		addr, ok := wire.ParamAddr(p)
		require.True(t, ok)
		news, params = append(news, addr), rest
	}
	require.Equal(t, []wire.Addr{addrOf(66, 0), addrOf(66, 1)}, news)
	r.mine = tag
	r.works()
	// In COOKIE-ECHOED too (5.2.1).
	r = newRawPeer(t, nil)
	r.dial()
	r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))
	got = r.put(0, r.plainInit(wire.AppendAddr(nil, addrOf(66, 0))))
	require.Equal(t, []string{"ABORT"}, names(got))
	require.Equal(t, CookieEchoed, r.state())
}

// Fewer addresses than before are no reason to refuse; in COOKIE-WAIT new ones are welcome.
func TestRestartWithKnownAddresses(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, addrOf(1, 1)))
	r.mine++
	r.open()
	require.Equal(t, "COOKIE ACK", r.say(r.echo())[0].chunk(0).Type().String())
	r.works()
	r = newRawPeer(t, nil)
	r.dial()
	require.Equal(t, []string{"INIT ACK"}, names(r.put(0, r.plainInit(wire.AppendAddr(nil, addrOf(1, 1))))))
}

// In SHUTDOWN-ACK-SENT the INIT is discarded and the SHUTDOWN ACK sent again (9.2); the
// restarted peer, to which it is out of the blue, answers with SHUTDOWN COMPLETE
// (8.4, rule 5; 8.5.1 E), and its next INIT finds the way free.
func TestRestartInShutdownAckSent(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
	p.loseFirst("SHUTDOWN ACK", 1)
	p.run(p.now + 10*Millisecond)
	require.Equal(t, ShutdownAckSent, p.state(1))
	p.crash(0)
	p.ladder = nil
	require.NoError(t, p.associate(0, 1))
	p.run(p.now + 3*Second)
	require.Equal(t, []string{
		"A→Z INIT", "Z→A SHUTDOWN ACK", "A→Z SHUTDOWN COMPLETE",
		"A→Z INIT", "Z→A INIT ACK", "A→Z COOKIE ECHO", "Z→A COOKIE ACK"}, p.ladder)
	require.Equal(t, Established, p.state(1))
	require.Equal(t, Established, p.state(0))
}

// The INIT was answered before the association got to SHUTDOWN-ACK-SENT, the COOKIE
// ECHO comes after: no new association, SHUTDOWN ACK and ERROR (5.2.4, action A).
func TestRestartCookieInShutdownAckSent(t *testing.T) {
	r := rawEstablished(t, nil)
	oldTag := r.theirs
	r.mine = 4711
	r.open()
	got := r.put(oldTag, wire.AppendShutdown(nil, r.assoc().out.cumAcked))
	require.Equal(t, []string{"SHUTDOWN ACK"}, names(got))
	got = r.say(r.echo())
	require.ElementsMatch(t, []string{"ERROR", "SHUTDOWN ACK"}, names(got))
	for _, g := range got {
		if g.chunk(0).Type() == wire.ChunkError {
			require.Equal(t, wire.CauseCookieWhileShuttingDown, firstCause(g.chunk(0)).Code())
			require.EqualValues(t, 4711, g.VerificationTag())
		}
	}
	require.Equal(t, ShutdownAckSent, r.state())
	require.Equal(t, []string(nil), r.read())
	r.put(oldTag, wire.AppendShutdownComplete(nil, false))
	require.Equal(t, Closed, r.state())
}

// A cookie of the association before the restart is worth nothing after it.
func TestReplayedCookieAfterRestart(t *testing.T) {
	r := rawEstablished(t, nil)
	oldTag, old := r.theirs, r.echo()
	r.mine++
	r.open()
	r.say(r.echo())
	require.Empty(t, r.put(oldTag, old))
	require.EqualValues(t, 1, r.e.ctr.Drops.UnexpectedChunk)
	// The restart's own cookie again is a duplicate.
	require.Equal(t, []string{"COOKIE ACK"}, names(r.say(r.echo())))
	require.EqualValues(t, 1, r.e.ctr.Drops.DuplicateCookie)
	r.works()
}
