package sctpcore

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// quote is what an ICMP error quotes of a packet from A to Z with a tag.
func quote(tag uint32) []byte {
	b := make([]byte, 8)
	binary.BigEndian.PutUint16(b, portA)
	binary.BigEndian.PutUint16(b[2:], portZ)
	binary.BigEndian.PutUint32(b[4:], tag)
	return b
}

// Protocol Unreachable ends what was never answered, and only what we sent.
func TestProtocolUnreachable(t *testing.T) {
	p := newPair(t, 1, nil)
	p.drop = func(int, *flying) bool { return true }
	id, err := p.e[0].Associate(p.now, &AssociateParams{LocalPort: portA, PeerPort: portZ, Locals: addrsOf(1, 1), Peers: addrsOf(2, 1)})
	require.NoError(t, err)
	p.id[0] = id
	p.run(p.now + Millisecond)
	a := p.e[0].assoc(id)
	init := append(quote(0), make([]byte, 12)...)
	init[12] = 1
	binary.BigEndian.PutUint32(init[16:], a.localTag+1)
	p.e[0].HandleUnreachable(p.now, addrOf(1, 0), addrOf(2, 0), init, 0, true)
	require.Equal(t, CookieWait, p.state(0), "it quotes another INIT")
	require.EqualValues(t, 1, p.e[0].ctr.Drops.BadICMP)
	binary.BigEndian.PutUint32(init[16:], a.localTag)
	p.e[0].HandleUnreachable(p.now, addrOf(1, 0), addrOf(2, 0), init, 0, true)
	require.Equal(t, Closed, p.state(0))
	require.Equal(t, ReasonUnreachable, p.e[0].eventsLast().Reason)
}

// eventsLast is the last event queued.
func (e *Endpoint) eventsLast() Event { return *e.events.at(uint64(e.events.len() - 1)) }

// A peer that has answered is not ended by it.
func TestLateProtocolUnreachable(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	tag := p.e[0].assoc(p.id[0]).peerTag
	p.e[0].HandleUnreachable(p.now, addrOf(1, 0), addrOf(2, 0), quote(tag), 0, true)
	p.e[0].HandleUnreachable(p.now, addrOf(1, 0), addrOf(2, 0), quote(tag+1), 0, true)
	require.Equal(t, Established, p.state(0))
	require.EqualValues(t, 1, p.e[0].ctr.Drops.LateUnreachable)
	require.EqualValues(t, 1, p.e[0].ctr.Drops.BadICMP)
	p.sendMsg(0, 0, message(1, 100), 0)
	p.run(p.now + Second)
	require.Len(t, p.receive(1), 1)
}
