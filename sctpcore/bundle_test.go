package sctpcore

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Messages that share a packet have their own flags, numbers, padding and counters,
// and one of them is timed.
func TestBundledMessages(t *testing.T) {
	r := rawEstablished(t, func(c *Config) { c.Timers = TelecomTimers() })
	a := r.assoc()
	r.sent(1) // the ring of chunks is there then
	r.ackAll()
	flags := []SendFlags{0, Unordered, SackNow, Unordered | SackNow, 0, 0, 0}
	for i, f := range flags {
		require.NoError(t, r.e.Send(r.now, r.id, &Message{Data: message(i, i+1), Stream: uint16(i % 2), PPID: uint32(i), Flags: f}))
	}
	for i := range r.out {
		r.out[i].Buf = bytes.Repeat([]byte{0xa5}, 9000)
	}
	first, before := a.out.nextTSN, r.e.ctr
	got := r.poll()
	require.Len(t, got, 1)
	rest, ssn := got[0].Chunks(), [2]wire.SSN{1, 0}
	for i, f := range flags {
		c, next, err := wire.NextChunk(rest)
		require.NoError(t, err)
		d, err := wire.ParseData(c)
		require.NoError(t, err)
		require.Equal(t, message(i, i+1), d.UserData())
		require.Equal(t, make([]byte, wire.Pad4(len(c))-len(c)), rest[len(c):len(rest)-len(next)], "padding")
		require.Equal(t, first+wire.TSN(i), d.TSN())
		require.EqualValues(t, i%2, d.StreamID())
		require.EqualValues(t, i, d.PPID())
		require.True(t, d.Beginning() && d.Ending())
		require.Equal(t, f&Unordered != 0, d.Unordered())
		require.Equal(t, f&SackNow != 0 || i == len(flags)-1, d.Immediate(), "the last asks for a SACK: RTO.Min is small")
		if !d.Unordered() {
			require.Equal(t, ssn[i%2], d.SSN())
			ssn[i%2]++
		}
		rest = next
	}
	require.Empty(t, rest)
	require.EqualValues(t, 2, r.e.ctr.OutUnorderChunks-before.OutUnorderChunks)
	require.EqualValues(t, len(flags)-2, r.e.ctr.OutOrderChunks-before.OutOrderChunks)
	require.True(t, a.paths[0].rttPending)
	require.Equal(t, first, a.paths[0].rttTSN)

	r.now += 3 * Millisecond
	r.ackAll()
	require.False(t, a.paths[0].rttPending)
	require.NotZero(t, a.paths[0].srtt)
	require.EqualValues(t, 1+len(flags), r.e.Released(r.id))
	for i := range a.out.messages.ring {
		require.Nil(t, a.out.messages.ring[i].data, "what was released is not held")
	}
}

// What must be acknowledged before more can go asks for a SACK at once, since a peer may delay
// that for longer than a small RTO: the last chunk that the peer's window takes, and each
// packet after T3-rtx. With RTO.Min above the usual delay nothing does.
func TestSackWantedAtStall(t *testing.T) {
	wanted := func(packets []answer) (n int) {
		for _, p := range packets {
			for rest := p.Chunks(); len(rest) > 0; {
				c, next, err := wire.NextChunk(rest)
				require.NoError(t, err)
				if d, err := wire.ParseData(c); err == nil && d.Immediate() {
					n++
				}
				rest = next
			}
		}
		return n
	}
	for _, size := range []int{1000, 5000} { // messages that share packets, and such that are cut
		for small, timers := range map[bool]Timers{true: TelecomTimers(), false: RFC9260Timers()} {
			r := rawEstablished(t, func(c *Config) { c.Timers = timers })
			a := r.assoc()
			r.sent(1)
			r.say(wire.AppendSack(nil, a.out.nextTSN-1, 4000, nil, nil))
			for range 20 {
				require.NoError(t, r.e.Send(r.now, r.id, &Message{Data: make([]byte, size)}))
			}
			got := r.poll()
			require.Less(t, a.out.peerRwnd, a.fragmentSize())
			require.Equal(t, small, wanted(got) > 0, "messages of %d bytes, a full window", size)
			again := r.wait(4 * Second)
			require.NotEmpty(t, tsns(again))
			require.Equal(t, small, wanted(again) > 0, "messages of %d bytes, after T3-rtx", size)
		}
	}
}
