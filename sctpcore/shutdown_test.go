package sctpcore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// requireDown checks that a side's association ended once, with this reason.
func (p *pair) requireDown(side int, why Reason) {
	p.t.Helper()
	var downs []Reason
	for _, v := range p.events[side] {
		if v.Kind == EventDown {
			downs = append(downs, v.Reason)
		}
	}
	require.Equal(p.t, []Reason{why}, downs, "side %d; ladder:\n%s", side, strings.Join(p.ladder, "\n"))
	require.Zero(p.t, p.e[side].tags.count)
	require.Zero(p.t, p.e[side].ctr.CurrEstab)
}

// Each packet of the shutdown may be lost (RFC 9260, section 9.2).
func TestShutdownSurvivesLoss(t *testing.T) {
	for lost, ladder := range map[string]string{
		"SHUTDOWN": "A→Z SHUTDOWN ✗|A→Z SHUTDOWN|Z→A SHUTDOWN ACK|A→Z SHUTDOWN COMPLETE",
		"SHUTDOWN ACK": "A→Z SHUTDOWN|Z→A SHUTDOWN ACK ✗|" + // both timers run
			"A→Z SHUTDOWN|Z→A SHUTDOWN ACK|Z→A SHUTDOWN ACK|A→Z SHUTDOWN COMPLETE|A→Z SHUTDOWN COMPLETE",
		"SHUTDOWN COMPLETE": "A→Z SHUTDOWN|Z→A SHUTDOWN ACK|A→Z SHUTDOWN COMPLETE ✗|Z→A SHUTDOWN ACK|A→Z SHUTDOWN COMPLETE",
	} {
		t.Run(lost, func(t *testing.T) {
			p := newPair(t, 1, nil)
			p.connect()
			p.ladder = nil
			p.loseFirst(lost, 1)
			require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
			p.run(p.now + 5*Second)
			if lost != "SHUTDOWN ACK" {
				require.Equal(t, strings.Split(ladder, "|"), p.ladder)
			} else {
				require.Subset(t, strings.Split(ladder, "|"), p.ladder)
			}
			p.requireDown(0, ReasonShutdown)
			p.requireDown(1, ReasonShutdown)
			require.EqualValues(t, 1, p.e[0].ctr.Shutdowns)
		})
	}
}

// Both sides close at the same moment (RFC 9260, section 9.2).
func TestSimultaneousShutdown(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	p.ladder = nil
	for side := range 2 {
		require.NoError(t, p.e[side].Shutdown(p.now, p.id[side]))
	}
	p.run(p.now + 5*Second)
	require.Equal(t, []string{"A→Z SHUTDOWN", "Z→A SHUTDOWN", "A→Z SHUTDOWN ACK", "Z→A SHUTDOWN ACK"}, p.ladder[:4])
	for _, l := range p.ladder[4:] {
		require.Contains(t, l, "SHUTDOWN COMPLETE")
	}
	p.requireDown(0, ReasonShutdown)
	p.requireDown(1, ReasonShutdown)
}

// With data queued at both sides, one or both close, with loss: all arrives first.
func TestShutdownDeliversWhatWasSent(t *testing.T) {
	for _, both := range []bool{false, true} {
		for loss := range 6 {
			t.Run(fmt.Sprintf("both=%v/loss=%d", both, loss), func(t *testing.T) {
				p := newPair(t, 2, nil)
				p.connect()
				n := 0
				p.drop = func(int, *flying) bool { n++; return loss > 0 && n%(3+loss) == 0 }
				for i := range 30 {
					p.sendMsg(0, uint16(i%3), message(i, 3000), 0)
					p.sendMsg(1, uint16(i%3), message(i, 3000), 0)
				}
				require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
				require.ErrorIs(t, p.e[0].Send(p.now, p.id[0], &Message{Data: []byte{1}}), ErrClosing)
				if both {
					require.NoError(t, p.e[1].Shutdown(p.now, p.id[1]))
				}
				p.run(p.now + 200*Second)
				p.requireDown(0, ReasonShutdown)
				p.requireDown(1, ReasonShutdown)
				require.Len(t, p.receive(0), 30, "it can be read after the end")
				require.Len(t, p.receive(1), 30)
				for side := range 2 {
					require.EqualValues(t, 30, p.e[side].Released(p.id[side]))
					p.e[side].Forget(p.id[side])
					require.NoError(t, invariants(p.e[side]))
					require.Empty(t, p.receive(side))
				}
			})
		}
	}
}

// Shutdown before the association is up is an abort, after its end it is nothing.
func TestShutdownInEachState(t *testing.T) {
	r := newRawPeer(t, nil)
	r.dial()
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	require.Empty(t, r.poll(), "COOKIE-WAIT: there is nobody to tell")
	require.Equal(t, []any{EventDown, ReasonLocalAbort}, []any{r.lastEvent().Kind, r.lastEvent().Reason})
	require.NoError(t, r.e.Shutdown(r.now, r.id))

	r = newRawPeer(t, nil)
	r.dial()
	r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	require.Equal(t, []string{"ABORT"}, names(r.poll()), "COOKIE-ECHOED")

	r = rawEstablished(t, nil)
	r.sent(1)
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	require.Empty(t, r.poll())
	require.Equal(t, ShutdownPending, r.state())
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	require.Equal(t, []string{"SHUTDOWN"}, names(r.ackAll()))
	require.Equal(t, ShutdownSent, r.state())
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	require.Empty(t, r.poll())
	// DATA in SHUTDOWN-SENT is taken and answered with SACK and SHUTDOWN.
	got := r.say(dataChunk(whole, r.tsn, 0, 0, []byte("late")))
	require.Equal(t, []string{"SACK+SHUTDOWN"}, names(got))
	require.Equal(t, []string{"late"}, r.read())
	require.Equal(t, []string{"SHUTDOWN COMPLETE"}, names(r.say(wire.AppendShutdownAck(nil))))
	require.Equal(t, Closed, r.state())
}

// SHUTDOWN received in each state.
func TestShutdownReceived(t *testing.T) {
	t.Run("COOKIE-WAIT and COOKIE-ECHOED", func(t *testing.T) {
		r := newRawPeer(t, nil)
		r.dial()
		require.Empty(t, r.say(wire.AppendShutdown(nil, 0)))
		r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))
		require.Empty(t, r.say(wire.AppendShutdown(nil, 0)))
		require.EqualValues(t, 2, r.e.ctr.Drops.UnexpectedChunk)
		r.say(wire.AppendCookieAck(nil))
		r.works()
	})
	t.Run("ESTABLISHED with data to send", func(t *testing.T) {
		r := rawEstablished(t, nil)
		first := r.sent(3)
		require.Empty(t, r.say(wire.AppendShutdown(nil, first)), "it acknowledges")
		require.Equal(t, ShutdownReceived, r.state())
		require.Equal(t, 2000, r.assoc().out.flight)
		require.ErrorIs(t, r.e.Send(r.now, r.id, &Message{Data: []byte{1}}), ErrClosing)
		require.Contains(t, kindsOf(r.events), EventPeerShutdown)
		require.Empty(t, r.say(dataChunk(whole, r.tsn, 0, 0, []byte("x"))), "DATA after SHUTDOWN")
		require.EqualValues(t, 1, r.e.ctr.Drops.UnexpectedChunk)
		require.Equal(t, []string{"SHUTDOWN ACK"}, names(r.say(wire.AppendShutdown(nil, first+2))))
		require.Equal(t, []string{"SHUTDOWN ACK"}, names(r.say(wire.AppendShutdown(nil, first+2))), "again")
		require.Empty(t, r.say(wire.AppendShutdownComplete(nil, false)))
		require.Equal(t, ReasonShutdown, r.lastEvent().Reason)
	})
	t.Run("acknowledging what was never sent", func(t *testing.T) {
		r := rawEstablished(t, nil)
		require.Empty(t, r.say(wire.AppendShutdown(nil, r.assoc().out.nextTSN+5)))
		require.EqualValues(t, 1, r.e.ctr.Drops.BadSACK)
		r.works()
	})
	t.Run("of a wrong length", func(t *testing.T) {
		r := rawEstablished(t, nil)
		require.Empty(t, r.say(unknown(wire.ChunkShutdown, "123")))
		require.Empty(t, r.say(unknown(wire.ChunkShutdown, "12345678")))
		require.EqualValues(t, 2, r.e.ctr.Drops.BadChunk)
		r.works()
	})
	t.Run("SHUTDOWN-PENDING", func(t *testing.T) {
		r := rawEstablished(t, nil)
		first := r.sent(2)
		require.NoError(t, r.e.Shutdown(r.now, r.id))
		require.Equal(t, []string{"SHUTDOWN ACK"}, names(r.say(wire.AppendShutdown(nil, first+1))))
		require.Equal(t, ShutdownAckSent, r.state())
	})
}

func kindsOf(events []Event) (k []EventKind) {
	for _, v := range events {
		k = append(k, v.Kind)
	}
	return k
}

// SHUTDOWN ACK, SHUTDOWN COMPLETE and COOKIE ACK where they make no sense.
func TestControlInWrongState(t *testing.T) {
	for name, chunk := range map[string][]byte{
		"SHUTDOWN ACK":      wire.AppendShutdownAck(nil),
		"SHUTDOWN COMPLETE": wire.AppendShutdownComplete(nil, false),
		"COOKIE ACK":        wire.AppendCookieAck(nil),
	} {
		r := rawEstablished(t, nil)
		require.Empty(t, r.say(chunk), name)
		require.EqualValues(t, 1, r.e.ctr.Drops.UnexpectedChunk, name)
		r.works()
	}
	// In COOKIE-ECHOED: DATA and SACK come too early.
	r := newRawPeer(t, nil)
	r.dial()
	r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))
	require.Empty(t, r.say(dataChunk(whole, r.tsn, 0, 0, []byte("x"))))
	require.Empty(t, r.say(sackChunk(0)))
	require.EqualValues(t, 2, r.e.ctr.Drops.UnexpectedChunk)
	r.say(wire.AppendCookieAck(nil))
	r.works()
}

// T2-shutdown: sent again with back-off, on the other path, until the limit.
func TestShutdownGivesUp(t *testing.T) {
	p := newPair(t, 2, func(_ int, c *Config) { c.Timers.AssocMaxRetrans = 3; c.Timers.ShutdownGuard = 1000 * Second })
	p.connect()
	var nets []byte
	p.drop = func(from int, f *flying) bool {
		if describe(f.data) == "SHUTDOWN" {
			nets = append(nets, f.dst.As4()[2])
		}
		return from == 0
	}
	require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
	p.run(p.now + 100*Second)
	p.requireDown(0, ReasonRetransLimit)
	require.Len(t, nets, 4)
	require.EqualValues(t, 4, p.e[0].ctr.T2ShutdownExpireds)
}

// T5-shutdown-guard ends a shutdown that the peer keeps from ending by sending on
// (RFC 9260, section 9.2), with an ABORT.
func TestShutdownGuard(t *testing.T) {
	r := rawEstablished(t, nil)
	r.now = r.now / Second * Second
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	r.poll()
	began := r.now
	for i := 0; r.state() != Closed; i++ {
		require.Less(t, r.now-began, 400*Second)
		if got := r.say(dataChunk(whole, r.tsn, 0, wire.SSN(i), []byte("more"))); r.state() != Closed {
			require.Equal(t, []string{"SACK+SHUTDOWN"}, names(got))
		}
		r.tsn++
		r.read()
		if got := r.wait(Second / 2); r.state() == Closed {
			require.Contains(t, names(got), "ABORT")
		}
	}
	require.InDelta(t, float64(5*60*Second), float64(r.now-began), float64(Second))
	require.Equal(t, ReasonGuard, r.lastEvent().Reason)
	require.EqualValues(t, 1, r.e.ctr.T5ShutdownGuardExpireds)
}

// ABORT ends an association at once, with or without the T bit, if its tag is right,
// and with its first cause in the event (RFC 9260, sections 8.5.1 B and 9.1).
func TestAbort(t *testing.T) {
	cause := wire.AppendCauseUserAbort(nil, []byte("bye"))
	for _, c := range []struct {
		name string
		tag  func(r *rawPeer) uint32
		t    bool
		ends bool
	}{
		{"our tag", func(r *rawPeer) uint32 { return r.theirs }, false, true},
		{"peer's tag, T bit", func(r *rawPeer) uint32 { return r.mine }, true, true},
		{"our tag, T bit", func(r *rawPeer) uint32 { return r.theirs }, true, false},
		{"peer's tag, no T bit", func(r *rawPeer) uint32 { return r.mine }, false, false},
		{"wrong tag", func(r *rawPeer) uint32 { return 1 }, false, false},
		{"wrong tag, T bit", func(r *rawPeer) uint32 { return 1 }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rawEstablished(t, nil)
			require.Empty(t, r.put(c.tag(r), wire.AppendAbort(nil, c.t, cause)), "an ABORT is not answered")
			if !c.ends {
				require.EqualValues(t, 1, r.e.ctr.Drops.BadTag)
				r.works()
				return
			}
			require.Equal(t, []any{EventDown, ReasonPeerAbort, wire.CauseUserAbort},
				[]any{r.lastEvent().Kind, r.lastEvent().Reason, r.lastEvent().Cause})
			require.Empty(t, r.wait(100*Second), "nothing runs any more")
		})
	}
	// Causes that are malformed make no difference, nor does what follows.
	r := rawEstablished(t, nil)
	require.Empty(t, r.say(unknown(wire.ChunkAbort, "\x00\x0c\xff\xff"), dataChunk(whole, r.tsn, 0, 0, []byte("x"))))
	require.Equal(t, Closed, r.state())
	require.Empty(t, r.read())
}

// SHUTDOWN COMPLETE ends SHUTDOWN-ACK-SENT if its tag is right (8.5.1 C), else nothing.
func TestShutdownCompleteTags(t *testing.T) {
	for _, c := range []struct {
		name  string
		peers bool
		t     bool
		ends  bool
	}{{"ours", false, false, true}, {"peer's, T", true, true, true}, {"ours, T", false, true, false}, {"peer's", true, false, false}} {
		t.Run(c.name, func(t *testing.T) {
			r := rawEstablished(t, nil)
			r.say(wire.AppendShutdown(nil, r.assoc().out.cumAcked))
			require.Equal(t, ShutdownAckSent, r.state())
			tag := r.theirs
			if c.peers {
				tag = r.mine
			}
			require.Empty(t, r.put(tag, wire.AppendShutdownComplete(nil, c.t)))
			require.Equal(t, c.ends, r.state() == Closed)
			require.Empty(t, r.say(wire.AppendShutdownComplete(nil, false), wire.AppendShutdownComplete(nil, false)))
			require.Equal(t, c.ends, r.state() == Closed, "bundled (6.10)")
		})
	}
}

// The local Abort tells the peer why, in at most 256 bytes.
func TestLocalAbort(t *testing.T) {
	r := rawEstablished(t, nil)
	m := &Message{Data: make([]byte, 5000)}
	require.NoError(t, r.e.Send(r.now, r.id, m))
	require.NoError(t, r.e.Abort(r.now, r.id, []byte(strings.Repeat("why ", 100))))
	got := r.poll()
	require.Equal(t, []string{"ABORT"}, names(got))
	require.Equal(t, r.mine, got[0].VerificationTag())
	require.Zero(t, got[0].chunk(0).Flags())
	c := firstCause(got[0].chunk(0))
	require.Equal(t, wire.CauseUserAbort, c.Code())
	require.Len(t, c.Value(), 256)
	require.Zero(t, r.e.Released(r.id), "it was not acknowledged")
	require.Equal(t, ReasonLocalAbort, r.lastEvent().Reason)
	require.NoError(t, r.e.Abort(r.now, r.id, nil))
	require.Empty(t, r.poll())
}

// EventDown is the last event of an association: what the owner still says about
// its paths until it forgets it changes nothing.
func TestNothingHappensAfterTheEnd(t *testing.T) {
	r := rawEstablished(t, nil)
	require.NoError(t, r.e.Abort(r.now, r.id, nil))
	r.poll()
	n := len(r.events)
	require.ErrorIs(t, r.e.SetRoute(r.now, r.id, 0, Route{Down: true}), ErrNoAssociation)
	_ = r.e.SetPrimary(r.now, r.id, r.src)
	_ = r.e.RequestHeartbeat(r.now, r.id, 0)
	require.ErrorIs(t, r.e.Send(r.now, r.id, &Message{Data: []byte{1}}), ErrClosing)
	require.Empty(t, r.wait(100*Second))
	require.Len(t, r.events, n)
	require.Equal(t, EventDown, r.lastEvent().Kind)
}
