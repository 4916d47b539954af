package sctpcore

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Sets of chunks against a plain walk, at every size of ring and over the end of the numbers.
func TestMarksModel(t *testing.T) {
	const seed = 5
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, size := range []int{16, 32, 64, 128, 1024} {
		m := newMarks(size)
		first := wire.TSN(rng.Uint32())
		if size == 128 {
			first = 0xffffffff - 40
		}
		chunks := make([]outChunk, size)
		for i := range chunks {
			chunks[i] = outChunk{state: chunkState(rng.IntN(3)), fast: rng.IntN(2) == 0, reneged: uint8(rng.IntN(2) * maxReneges)}
			m.put(first+wire.TSN(i), &chunks[i])
		}
		belongs := func(s markSet, c *outChunk) bool {
			switch s {
			case inFlight:
				return c.state == chunkSent
			case lostChunks:
				return c.state == chunkLost
			case gapAcked:
				return c.state == chunkGapAcked
			case ackable:
				return c.state != chunkGapAcked && c.reneged < maxReneges
			}
			return c.state == chunkSent && !c.fast
		}
		for range 2000 {
			s := markSet(rng.IntN(5))
			i := rng.IntN(size)
			end := i + rng.IntN(size-i+1)
			want := i
			for want < end && !belongs(s, &chunks[want]) {
				want++
			}
			require.Equal(t, first+wire.TSN(want), m.next(s, first+wire.TSN(i), first+wire.TSN(end)), "ring of %d, set %d", size, s)
			c := &chunks[i]
			c.state = chunkState(rng.IntN(3))
			m.put(first+wire.TSN(i), c)
			if rng.IntN(50) == 0 {
				clear(chunks[i:end])
				m.putSent(first+wire.TSN(i), first+wire.TSN(end))
			}
		}
	}
}

// A peer that takes gap acknowledgements back and gives them again is believed a few
// times only, until the chunk is sent again (hostile.md, 5).
func TestRenegeForEver(t *testing.T) {
	r, first := outstanding(t, 500)
	a := r.assoc()
	for range 50 {
		r.say(sackChunk(first-1, gap(2, 500)))
		r.say(sackChunk(first - 1))
	}
	before := a.out.flight
	r.say(sackChunk(first-1, gap(200, 500)))
	require.Equal(t, before, a.out.flight, "not believed any more")
	for r.wait(2 * Second); a.out.queued > 0; {
		r.ackAll()
	}
	r.works()
}

// T3-rtx starts anew when the earliest outstanding chunk is acknowledged, by a gap block
// too, or sent again; not for any other (RFC 9260, sections 6.1 and 6.3.2, R3).
func TestT3Restart(t *testing.T) {
	r, first := outstanding(t, 10)
	p := &r.assoc().paths[0]
	started := p.t3
	r.now += 100 * Millisecond
	r.say(sackChunk(first-1, gap(3, 3)))
	require.Equal(t, started, p.t3, "the earliest is missing")
	r.say(sackChunk(first-1, gap(3, 4)))
	require.Equal(t, []wire.TSN{first, first + 1}, tsns(r.say(sackChunk(first-1, gap(3, 5)))))
	require.Equal(t, r.now+p.rto, p.t3, "it is sent again")
	r.now += 100 * Millisecond
	r.say(sackChunk(first, gap(2, 4)))
	require.Equal(t, r.now+p.rto, p.t3, "it is acknowledged")
	// What stands behind another path's hole is acknowledged by gap blocks only.
	r = rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
	a := r.assoc()
	first = r.sent(4)
	for i := range 2 { // as if the first two had gone another way
		c := a.out.chunk(first + wire.TSN(i))
		a.lose(first+wire.TSN(i), c, false)
	}
	r.now += 100 * Millisecond
	a.out.force = false
	r.say(sackChunk(first-1, gap(3, 3)))
	require.Equal(t, r.now+a.paths[0].rto, a.paths[0].t3)
}

// What was fast retransmitted and then timed out goes another way like anything else
// that timed out (RFC 9260, section 6.4.1).
func TestTimeoutAfterFastRetransmitTakesAnotherPath(t *testing.T) {
	p := newPair(t, 2, func(_ int, c *Config) { c.Timers.MaxBurst = 0 })
	p.connect()
	p.sendMsg(0, 0, message(0, 30_000), 0)
	p.run(p.now + Second)
	var nets []byte
	p.drop = func(from int, f *flying) bool {
		if from != 0 || len(f.data) != 12+wire.DataHeaderLen+1000 {
			return false
		}
		nets = append(nets, f.dst.As4()[2])
		return len(nets) <= 2
	}
	p.sendMsg(0, 0, message(1, 1000), 0)
	for i := range 6 {
		p.run(p.now + Millisecond/10)
		p.sendMsg(0, 0, message(i, 1400), 0)
	}
	p.run(p.now + 5*Second)
	require.Equal(t, []byte{0, 0, 1}, nets, "sent, fast retransmitted, and after T3-rtx")
}

// A SACK in which chunks of two paths have their third miss halves both windows, once.
func TestFastRecoveryOfTwoPaths(t *testing.T) {
	r, first := outstanding(t, 10)
	a := r.assoc()
	a.addPath(addrOf(1, 1))
	c := a.out.chunk(first + 1)
	a.paths[0].flight -= c.size()
	c.path = 1
	a.paths[1].cwnd = 100_000
	a.paths[1].sentAt(first+1, c.size())
	a.paths[1].t3 = r.now + Second
	a.paths[0].cwnd = 200_000
	a.e.unindex(a)
	a.e.index(a)
	for end := uint16(3); end <= 5; end++ {
		r.say(sackChunk(first-1, gap(3, end)))
	}
	require.Equal(t, []int{100_000, 50_000}, []int{a.paths[0].cwnd, a.paths[1].cwnd})
	r.say(sackChunk(first-1, gap(3, 6)))
	require.Equal(t, []int{100_000, 50_000}, []int{a.paths[0].cwnd, a.paths[1].cwnd})
	r.ackAll()
	require.False(t, a.out.recovering)
}
