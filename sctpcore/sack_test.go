package sctpcore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// SACKs that say what cannot be are dropped, counted, and change nothing (hostile.md, 5).
func TestHostileSacks(t *testing.T) {
	bad := func(d *Drops) uint64 { return d.BadSACK }
	old := func(d *Drops) uint64 { return d.OldSACK }
	raw := func(cum wire.TSN, gaps, dups uint16, rest ...byte) []byte {
		b := wire.AppendSack(nil, cum, 1<<20, nil, nil)
		b[12], b[13], b[14], b[15] = byte(gaps>>8), byte(gaps), byte(dups>>8), byte(dups)
		b[3] += byte(len(rest))
		return append(b, rest...)
	}
	for _, c := range []struct {
		name string
		sack func(first wire.TSN) []byte // five chunks from first are outstanding
		drop func(d *Drops) uint64
	}{
		{"data never sent", func(f wire.TSN) []byte { return sackChunk(f + 5) }, bad},
		{"far ahead", func(f wire.TSN) []byte { return sackChunk(f + 1<<20) }, bad},
		{"half the number space ahead", func(f wire.TSN) []byte { return sackChunk(f - 1 + 1<<31 - 1) }, bad},
		{"backwards", func(f wire.TSN) []byte { return sackChunk(f - 2) }, old},
		{"far backwards", func(f wire.TSN) []byte { return sackChunk(f - 1<<30) }, old},
		{"wrapped round", func(f wire.TSN) []byte { return sackChunk(f + 1<<31) }, old},
		{"gap block 0", func(f wire.TSN) []byte { return sackChunk(f-1, gap(0, 1)) }, bad},
		{"gap reversed", func(f wire.TSN) []byte { return sackChunk(f-1, gap(4, 2)) }, bad},
		{"gap beyond what was sent", func(f wire.TSN) []byte { return sackChunk(f-1, gap(2, 6)) }, bad},
		{"gap far beyond", func(f wire.TSN) []byte { return sackChunk(f-1, gap(65535, 65535)) }, bad},
		{"second gap beyond", func(f wire.TSN) []byte { return sackChunk(f-1, gap(2, 2), gap(4, 9)) }, bad},
		{"more gaps than the chunk has", func(f wire.TSN) []byte { return raw(f-1, 2, 0, 0, 2, 0, 2) }, bad},
		{"65535 gaps", func(f wire.TSN) []byte { return raw(f-1, 65535, 0) }, bad},
		{"more duplicates than the chunk has", func(f wire.TSN) []byte { return raw(f-1, 0, 3, 0, 0, 0, 1) }, bad},
		{"65535 of both", func(f wire.TSN) []byte { return raw(f-1, 65535, 65535) }, bad},
		{"too short", func(f wire.TSN) []byte { return unknown(wire.ChunkSack, "12345678") }, bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
			r.sent(3)
			r.ackAll()
			r.sent(3)
			r.ackAll()
			first := r.sent(5)
			a := r.assoc()
			before, path := a.out, a.paths[0]
			require.Empty(t, r.say(c.sack(first)))
			require.EqualValues(t, 1, c.drop(&r.e.ctr.Drops))
			require.Equal(t, []any{before.cumAcked, before.flight, before.peerRwnd, path.cwnd, path.t3},
				[]any{a.out.cumAcked, a.out.flight, a.out.peerRwnd, a.paths[0].cwnd, a.paths[0].t3})
			r.ackAll()
			require.Zero(t, a.out.flight)
			r.works()
		})
	}
}

// Gap blocks that overlap or are not in order are harmless: nothing counts twice.
func TestOverlappingGaps(t *testing.T) {
	for _, gaps := range [][]wire.GapBlock{
		{gap(2, 4), gap(3, 5)}, {gap(2, 3), gap(2, 3)}, {gap(4, 5), gap(2, 2)}, {gap(1, 5)}, {gap(2, 3), gap(4, 5)},
	} {
		r := rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
		r.sent(3)
		r.ackAll()
		r.sent(3)
		r.ackAll()
		first := r.sent(5)
		for range 4 {
			r.say(sackChunk(first-1, gaps...))
		}
		r.ackAll()
		require.Zero(t, r.assoc().out.queued)
		r.works()
	}
}

// A gap acknowledgement is taken back: the chunk is outstanding again and is sent
// again when T3-rtx expires (RFC 9260, section 6.2.1, D iv).
func TestRenege(t *testing.T) {
	r := rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
	r.sent(3)
	r.ackAll()
	first := r.sent(3)
	a := r.assoc()
	r.say(sackChunk(first-1, gap(2, 3)))
	require.Equal(t, 1000, a.out.flight)
	r.say(sackChunk(first-1, gap(3, 3)))
	require.Equal(t, 2000, a.out.flight)
	r.say(sackChunk(first - 1))
	require.Equal(t, 3000, a.out.flight)
	again := tsns(r.wait(5 * Second))
	for want := first; want != first+3; want++ {
		require.Contains(t, again, want)
		again = append(again, tsns(r.say(sackChunk(want)))...)
	}
	require.Zero(t, a.out.queued)
	r.works()
	// What was reneged on after all else was acknowledged still has a timer.
	first = r.sent(2)
	r.say(sackChunk(first-1, gap(2, 2)))
	r.say(sackChunk(first))
	require.Equal(t, 1000, a.out.flight)
	require.Equal(t, []wire.TSN{first + 1}, tsns(r.wait(5 * Second))[:1])
	r.ackAll()
	r.works()
}

// A SACK's window: flight counts against it, 0 closes it, and data goes into a
// closed window one chunk at a time only while nothing is in flight (6.1, A).
func TestZeroWindow(t *testing.T) {
	r := rawEstablished(t, nil)
	closed := func(cum wire.TSN) []byte { return wire.AppendSack(nil, cum, 0, nil, nil) }
	first := r.sent(6)
	inFlight := r.assoc().out.nextTSN
	require.Equal(t, []wire.TSN{inFlight}, tsns(r.say(closed(inFlight-1))), "one probe")
	require.Equal(t, inFlight+1, r.assoc().out.nextTSN)
	// The peer drops the probe and says so, for half an hour.
	for range 100 {
		var probe []wire.TSN
		for len(probe) == 0 {
			got := r.wait(r.e.NextDeadline() - r.now)
			r.answerHeartbeats(got)
			probe = tsns(got)
		}
		require.Equal(t, []wire.TSN{inFlight}, probe)
		require.Empty(t, tsns(r.say(closed(inFlight-1))))
		require.Equal(t, Established, r.state())
	}
	require.EqualValues(t, 1, r.e.ctr.WindowProbes)
	require.Equal(t, Active, r.assoc().paths[0].state)
	require.NotEmpty(t, tsns(r.say(sackChunk(inFlight))))
	for r.assoc().out.queued > 0 {
		r.ackAll()
	}
	require.Equal(t, first+6, r.assoc().out.nextTSN)
	r.works()
	// A peer that does not answer probes is dead.
	r.sent(6)
	r.say(closed(r.assoc().out.nextTSN - 1))
	r.wait(3600 * Second)
	require.Equal(t, Closed, r.state())
	require.Equal(t, ReasonRetransLimit, r.lastEvent().Reason)
}

// When the window opens the probe is sent again if the peer has refused it, and not if the SACK
// only crossed it: then it is as any chunk under way.
func TestWindowOpensAfterProbe(t *testing.T) {
	for _, refused := range []bool{false, true} {
		t.Run(fmt.Sprintf("refused=%v", refused), func(t *testing.T) {
			r := rawEstablished(t, nil)
			r.sent(20)
			probe := r.assoc().out.nextTSN
			closed := wire.AppendSack(nil, probe-1, 0, nil, nil)
			require.Equal(t, []wire.TSN{probe}, tsns(r.say(closed)))
			if refused {
				require.Empty(t, tsns(r.say(closed)))
			}
			went := tsns(r.say(sackChunk(probe - 1)))
			if refused {
				require.Equal(t, probe, went[0])
			} else {
				require.Equal(t, probe+1, went[0])
				went = tsns(r.say(sackChunk(probe-1, gap(2, 2))))
				went = append(went, tsns(r.say(sackChunk(probe-1, gap(2, 3))))...)
				require.NotContains(t, went, probe)
				require.Contains(t, tsns(r.say(sackChunk(probe-1, gap(2, 4)))), probe, "it was lost")
			}
			require.EqualValues(t, 1, r.e.ctr.RetransmittedChunks)
			require.EqualValues(t, 1, r.e.ctr.WindowProbes)
			require.Zero(t, r.e.ctr.T3RtxExpireds)
			for r.assoc().out.queued > 0 {
				r.ackAll()
			}
			r.works()
		})
	}
}

// A tiny window that is never enough for a chunk is a closed one (hostile.md, 11).
func TestTinyWindow(t *testing.T) {
	r := rawEstablished(t, nil)
	tiny := func() []byte { return wire.AppendSack(nil, r.assoc().out.nextTSN-1, 1, nil, nil) }
	r.sent(40)
	steps := 0
	for ; r.assoc().out.queued > 0; steps++ {
		require.Less(t, steps, 1000)
		require.LessOrEqual(t, len(tsns(r.say(tiny()))), 1)
	}
	require.GreaterOrEqual(t, steps, 30)
	r.works()
}

// Max.Burst: however much one SACK acknowledges, few packets follow it (6.1, D).
func TestMaxBurst(t *testing.T) {
	r := rawEstablished(t, nil)
	r.sent(300)
	for a := r.assoc(); a.out.queued > 0; r.now += Millisecond {
		require.LessOrEqual(t, len(r.say(sackChunk(a.out.cumAcked+1))), 4)
	}
	require.Greater(t, r.assoc().paths[0].cwnd, 10*1500, "the window allows more")
	before := r.assoc().out.nextTSN
	r.sent(50)
	require.LessOrEqual(t, r.assoc().out.nextTSN, before+8)
}

// A sender whose bursts are acknowledged whole keeps what the last one earned,
// whatever the size of its messages, until it has been idle for an RTO.
func TestCreditLivesAnRTO(t *testing.T) {
	for _, size := range []int{64, 1000} {
		r := rawEstablished(t, nil)
		burst := func() int {
			for r.e.Send(r.now, r.id, &Message{Data: make([]byte, size)}) == nil {
			}
			return len(r.poll())
		}
		burst()
		for range 10 {
			r.ackAll()
		}
		a := r.assoc()
		for range 8 {
			for a.out.queued > 0 {
				r.ackAll()
			}
			r.now += a.paths[0].rto
			require.Greater(t, burst(), 4, "messages of %d bytes", size)
		}
		for a.out.queued > 0 {
			r.ackAll()
		}
		r.now += a.paths[0].rto + 1
		require.LessOrEqual(t, burst(), 4, "messages of %d bytes", size)
	}
}

// Slow start and congestion avoidance (RFC 9260, sections 7.2.1 and 7.2.2).
func TestCongestionWindow(t *testing.T) {
	r := rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
	p := &r.assoc().paths[0]
	m := p.payload()
	require.Equal(t, min(4*m, max(2*m, 4404)), p.cwnd, "the initial window")
	r.sent(1)
	before := p.cwnd
	r.ackAll()
	require.Equal(t, before, p.cwnd, "a window that was not full does not grow")
	r.sent(5)
	require.GreaterOrEqual(t, p.flight, p.cwnd)
	acked := p.flight
	r.ackAll()
	require.GreaterOrEqual(t, p.cwnd, before+m, "slow start")
	require.LessOrEqual(t, p.cwnd, before+acked)
	for r.assoc().out.queued > 0 {
		r.ackAll()
	}
	p.ssthresh = p.cwnd - 1
	before = p.cwnd
	r.sent(30)
	flight := p.flight
	r.ackAll()
	if flight >= before {
		require.Equal(t, before+m, p.cwnd, "one packet for each window")
	}
	for r.assoc().out.queued > 0 {
		r.ackAll()
	}
	// Idle: it decays, though not below four packets.
	p.cwnd = 100 * m
	r.wait(p.rto*3 + p.rto/2)
	p.ageWindow(r.now)
	p.ageWindow(r.now)
	r.sent(1)
	require.Equal(t, 100*m/8, p.cwnd, "once in an RTO, however often it is looked at")
	require.Equal(t, 100*m, p.ssthresh)
	r.ackAll()
	r.wait(p.rto * 50)
	r.sent(1)
	require.Equal(t, 4*m, p.cwnd)
}
