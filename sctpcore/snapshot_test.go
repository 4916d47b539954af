package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// What one side counts as sent the other counts as received.
func TestTotalsAgree(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	lost := 0
	p.drop = func(from int, f *flying) bool {
		if from == 0 && describe(f.data) == "DATA" {
			lost++
		}
		return lost == 5 && from == 0
	}
	for i := range 40 {
		p.sendMsg(0, 0, message(i, 3000), SendFlags(i%2)*Unordered)
		p.sendMsg(1, 0, message(i, 10), 0)
		p.run(p.now + 100*Millisecond)
	}
	p.run(p.now + 10*Second)
	a, _ := p.e[0].Assoc(p.id[0])
	z, _ := p.e[1].Assoc(p.id[1])
	require.Len(t, p.receive(1), 40)
	require.Equal(t, 40, z.PendingMessages)
	z2, _ := p.e[1].Assoc(p.id[1])
	require.Zero(t, z2.PendingMessages)
	require.Equal(t, a.TxDataChunks-a.RetransmittedChunks, z.RxDataChunks)
	require.Equal(t, a.TxUnordered, z.RxUnordered)
	require.EqualValues(t, 60, a.TxUnordered, "20 messages of 3 chunks")
	require.Equal(t, z.TxSACKs, a.RxSACKs)
	require.InDelta(t, z.TxControlChunks, a.RxControlChunks, 2, "but for INIT ACK and a heartbeat under way")
	require.InDelta(t, a.TxPackets, z.RxPackets+1, 2, "but for the handshake and the one that was lost")
	require.Positive(t, z.OutOfSequenceTSNs)
	require.Positive(t, a.GapBlocks)
	require.Equal(t, 1*Second, a.MaxRTO)
	require.Equal(t, p.assoc(0).fragmentSize(), a.FragmentSize)
	require.Equal(t, z.Rwnd, DefaultLimits().ReceiveBuffer-z.ReceiveQueued)
	require.Zero(t, a.UnackedChunks+a.QueuedMessages)
	require.Zero(t, a.Features)
}

func TestUnacknowledged(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	for range 20 {
		require.NoError(t, r.e.Send(r.now, r.id, &Message{Data: make([]byte, 1400)}))
	}
	r.poll()
	info, _ := r.e.Assoc(r.id)
	sent := int(r.assoc().out.nextTSN - r.assoc().out.cumAcked - 1)
	require.Equal(t, sent, info.UnackedChunks)
	require.Equal(t, 20-sent, info.QueuedMessages)
	r.say(sackChunk(r.assoc().out.cumAcked, wire.GapBlock{Start: 2, End: 2}))
	again, _ := r.e.Assoc(r.id)
	require.Equal(t, int(r.assoc().out.nextTSN-r.assoc().out.cumAcked-2), again.UnackedChunks, "a gap block acknowledges")
	require.EqualValues(t, 1, again.GapBlocks)
	// The end tells what was sent of it.
	cut := r.assoc().out.cut
	abort := wire.AppendAbort(nil, false, wire.AppendCause(nil, wire.CauseUserAbort, []byte("why")))
	r.say(abort)
	v := r.lastEvent()
	require.Equal(t, []any{EventDown, wire.CauseUserAbort, cut}, []any{v.Kind, v.Cause, v.Message})
	require.Equal(t, abort[:11], v.Data, "without its padding")
}

// An event says how many messages came before it, and has what the peer said.
func TestEventsHaveTheirPlace(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	cause := wire.AppendCause(nil, wire.CauseOutOfResource, nil)
	data := func(n int) []byte {
		c := dataChunk(whole, r.tsn, 0, wire.SSN(n), []byte("x"))
		r.tsn++
		return c
	}
	r.say(data(0), data(1), wire.AppendError(nil, cause), data(2))
	v := r.lastEvent()
	require.Equal(t, EventPeerError, v.Kind)
	require.EqualValues(t, 2, v.Received)
	require.Equal(t, cause, v.Data)
}
