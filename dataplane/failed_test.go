package dataplane

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// A message that was queued before the peer said how many streams there are, for one
// that it does not grant, is told of; the others go.
func TestSendFailedForStreamNotGranted(t *testing.T) {
	now := int64(1)
	l := newLab(t, labOptions{tune: func(side int, c *Config) {
		c.Manual, c.Clock = true, func() int64 { return now }
		c.Limits = sctpcore.DefaultLimits()
		c.Limits.InStreams = []int{8, 2}[side]
	}})
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	c, err := l.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	events := c.Events(16)
	require.NoError(t, c.Send([]byte("goes"), &Message{Stream: 1}))
	require.NoError(t, c.Send([]byte("fails"), &Message{Stream: 2}))
	require.NoError(t, c.Send([]byte("goes as well"), nil))
	for range 100 {
		now += 10_000
		l.a.Step()
		l.b.Step()
	}
	z := ln.TryAccept()
	require.NotNil(t, z)
	failed := 0
	for len(events) > 0 {
		if v := <-events; v.Kind == sctpcore.EventSendFailed {
			require.EqualValues(t, 2, v.Stream)
			require.Equal(t, sctpcore.ReasonNoStream, v.Reason)
			failed++
		}
	}
	require.Equal(t, 1, failed)
	got := []Message{{Data: make([]byte, 100)}, {Data: make([]byte, 100)}, {Data: make([]byte, 100)}}
	n, err := z.TryRecvBatch(got)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, "goes", string(got[0].Data[:got[0].N]))
	require.Equal(t, "goes as well", string(got[1].Data[:got[1].N]))
	require.ErrorIs(t, c.Send([]byte("x"), &Message{Stream: 2}), sctpcore.ErrStream)
}

// sctp sends one packet of chunks with a tag and returns the SCTP packets that answer it.
func (r *rawPeer) sctp(tag uint32, chunks ...[]byte) (answers []wire.Packet) {
	b := make([]byte, wire.CommonHeaderLen, 1500)
	wire.PutHeader(b, 5000, 7, tag)
	for _, c := range chunks {
		b = append(b, c...)
	}
	wire.SetChecksum(b)
	for _, s := range find[*layers.SCTP](r.exchange(r.frame(r.ip(layers.IPProtocolSCTP), gopacket.Payload(b))), layers.LayerTypeSCTP) {
		answers = append(answers, append(append(wire.Packet(nil), s.Contents...), s.Payload...))
	}
	return answers
}

// associate is the handshake with our tag mine.
func (r *rawPeer) associate(mine uint32, first wire.TSN) (theirs uint32) {
	i := wire.FinishChunk(wire.AppendInit(nil, wire.ChunkInit, mine, 1<<20, 8, 8, first), 0)
	answers := r.sctp(0, i)
	require.Len(r.t, answers, 1)
	c, _, err := wire.NextChunk(answers[0].Chunks())
	require.NoError(r.t, err)
	ack, err := wire.ParseInit(c)
	require.NoError(r.t, err)
	for rest := ack.Params(); len(rest) > 0; {
		p, next, err := wire.NextParam(rest)
		require.NoError(r.t, err)
		if p.Type() == wire.ParamStateCookie {
			r.sctp(ack.InitiateTag(), wire.AppendCookieEcho(nil, p.Value()))
		}
		rest = next
	}
	return ack.InitiateTag()
}

// The peer restarts while a message is being received in parts: the reader learns that
// the rest will not come, and takes the next message for a new one.
func TestPartialDeliveryIsAborted(t *testing.T) {
	r := newRawPeer(t, 1)
	ln, err := r.d.Listen(&Addr{Port: 7}, &AssocOptions{ReceiveBuffer: 16 << 10})
	require.NoError(t, err)
	r.exchange(r.arp(layers.ARPReply), r.arp(layers.ARPRequest))
	const first = wire.TSN(1000)
	tag := r.associate(77, first)
	c, err := ln.AcceptSCTP()
	require.NoError(t, err)
	events := c.Events(16)
	data := func(flags uint8, t wire.TSN, user []byte) []byte {
		b := make([]byte, wire.DataHeaderLen+wire.Pad4(len(user)))
		wire.PutDataHeader(b, flags, len(user), t, 3, 0, 0)
		copy(b[wire.DataHeaderLen:], user)
		return b
	}
	b, m := make([]byte, 1<<16), Message{}
	r.sctp(tag, data(wire.FlagB, first, make([]byte, 1400)))
	for i := wire.TSN(1); i < 16; i++ {
		r.sctp(tag, data(0, first+i, make([]byte, 1400)))
	}
	_, err = c.Recv(b, &m)
	require.NoError(t, err)
	require.True(t, m.More)
	tag = r.associate(78, first+5000)
	r.sctp(tag, data(wire.FlagB|wire.FlagE, first+5000, []byte("new")))
	for err == nil && m.More {
		_, err = c.Recv(b, &m)
	}
	require.ErrorIs(t, err, ErrPartialAborted)
	n, err := c.Recv(b, &m)
	require.NoError(t, err)
	require.Equal(t, "new", string(b[:n]))
	require.False(t, m.More)
	for v := range events {
		if v.Kind == sctpcore.EventPartialAborted {
			require.EqualValues(t, 3, v.Stream)
			return
		}
	}
}
