package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Chunks and messages are counted apart, also where a message is cut.
func TestChunksAndMessagesAreCounted(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	for i := range 5 {
		p.sendMsg(0, 0, message(i, 100), 0)
		p.sendMsg(0, 0, message(i, 4000), 0)
		p.sendMsg(0, 0, message(i, 3000), Unordered)
		p.run(p.now + Second)
	}
	require.Len(t, p.receive(1), 15)
	a, z := p.e[0].Counters(), p.e[1].Counters()
	require.EqualValues(t, 15, a.OutMessages)
	require.EqualValues(t, 15, z.InMessages)
	require.EqualValues(t, 10, a.FragUsrMsgs)
	require.EqualValues(t, 10, z.ReasmUsrMsgs)
	require.EqualValues(t, 5*(1+3), a.OutOrderChunks, "RFC 3873: data chunks, not messages")
	require.EqualValues(t, 5*3, a.OutUnorderChunks)
	require.Equal(t, []uint64{a.OutOrderChunks, a.OutUnorderChunks}, []uint64{z.InOrderChunks, z.InUnorderChunks})
}

func TestDiscardsAreSums(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	require.Zero(t, r.e.ctr.InPktDiscards()+r.e.ctr.InDataChunkDiscards())
	first := dataChunk(whole, r.tsn, 0, 0, []byte("x"))
	r.say(first)
	r.say(first)
	require.EqualValues(t, 1, r.e.ctr.InDataChunkDiscards(), "a duplicate")
	require.Zero(t, r.e.ctr.InPktDiscards())
	r.e.HandlePackets(r.now, []Inbound{{Data: make([]byte, 4)}})
	require.EqualValues(t, 1, r.e.ctr.InPktDiscards(), "too short")
}
