package sctpcore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Messages at the sizes where fragmentation changes, ordered and unordered, at
// several MTUs: as few chunks as will do, no packet above the MTU, the bytes as sent.
func TestFragmentation(t *testing.T) {
	for _, mtu := range []int{576, 1500, 9000} {
		one := (mtu-20-wire.CommonHeaderLen)&^3 - wire.DataHeaderLen
		for _, n := range []int{1, 2, 3, 4, 5, one - 1, one, one + 1, 2*one - 1, 2 * one, 2*one + 1, 64 << 10, 200 << 10} {
			for _, flags := range []SendFlags{0, Unordered} {
				t.Run(fmt.Sprintf("mtu=%d/n=%d/flags=%d", mtu, n, flags), func(t *testing.T) {
					p := newPair(t, 1, func(_ int, c *Config) { c.MTU = mtu })
					p.connect()
					p.drop = func(_ int, f *flying) bool {
						require.LessOrEqual(t, len(f.data), mtu-20)
						return false
					}
					p.sendMsg(0, 3, message(7, n), flags)
					p.run(p.now + 3*Second)
					size, ok := p.e[1].Pending(p.id[1])
					require.True(t, ok)
					require.Equal(t, n, size)
					buf := make([]byte, n)
					got, info, _ := p.e[1].Receive(p.now, p.id[1], buf)
					require.Equal(t, n, got)
					require.Equal(t, message(7, n), buf)
					require.Equal(t, Received{PPID: 42, Stream: 3, Unordered: flags&Unordered != 0, TSN: info.TSN, CumTSN: info.TSN + uint32((n-1)/one)}, info)
					a, _ := p.e[0].Assoc(p.id[0])
					require.EqualValues(t, (n+one-1)/one, a.TxDataChunks)
					require.Zero(t, a.SendQueued)
					require.EqualValues(t, 1, p.e[0].Released(p.id[0]))
				})
			}
		}
	}
}

// A message may be read in pieces of any size.
func TestReceiveInPieces(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	want := message(1, 10_000)
	p.sendMsg(0, 0, want, 0)
	p.sendMsg(0, 0, message(2, 50), 0)
	p.run(p.now + Second)
	var got []byte
	for i := 1; len(got) < len(want); i++ {
		buf := make([]byte, i*37)
		n, info, ok := p.e[1].Receive(p.now, p.id[1], buf)
		require.True(t, ok)
		got = append(got, buf[:n]...)
		require.Equal(t, len(got) < len(want), info.More)
		require.NoError(t, invariants(p.e[1]))
	}
	require.Equal(t, want, got)
	n, info, ok := p.e[1].Receive(p.now, p.id[1], nil)
	require.Equal(t, []any{0, true, true}, []any{n, info.More, ok}, "no room")
	require.Equal(t, [][]byte{message(2, 50)}, p.receive(1))
	_, _, ok = p.e[1].Receive(p.now, p.id[1], make([]byte, 10))
	require.False(t, ok)
}

// Ordered messages wait for each other within their stream, not across streams, and
// unordered ones for nobody (RFC 9260, section 6.5, 6.6).
func TestOrderWithinStreams(t *testing.T) {
	r := rawEstablished(t, nil)
	say := func(t wire.TSN, stream uint16, ssn wire.SSN, flags uint8, text string) {
		r.say(dataChunk(whole|flags, t, stream, ssn, []byte(text)))
	}
	first := r.tsn
	say(first+2, 1, 2, 0, "1.2")
	say(first+1, 1, 1, 0, "1.1")
	require.Empty(t, r.read())
	say(first+3, 2, 0, 0, "2.0")
	require.Equal(t, []string{"2.0"}, r.read(), "another stream does not wait")
	say(first+4, 1, 0, wire.FlagU, "1.u")
	require.Equal(t, []string{"1.u"}, r.read(), "nor does an unordered message")
	say(first, 1, 0, 0, "1.0")
	require.Equal(t, []string{"1.0", "1.1", "1.2"}, r.read())
	r.works()
}

func TestManyStreams(t *testing.T) {
	p := newPair(t, 1, func(_ int, c *Config) { c.Limits.InStreams, c.Limits.OutStreams = 65535, 65535 })
	p.connect()
	n := 0
	p.drop = func(int, *flying) bool { n++; return n%9 == 0 }
	for i := range 600 {
		p.sendMsg(0, uint16(i*109%65535), message(i, 60), SendFlags(i/3%2))
		p.sendMsg(0, 65534, message(1000+i, 60), 0)
	}
	p.run(p.now + 60*Second)
	got := p.receive(1)
	require.Len(t, got, 1200)
	next := 1000
	for _, m := range got {
		if string(m) == string(message(next, 60)) {
			next++
		}
	}
	require.Equal(t, 1600, next, "the last stream's messages in order")
}

// Small messages share a packet; a SACK travels with data (RFC 9260, section 6.10).
func TestBundling(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	for side := range 2 {
		p.sendMsg(side, 0, message(side, 20), 0)
	}
	p.run(p.now + Second)
	p.ladder = nil
	for i := range 5 {
		p.sendMsg(0, 0, message(i, 20), 0)
	}
	p.run(p.now + 2*Millisecond)
	require.Equal(t, []string{"A→Z DATA+DATA+DATA+DATA+DATA"}, p.ladder)
	p.ladder = nil
	p.sendMsg(1, 0, message(6, 20), 0)
	p.run(p.now + 2*Millisecond)
	require.Equal(t, []string{"Z→A SACK+DATA"}, p.ladder, "a SACK that waits does not wait on")
	p.sendMsg(0, 0, message(7, 1452), 0)
	p.run(p.now + 2*Millisecond)
	require.Equal(t, "A→Z DATA", p.ladder[1], "unless the data needs all the room")
	p.run(p.now + Second)
	require.Equal(t, []string{"A→Z SACK", "Z→A SACK"}, p.ladder[2:])
}

// A second side's SACK waits SACKDelay for company; every second packet with data,
// a gap, a duplicate or the I bit does not wait (RFC 9260, section 6.2; RFC 7053).
func TestDelayedSack(t *testing.T) {
	r := rawEstablished(t, nil)
	d := func(flags uint8) []byte {
		r.tsn++
		return dataChunk(whole|wire.FlagU|flags, r.tsn-1, 0, 0, []byte("x"))
	}
	require.Equal(t, []string{"SACK"}, names(r.say(d(0))), "the first packet of all (5.1)")
	require.Empty(t, r.say(d(0)))
	require.Empty(t, r.wait(199*Millisecond))
	require.Equal(t, []string{"SACK"}, names(r.wait(2*Millisecond)))
	require.EqualValues(t, 1, r.e.ctr.DelaySackExpireds)
	require.Empty(t, r.wait(Second))

	require.Empty(t, r.say(d(0), d(0), d(0)), "one packet, however many chunks")
	require.Equal(t, []string{"SACK"}, names(r.say(d(0))), "the second packet")
	require.Empty(t, r.wait(Second))

	require.Equal(t, []string{"SACK"}, names(r.say(d(wire.FlagI))))
	require.Equal(t, []string{"SACK"}, names(r.say(dataChunk(whole, r.tsn-1, 0, 0, []byte("x")))), "duplicate")
	r.tsn++
	require.Equal(t, []string{"SACK"}, names(r.say(d(0))), "gap")
	require.Equal(t, []string{"SACK"}, names(r.say(d(0))), "while there is a gap")
	require.Empty(t, r.say(dataChunk(whole|wire.FlagU, r.tsn-3, 0, 0, []byte("x"))), "the gap is filled (6.7)")
	require.Equal(t, []string{"SACK"}, names(r.say(d(0))), "the second packet since")
	r.works()
}

// What a SACK says: gaps as offsets, duplicates once each, the window less what is held.
func TestSackContents(t *testing.T) {
	r := rawEstablished(t, nil)
	first := r.tsn
	limit := DefaultLimits().ReceiveBuffer
	put := func(n wire.TSN) wire.Sack {
		got := r.say(dataChunk(whole, first+n, 0, wire.SSN(n), []byte("x")))
		require.Equal(t, []string{"SACK"}, names(got))
		s, err := wire.ParseSack(got[0].chunk(0))
		require.NoError(t, err)
		return s
	}
	blocks := func(s wire.Sack) (b [][2]uint16) {
		for i := range s.NumGapBlocks() {
			start, end := s.GapBlock(i)
			b = append(b, [2]uint16{start, end})
		}
		return b
	}
	require.Equal(t, [][2]uint16{{2, 2}}, blocks(put(1)))
	require.Equal(t, [][2]uint16{{2, 2}, {5, 5}}, blocks(put(4)))
	require.Equal(t, [][2]uint16{{2, 2}, {4, 5}}, blocks(put(3)))
	s := put(3)
	require.Equal(t, 1, s.NumDuplicates())
	require.Equal(t, first+3, s.Duplicate(0))
	s = put(2)
	require.Equal(t, [][2]uint16{{2, 5}}, blocks(s))
	require.Zero(t, s.NumDuplicates(), "reported once")
	require.EqualValues(t, limit-4*blockSizes[0], s.AdvertisedReceiverWindowCredit())
	require.Equal(t, first-1, s.CumulativeTSNAck())
	require.Empty(t, r.say(dataChunk(whole, first, 0, 0, []byte("x"))))
	s, _ = wire.ParseSack(r.wait(Second)[0].chunk(0))
	require.Equal(t, first+4, s.CumulativeTSNAck())
	require.Zero(t, s.NumGapBlocks())
	require.EqualValues(t, limit-5*blockSizes[0], s.AdvertisedReceiverWindowCredit())
	require.Len(t, r.read(), 5)
	for range 40 {
		put(0)
	}
	a, _ := r.e.Assoc(r.id)
	require.EqualValues(t, 41, a.DuplicateTSNs)
	r.works()
}

// A lost packet is sent again at its third miss, not before, and no timer expires.
func TestFastRetransmit(t *testing.T) {
	p := newPair(t, 1, func(_ int, c *Config) { c.Timers.MaxBurst = 0 })
	p.connect()
	p.sendMsg(0, 0, message(0, 30_000), 0) // opens the window
	p.run(p.now + Second)
	p.receive(1)
	p.loseFirst("DATA", 1)
	began := p.now
	p.ladder = nil
	for i := range 6 {
		p.sendMsg(0, 0, message(i, 1400), 0)
		p.run(p.now + Millisecond/10)
	}
	p.run(p.now + 500*Millisecond)
	require.Len(t, p.receive(1), 6)
	a, _ := p.e[0].Assoc(p.id[0])
	require.EqualValues(t, 1, a.FastRetransmits)
	require.EqualValues(t, 1, a.RetransmittedChunks)
	require.Zero(t, a.Timeouts)
	require.Less(t, p.now-began, Second)
	sacks := 0
	for _, l := range p.ladder {
		if l == "Z→A SACK" {
			sacks++
		}
	}
	require.GreaterOrEqual(t, sacks, 5, strings.Join(p.ladder, "\n"))
}

// sent has Z send n messages of 1000 bytes and returns the first TSN of them.
func (r *rawPeer) sent(n int) wire.TSN {
	first := r.assoc().out.nextTSN
	for range n {
		m := &Message{Data: make([]byte, 1000)}
		require.NoError(r.t, r.e.Send(r.now, r.id, m))
	}
	r.poll()
	return first
}

// retransmitted are the TSNs of DATA in packets.
func tsns(packets []answer) (all []wire.TSN) {
	for _, p := range packets {
		for rest := p.Chunks(); len(rest) > 0; {
			c, next, err := wire.NextChunk(rest)
			if err != nil {
				break
			}
			if d, err := wire.ParseData(c); err == nil {
				all = append(all, d.TSN())
			}
			rest = next
		}
	}
	return all
}

func gap(from, to uint16) wire.GapBlock { return wire.GapBlock{Start: from, End: to} }

// Miss indications count below the highest TSN newly acknowledged only
// (RFC 9260, section 7.2.4, HTNA), once for each SACK.
func TestMissIndications(t *testing.T) {
	r := rawEstablished(t, func(c *Config) { c.Timers.MaxBurst = 0 })
	r.sent(3)
	r.ackAll()
	r.sent(4)
	r.ackAll()
	first := r.sent(5)
	require.Equal(t, first+5, r.assoc().out.nextTSN, "the window holds five")
	cum := first - 1
	path := r.assoc().paths[0]
	require.Empty(t, tsns(r.say(sackChunk(cum, gap(2, 2)))))
	for range 5 {
		require.Empty(t, tsns(r.say(sackChunk(cum, gap(2, 2)))), "nothing new: no miss")
	}
	require.Empty(t, tsns(r.say(sackChunk(cum, gap(2, 3)))))
	require.Equal(t, []wire.TSN{first}, tsns(r.say(sackChunk(cum, gap(2, 4)))), "the third miss")
	require.EqualValues(t, 1, r.e.ctr.FastRetransmits)
	now := r.assoc().paths[0]
	require.Equal(t, max(path.cwnd/2, 4*path.payload()), now.ssthresh)
	require.Equal(t, now.ssthresh, now.cwnd)
	require.Empty(t, tsns(r.say(sackChunk(cum, gap(2, 5)))))
	require.Empty(t, tsns(r.say(sackChunk(cum, gap(2, 5)))), "fast retransmitted once only")
	require.Equal(t, []wire.TSN{first}, tsns(r.wait(3 * Second))[:1], "then by T3-rtx")
	r.ackAll()
	r.works()
}

// T3-rtx: the whole flight is lost, the window is one packet, the timer doubles up
// to RTO.Max (RFC 9260, sections 6.3.3 and 7.2.3).
func TestT3BackOff(t *testing.T) {
	r := rawEstablished(t, func(c *Config) { c.Timers.RTOMax = 6 * Second; c.Timers.AssocMaxRetrans = 6 })
	r.ackAll()
	first := r.sent(3)
	p := &r.assoc().paths[0]
	cwnd, began := p.cwnd, r.now
	rto := p.rto
	want := []Time{rto}
	for len(want) < 6 {
		want = append(want, want[len(want)-1]+min(rto<<len(want), 6*Second))
	}
	for i, at := range want {
		before := began + at - Millisecond
		require.Empty(t, tsns(r.wait(before-r.now)), "try %d", i)
		got := tsns(r.wait(2 * Millisecond))
		require.Equal(t, []wire.TSN{first}, got, "try %d", i)
		require.Equal(t, p.payload(), p.cwnd)
		if i == 0 {
			require.Equal(t, max(cwnd/2, 4*p.payload()), p.ssthresh)
		}
	}
	// An answer resets the counters, and RTT is not measured from what was sent twice.
	srtt := p.srtt
	got := tsns(r.say(sackChunk(first)))
	require.Equal(t, []wire.TSN{first + 1}, got[:1])
	require.Equal(t, srtt, p.srtt)
	require.Zero(t, r.assoc().errors)
	require.NotZero(t, p.errors, "8.2: an answer to a retransmission does not speak for the path")
	r.ackAll()
	r.works()
	require.Zero(t, p.errors)
}

// RTO is held between RTO.Min and RTO.Max and follows 6.3.1.
func TestRTO(t *testing.T) {
	timers := RFC9260Timers()
	p := path{rto: timers.RTOInitial}
	p.measured(2*Second, &timers)
	require.Equal(t, []Time{2 * Second, Second, 6 * Second}, []Time{p.srtt, p.rttvar, p.rto})
	p.measured(3*Second, &timers)
	require.Equal(t, []Time{2*Second + Second/8, Second, 6*Second + Second/8}, []Time{p.srtt, p.rttvar, p.rto})
	for range 100 {
		p.measured(Millisecond, &timers)
	}
	require.Equal(t, timers.RTOMin, p.rto)
	for range 200 {
		p.backOff(&timers)
		require.Positive(t, p.rto)
	}
	require.Equal(t, timers.RTOMax, p.rto)
	p.measured(1<<60, &timers)
	require.Equal(t, timers.RTOMax, p.rto)
	p.measured(-1, &timers)
	require.Equal(t, timers.RTOMax, p.rto)
}

// What was lost on one path is sent again on another (RFC 9260, section 6.4.1).
func TestRetransmissionOnAlternatePath(t *testing.T) {
	p := newPair(t, 2, nil)
	p.connect()
	var nets []byte
	p.drop = func(from int, f *flying) bool {
		if from != 0 || !strings.Contains(describe(f.data), "DATA") {
			return false
		}
		nets = append(nets, f.dst.As4()[2])
		return len(nets) == 1
	}
	p.sendMsg(0, 0, message(1, 100), 0)
	p.run(p.now + 5*Second)
	require.Equal(t, []byte{0, 1}, nets)
	require.Len(t, p.receive(1), 1)
	require.Zero(t, p.path(0, 1).retransmits-1)
}

// A reader that stops closes the window: the sender probes for as long as it is
// answered, the association lives, and all arrives when the reader goes on (6.1, A).
func TestReaderStopsAndGoesOn(t *testing.T) {
	p := newPair(t, 2, func(side int, c *Config) {
		c.Timers.AssocMaxRetrans, c.Timers.PathMaxRetrans = 4, 2
		if side == 1 {
			c.Limits.ReceiveBuffer = 16 << 10
		}
	})
	p.connect()
	for i := range 100 {
		p.sendMsg(0, uint16(i%4), message(i, 200), 0)
		p.sendMsg(0, uint16(i%4), message(1000+i, 3000), 0)
	}
	p.run(p.now + 20*60*Second)
	require.Equal(t, Established, p.state(0))
	for i := range 2 {
		require.Equal(t, Active, p.path(0, i).state)
	}
	a, _ := p.e[1].Assoc(p.id[1])
	require.LessOrEqual(t, a.ReceiveQueued, 2*16<<10)
	probes := p.e[1].ctr.Drops.NoReceiveBuffer
	require.Greater(t, probes, uint64(10), "the window is probed")
	require.Less(t, probes, uint64(400), "with back-off")
	var got [][]byte
	for range 600 {
		got = append(got, p.receive(1)...)
		p.run(p.now + Second/2)
	}
	got = append(got, p.receive(1)...)
	require.Len(t, got, 200)
}

// What the advertised window lets the peer send is taken, although a chunk is
// charged more than its data: a reader that is slower than the sender costs
// nothing but a probe whenever the window closes, and the probe is sent again as
// soon as the window opens (6.1, A; 6.2).
func TestAdvertisedWindowIsKept(t *testing.T) {
	for _, size := range []int{400, 800, 1400} {
		p := newPair(t, 1, func(side int, c *Config) {
			c.Timers.MaxBurst = 0
			c.Limits.ReceiveBuffer = 64 << 10
		})
		p.connect()
		const rounds = 50
		sent, got := 0, 0
		for range rounds {
			for ; sent-got < 128<<10/size; sent++ {
				p.sendMsg(0, 0, message(sent, size), 0)
			}
			p.run(p.now + 300*Millisecond) // delayed SACKs, no T3-rtx
			got += len(p.receive(1))
		}
		require.Greater(t, got, rounds/2*(64<<10)/2/size, "messages of %d bytes", size)
		require.LessOrEqual(t, p.e[1].ctr.Drops.NoReceiveBuffer, uint64(rounds), "messages of %d bytes", size)
		require.Zero(t, p.e[0].ctr.T3RtxExpireds)
	}
}

// However much came out of order, there is room for the chunk that all of it waits for.
func TestRoomForTheNextChunk(t *testing.T) {
	for _, size := range []int{1, 100, 480, 600, 1400} {
		for gaps := range wire.TSN(3) {
			r := rawEstablished(t, func(c *Config) { c.Limits.ReceiveBuffer = 8 << 10 })
			body := make([]byte, size)
			send := func(t wire.TSN) { r.say(dataChunk(whole, t, 0, wire.SSN(t-r.tsn), body)) }
			last := r.tsn
			for d := &r.e.ctr.Drops; d.NoReceiveBuffer == 0; last++ {
				send(last + 1 + gaps)
			}
			for i := range gaps + 1 { // and the last gap first
				send(r.tsn + gaps - i)
				require.LessOrEqual(t, r.assoc().in.held, 16<<10)
			}
			var got []string
			for i := range gaps + 1 {
				send(r.tsn + i)
				got = append(got, r.read()...)
			}
			require.Len(t, got, int(last-r.tsn+gaps), "chunks of %d bytes, %d gaps", size, gaps+1)
		}
	}
}

// A message larger than the receive buffer is delivered in parts (RFC 9260, section 6.9).
func TestPartialDelivery(t *testing.T) {
	for _, flags := range []SendFlags{0, Unordered} {
		p := newPair(t, 1, func(side int, c *Config) {
			if side == 1 {
				c.Limits.ReceiveBuffer = 16 << 10
			}
		})
		p.connect()
		n := 0
		p.drop = func(int, *flying) bool { n++; return n%23 == 0 }
		want := message(1, 300_000)
		p.sendMsg(0, 5, want, flags)
		p.sendMsg(0, 5, message(2, 100), 0)
		p.sendMsg(0, 6, message(3, 100_000), flags)
		got := map[uint16][]byte{}
		var order []uint16
		more := false
		for end := p.now + 600*Second; p.now < end && len(got[5])+len(got[6]) < 400_100; p.run(p.now + 20*Millisecond) {
			buf := make([]byte, 5000)
			n, info, ok := p.e[1].Receive(p.now, p.id[1], buf)
			if !ok {
				continue
			}
			if !more {
				order = append(order, info.Stream)
			}
			require.Equal(t, order[len(order)-1], info.Stream, "one message at a time")
			got[info.Stream] = append(got[info.Stream], buf[:n]...)
			more = info.More
		}
		require.False(t, more)
		require.Equal(t, append(append([]byte(nil), want...), message(2, 100)...), got[5])
		require.Equal(t, message(3, 100_000), got[6])
	}
}

// DATA for a stream that does not exist is answered with ERROR, acknowledged and
// dropped (RFC 9260, section 6.5).
func TestInvalidStream(t *testing.T) {
	r := rawEstablished(t, nil)
	n := len(r.assoc().in.streams)
	for _, stream := range []int{n, 65535} {
		got := r.say(dataChunk(whole, r.tsn, uint16(stream), 0, []byte("x")))
		r.tsn++
		require.Equal(t, []string{"ERROR", "SACK"}, names(got))
		id, ok := firstCause(got[0].chunk(0)).InvalidStream()
		require.True(t, ok)
		require.EqualValues(t, stream, id)
		s, _ := wire.ParseSack(got[1].chunk(0))
		require.Equal(t, r.tsn-1, s.CumulativeTSNAck())
	}
	require.EqualValues(t, 2, r.e.ctr.Drops.BadStream)
	r.say(dataChunk(whole, r.tsn, uint16(n-1), 0, []byte("last stream")))
	r.tsn++
	require.Equal(t, []string{"last stream"}, r.read())
	r.works()
}

func TestEmptyData(t *testing.T) {
	r := rawEstablished(t, nil)
	got := r.say(dataChunk(whole, r.tsn, 0, 0, nil))
	require.Equal(t, []string{"ABORT"}, names(got))
	require.Equal(t, r.mine, got[0].VerificationTag())
	tsn, ok := firstCause(got[0].chunk(0)).NoUserData()
	require.True(t, ok)
	require.Equal(t, r.tsn, tsn)
	require.EqualValues(t, 1, r.e.ctr.Drops.EmptyData)
	require.Equal(t, ReasonProtocol, r.lastEvent().Reason)
}

// Fragments whose B and E bits, streams or numbers contradict each other end the
// association; no order of arrival gets round that.
func TestContradictoryFragments(t *testing.T) {
	type frag struct {
		n      wire.TSN
		flags  uint8
		stream uint16
		ssn    wire.SSN
	}
	const b, m, e, u = wire.FlagB, 0, wire.FlagE, wire.FlagU
	for name, frags := range map[string][]frag{
		"middle without beginning":         {{0, m, 0, 0}},
		"end without beginning":            {{0, e, 0, 0}},
		"beginning after beginning":        {{0, b, 0, 0}, {1, b, 0, 0}},
		"whole after beginning":            {{0, b, 0, 0}, {1, b | e, 0, 0}},
		"beginning before beginning":       {{1, b, 0, 0}, {0, b, 0, 0}},
		"end before middle":                {{1, m, 0, 0}, {0, b | e, 0, 0}},
		"end after end":                    {{0, b, 0, 0}, {1, e, 0, 0}, {2, e, 0, 0}},
		"another stream":                   {{0, b, 0, 0}, {1, e, 1, 0}},
		"another stream, backwards":        {{1, e, 1, 0}, {0, b, 0, 0}},
		"another sequence number":          {{0, b, 0, 0}, {1, e, 0, 1}},
		"unordered after ordered":          {{0, b, 0, 0}, {1, e | u, 0, 0}},
		"ordered after unordered":          {{0, b | u, 0, 0}, {1, e, 0, 0}},
		"middle after a whole one, waited": {{1, b | e, 0, 1}, {2, m, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := rawEstablished(t, nil)
			var got []answer
			for _, f := range frags {
				got = r.say(dataChunk(f.flags, r.tsn+f.n, f.stream, f.ssn, []byte("x")))
			}
			require.Contains(t, names(got), "ABORT")
			require.EqualValues(t, 1, r.e.ctr.Drops.BadFragment)
			require.Equal(t, wire.CauseProtocolViolation, r.lastEvent().Cause)
			require.NotContains(t, strings.Join(r.read(), ""), "xxx")
		})
	}
}

// The same inside a partial delivery.
func TestContradictoryPartialDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		ahead       uint8
		aheadStream uint16
		next        uint8
		nextStream  uint16
	}{
		"a new message where the rest must be":       {wire.FlagE, 0, wire.FlagB, 0},
		"the rest on another stream":                 {wire.FlagE, 0, 0, 1},
		"middle before a new message":                {wire.FlagB, 0, 0, 0},
		"middle before a whole message":              {whole, 1, 0, 0},
		"middle before a middle of another stream":   {0, 1, 0, 0},
		"end before a middle":                        {0, 0, wire.FlagE, 0},
		"middle before a whole unordered one, later": {whole | wire.FlagU, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRawPeer(t, func(c *Config) { c.Limits.ReceiveBuffer = 8192 })
			r.establish()
			for i := 0; !r.assoc().in.partial.active; i++ {
				flags := uint8(0)
				if i == 0 {
					flags = wire.FlagB
				}
				r.say(dataChunk(flags, r.tsn, 0, 0, make([]byte, 1400)))
				if !r.assoc().in.partial.active {
					r.tsn++
				}
			}
			r.tsn = r.assoc().in.partial.next
			r.e.Receive(r.now, r.id, make([]byte, 6000))
			ssn := wire.SSN(0)
			if c.ahead&wire.FlagB != 0 && c.aheadStream == 0 {
				ssn = 1
			}
			r.say(dataChunk(c.ahead, r.tsn+1, c.aheadStream, ssn, []byte("ahead")))
			got := r.say(dataChunk(c.next, r.tsn, c.nextStream, 0, []byte("next")))
			require.Contains(t, names(got), "ABORT")
			require.EqualValues(t, 1, r.e.ctr.Drops.BadFragment)
		})
	}
}

// TSN, SSN and the peer's TSN all go past their end in the middle of a lossy stream.
func TestNumbersWrap(t *testing.T) {
	p := newPair(t, 1, nil)
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1)}))
	require.NoError(t, p.associate(0, 1))
	a := p.e[0].assoc(p.id[0])
	a.localInitTSN = 0xffffffff - 120
	a.out.init(len(a.out.nextSSN), a.localInitTSN)
	p.run(Second)
	for s := range 4 {
		a.out.nextSSN[s] = 65530 + uint16(s)
		p.e[1].assoc(p.id[1]).in.streams[s].next = wire.SSN(65530 + s)
	}
	n := 0
	p.drop = func(int, *flying) bool { n++; return n%13 == 5 }
	var got [][]byte
	for i := range 400 {
		p.sendMsg(0, uint16(i%4), message(i, 200), 0)
		if i%10 == 0 {
			p.sendMsg(0, 9, message(5000, 4000), Unordered)
			p.run(p.now + 100*Millisecond)
		}
	}
	p.run(p.now + 100*Second)
	for _, m := range p.receive(1) {
		if len(m) == 200 {
			got = append(got, m)
		}
	}
	requireStreams(t, 400, got)
	require.Less(t, a.out.nextTSN, a.localInitTSN, "it did wrap")
	require.Less(t, a.out.nextSSN[0], uint16(65530))
	// The first TSN may be any, 0 and the last one too.
	for _, first := range []wire.TSN{0, 1, 0xffffffff, 0x7fffffff, 0x80000000} {
		r := newRawPeer(t, nil)
		r.tsn = first
		r.establish()
		r.say(dataChunk(wire.FlagB, first, 0, 0, []byte("ab")))
		r.say(dataChunk(whole, first+2, 0, 1, []byte("e")))
		r.say(dataChunk(wire.FlagE, first+1, 0, 0, []byte("cd")))
		require.Equal(t, []string{"abcd", "e"}, r.read())
		r.say(dataChunk(whole, first-1, 0, 0, []byte("old")))
		require.EqualValues(t, 1, r.e.ctr.Drops.DuplicateTSN)
		r.works()
	}
}

// Send's own bounds.
func TestSendRefuses(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.SendBuffer, c.Limits.MaxMessage = 10_000, 9000 })
	r.establish()
	send := func(stream uint16, n int) error {
		return r.e.Send(r.now, r.id, &Message{Data: make([]byte, n), Stream: stream})
	}
	require.ErrorIs(t, send(0, 0), ErrEmpty)
	require.ErrorIs(t, send(0, 9001), ErrMessageTooLong)
	require.ErrorIs(t, send(16, 1), ErrStream)
	require.NoError(t, send(15, 9000))
	require.ErrorIs(t, send(0, 1001), ErrWouldBlock)
	n := 1
	for send(0, 1) == nil {
		n++
	}
	require.Less(t, n, 20, "tiny messages are charged for their bookkeeping")
	for r.poll(); r.e.Released(r.id) < uint64(n); {
		r.ackAll()
	}
	require.Equal(t, EventReleased, r.lastEvent().Kind)
	require.NoError(t, send(0, 9000))
	require.ErrorIs(t, r.e.Send(r.now, 999, &Message{Data: []byte{1}}), ErrNoAssociation)
}

// The path MTU shrinks while larger chunks are under way: they must still get there
// (RFC 9260, section 6.9: "IP-level fragmentation" is what is left for them).
func TestMTUShrinksUnderChunks(t *testing.T) {
	r := rawEstablished(t, nil)
	first := r.sent(2)
	a := r.assoc()
	quoted := packet(a.peerTag)
	copy(quoted, []byte{0, 0, 0, 0})
	wire.PutHeader(quoted, portZ, portA, a.peerTag)
	r.e.HandleUnreachable(r.now, r.dst, r.src, quoted, 600, false)
	require.EqualValues(t, 600, a.paths[0].mtu)
	require.Equal(t, first, tsns(r.wait(5 * Second))[0])
	r.ackAll()
	m := &Message{Data: make([]byte, 3000)}
	require.NoError(t, r.e.Send(r.now, r.id, m))
	for _, g := range r.poll() {
		require.LessOrEqual(t, len(g.Packet), 600-20)
	}
	r.ackAll()
	r.works()
}
