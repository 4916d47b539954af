package sctpcore

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// gotMessage is a message as Receive gave it.
type gotMessage struct {
	info Received
	data string
}

// readPieces reads all that waits, at most n bytes at a time.
func (r *rawPeer) readPieces(n int) (all []gotMessage) {
	buf := make([]byte, n)
	for more := false; ; {
		size, pending := r.e.Pending(r.id)
		k, info, ok := r.e.Receive(r.now, r.id, buf)
		require.Equal(r.t, pending, ok)
		if !ok {
			require.NoError(r.t, invariants(r.e))
			return all
		}
		require.Equal(r.t, min(size, n), k, "Pending told of %d bytes", size)
		if !more {
			all = append(all, gotMessage{info: info})
		}
		more = info.More
		last := &all[len(all)-1]
		last.data += string(buf[:k])
		last.info.More = more
	}
}

// oddPacket is chunks most of which are what is expected next, and one now and
// then that is not. next is the TSN and ssn the stream sequence numbers to go on with.
func oddPacket(rng *rand.Rand, next *wire.TSN, ssn *[4]wire.SSN) (chunks [][]byte) {
	for range 1 + rng.IntN(12) {
		stream := uint16(rng.IntN(len(ssn)))
		t, s, flags := *next, ssn[stream], whole
		data := message(int(t), []int{1, 2, 3, 4, 63, 64, 100, 113, 700, 1500}[rng.IntN(10)])
		switch rng.IntN(40) {
		case 10:
			data = nil // which aborts
		case 0:
			t-- // a duplicate
		case 1:
			t += 2 // a gap
		case 2:
			s += 1 // a hole in the stream, for ever
		case 3:
			flags |= wire.FlagU
		case 4:
			flags |= wire.FlagI
		case 5:
			stream = 99
		case 6: // a message in three pieces
			for i, f := range []uint8{wire.FlagB, 0} {
				chunks = append(chunks, dataChunk(f, t+wire.TSN(i), stream, s, data))
			}
			t, flags = t+2, wire.FlagE
		case 7:
			chunks = append(chunks, unknown(0xbe, "odd"))
		case 8:
			chunks = append(chunks, wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("beat")))
		case 9:
			flags |= 0xf0 // reserved
		}
		chunks = append(chunks, dataChunk(flags, t, stream, s, data))
		if t == *next || flags == wire.FlagE {
			*next = t + 1
			if flags&wire.FlagU == 0 && int(stream) < len(ssn) {
				ssn[stream]++
			}
		}
	}
	return chunks
}

// Whatever a packet bundles, runs of messages are taken in with the same outcome
// as chunk by chunk. The one endpoint has a message waiting for ever, for which it
// takes in nothing by runs.
func TestRunsAreChunks(t *testing.T) {
	for seed := range uint64(100) {
		var peers [2]*rawPeer
		for i := range peers {
			r := rawEstablished(t, func(c *Config) {
				c.Limits.ReceiveBuffer, c.Limits.StoreMemory = 64<<10, 512<<10
			})
			r.say(dataChunk(whole, r.tsn, 9, wire.SSN(i), []byte("runs, no runs")))
			r.read()
			peers[i] = r
		}
		require.Zero(t, peers[0].assoc().in.waiting)
		require.Equal(t, 1, peers[1].assoc().in.waiting)
		rng := rand.New(rand.NewPCG(seed, 1))
		next, ssn := peers[0].tsn+1, [4]wire.SSN{}
		for range 6 {
			chunks := oddPacket(rng, &next, &ssn)
			piece := []int{7, 100, 4096}[rng.IntN(3)]
			var read [2][]gotMessage
			var answers [2][]string
			for i, r := range peers {
				answers[i] = names(r.say(chunks...))
				if a := r.assoc(); a != nil && a.state != Closed {
					read[i] = r.readPieces(piece)
				}
			}
			require.Equal(t, read[1], read[0], "seed %d", seed)
			require.Equal(t, answers[1], answers[0], "seed %d", seed)
			a, b := peers[0].assoc(), peers[1].assoc()
			require.Equal(t, b.state, a.state, "seed %d", seed)
			if a.state == Closed {
				break
			}
			require.Equal(t, b.in.cum, a.in.cum, "seed %d", seed)
			require.Equal(t, b.in.runs, a.in.runs, "seed %d", seed)
			require.Equal(t, b.in.streams[:4], a.in.streams[:4], "seed %d", seed)
			require.Equal(t, b.stats.RxDataChunks, a.stats.RxDataChunks, "seed %d", seed)
			require.Equal(t, b.stats.RxMessages, a.stats.RxMessages-1, "seed %d", seed)
			require.Equal(t, peers[1].e.ctr.Drops, peers[0].e.ctr.Drops, "seed %d", seed)
			require.Equal(t, peers[1].e.ctr.InOrderChunks, peers[0].e.ctr.InOrderChunks, "seed %d", seed)
		}
	}
}

// The messages of a packet share a block, which is charged until all are read.
func TestRunSharesABlock(t *testing.T) {
	r := rawEstablished(t, nil)
	var bundle []byte
	const n = 18
	for i := range wire.TSN(n) {
		bundle = append(bundle, dataChunk(whole, r.tsn+i, uint16(i%3), wire.SSN(i/3), make([]byte, 64))...)
	}
	r.say(bundle)
	in := &r.assoc().in
	require.Equal(t, 1, in.ready.len())
	require.Equal(t, 1536, in.held)
	require.Equal(t, in.cum+1, in.base)
	require.Equal(t, in.limit-n*64, in.promised)
	require.EqualValues(t, n, r.assoc().stats.RxMessages)
	for range n - 1 {
		_, _, ok := r.e.Receive(r.now, r.id, make([]byte, 64))
		require.True(t, ok)
		require.Equal(t, 1536, in.held)
	}
	require.Len(t, r.read(), 1)
	require.Zero(t, in.held)

	r.tsn += n
	r.say(dataChunk(whole, r.tsn, 0, n/3, make([]byte, 64)))
	require.Equal(t, blockSizes[0], in.held, "a lone message takes no more than it needs")
	r.say(dataChunk(whole, r.tsn+1, 0, n/3+1, make([]byte, 8000)))
	require.Equal(t, blockSizes[0]+9216, in.held)
}
