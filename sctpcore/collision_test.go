package sctpcore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Both sides begin at the same moment (RFC 9260, section 5.2.1).
func TestSimultaneousInit(t *testing.T) {
	p := newPair(t, 1, nil)
	require.NoError(t, p.associate(0, 1))
	require.NoError(t, p.associate(1, 1))
	p.run(Second)
	require.Equal(t, []string{
		"A→Z INIT", "Z→A INIT",
		"A→Z INIT ACK", "Z→A INIT ACK",
		"A→Z COOKIE ECHO", "Z→A COOKIE ECHO",
		"A→Z COOKIE ACK", "Z→A COOKIE ACK",
	}, p.ladder)
	p.requireOne()
}

// requireOne checks that there is one association, the same at both sides, and
// that it carries a message each way.
func (p *pair) requireOne() {
	p.t.Helper()
	var a [2]*assoc
	for side := range 2 {
		require.Equal(p.t, 1, p.e[side].tags.count, "side %d", side)
		for _, x := range p.e[side].slots {
			if x != nil && x.state != Closed {
				a[side] = x
			}
		}
		require.Equal(p.t, Established, a[side].state, "side %d", side)
		p.id[side] = a[side].id
		ups := 0
		for _, v := range p.events[side] {
			if v.Kind == EventUp {
				ups++
			}
		}
		require.Equal(p.t, 1, ups, "EventUp at side %d", side)
	}
	for side := range 2 {
		require.Equal(p.t, a[side].localTag, a[1-side].peerTag)
		require.Equal(p.t, len(a[side].out.nextSSN), len(a[1-side].in.streams))
		p.sendMsg(side, 0, message(side, 3000), 0)
	}
	p.drop = nil
	p.run(p.now + 5*Second)
	for side := range 2 {
		require.Equal(p.t, [][]byte{message(1-side, 3000)}, p.receive(side))
	}
}

// Both sides listen and begin, with every offset between them and any one packet
// lost: there is always exactly one association in the end.
func TestCollisionsWithDelay(t *testing.T) {
	for offset := Time(0); offset <= 6*Millisecond; offset += Millisecond / 2 {
		for lost := range 12 {
			for nets := 1; nets <= 2; nets++ {
				t.Run(fmt.Sprintf("%dus/lost=%d/nets=%d", offset/Microsecond, lost, nets), func(t *testing.T) {
					p := newPair(t, nets, nil)
					n := 0
					p.drop = func(int, *flying) bool { n++; return n == lost }
					require.NoError(t, p.e[0].Listen(portA, &ListenParams{Locals: addrsOf(1, nets)}))
					require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, nets)}))
					require.NoError(t, p.associate(0, nets))
					p.run(offset)
					if err := p.associate(1, nets); err != nil {
						require.ErrorIs(t, err, ErrExists)
					}
					p.run(30 * Second)
					p.requireOne()
				})
			}
		}
	}
}

// cookieLike is a cookie signed by Z with these tags.
func (r *rawPeer) cookieLike(local, peer, tieLocal, tiePeer uint32) []byte {
	ck := stateCookie{created: r.now, localTag: local, peerTag: peer, localTSN: 500, peerTSN: r.tsn,
		peerRwnd: 1 << 20, out: 4, in: 4, localPort: portZ, peerPort: portA,
		tieLocal: tieLocal, tiePeer: tiePeer, src: r.src, dst: r.dst}
	return wire.AppendCookieEcho(nil, ck.appendTo(nil, &r.e.cookies))
}

// Table 12 of RFC 9260, section 5.2.4, row by row, in each state that it can come up
// in. M is the association's tag, X another one, 0 none.
func TestCookieEchoForExisting(t *testing.T) {
	const other = 0x01020304
	states := map[State]func(r *rawPeer){
		CookieEchoed: func(r *rawPeer) {
			r.dial()
			require.Equal(r.t, []string{"COOKIE ECHO"}, names(r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))))
		},
		Established: func(r *rawPeer) { r.establish() },
		ShutdownSent: func(r *rawPeer) {
			r.establish()
			require.NoError(r.t, r.e.Shutdown(r.now, r.id))
			require.Equal(r.t, []string{"SHUTDOWN"}, names(r.poll()))
		},
	}
	for _, c := range []struct {
		row                string
		local, peer        bool // match
		tieLocal, tiePeer  string
		echoed, later      string // what Z sends in COOKIE-ECHOED, and in later states
		restart, duplicate bool
	}{
		{"A", false, false, "M", "M", "COOKIE ACK", "COOKIE ACK", true, false},
		{"B", true, false, "M", "M", "COOKIE ACK", "?", false, false},
		{"B no tie", true, false, "0", "0", "COOKIE ACK", "?", false, false},
		{"C", false, true, "0", "0", "", "", false, false},
		{"D", true, true, "0", "0", "COOKIE ACK", "COOKIE ACK", false, true},
		{"D ties", true, true, "M", "M", "COOKIE ACK", "COOKIE ACK", false, true},
		{"none: X X 0 0", false, false, "0", "0", "", "", false, false},
		{"none: X X M 0", false, false, "M", "0", "", "", false, false},
		{"none: X X X M", false, false, "X", "M", "", "", false, false},
		{"none: X X M X", false, false, "M", "X", "", "", false, false},
		{"none: X M M M", false, true, "M", "M", "", "", false, false},
	} {
		for state, enter := range states {
			want := c.later
			if state == CookieEchoed {
				want = c.echoed
			}
			if want == "?" {
				continue
			}
			t.Run(c.row+" in "+state.String(), func(t *testing.T) {
				r := newRawPeer(t, nil)
				enter(r)
				a := r.assoc()
				require.Equal(t, state, a.state)
				tag := func(match bool, m uint32) uint32 {
					if match {
						return m
					}
					return m ^ other
				}
				tie := func(s string, m uint32) uint32 {
					return map[string]uint32{"M": m, "X": m ^ other, "0": 0}[s]
				}
				local, peer := tag(c.local, a.localTag), tag(c.peer, a.peerTag)
				wasTag, wasID, ups := a.peerTag, a.id, len(r.events)
				got := r.put(local, r.cookieLike(local, peer, tie(c.tieLocal, a.localTag), tie(c.tiePeer, a.peerTag)))
				if want == "" {
					require.Empty(t, got)
					require.Equal(t, state, a.state, "SHOULD NOT change states")
					require.Equal(t, wasTag, a.peerTag)
					require.Len(t, r.events, ups)
					require.EqualValues(t, 1, r.e.ctr.Drops.UnexpectedChunk)
					return
				}
				require.NotEmpty(t, got)
				require.Equal(t, want, got[0].chunk(0).Type().String())
				require.Equal(t, peer, got[0].VerificationTag())
				require.Equal(t, wasID, a.id, "it is the same association")
				require.Equal(t, Never, a.t1)
				if c.duplicate && state == ShutdownSent {
					require.Equal(t, ShutdownSent, a.state)
					return
				}
				r.theirs, r.mine = local, peer
				if c.restart {
					require.Equal(t, EventRestart, r.lastEvent().Kind)
				}
				r.works()
			})
		}
	}
}

// The INIT ACK and the peer's COOKIE ECHO come in one burst: the COOKIE ECHO that is
// owed then is of no use any more and must not go out.
func TestInitAckAndCookieEchoInOneBurst(t *testing.T) {
	r := newRawPeer(t, nil)
	r.dial()
	got := r.put(0, r.plainInit())
	require.Equal(t, []string{"INIT ACK"}, names(got))
	echo := wire.AppendCookieEcho(nil, paramOf(got[0].chunk(0), wire.ParamStateCookie).Value())
	ack := r.initAck(param(wire.ParamStateCookie, "biscuit"))
	r.e.HandlePackets(r.now, []Inbound{
		{Src: r.src, Dst: r.dst, Data: packet(r.theirs, ack)},
		{Src: r.src, Dst: r.dst, Data: packet(r.theirs, echo)},
	})
	require.Equal(t, []string{"COOKIE ACK"}, names(r.poll()))
	r.works()
	require.NotContains(t, names(r.wait(20*Second)), "COOKIE ECHO")
}

// In COOKIE-WAIT and COOKIE-ECHOED the INIT ACK repeats the tag of the INIT that
// was sent, and in other states it has a fresh one (RFC 9260, sections 5.2.1, 5.2.2).
func TestInitAckTagInCollision(t *testing.T) {
	r := newRawPeer(t, nil)
	i := r.dial()
	for range 2 {
		got := r.put(0, r.plainInit())
		ack, err := wire.ParseInit(got[0].chunk(0))
		require.NoError(t, err)
		require.Equal(t, i.InitiateTag(), ack.InitiateTag())
		require.Equal(t, i.InitialTSN(), ack.InitialTSN())
		r.say(r.initAck(param(wire.ParamStateCookie, "biscuit")))
		require.Equal(t, CookieEchoed, r.state())
	}
	r.say(wire.AppendCookieAck(nil))
	seen := map[uint32]bool{i.InitiateTag(): true}
	for range 3 {
		ack, err := wire.ParseInit(r.put(0, r.plainInit())[0].chunk(0))
		require.NoError(t, err)
		require.False(t, seen[ack.InitiateTag()])
		seen[ack.InitiateTag()] = true
	}
	r.works()
}

// A collision's INIT may not bring an address of another association along.
func TestCollisionDoesNotTakeAddresses(t *testing.T) {
	r := rawEstablished(t, nil)
	victim, tag := r.id, r.theirs
	r.src, r.mine = addrOf(1, 5), 99
	r.dial()
	r.open(wire.AppendAddr(nil, addrOf(1, 0)), wire.AppendAddr(nil, addrOf(1, 5)))
	require.Equal(t, []string{"COOKIE ACK"}, names(r.say(r.echo())))
	require.Equal(t, victim, r.e.Lookup(portZ, portA, addrOf(1, 0), addrOf(2, 0)))
	r.works()
	r.src, r.id, r.theirs = addrOf(1, 0), victim, tag
	r.works()
	// Nor may a stranger's.
	r.src, r.mine = addrOf(1, 6), 100
	got := r.put(0, r.plainInit(wire.AppendAddr(nil, addrOf(1, 0))))
	require.Equal(t, []string{"ABORT"}, names(got))
}
