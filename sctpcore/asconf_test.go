package sctpcore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// reconfigurable is a pair on nets networks, of which A begins with the first onA.
func reconfigurable(t *testing.T, nets, onA int, mod func(side int, c *Config)) *pair {
	p := newPair(t, nets, mod)
	p.locals = [2]int{onA, nets}
	p.ext = [2]*Extensions{reconfiguring(), reconfiguring()}
	p.connect()
	p.run(p.now + Second)
	p.ladder, p.events = nil, [2][]Event{}
	return p
}

func (p *pair) change(side int, op AddressOp, addr wire.Addr) {
	p.t.Helper()
	require.NoError(p.t, p.e[side].ChangeAddress(p.now, p.id[side], op, addr))
}

func (p *pair) assoc(side int) *assoc { return p.e[side].assoc(p.id[side]) }

// peerOf is the addresses of the peer as a side has them.
func (p *pair) peerOf(side int) (addrs []wire.Addr) {
	for _, q := range p.assoc(side).paths {
		addrs = append(addrs, q.dst)
	}
	return addrs
}

// eventsOf is the events of these kinds, less what is beside the point.
func eventsOf(events []Event, kinds ...EventKind) (got []Event) {
	for _, v := range events {
		if slices.Contains(kinds, v.Kind) {
			got = append(got, Event{Kind: v.Kind, Op: v.Op, Addr: v.Addr, Cause: v.Cause, Path: v.Path})
		}
	}
	return got
}

func reconfigured(events []Event) []Event {
	return eventsOf(events, EventAddressAdded, EventAddressRemoved, EventAddressPrimary, EventAsconf)
}

func (p *pair) exchange(number int) {
	p.t.Helper()
	for side := range 2 {
		p.sendMsg(side, 0, message(number, 3000), 0)
	}
	p.run(p.now + 10*Second)
	for side := range 2 {
		require.Equal(p.t, [][]byte{message(number, 3000)}, p.receive(side), "%v", p.ladder)
	}
}

// F1, F2, F14: the new address is probed before it is used, and the old path may die then.
func TestAddAddress(t *testing.T) {
	p := reconfigurable(t, 2, 1, func(_ int, c *Config) {
		c.Timers = TelecomTimers()
		c.Timers.HBInterval = 100 * Second
	})
	require.Len(t, p.peerOf(1), 1)
	p.change(0, AddAddress, addrOf(1, 1))
	p.run(p.now + 4*Millisecond)
	require.Equal(t, []string{"A→Z AUTH+ASCONF", "Z→A AUTH+ASCONF ACK", "Z→A HEARTBEAT", "A→Z HEARTBEAT ACK"}, p.ladder)
	require.Equal(t, []Event{{Kind: EventAsconf, Op: AddAddress, Addr: addrOf(1, 1)}}, reconfigured(p.events[0]))
	require.Equal(t, []Event{{Kind: EventAddressAdded, Addr: addrOf(1, 1), Path: 1}}, reconfigured(p.events[1]))
	require.Equal(t, Active, p.path(1, 1).state)
	info, _ := p.e[0].Assoc(p.id[0])
	require.Equal(t, addrsOf(1, 2), info.LocalAddrs)
	p.exchange(1)
	p.cutNet(0)
	sent, got := p.trickle(0, 10*Millisecond, p.now+2*Second)
	p.drop = nil
	p.run(p.now + Second)
	require.Len(t, append(got, p.receive(1)...), sent)
	require.NotEmpty(t, p.failovers(0))
}

// The deleted path's outstanding data goes by another path; nothing is lost or sent twice
// to the application, and what comes from the address is out of the blue from then on.
func TestDeleteAddressWithDataOutstanding(t *testing.T) {
	p := reconfigurable(t, 3, 3, telecom)
	z := p.assoc(1)
	require.NoError(t, p.e[1].SetPrimary(p.now, p.id[1], addrOf(1, 1)))
	lost := 0
	p.drop = func(from int, f *flying) bool { // what Z has out on net 1 stays out
		if from == 1 && f.dst == addrOf(1, 1) && strings.Contains(describe(f.data), "DATA") {
			lost++
			return true
		}
		return false
	}
	for i := range 20 {
		p.sendMsg(1, 0, message(i, 1000), 0)
	}
	p.pump()
	require.NotZero(t, z.paths[1].flight)
	p.change(0, DeleteAddress, addrOf(1, 1))
	p.run(p.now + 100*Millisecond)
	require.NotZero(t, lost)
	require.Equal(t, []wire.Addr{addrOf(1, 0), addrOf(1, 2)}, p.peerOf(1))
	got := p.receive(0)
	require.Len(t, got, 20)
	for i := range got {
		require.Equal(t, message(i, 1000), got[i])
	}
	require.Equal(t, []Event{{Kind: EventAsconf, Op: DeleteAddress, Addr: addrOf(1, 1)}}, reconfigured(p.events[0]))
	require.Equal(t, []Event{{Kind: EventAddressRemoved, Addr: addrOf(1, 1), Path: 1}}, reconfigured(p.events[1]))
	require.Zero(t, p.e[1].Lookup(portZ, portA, addrOf(1, 1), addrOf(2, 0)))
	p.drop = nil
	p.exchange(1)
	before := p.e[1].ctr.Drops.AddressNotOfAssoc
	b := append([]byte(nil), packet(z.localTag, sackChunk(0))...)
	p.e[1].HandlePackets(p.now, []Inbound{{Src: addrOf(1, 1), Dst: addrOf(2, 1), Data: b}})
	require.Equal(t, before+1, p.e[1].ctr.Drops.AddressNotOfAssoc)
	// And what comes to the deleted address late is not answered.
	for i, c := range [][]byte{wire.AppendAbort(nil, false, nil), dataChunk(whole, z.out.nextTSN, 0, 21, []byte("late"))} {
		b = packet(p.assoc(0).localTag, c)
		wire.PutHeader(b, portZ, portA, p.assoc(0).localTag)
		p.e[0].HandlePackets(p.now, []Inbound{{Src: addrOf(2, 0), Dst: addrOf(1, 1), Data: b}})
		require.Equal(t, uint64(i+1), p.e[0].ctr.Drops.DeletedAddress)
		require.Equal(t, Established, p.state(0))
		require.Empty(t, p.receive(0))
	}
	// It may come back.
	p.change(0, AddAddress, addrOf(1, 1))
	p.run(p.now + Second)
	require.Equal(t, []wire.Addr{addrOf(1, 0), addrOf(1, 2), addrOf(1, 1)}, p.peerOf(1))
	require.Empty(t, p.assoc(0).ext.conf.gone)
	p.exchange(2)
}

// F4: an address that is to be deleted is no source from the wish on; an ABORT to it is
// ignored (5.3.1).
func TestDeletedAddressIsNoSource(t *testing.T) {
	p := reconfigurable(t, 2, 2, telecom)
	p.change(0, DeleteAddress, addrOf(1, 0))
	p.drop = func(from int, f *flying) bool {
		require.False(t, from == 0 && f.src == addrOf(1, 0), "%s from the address", describe(f.data))
		return from == 1 && strings.Contains(describe(f.data), "ASCONF")
	}
	p.sendMsg(0, 0, message(1, 5000), 0)
	p.run(p.now + 50*Millisecond)
	require.Equal(t, [][]byte{message(1, 5000)}, p.receive(1))
	info, _ := p.e[0].Assoc(p.id[0])
	require.Equal(t, []wire.Addr{addrOf(1, 1)}, info.LocalAddrs)
	a := p.assoc(0)
	abort := packet(0, wire.AppendAbort(nil, false, nil))
	wire.PutHeader(abort, portZ, portA, a.localTag)
	p.e[0].HandlePackets(p.now, []Inbound{{Src: addrOf(2, 0), Dst: addrOf(1, 0), Data: abort}})
	require.Equal(t, Established, p.state(0))
	require.Equal(t, uint64(1), p.e[0].ctr.Drops.DeletedAddress)
	drop := p.drop
	p.drop = func(from int, f *flying) bool { return drop(from, f) && false }
	p.run(p.now + 10*Second)
	require.Equal(t, []wire.Addr{addrOf(1, 1)}, p.peerOf(1))
	p.exchange(2)
}

func TestSetPeerPrimary(t *testing.T) {
	p := reconfigurable(t, 2, 2, telecom)
	p.change(0, SetPeerPrimary, addrOf(1, 1))
	p.run(p.now + 10*Millisecond)
	require.Equal(t, []string{"A→Z AUTH+ASCONF", "Z→A AUTH+ASCONF ACK"}, p.ladder)
	require.Equal(t, []Event{{Kind: EventAsconf, Op: SetPeerPrimary, Addr: addrOf(1, 1)}}, reconfigured(p.events[0]))
	require.Equal(t, []Event{{Kind: EventAddressPrimary, Addr: addrOf(1, 1), Path: 1}}, reconfigured(p.events[1]))
	p.drop = func(from int, f *flying) bool {
		require.False(t, from == 1 && f.dst != addrOf(1, 1) && strings.Contains(describe(f.data), "DATA"))
		return false
	}
	p.sendMsg(1, 0, message(1, 5000), 0)
	p.run(p.now + Second)
	require.Equal(t, [][]byte{message(1, 5000)}, p.receive(0))
}

// 5.3.2: the only address changes. ASCONF comes from the new one and is found by the old
// one; nothing else is sent from either until it is answered, nor to it before it is
// verified.
func TestRenumbering(t *testing.T) {
	p := reconfigurable(t, 2, 1, telecom)
	home := addrOf(1, 0)
	for i := range 5 {
		p.sendMsg(1, 0, message(i, 2000), 0)
	}
	p.pump()
	p.ladder = nil
	p.change(0, AddAddress, addrOf(1, 1))
	p.change(0, DeleteAddress, home)
	verified := false
	p.drop = func(from int, f *flying) bool {
		d := describe(f.data)
		if from == 0 {
			require.NotEqual(t, home, f.src)
			if p.assoc(0).ext.conf.chunk != nil {
				require.Equal(t, "AUTH+ASCONF", d)
			}
		}
		verified = verified || d == "HEARTBEAT ACK"
		if from == 1 && f.dst == addrOf(1, 1) && !verified {
			require.Contains(t, []string{"AUTH+ASCONF ACK", "HEARTBEAT"}, d)
		}
		return f.src == home || f.dst == home // the old network is gone
	}
	p.sendMsg(0, 0, message(9, 2000), 0)
	p.run(p.now + 2*Second)
	require.Equal(t, "A→Z AUTH+ASCONF", p.ladder[0])
	require.Equal(t, []wire.Addr{addrOf(1, 1)}, p.peerOf(1))
	require.Len(t, p.receive(0), 5)
	require.Equal(t, [][]byte{message(9, 2000)}, p.receive(1))
	require.Equal(t, []Event{{Kind: EventAsconf, Op: AddAddress, Addr: addrOf(1, 1)}, {Kind: EventAsconf, Op: DeleteAddress, Addr: home}},
		reconfigured(p.events[0]))
	p.exchange(3)
	require.Zero(t, p.e[0].ctr.Drops.AddressNotOfAssoc+p.e[1].ctr.Drops.AddressNotOfAssoc, "%v", p.ladder)
}

// 5.1, C1: one ASCONF at a time; wishes that come meanwhile go together in the next.
func TestOneAsconfAtATime(t *testing.T) {
	p := reconfigurable(t, 4, 1, telecom)
	p.change(0, AddAddress, addrOf(1, 1))
	p.pump()
	p.change(0, AddAddress, addrOf(1, 2))
	p.change(0, AddAddress, addrOf(1, 3))
	p.change(0, SetPeerPrimary, addrOf(1, 3))
	p.change(0, DeleteAddress, addrOf(1, 0))
	asconfs := 0
	p.drop = func(from int, f *flying) bool {
		if strings.Contains(describe(f.data), "ASCONF") && from == 0 {
			asconfs++
		}
		return false
	}
	p.run(p.now + Second)
	require.Equal(t, 1, asconfs)
	require.Equal(t, []wire.Addr{addrOf(1, 1), addrOf(1, 2), addrOf(1, 3)}, p.peerOf(1))
	require.Equal(t, addrOf(1, 3), p.path(1, int(p.assoc(1).primary)).dst)
	require.Len(t, reconfigured(p.events[0]), 5)
	p.exchange(1)
}

// B1 to B5: what is lost is sent again by another path, the same; the answer is repeated
// from memory, the deed is not.
func TestAsconfLost(t *testing.T) {
	for _, what := range []string{"AUTH+ASCONF", "AUTH+ASCONF ACK"} {
		t.Run(what, func(t *testing.T) {
			p := reconfigurable(t, 3, 2, telecom)
			var chunks, by []string
			p.drop = func(from int, f *flying) bool {
				d := describe(f.data)
				if d == "AUTH+ASCONF" {
					chunks = append(chunks, fmt.Sprintf("%x", f.data[wire.CommonHeaderLen:]))
					by = append(by, f.dst.String())
				}
				return d == what && len(chunks) < 3
			}
			p.change(0, AddAddress, addrOf(1, 2))
			p.run(p.now + 5*Second)
			require.Len(t, chunks, 3)
			require.Equal(t, chunks[0], chunks[1])
			require.Equal(t, chunks[0], chunks[2])
			require.NotEqual(t, by[0], by[1])
			require.Equal(t, uint64(2), p.e[0].ctr.T4RTOExpireds)
			require.Len(t, reconfigured(p.events[0]), 1)
			require.Len(t, reconfigured(p.events[1]), 1)
			require.Zero(t, p.assoc(0).errors)
			p.exchange(1)
		})
	}
}

// B2: a peer that answers nothing is given up.
func TestAsconfUnanswered(t *testing.T) {
	p := reconfigurable(t, 2, 2, telecom)
	p.change(0, SetPeerPrimary, addrOf(1, 1))
	p.drop = func(from int, _ *flying) bool { return from == 1 }
	p.run(p.now + 60*Second)
	require.Equal(t, ReasonRetransLimit, p.downReason(0))
}

// The serial numbers wrap around.
func TestAsconfSerialWraps(t *testing.T) {
	p := reconfigurable(t, 2, 2, telecom)
	p.assoc(0).ext.conf.next, p.assoc(1).ext.conf.heard = 0xffffffff, 0xfffffffe
	for i := range 4 {
		p.change(0, SetPeerPrimary, addrOf(1, i%2))
		p.run(p.now + Second)
		require.Equal(t, addrOf(1, i%2), p.path(1, int(p.assoc(1).primary)).dst)
	}
	require.Equal(t, wire.Serial(3), p.assoc(0).ext.conf.next)
	require.Len(t, reconfigured(p.events[0]), 4)
}

func TestChangeAddressErrors(t *testing.T) {
	p := reconfigurable(t, 2, 2, telecom)
	change := func(op AddressOp, addr wire.Addr) error {
		return p.e[0].ChangeAddress(p.now, p.id[0], op, addr)
	}
	require.Equal(t, ErrNoAssociation, p.e[0].ChangeAddress(p.now, 77, AddAddress, addrOf(1, 3)))
	require.Equal(t, ErrInvalid, change(0, addrOf(1, 3)))
	require.Equal(t, ErrAddress, change(AddAddress, addrOf(1, 1)), "there already")
	require.Equal(t, ErrAddress, change(AddAddress, wire.Addr{}))
	require.Equal(t, ErrAddress, change(AddAddress, wire.AddrFrom4([4]byte{224, 0, 0, 1})))
	require.Equal(t, ErrAddress, change(DeleteAddress, addrOf(1, 3)))
	require.Equal(t, ErrAddress, change(SetPeerPrimary, addrOf(1, 3)))
	require.NoError(t, change(DeleteAddress, addrOf(1, 0)))
	require.Equal(t, ErrAddress, change(DeleteAddress, addrOf(1, 0)), "twice")
	require.Equal(t, ErrWouldBlock, change(AddAddress, addrOf(1, 0)), "before it is gone")
	require.Equal(t, ErrAddress, change(SetPeerPrimary, addrOf(1, 0)))
	require.Equal(t, ErrLastAddress, change(DeleteAddress, addrOf(1, 1)))
	require.NoError(t, change(AddAddress, wire.Addr{0x20, 1, 0xd, 0xb8, 15: 1}))
	require.Equal(t, ErrLastAddress, change(DeleteAddress, addrOf(1, 1)), "no path of the peer is IPv6")
	require.NoError(t, change(AddAddress, addrOf(1, 5)))
	require.NoError(t, change(DeleteAddress, addrOf(1, 1)))
	require.Equal(t, ErrWouldBlock, change(DeleteAddress, addrOf(1, 5)), "it is not there yet")
	for i := len(p.assoc(0).ext.conf.requests); i < maxRequests; i++ {
		require.NoError(t, change(SetPeerPrimary, addrOf(1, 5)))
	}
	require.Equal(t, ErrWouldBlock, change(SetPeerPrimary, addrOf(1, 5)))

	q := newPair(t, 1, nil)
	q.connect()
	require.Equal(t, ErrUnsupported, q.e[0].ChangeAddress(q.now, q.id[0], AddAddress, addrOf(1, 3)), "not asked for")
	q = newPair(t, 1, nil)
	q.ext[0] = reconfiguring()
	id, err := q.e[0].Associate(0, &AssociateParams{LocalPort: portA, PeerPort: portZ, Locals: addrsOf(1, 1), Peers: addrsOf(2, 1), Extensions: q.ext[0]})
	require.NoError(t, err)
	require.Equal(t, ErrNotUp, q.e[0].ChangeAddress(q.now, id, AddAddress, addrOf(1, 3)))
	require.NoError(t, q.e[0].Abort(0, id, nil))
	q.connect()
	require.Equal(t, ErrUnsupported, q.e[0].ChangeAddress(q.now, q.id[0], AddAddress, addrOf(1, 3)), "the peer has not")
}

// A9: the peer offered ASCONF and does not know it after all.
func TestPeerDoesNotKnowAsconf(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil)
	require.NoError(t, r.e.ChangeAddress(r.now, r.id, SetPeerPrimary, addrOf(2, 1)))
	require.NoError(t, r.e.ChangeAddress(r.now, r.id, AddAddress, addrOf(2, 2)))
	got := r.poll()
	require.Equal(t, []string{"AUTH+ASCONF"}, r.authentic(got))
	r.events = nil
	r.say(wire.AppendError(nil, wire.AppendCauseUnrecognizedChunk(nil, got[0].chunk(1))))
	require.Equal(t, []Event{
		{Kind: EventAsconf, Op: SetPeerPrimary, Addr: addrOf(2, 1), Cause: wire.CauseUnrecognizedChunk},
		{Kind: EventAsconf, Op: AddAddress, Addr: addrOf(2, 2), Cause: wire.CauseUnrecognizedChunk},
	}, reconfigured(r.events))
	require.Equal(t, ErrUnsupported, r.e.ChangeAddress(r.now, r.id, AddAddress, addrOf(2, 2)))
	for _, n := range names(r.wait(100 * Second)) {
		require.NotContains(t, n, "ASCONF")
	}
	// The same report without an ASCONF of ours changes nothing.
	r = establishedAuth(t, reconfiguring(), nil)
	r.say(wire.AppendError(nil, wire.AppendCauseUnrecognizedChunk(nil, unknown(wire.ChunkAsconf, "\x00\x00\x00\x00"))))
	require.NoError(t, r.e.ChangeAddress(r.now, r.id, SetPeerPrimary, addrOf(2, 1)))
}

// How answers are read: A6 to A8, F3.
func TestAsconfAckMeanings(t *testing.T) {
	refuse := func(id uint32, c wire.CauseCode) []byte {
		return wire.AppendErrorCauseIndication(nil, id, wire.AppendCause(nil, c, nil))
	}
	for _, c := range []struct {
		name   string
		answer func(id []uint32) [][]byte
		causes [3]wire.CauseCode
	}{
		{"nothing said", func([]uint32) [][]byte { return nil }, [3]wire.CauseCode{}},
		{"all said", func(id []uint32) [][]byte {
			return [][]byte{wire.AppendSuccessIndication(nil, id[0]), wire.AppendSuccessIndication(nil, id[1]), wire.AppendSuccessIndication(nil, id[2])}
		}, [3]wire.CauseCode{}},
		{"the second failed", func(id []uint32) [][]byte { return [][]byte{refuse(id[1], 0xa1)} }, [3]wire.CauseCode{0, 0xa1, 0xa1}},
		{"only the second failed", func(id []uint32) [][]byte {
			return [][]byte{refuse(id[1], 0xa4), wire.AppendSuccessIndication(nil, id[2])}
		}, [3]wire.CauseCode{0, 0xa4, 0}},
		{"in any order, with strangers", func(id []uint32) [][]byte {
			return [][]byte{wire.AppendSuccessIndication(nil, id[2]), refuse(id[0]^1, 5), param(0xc123, "odd"), refuse(id[0], 0)}
		}, [3]wire.CauseCode{1, 1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := establishedAuth(t, reconfiguring(), nil)
			want := [3]wire.Addr{addrOf(2, 5), addrOf(2, 6), addrOf(2, 1)}
			for i, op := range []AddressOp{AddAddress, AddAddress, SetPeerPrimary} {
				require.NoError(t, r.e.ChangeAddress(r.now, r.id, op, want[i]))
			}
			v, err := wire.ParseAsconf(r.poll()[0].chunk(1))
			require.NoError(t, err)
			require.Equal(t, addrOf(2, 0), v.Address())
			var ids []uint32
			for rest := v.Params(); len(rest) > 0; {
				var p wire.Param
				p, rest, _ = wire.NextParam(rest)
				id, addr, ok := wire.ParseAddressRequest(p)
				require.True(t, ok)
				require.Equal(t, want[len(ids)], addr)
				ids = append(ids, id)
			}
			ack := wire.AppendAsconfAck(nil, v.Serial())
			for _, p := range c.answer(ids) {
				ack = append(ack, p...)
			}
			r.events = nil
			ack = wire.FinishChunk(ack, 0)
			r.say(ack)
			require.Empty(t, reconfigured(r.events), "without AUTH it is nothing")
			require.Equal(t, uint64(1), r.e.ctr.Drops.Unauthenticated)
			r.sayAuth(ack)
			r.sayAuth(ack)
			require.Equal(t, uint64(1), r.e.ctr.Drops.OldAsconf)
			got := reconfigured(r.events)
			require.Len(t, got, 3)
			locals := addrsOf(2, 2)
			for i := range got {
				require.Equal(t, c.causes[i], got[i].Cause, "request %d", i)
				if i < 2 && c.causes[i] == 0 {
					locals = append(locals, want[i])
				}
			}
			require.Equal(t, locals, r.assoc().locals)
			require.Equal(t, Never, r.assoc().ext.conf.t4)
		})
	}
	r := establishedAuth(t, reconfiguring(), nil)
	for _, op := range []AddressOp{SetPeerPrimary, AddAddress} {
		addr := map[AddressOp]wire.Addr{SetPeerPrimary: addrOf(2, 1), AddAddress: addrOf(2, 5)}[op]
		require.NoError(t, r.e.ChangeAddress(r.now, r.id, op, addr))
		v, _ := wire.ParseAsconf(r.poll()[0].chunk(1))
		p, _, _ := wire.NextParam(v.Params())
		id, _ := p.Correlation()
		r.sayAuth(wire.FinishChunk(append(wire.AppendAsconfAck(nil, v.Serial()), refuse(id, wire.CauseUnrecognizedParams)...), 0))
		require.Equal(t, ErrUnsupported, r.e.ChangeAddress(r.now, r.id, op, addr), "F3")
	}
}

// F0, and answers that are malformed.
func TestAsconfAckUnexpected(t *testing.T) {
	ack := func(s wire.Serial, params string) []byte {
		return wire.FinishChunk(append(wire.AppendAsconfAck(nil, s), params...), 0)
	}
	r := establishedAuth(t, reconfiguring(), nil)
	next := r.assoc().ext.conf.next
	r.sayAuth(ack(next-1, ""), ack(next-1<<30, ""))
	require.Equal(t, uint64(2), r.e.ctr.Drops.OldAsconf)
	require.Equal(t, []string{"AUTH+ABORT", "ABORT"}[1:], names(r.sayAuth(ack(next, ""))))
	require.Equal(t, Event{Kind: EventDown, Cause: wire.CauseIllegalAsconfAck, Reason: ReasonProtocol},
		Event{Kind: r.lastEvent().Kind, Cause: r.lastEvent().Cause, Reason: r.lastEvent().Reason})

	r = establishedAuth(t, reconfiguring(), nil)
	require.NoError(t, r.e.ChangeAddress(r.now, r.id, SetPeerPrimary, addrOf(2, 1)))
	v, _ := wire.ParseAsconf(r.poll()[0].chunk(1))
	for i, params := range []string{"\xc0\x03\x00\x03", "\xc0\x03\x00\x00", "\xc0\x03\x00\x10\x00\x00\x00\x00", "\xc0"} {
		b := append(wire.AppendAsconfAck(nil, v.Serial()), params...)
		b[3] = byte(len(b))
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		r.sayAuth(b)
		require.Equal(t, uint64(i+1), r.e.ctr.Drops.BadAsconf, "%x", params)
	}
	r.sayAuth(ack(v.Serial()+1, ""), ack(v.Serial()+1<<31-1, ""))
	require.Equal(t, Established, r.state(), "not the one that is out")
	r.sayAuth(ack(v.Serial(), ""))
	require.Len(t, reconfigured(r.events), 1)
}

// asconf is an ASCONF of A's with the next serial.
func (r *rawAuth) asconf(lookup wire.Addr, params ...[]byte) []byte {
	b := wire.AppendAsconf(nil, r.serial, lookup)
	for _, p := range params {
		b = append(b, p...)
	}
	r.serial++
	return wire.FinishChunk(b, 0)
}

func req(t wire.ParamType, id uint32, addr wire.Addr) []byte {
	return wire.AppendAddressRequest(nil, t, id, addr)
}

// responses are an ASCONF-ACK's: cause by correlation id, 0 for success.
func responses(t testing.TB, c wire.Chunk) map[uint32]wire.CauseCode {
	v, err := wire.ParseAsconfAck(c)
	require.NoError(t, err)
	all := map[uint32]wire.CauseCode{}
	for rest := v.Params(); len(rest) > 0; {
		var p wire.Param
		p, rest, err = wire.NextParam(rest)
		require.NoError(t, err)
		if id, ok := wire.ParseSuccessIndication(p); ok {
			all[id] = 0
			continue
		}
		id, causes, ok := wire.ParseErrorCauseIndication(p)
		require.True(t, ok)
		c, _, _ := wire.NextCause(causes)
		all[id] = c.Code()
	}
	return all
}

// What is refused, and with which cause; what is done.
func TestAsconfRequests(t *testing.T) {
	add, del, prim := wire.ParamAddIP, wire.ParamDeleteIP, wire.ParamSetPrimary
	v6 := wire.Addr{0x20, 1, 0xd, 0xb8, 15: 1}
	v4 := func(b ...byte) wire.Addr { return wire.AddrFrom4([4]byte(b)) }
	zero4, zero6 := v4(0, 0, 0, 0), wire.Addr{}
	here, there := addrOf(1, 0), addrOf(1, 1)
	short := []byte{0xc0, 1, 0, 16, 0, 0, 0, 9, 0, 6, 0, 8, 0x20, 1, 0xd, 0xb8} // IPv6 of 4 bytes
	type answers map[uint32]wire.CauseCode
	for _, c := range []struct {
		name    string
		params  [][]byte
		want    answers
		paths   []wire.Addr
		primary wire.Addr
	}{
		{"nothing", nil, answers{}, []wire.Addr{here, there}, here},
		{"add", [][]byte{req(add, 1, addrOf(1, 2))}, answers{}, []wire.Addr{here, there, addrOf(1, 2)}, here},
		{"add what is there", [][]byte{req(add, 1, there)}, answers{}, []wire.Addr{here, there}, here},
		{"add multicast", [][]byte{req(add, 1, v4(224, 0, 0, 5))}, answers{1: wire.CauseUnresolvableAddr}, []wire.Addr{here, there}, here},
		{"add broadcast", [][]byte{req(add, 1, v4(255, 255, 255, 255))}, answers{1: wire.CauseUnresolvableAddr}, []wire.Addr{here, there}, here},
		{"add IPv6 that we have not", [][]byte{req(add, 1, v6)}, answers{1: wire.CauseUnresolvableAddr}, []wire.Addr{here, there}, here},
		{"add another association's", [][]byte{req(add, 1, addrOf(9, 0))}, answers{1: wire.CauseNoAuthorization}, []wire.Addr{here, there}, here},
		{"add too many", [][]byte{req(add, 1, addrOf(1, 2)), req(add, 2, addrOf(1, 3)), req(add, 3, addrOf(1, 4)),
			req(del, 4, there), req(prim, 5, there), req(prim, 6, addrOf(1, 9))}, // F9, F11
			answers{3: wire.CauseResourceShortage, 5: 0, 6: wire.CauseUnresolvableAddr}, []wire.Addr{here, there, addrOf(1, 2), addrOf(1, 3)}, there},
		{"delete", [][]byte{req(del, 1, there)}, answers{}, []wire.Addr{here}, here},
		{"delete what is not there", [][]byte{req(del, 1, addrOf(1, 7))}, answers{1: wire.CauseUnresolvableAddr}, []wire.Addr{here, there}, here},
		{"delete the source", [][]byte{req(del, 1, here)}, answers{1: wire.CauseDeleteSourceAddr}, []wire.Addr{here, there}, here},
		{"delete all", [][]byte{req(del, 1, there), req(del, 2, here), req(del, 3, there)}, answers{2: wire.CauseDeleteLastAddr}, []wire.Addr{here}, here},
		{"delete the rest", [][]byte{req(del, 1, zero4)}, answers{}, []wire.Addr{here}, here},
		{"delete the rest, IPv6", [][]byte{req(del, 1, zero6)}, answers{}, []wire.Addr{here}, here},
		{"add the source, twice", [][]byte{req(add, 1, zero4), req(add, 2, zero6)}, answers{}, []wire.Addr{here, there}, here},
		{"primary", [][]byte{req(prim, 1, there)}, answers{}, []wire.Addr{here, there}, there},
		{"primary source", [][]byte{req(prim, 1, there), req(prim, 2, zero4)}, answers{}, []wire.Addr{here, there}, here},
		{"primary, unknown", [][]byte{req(prim, 1, addrOf(1, 7))}, answers{1: wire.CauseUnresolvableAddr}, []wire.Addr{here, there}, here},
		{"primary that is added behind", [][]byte{req(prim, 1, addrOf(1, 2)), req(add, 2, addrOf(1, 2))},
			answers{1: wire.CauseUnresolvableAddr, 2: 0}, []wire.Addr{here, there, addrOf(1, 2)}, here},
		{"add, prefer, delete", [][]byte{req(add, 1, addrOf(1, 2)), req(prim, 2, addrOf(1, 2)), req(del, 3, there)}, answers{},
			[]wire.Addr{here, addrOf(1, 2)}, addrOf(1, 2)},
		{"truncated IPv6 address", [][]byte{short, req(prim, 2, there)}, answers{9: wire.CauseInvalidParam, 2: 0}, []wire.Addr{here, there}, there},
		{"unknown, to be reported", [][]byte{param(0xc123, "\x00\x00\x00\x08"), req(prim, 2, there)},
			answers{8: wire.CauseUnrecognizedParams, 2: 0}, []wire.Addr{here, there}, there},
		{"unknown, to be skipped", [][]byte{param(0x8123, "x"), req(prim, 2, there)}, answers{}, []wire.Addr{here, there}, there},
		{"unknown, to stop at", [][]byte{param(0x0123, "x"), req(prim, 2, there)}, answers{}, []wire.Addr{here, there}, here},
		{"unknown, to stop at and report", [][]byte{param(0x4123, ""), req(prim, 2, there)}, answers{0: wire.CauseUnrecognizedParams}, []wire.Addr{here, there}, here},
		{"unknown and long", [][]byte{param(0xc123, "\x00\x00\x00\x08"+strings.Repeat("x", 1200)), req(prim, 2, there)},
			answers{8: wire.CauseUnrecognizedParams, 2: 0}, []wire.Addr{here, there}, there},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := establishedAuth(t, reconfiguring(), func(c *Config) { c.Limits.PathsPerAssoc = 4 })
			other := newRawPeer(t, nil)
			other.e, other.src, other.mine = r.e, addrOf(9, 0), 77
			other.establish()
			got := r.sayAuth(r.asconf(here, c.params...))
			require.Equal(t, "AUTH+ASCONF ACK", r.authentic(got)[0])
			require.Equal(t, []wire.Addr{r.src, r.dst}, []wire.Addr{got[0].dst, got[0].src})
			require.Equal(t, map[uint32]wire.CauseCode(c.want), responses(t, got[0].chunk(1)))
			a := r.assoc()
			var paths []wire.Addr
			for i := range a.paths {
				paths = append(paths, a.paths[i].dst)
				if i > 1 && a.paths[i].dst != there {
					require.Equal(t, Unconfirmed, a.paths[i].state)
				}
			}
			require.Equal(t, c.paths, paths)
			require.Equal(t, c.primary, a.paths[a.primary].dst)
			for _, g := range got[1:] {
				require.Equal(t, "HEARTBEAT", describe(g.Packet))
			}
			r.works()
			other.works()
		})
	}
}

// A long ASCONF, all refused: the answer fits a packet, and what has no answer behind a
// failure has failed.
func TestLongAsconf(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil)
	var params [][]byte
	for i := range 80 {
		params = append(params, req(wire.ParamSetPrimary, uint32(i), addrOf(7, i)))
	}
	params = append(params, req(wire.ParamSetPrimary, 99, addrOf(1, 1)))
	got := r.sayAuth(r.asconf(r.src, params...))
	require.Len(t, got, 1)
	require.LessOrEqual(t, len(got[0].Packet), 1480)
	answers := responses(t, got[0].chunk(1))
	require.Greater(t, len(answers), 40)
	require.NotContains(t, answers, uint32(99))
	require.Zero(t, r.assoc().primary)
}

// E1 to E7: repeated, out of order, bundled.
func TestAsconfSerials(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil)
	d := &r.e.ctr.Drops
	prim := func(i int) []byte { return r.asconf(r.src, req(wire.ParamSetPrimary, uint32(i), addrOf(1, i%2))) }
	one, two, three := prim(1), prim(2), prim(3)
	require.Empty(t, r.sayAuth(two), "not its turn")
	require.Equal(t, uint64(1), d.OldAsconf)
	require.Equal(t, []string{"AUTH+ASCONF ACK"}, r.authentic(r.sayAuth(one)))
	require.Equal(t, addrOf(1, 1), r.assoc().paths[r.assoc().primary].dst)
	require.Len(t, reconfigured(r.events), 1)
	require.Equal(t, []string{"AUTH+ASCONF ACK"}, r.authentic(r.sayAuth(one)))
	require.Len(t, reconfigured(r.events), 1, "repeated, it is answered and not done again")
	// The first was not heard of by the peer: it comes with the second.
	require.Equal(t, []string{"AUTH+ASCONF ACK+ASCONF ACK"}, r.authentic(r.sayAuth(one, two)))
	require.Len(t, reconfigured(r.events), 2)
	require.Equal(t, []string{"AUTH+ASCONF ACK+ASCONF ACK+ASCONF ACK"}, r.authentic(r.sayAuth(one, two, three)))
	require.Equal(t, []string{"AUTH+ASCONF ACK+ASCONF ACK"}, r.authentic(r.sayAuth(two, three)))
	require.Len(t, reconfigured(r.events), 3)
	// A new one that comes first lets the old answers go (E1).
	require.Equal(t, []string{"AUTH+ASCONF ACK"}, r.authentic(r.sayAuth(prim(4))))
	require.Empty(t, r.sayAuth(three))
	require.Empty(t, r.sayAuth(one))
	require.Equal(t, uint64(3), d.OldAsconf)
	require.Len(t, reconfigured(r.events), 4)
	require.Less(t, len(r.assoc().ext.conf.acks), 20)
	r.works()
	// So many at once that the answers do not fit: the bound holds.
	var many [][]byte
	for range 400 {
		b := wire.FinishChunk(wire.AppendAsconf(nil, r.serial, r.src), 0)
		r.serial++
		many = append(many, b)
	}
	r.sayAuth(many...)
	require.LessOrEqual(t, len(r.assoc().ext.conf.acks), maxAckCache)
	require.LessOrEqual(t, cap(r.e.asconfAcks), 2*replySize)
	require.Equal(t, Established, r.state())
}

// hostile.md's class 8: what is malformed is dropped by name and changes nothing.
func TestHostileAsconf(t *testing.T) {
	head := "\xc1\x00\x00\x00SSSS"
	lookup := "\x00\x05\x00\x08\x0a\x00\x00\x01"
	for _, c := range []struct {
		name, chunk string
		drop        func(d *Drops) uint64
	}{
		{"no address", head, func(d *Drops) uint64 { return d.BadAsconf }},
		{"address of length 0", head + "\x00\x05\x00\x00\x0a\x00\x00\x01", func(d *Drops) uint64 { return d.BadAsconf }},
		{"truncated IPv6 address", head + "\x00\x06\x00\x14\x20\x01\x0d\xb8", func(d *Drops) uint64 { return d.BadAsconf }},
		{"IPv6 address too short", head + "\x00\x06\x00\x08\x20\x01\x0d\xb8", func(d *Drops) uint64 { return d.BadAsconf }},
		{"host name", head + "\x00\x0b\x00\x08abc\x00", func(d *Drops) uint64 { return d.BadAsconf }},
		{"parameter of length 0", head + lookup + "\xc0\x01\x00\x00", func(d *Drops) uint64 { return d.BadAsconf }},
		{"parameter beyond the chunk", head + lookup + "\xc0\x01\x00\x10\x00\x00\x00\x01", func(d *Drops) uint64 { return d.BadAsconf }},
		{"three bytes of a parameter", head + lookup + "\xc0\x01\x00", func(d *Drops) uint64 { return d.BadAsconf }},
		{"second parameter straddles the end", head + lookup + string(req(wire.ParamAddIP, 1, addrOf(1, 5))) + "\xc0\x02\x00\x10\x00\x00\x00\x01\x00\x05\x00\x08",
			func(d *Drops) uint64 { return d.BadAsconf }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := establishedAuth(t, reconfiguring(), nil)
			b := []byte(strings.Replace(c.chunk, "SSSS", string([]byte{byte(r.serial >> 24), byte(r.serial >> 16), byte(r.serial >> 8), byte(r.serial)}), 1))
			b[3] = byte(len(b))
			for len(b)%4 != 0 {
				b = append(b, 0)
			}
			require.Empty(t, r.sayAuth(b))
			require.Equal(t, uint64(1), c.drop(&r.e.ctr.Drops))
			require.Len(t, r.assoc().paths, 2)
			require.Empty(t, r.say(b), "without AUTH it does not get that far")
			require.Equal(t, uint64(1), r.e.ctr.Drops.Unauthenticated)
			require.Equal(t, "AUTH+ASCONF ACK", r.authentic(r.sayAuth(r.asconf(r.src, req(wire.ParamAddIP, 1, addrOf(1, 5)))))[0])
			r.works()
		})
	}
}

// D5: ASCONF without AUTH, or with a wrong one, goes with the rest of its packet.
func TestUnauthenticatedAsconf(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil)
	user := dataChunk(whole|wire.FlagU, r.tsn, 0, 0, []byte("behind"))
	c := r.asconf(r.src, req(wire.ParamAddIP, 1, addrOf(1, 5)))
	require.Empty(t, r.say(c, user))
	require.Equal(t, uint64(1), r.e.ctr.Drops.Unauthenticated)
	bad := r.sealed(0, wire.HMACSHA256, c, user)
	bad[20] ^= 4
	require.Empty(t, r.say(bad))
	require.Empty(t, r.read())
	require.Len(t, r.assoc().paths, 2)
	r.say(r.sealed(0, wire.HMACSHA256, c, user))
	require.Equal(t, []string{"behind"}, r.read())
	require.Len(t, r.assoc().paths, 3)
}

// D1 to D3: where the source is unknown the address parameter must lead to the association.
func TestAsconfFromUnknownSource(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil)
	d := &r.e.ctr.Drops
	old := r.src
	r.src = addrOf(1, 4)
	wild := wire.AddrFrom4([4]byte{})
	add := req(wire.ParamAddIP, 1, wild)
	require.Empty(t, r.sayAuth(r.asconf(addrOf(1, 6), add)), "no address of the association")
	require.Empty(t, r.say(r.asconf(old, add)), "no AUTH")
	require.Empty(t, r.sayAuth(sackChunk(0), r.asconf(old, add)), "ASCONF must be next")
	require.Empty(t, r.sayAuth())
	require.Equal(t, uint64(4), d.AddressNotOfAssoc)
	r.serial -= 3
	bad := r.sealed(0, wire.HMACSHA256, r.asconf(old, add))
	bad[30] ^= 1
	require.Empty(t, r.say(bad))
	require.Equal(t, uint64(1), d.BadAuth)
	r.serial--
	// Refused, it is answered to where it came from, and nothing else of the packet counts.
	user := dataChunk(whole, r.tsn, 0, 0, []byte("behind"))
	got := r.sayAuth(r.asconf(old, req(wire.ParamDeleteIP, 1, wild)), user)
	require.Equal(t, []string{"AUTH+ASCONF ACK"}, r.authentic(got))
	require.Equal(t, r.src, got[0].dst)
	require.Equal(t, map[uint32]wire.CauseCode{1: wire.CauseDeleteLastAddr}, responses(t, got[0].chunk(1)))
	require.Equal(t, uint64(5), d.AddressNotOfAssoc)
	require.Empty(t, r.read())
	// By the wildcard the tag decides. The source is added, the others go, data follows.
	got = r.sayAuth(r.asconf(wild, add, req(wire.ParamDeleteIP, 2, wild)), user)
	require.Equal(t, "AUTH+ASCONF ACK", r.authentic(got)[0])
	require.Equal(t, []string{"behind"}, r.read())
	require.Len(t, r.assoc().paths, 1)
	// The new address is all there is, and it is not verified: no SACK, no DATA yet.
	require.NoError(t, r.e.Send(r.now, r.id, &Message{Data: []byte("later"), Stream: 1}))
	got = append(got, r.wait(300*Millisecond)...)
	for _, g := range got[1:] {
		require.Equal(t, "HEARTBEAT", describe(g.Packet))
	}
	after := r.say(wire.AppendHeartbeatAck(nil, got[len(got)-1].chunk(0)))
	require.Equal(t, []string{"SACK+DATA"}, names(after))
	r.ackAll()
	r.tsn++
	r.works()
	// The source is known now: where the address parameter leads does not matter (D1).
	require.Equal(t, []string{"AUTH+ASCONF ACK"}, r.authentic(r.sayAuth(r.asconf(old, add))))
}

// ASCONF before COOKIE ACK waits for the peer to repeat it (5.1.1, C4).
func TestAsconfBeforeCookieAck(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.ext = [2]*Extensions{reconfiguring(), reconfiguring()}
	p.locals = [2]int{2, 1}
	asked := false
	p.drop = func(from int, f *flying) bool {
		if describe(f.data) == "COOKIE ACK" && !asked {
			asked = true
			require.NoError(t, p.e[1].ChangeAddress(p.now, p.e[1].Lookup(portZ, portA, addrOf(1, 0), addrOf(2, 0)), AddAddress, addrOf(2, 1)))
			return true
		}
		return false
	}
	p.connect()
	require.True(t, asked)
	require.Equal(t, addrsOf(2, 2), p.peerOf(0))
	require.NotZero(t, p.e[0].ctr.Drops.UnexpectedChunk)
	require.Len(t, eventsOf(p.events[1], EventAsconf), 1)
}

// A restart of the peer repeats what was not answered.
func TestRestartWithRequests(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil, wire.AppendAdaptation(nil, 5))
	require.NoError(t, r.e.ChangeAddress(r.now, r.id, AddAddress, addrOf(2, 5)))
	require.NoError(t, r.e.SetKey(r.id, AuthKey{3, []byte("kept")}))
	first, _ := wire.ParseAsconf(r.poll()[0].chunk(1))
	r.mine, r.tsn = r.mine+1, 90_000
	r.handshake(nil, wire.AppendAddr(nil, addrOf(1, 0)), wire.AppendAddr(nil, addrOf(1, 1)))
	got := r.say(r.echo())
	require.Equal(t, "AUTH+ASCONF", r.authentic(got)[0])
	again, err := wire.ParseAsconf(got[0].chunk(1))
	require.NoError(t, err)
	require.Equal(t, first.Params(), again.Params())
	require.Equal(t, wire.Serial(r.assoc().localInitTSN), again.Serial())
	r.sayAuth(wire.FinishChunk(wire.AppendAsconfAck(nil, again.Serial()), 0))
	require.Contains(t, r.assoc().locals, addrOf(2, 5))
	info, _ := r.e.Auth(r.id)
	require.Equal(t, []uint16{0, 3}, info.Keys)
	r.works()
	require.Equal(t, "AUTH+ASCONF ACK", r.authentic(r.sayAuth(r.asconf(r.src)))[0])
}

// The peer's INIT may prefer an address (5.4).
func TestPrimaryInINIT(t *testing.T) {
	r := establishedAuth(t, reconfiguring(), nil, req(wire.ParamSetPrimary, 0, addrOf(1, 1)))
	a := r.assoc()
	require.Equal(t, addrOf(1, 1), a.paths[a.primary].dst)
	require.Equal(t, a.primary, a.current)
}

// Listeners get and lose addresses while they listen.
func TestListenerAddresses(t *testing.T) {
	r := newRawPeer(t, nil)
	r.listen(1)
	require.Equal(t, ErrInvalid, r.e.AddLocal(1, addrOf(2, 0), addrOf(2, 1)))
	require.Equal(t, ErrAddress, r.e.RemoveLocal(1, addrOf(2, 1)))
	require.Equal(t, ErrAddress, r.e.AddLocal(portZ, addrOf(2, 0), addrOf(2, 0)))
	require.Equal(t, ErrAddress, r.e.RemoveLocal(portZ, addrOf(2, 1)))
	require.Equal(t, ErrLastAddress, r.e.RemoveLocal(portZ, addrOf(2, 0)))
	r.establish()
	before := r.assoc().locals
	require.NoError(t, r.e.AddLocal(portZ, addrOf(2, 0), addrOf(2, 1)))
	require.NoError(t, r.e.RemoveLocal(portZ, addrOf(2, 0)))
	require.Equal(t, addrsOf(2, 1), before, "associations that exist keep theirs")
	s := newRawPeer(t, nil)
	s.e, s.src = r.e, addrOf(7, 0)
	require.Equal(t, []string{"ABORT"}, names(s.put(0, s.plainInit())))
	s.dst = addrOf(2, 1)
	s.establish()
	s.works()
}

// Both sides change their addresses all the time, over a wire that loses, delays and
// doubles: in the end both know the same, and nothing was lost, doubled or reordered.
func TestAddressesChangeUnderLoad(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 5))
			p := reconfigurable(t, 4, 2, telecom)
			p.drop = func(int, *flying) bool { return rng.IntN(20) == 0 }
			p.late = func() Time { return Time(rng.IntN(3)) * Millisecond }
			p.twice = func() bool { return rng.IntN(20) == 0 }
			o := newOracle(p)
			done := 0
			for range 200 {
				side := rng.IntN(2)
				addr := addrOf(byte(1+side), rng.IntN(4))
				op := AddressOp(1 + rng.IntN(3))
				if p.state(side) == Established && p.e[side].ChangeAddress(p.now, p.id[side], op, addr) == nil {
					done++
				}
				for range rng.IntN(4) {
					o.send(rng.IntN(2), uint16(rng.IntN(3)), 1+rng.IntN(4000), SendFlags(rng.IntN(2)))
				}
				p.run(p.now + Time(rng.IntN(30))*Millisecond)
				require.NoError(t, o.read(0, 1<<16))
				require.NoError(t, o.read(1, 1<<16))
			}
			require.NoError(t, o.settle(400*Second))
			p.run(p.now + 10*Second)
			require.Greater(t, done, 50)
			for side := range 2 {
				require.Equal(t, Established, p.state(side))
				require.ElementsMatch(t, p.assoc(side).locals, p.peerOf(1-side))
				for i := range p.assoc(side).paths {
					require.Equal(t, Active, p.path(side, i).state)
				}
			}
		})
	}
}

// SHUTDOWN-ACK-SENT lets no ASCONF go (5.1.1, C4): where the peer may have dropped every
// address that SHUTDOWN ACK could come from, the answer is waited for before.
func TestShutdownWaitsForAsconfAck(t *testing.T) {
	for _, both := range []bool{false, true} {
		p := reconfigurable(t, 2, 1, telecom)
		p.change(0, AddAddress, addrOf(1, 1))
		p.change(0, DeleteAddress, addrOf(1, 0))
		lost := 0
		p.drop = func(_ int, f *flying) bool {
			if describe(f.data) == "AUTH+ASCONF ACK" {
				lost++
				return lost < 3
			}
			return false
		}
		p.run(p.now + 2*Millisecond)
		require.Equal(t, 1, lost)
		require.NoError(t, p.e[1].Shutdown(p.now, p.id[1]))
		if both {
			require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
		}
		p.run(p.now + 20*Second)
		p.requireDown(0, ReasonShutdown)
		p.requireDown(1, ReasonShutdown)
		require.Len(t, eventsOf(p.events[0], EventAsconf), 2)
	}
}

// Deleting our only address of a family takes the peer's paths of that family out of use.
func TestDeleteAddressOfFamily(t *testing.T) {
	v6 := func(host byte) wire.Addr { return wire.Addr{0x20, 1, 0xd, 0xb8, 15: host} }
	p := newPair(t, 1, telecom)
	p.ext = [2]*Extensions{reconfiguring(), reconfiguring()}
	p.more = [2][]wire.Addr{{v6(1)}, {v6(2)}}
	p.connect()
	p.run(p.now + Second)
	p.drop = func(_ int, f *flying) bool {
		asked := p.assoc(f.from).ext.conf.changed
		require.False(t, asked && f.src == addrOf(byte(1+f.from), 0), "%s from the address", describe(f.data))
		return false
	}
	for side := range 2 {
		p.change(side, DeleteAddress, addrOf(byte(1+side), 0))
		p.exchange(1)
		require.Equal(t, []wire.Addr{v6(byte(1 + side))}, p.peerOf(1-side))
		require.Equal(t, v6(byte(2-side)), p.path(side, int(p.assoc(side).current)).dst)
	}
	p.exchange(2)
}
