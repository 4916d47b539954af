package sctpcore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// loseFirst drops the first n packets that begin with a chunk of this name.
func (p *pair) loseFirst(name string, n int) {
	p.drop = func(_ int, f *flying) bool {
		if strings.Split(describe(f.data), "+")[0] != name || n == 0 {
			return false
		}
		n--
		return true
	}
}

// Each packet of the handshake may be lost: T1-init or T1-cookie of the side that
// began sends again (RFC 9260, section 5.1).
func TestHandshakeSurvivesLoss(t *testing.T) {
	for lost, ladder := range map[string]string{
		"INIT":        "A→Z INIT ✗|A→Z INIT|Z→A INIT ACK|A→Z COOKIE ECHO|Z→A COOKIE ACK",
		"INIT ACK":    "A→Z INIT|Z→A INIT ACK ✗|A→Z INIT|Z→A INIT ACK|A→Z COOKIE ECHO|Z→A COOKIE ACK",
		"COOKIE ECHO": "A→Z INIT|Z→A INIT ACK|A→Z COOKIE ECHO ✗|A→Z COOKIE ECHO|Z→A COOKIE ACK",
		"COOKIE ACK":  "A→Z INIT|Z→A INIT ACK|A→Z COOKIE ECHO|Z→A COOKIE ACK ✗|A→Z COOKIE ECHO|Z→A COOKIE ACK",
	} {
		t.Run(lost, func(t *testing.T) {
			p := newPair(t, 1, nil)
			p.loseFirst(lost, 1)
			p.connect()
			require.Equal(t, strings.Split(ladder, "|"), p.ladder)
			p.sendMsg(0, 0, message(1, 10), 0)
			p.sendMsg(1, 0, message(2, 10), 0)
			p.run(p.now + Second)
			require.Equal(t, [][]byte{message(1, 10)}, p.receive(1))
			require.Equal(t, [][]byte{message(2, 10)}, p.receive(0))
			require.EqualValues(t, 1, p.e[1].ctr.PassiveEstabs, "a COOKIE ECHO that came twice makes one association")
		})
	}
}

// associate begins an association at a side, towards the other's first nets addresses.
func (p *pair) associate(side, nets int) error {
	ports := [2]uint16{portA, portZ}
	id, err := p.e[side].Associate(p.now, &AssociateParams{LocalPort: ports[side], PeerPort: ports[1-side],
		Locals: addrsOf(byte(1+side), p.nets), Peers: addrsOf(byte(2-side), nets)})
	p.id[side] = id
	return err
}

// T1-init doubles up to RTO.Max and gives up after Max.Init.Retransmits.
func TestInitGivesUp(t *testing.T) {
	p := newPair(t, 1, func(_ int, c *Config) { c.Timers.RTOMax = 4 * Second; c.Timers.MaxInitRetrans = 4 })
	require.NoError(t, p.associate(0, 1))
	var at []Time
	p.drop = func(int, *flying) bool { at = append(at, p.now/Second); return true }
	p.run(Second * 100)
	require.Equal(t, []Time{0, 1, 3, 7, 11}, at)
	last := p.events[0][len(p.events[0])-1]
	require.Equal(t, EventDown, last.Kind)
	require.Equal(t, ReasonInitLimit, last.Reason)
	require.InDelta(t, float64(15*Second), float64(last.At), float64(10*Millisecond))
	require.EqualValues(t, 5, p.e[0].ctr.T1InitExpireds)
	require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]), "what is over can be shut down")
	p.e[0].Forget(p.id[0])
	require.ErrorIs(t, p.e[0].Shutdown(p.now, p.id[0]), ErrNoAssociation)
}

// T1-cookie counts on its own and gives up by the same limit.
func TestCookieEchoGivesUp(t *testing.T) {
	p := newPair(t, 1, func(_ int, c *Config) { c.Timers.MaxInitRetrans = 3 })
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1)}))
	require.NoError(t, p.associate(0, 1))
	p.loseFirst("COOKIE ECHO", 100)
	p.run(200 * Second)
	require.Equal(t, ReasonInitLimit, p.events[0][len(p.events[0])-1].Reason)
	require.EqualValues(t, 4, p.e[0].ctr.T1CookieExpireds)
	require.Zero(t, p.e[1].tags.count, "Z keeps no state")
}

// M12: the first address is dead, the INIT goes to the next one at once when its
// timer expires, and the association comes up there.
func TestFirstAddressDead(t *testing.T) {
	for _, dead := range [][]byte{{0}, {0, 1}} {
		t.Run(fmt.Sprint(dead), func(t *testing.T) {
			p := newPair(t, 3, nil)
			require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 3)}))
			require.NoError(t, p.associate(0, 3))
			p.drop = func(_ int, f *flying) bool {
				for _, n := range dead {
					if f.dst.As4()[2] == n {
						return true
					}
				}
				return false
			}
			p.run(Time(len(dead))*Second + 500*Millisecond)
			require.Equal(t, Established, p.state(0))
			require.Equal(t, Established, p.state(1))
			a := p.e[0].assoc(p.id[0])
			require.Equal(t, addrOf(2, len(dead)), a.paths[a.current].dst)
			require.Len(t, a.paths, 3)
			p.sendMsg(0, 0, message(1, 5000), 0)
			p.run(p.now + 3*Second)
			require.Len(t, p.receive(1), 1)
		})
	}
}

// The INIT ACK settles the addresses: those that were tried and are not listed go, and
// every index that is kept moves with the paths that stay.
func TestInitAckReordersPaths(t *testing.T) {
	p := newPair(t, 3, nil)
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: []wire.Addr{addrOf(2, 2), addrOf(2, 1)}}))
	id, err := p.e[0].Associate(p.now, &AssociateParams{LocalPort: portA, PeerPort: portZ,
		Locals: addrsOf(1, 3), Peers: []wire.Addr{addrOf(2, 0), addrOf(2, 1), addrOf(2, 2)}})
	require.NoError(t, err)
	p.id[0] = id
	a := p.e[0].assoc(id)
	dead := byte(0)
	p.drop = func(_ int, f *flying) bool { return f.dst.As4()[2] == dead }
	p.pump()
	// The link of the path that is current goes down while the handshake is under way.
	require.NoError(t, p.e[0].SetRoute(p.now, id, 0, Route{Src: addrOf(1, 0), Down: true}))
	p.run(p.now + 3*Second)
	require.Equal(t, Established, a.state)
	require.Len(t, a.paths, 2, "the first address was not listed")
	for _, i := range []uint8{a.primary, a.current, a.initPath} {
		require.Equal(t, addrOf(2, 1), a.paths[i].dst)
	}
	require.False(t, a.failover.pending)
	for i := range a.paths {
		require.Equal(t, i, a.findPath(a.paths[i].dst))
		require.Equal(t, Active, a.paths[i].state)
		require.Equal(t, addrOf(1, int(a.paths[i].dst.As4()[2])), a.paths[i].src, "the route is its own")
	}
	// Failover and return afterwards tell the right paths.
	from := a.current
	p.sendMsg(0, 0, message(1, 100), 0)
	p.run(p.now + Second)
	dead = 1
	require.NoError(t, p.e[0].SetRoute(p.now, id, int(from), Route{Src: addrOf(1, 1), Down: true}))
	p.sendMsg(0, 0, message(2, 100), 0)
	p.run(p.now + Second)
	f := p.failovers(0)
	require.Len(t, f, 1)
	require.Equal(t, []uint8{from, 1 - from}, []uint8{f[0].OldPath, f[0].Path})
	require.Equal(t, [][]byte{message(1, 100), message(2, 100)}, p.receive(1))
}

// No COOKIE ECHO goes to an address that the peer listed and nobody has confirmed
// (RFC 9260, section 5.4).
func TestCookieEchoToConfirmedOnly(t *testing.T) {
	p := newPair(t, 3, nil)
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 3)}))
	require.NoError(t, p.associate(0, 1))
	p.drop = func(from int, f *flying) bool {
		cookie := describe(f.data) == "COOKIE ECHO"
		require.False(t, cookie && f.dst != addrOf(2, 0))
		return cookie
	}
	p.run(200 * Second)
	p.requireDown(0, ReasonInitLimit)
}

// A link that is known to be down is not tried at all.
func TestInitSkipsLinkThatIsDown(t *testing.T) {
	p := newPair(t, 2, nil)
	p.down[[2]int{0, 0}] = true
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 2)}))
	require.NoError(t, p.associate(0, 2))
	p.drop = func(from int, f *flying) bool {
		require.False(t, f.dst == addrOf(2, 0) && describe(f.data) == "INIT", "sent on a link that is down")
		return false
	}
	p.run(100 * Millisecond)
	require.Equal(t, Established, p.state(0))
}

// The INIT ACK's MIS is below what was asked for: messages queued before for the
// streams that there are go, each of the others is told as failed and released in
// its turn, and Send refuses more of them (RFC 9260, section 5.1.1).
func TestStreamsAreNegotiated(t *testing.T) {
	p := newPair(t, 1, func(side int, c *Config) {
		c.Limits.OutStreams = 40
		if side == 1 {
			c.Limits.InStreams, c.Limits.OutStreams = 10, 7
		}
	})
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1)}))
	require.NoError(t, p.associate(0, 1))
	for i, stream := range []uint16{30, 9, 10, 39, 0, 12} {
		p.sendMsg(0, stream, message(i, 100), 0)
	}
	p.run(Second)
	var failed [][2]uint64
	for _, v := range p.events[0] {
		if v.Kind == EventSendFailed {
			require.Equal(t, ReasonNoStream, v.Reason)
			failed = append(failed, [2]uint64{v.Message, uint64(v.Stream)})
		}
	}
	require.Equal(t, [][2]uint64{{0, 30}, {2, 10}, {3, 39}, {5, 12}}, failed)
	require.EqualValues(t, 6, p.e[0].Released(p.id[0]))
	for side, want := range [2][2]int{{10, 7}, {7, 10}} {
		info, ok := p.e[side].Assoc(p.id[side])
		require.True(t, ok)
		require.Equal(t, want, [2]int{info.OutStreams, info.InStreams}, "side %d", side)
	}
	require.Equal(t, [][]byte{message(1, 100), message(4, 100)}, p.receive(1))
	require.ErrorIs(t, p.e[0].Send(p.now, p.id[0], &Message{Data: []byte{1}, Stream: 10}), ErrStream)
	require.NoError(t, p.e[0].Send(p.now, p.id[0], &Message{Data: []byte{1}, Stream: 9}))
	p.run(p.now + Second)
	require.Zero(t, p.e[1].ctr.Drops.BadStream)
	require.Len(t, p.receive(1), 1)
}

// Data may be queued while the handshake goes on.
func TestSendBeforeEstablished(t *testing.T) {
	p := newPair(t, 1, nil)
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1)}))
	require.NoError(t, p.associate(0, 1))
	for i := range 20 {
		p.sendMsg(0, 0, message(i, 1000), 0)
	}
	p.run(Second)
	require.Len(t, p.receive(1), 20)
}

// An INIT that cannot be worked with.
func TestBadInit(t *testing.T) {
	i := func(tag, rwnd uint32, os, mis uint16, params ...[]byte) []byte {
		return initChunk(wire.ChunkInit, tag, rwnd, os, mis, 1, params...)
	}
	v6 := wire.AppendParam(nil, wire.ParamIPv6, make([]byte, 12))
	short := i(5, 9000, 1, 1)[:16]
	short[3] = 16
	straddle := i(5, 9000, 1, 1, param(0x8123, "abcdefgh"))
	straddle[22], straddle[23] = 0, 20
	zeroParam := i(5, 9000, 1, 1, param(0x8123, "abcdefgh"))
	zeroParam[22], zeroParam[23] = 0, 0
	bundled := append(i(5, 9000, 1, 1), wire.AppendCookieAck(nil)...)
	for _, c := range []struct {
		name  string
		tag   uint32
		init  []byte
		abort wire.CauseCode // 0: silence
		drop  func(d *Drops) uint64
	}{
		{"initiate tag 0 (3.3.2)", 0, i(0, 9000, 1, 1), 0, func(d *Drops) uint64 { return d.BadChunk }},
		{"packet's tag not 0 (8.5.1 A)", 77, i(5, 9000, 1, 1), 0, func(d *Drops) uint64 { return d.BadTag }},
		{"no outbound streams (3.3.2)", 0, i(5, 9000, 0, 1), wire.CauseInvalidParam, nil},
		{"no inbound streams (3.3.2)", 0, i(5, 9000, 1, 0), wire.CauseInvalidParam, nil},
		{"a_rwnd 1499 (3.3.2)", 0, i(5, 1499, 1, 1), wire.CauseInvalidParam, nil},
		{"host name (3.3.2.1.4)", 0, i(5, 9000, 1, 1, param(wire.ParamHostName, "z.example\x00")), wire.CauseUnresolvableAddr, nil},
		{"bundled with another chunk (6.10)", 0, bundled, 0, func(d *Drops) uint64 { return d.NotAlone }},
		{"shorter than its fixed part", 0, short, 0, func(d *Drops) uint64 { return d.BadChunk }},
		{"parameter beyond the chunk", 0, straddle, 0, func(d *Drops) uint64 { return d.BadChunk }},
		{"parameter of length 0", 0, zeroParam, 0, func(d *Drops) uint64 { return d.BadChunk }},
		{"IPv6 address of 12 bytes", 0, i(5, 9000, 1, 1, v6), 0, func(d *Drops) uint64 { return d.BadChunk }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, standing := range []bool{false, true} {
				r := newRawPeer(t, nil)
				r.listen(1)
				if standing {
					r.establish()
				}
				got := r.put(c.tag, c.init)
				if c.abort == 0 {
					require.Empty(t, got)
					require.EqualValues(t, 1, c.drop(&r.e.ctr.Drops))
				} else {
					require.Equal(t, []string{"ABORT"}, names(got))
					require.EqualValues(t, 5, got[0].VerificationTag(), "the Initiate Tag of the INIT (8.4, rule 3)")
					require.Zero(t, got[0].chunk(0).Flags()&wire.FlagT)
					require.Equal(t, c.abort, firstCause(got[0].chunk(0)).Code())
				}
				if standing {
					r.works()
				} else {
					require.Zero(t, r.e.tags.count)
				}
			}
		})
	}
	t.Run("smallest that is right", func(t *testing.T) {
		r := newRawPeer(t, nil)
		r.listen(1)
		require.Equal(t, []string{"INIT ACK"}, names(r.put(0, i(5, 1500, 1, 1))))
	})
}

func TestNobodyListens(t *testing.T) {
	r := newRawPeer(t, nil)
	got := r.put(0, r.plainInit())
	require.Equal(t, []string{"ABORT"}, names(got))
	require.Equal(t, r.mine, got[0].VerificationTag())
	r.listen(1)
	r.dst = addrOf(2, 1)
	require.Equal(t, []string{"ABORT"}, names(r.put(0, r.plainInit())), "it listens on another address")
	r.dst = addrOf(2, 0)
	r.open()
	r.e.Unlisten(portZ, r.dst)
	got = r.say(r.echo())
	require.Equal(t, []string{"ABORT"}, names(got), "it stopped listening meanwhile")
	require.Equal(t, r.mine, got[0].VerificationTag())
	require.EqualValues(t, 3, r.e.ctr.OutOfBlues)
}

// The side that began is refused.
func TestRefused(t *testing.T) {
	p := newPair(t, 1, nil)
	require.NoError(t, p.associate(0, 1))
	p.run(Second)
	require.Equal(t, []string{"A→Z INIT", "Z→A ABORT"}, p.ladder)
	last := p.events[0][len(p.events[0])-1]
	require.Equal(t, []any{EventDown, ReasonPeerAbort}, []any{last.Kind, last.Reason})
}

// Unknown parameters of an INIT: the type's two high bits say whether to go on and
// whether to report (RFC 9260, section 3.2.1).
func TestUnknownInitParameters(t *testing.T) {
	after := addrOf(1, 1)
	for _, c := range []struct {
		typ            wire.ParamType
		report, goesOn bool
	}{{0x1234, false, false}, {0x5234, true, false}, {0x9234, false, true}, {0xd234, true, true}} {
		t.Run(fmt.Sprintf("%#x", c.typ), func(t *testing.T) {
			r := newRawPeer(t, nil)
			r.listen(2)
			odd := param(c.typ, "what is it")
			ack := r.open(odd, wire.AppendAddr(nil, after))
			u := paramOf(ack.chunk(0), wire.ParamUnrecognized)
			require.Equal(t, c.report, u != nil)
			if c.report {
				quoted, ok := wire.ParseUnrecognized(u)
				require.True(t, ok)
				require.Equal(t, odd[:14], []byte(quoted))
			}
			r.say(r.echo())
			r.works()
			require.Equal(t, c.goesOn, r.assoc().findPath(after) >= 0, "the address after it")
		})
	}
}

// dial has Z begin an association towards A and returns its INIT.
func (r *rawPeer) dial() wire.Init {
	id, err := r.e.Associate(r.now, &AssociateParams{LocalPort: portZ, PeerPort: portA,
		Locals: addrsOf(2, 2), Peers: []wire.Addr{r.src}})
	require.NoError(r.t, err)
	r.id = id
	got := r.poll()
	require.Equal(r.t, []string{"INIT"}, names(got))
	require.Zero(r.t, got[0].VerificationTag())
	i, err := wire.ParseInit(got[0].chunk(0))
	require.NoError(r.t, err)
	r.theirs = i.InitiateTag()
	return i
}

func (r *rawPeer) initAck(params ...[]byte) []byte {
	return initChunk(wire.ChunkInitAck, r.mine, 1<<20, 16, 16, r.tsn, params...)
}

// Unknown parameters of an INIT ACK are reported in an ERROR with the COOKIE ECHO
// (RFC 9260, section 3.2.2).
func TestUnknownInitAckParameters(t *testing.T) {
	for typ, want := range map[wire.ParamType]string{
		0x1234: "", 0x5234: "", 0x9234: "COOKIE ECHO", 0xd234: "COOKIE ECHO+ERROR"} {
		t.Run(fmt.Sprintf("%#x", typ), func(t *testing.T) {
			r := newRawPeer(t, nil)
			r.dial()
			odd := param(typ, "what is it")
			got := r.say(r.initAck(odd, param(wire.ParamStateCookie, "biscuit")))
			if want == "" {
				// Nothing after it may be looked at, so there is no cookie.
				require.Equal(t, []string{"ABORT"}, names(got))
				require.Equal(t, wire.CauseMissingParam, firstCause(got[0].chunk(0)).Code())
				return
			}
			require.Equal(t, []string{want}, names(got))
			require.Equal(t, "biscuit", string(got[0].chunk(0).Value()))
			if typ == 0xd234 {
				quoted, ok := firstCause(got[0].chunk(1)).UnrecognizedParams()
				require.True(t, ok)
				require.Equal(t, odd[:14], quoted)
			}
			r.say(wire.AppendCookieAck(nil))
			r.works()
		})
	}
}

// INIT ACKs that cannot be worked with end the attempt.
func TestBadInitAck(t *testing.T) {
	cookie := param(wire.ParamStateCookie, "biscuit")
	for name, c := range map[string]struct {
		ack   []byte
		cause wire.CauseCode
		sends string
	}{
		"tag 0":     {initChunk(wire.ChunkInitAck, 0, 9000, 1, 1, 1, cookie), wire.CauseInvalidParam, ""},
		"no OS":     {initChunk(wire.ChunkInitAck, 9, 9000, 0, 1, 1, cookie), wire.CauseInvalidParam, "ABORT"},
		"no MIS":    {initChunk(wire.ChunkInitAck, 9, 9000, 1, 0, 1, cookie), wire.CauseInvalidParam, "ABORT"},
		"a_rwnd":    {initChunk(wire.ChunkInitAck, 9, 1499, 1, 1, 1, cookie), wire.CauseInvalidParam, "ABORT"},
		"no cookie": {initChunk(wire.ChunkInitAck, 9, 9000, 1, 1, 1), wire.CauseMissingParam, "ABORT"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRawPeer(t, nil)
			r.dial()
			require.Equal(t, c.sends, strings.Join(names(r.say(c.ack)), " "))
			require.Equal(t, Closed, r.state())
			require.Equal(t, ReasonProtocol, r.lastEvent().Reason)
			require.Equal(t, c.cause, r.lastEvent().Cause)
		})
	}
}

// INIT ACKs that are dropped and change nothing.
func TestInitAckThatIsNotForUs(t *testing.T) {
	cookie := param(wire.ParamStateCookie, "biscuit")
	t.Run("wrong tag", func(t *testing.T) {
		r := newRawPeer(t, nil)
		r.dial()
		require.Empty(t, r.put(r.theirs+1, r.initAck(cookie)))
		require.EqualValues(t, 1, r.e.ctr.Drops.BadTag)
		require.Equal(t, CookieWait, r.state())
	})
	t.Run("bundled", func(t *testing.T) {
		r := newRawPeer(t, nil)
		r.dial()
		require.Empty(t, r.say(r.initAck(cookie), wire.AppendCookieAck(nil)))
		require.EqualValues(t, 1, r.e.ctr.Drops.NotAlone)
		require.Equal(t, CookieWait, r.state())
	})
	t.Run("second one (5.2.3)", func(t *testing.T) {
		r := newRawPeer(t, nil)
		r.dial()
		r.say(r.initAck(cookie))
		require.Empty(t, r.say(initChunk(wire.ChunkInitAck, 99, 9000, 1, 1, 1, cookie)))
		require.EqualValues(t, 1, r.e.ctr.Drops.UnexpectedChunk)
		r.say(wire.AppendCookieAck(nil))
		require.Empty(t, r.say(initChunk(wire.ChunkInitAck, 99, 9000, 1, 1, 1, cookie)))
		r.works()
	})
	t.Run("from another association's address", func(t *testing.T) {
		r := rawEstablished(t, nil)
		victim, tag := r.id, r.theirs
		r.src = addrOf(1, 5)
		r.dial()
		r.src = addrOf(1, 0)
		r.say(r.initAck(cookie))
		require.Equal(t, victim, r.e.Lookup(portZ, portA, r.src, r.dst), "the address was taken over")
		r.id, r.theirs = victim, tag
		r.works()
	})
	t.Run("lists another association's address", func(t *testing.T) {
		r := rawEstablished(t, nil)
		victim, tag := r.id, r.theirs
		r.src = addrOf(1, 5)
		r.dial()
		r.say(r.initAck(wire.AppendAddr(nil, addrOf(1, 0)), cookie))
		require.Equal(t, victim, r.e.Lookup(portZ, portA, addrOf(1, 0), addrOf(2, 0)))
		r.id, r.theirs, r.src = victim, tag, addrOf(1, 0)
		r.works()
	})
}

// The INIT ACK decides the set of addresses; it may come from one that the INIT
// did not go to.
func TestInitAckFromAnotherAddress(t *testing.T) {
	r := newRawPeer(t, nil)
	r.dial()
	r.src = addrOf(1, 1)
	got := r.say(r.initAck(wire.AppendAddr(nil, addrOf(1, 1)), wire.AppendAddr(nil, addrOf(1, 2)), param(wire.ParamStateCookie, "biscuit")))
	require.Equal(t, []string{"COOKIE ECHO"}, names(got))
	require.Equal(t, addrOf(1, 1), got[0].dst)
	require.Equal(t, -1, r.assoc().findPath(addrOf(1, 0)), "not listed")
	require.GreaterOrEqual(t, r.assoc().findPath(addrOf(1, 2)), 0)
	r.say(wire.AppendCookieAck(nil))
	r.works()
}

// Addresses that nobody can have, and more than Limits.PathsPerAssoc, are ignored.
func TestAddressesOfInit(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.PathsPerAssoc = 4 })
	var params [][]byte
	for _, a := range []wire.Addr{wire.AddrFrom4([4]byte{}), wire.AddrFrom4([4]byte{255, 255, 255, 255}),
		wire.AddrFrom4([4]byte{224, 0, 0, 1}), addrOf(1, 0), addrOf(1, 1), addrOf(1, 1)} {
		params = append(params, wire.AppendAddr(nil, a))
	}
	for n := 2; n < 40; n++ {
		params = append(params, wire.AppendAddr(nil, addrOf(1, n)))
	}
	r.establish(params...)
	require.Len(t, r.assoc().paths, 4)
	r.works()
}

// Before a valid COOKIE ECHO there is no state, and answers are rationed (RFC 5062).
func TestInitFlood(t *testing.T) {
	const limit = 500
	r := newRawPeer(t, func(c *Config) { c.Limits.AnswersPerSecond = limit })
	r.establish()
	r.wait(2 * Second)
	answered := 0
	const floods = 5000
	for i := range floods {
		r.src = addrOf(byte(3+i%200), i%100)
		r.mine = uint32(i + 1)
		for range r.put(0, r.plainInit()) {
			answered++
		}
	}
	require.Equal(t, limit, answered)
	require.EqualValues(t, floods-limit, r.e.ctr.Drops.RateLimited)
	require.Equal(t, 1, r.e.tags.count)
	require.Len(t, r.e.slots, 1)
	r.src, r.mine = addrOf(1, 0), rawTag
	r.works()
	// What belongs to an association is answered all the same: its heartbeat.
	hb := wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("anyone"))
	require.Equal(t, []string{"HEARTBEAT ACK"}, names(r.say(hb)))
	r.now += Second / 10
	answered = 0
	for range 2 * limit {
		answered += len(r.put(0, r.plainInit()))
	}
	require.Equal(t, limit/10, answered)
}

// A burst of strangers that leaves no time to transmit is bounded too, and does not crowd
// out the answer to an association.
func TestInitBurst(t *testing.T) {
	r := rawEstablished(t, nil)
	var burst []Inbound
	for i := range 1000 {
		burst = append(burst, Inbound{Src: addrOf(byte(3+i%200), i%100), Dst: r.dst, Data: packet(0, r.plainInit())})
	}
	hb := wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("anyone"))
	burst = append(burst, Inbound{Src: r.src, Dst: r.dst, Data: packet(r.theirs, hb)})
	r.e.HandlePackets(r.now, burst)
	got := r.poll()
	require.LessOrEqual(t, len(got), maxReplies)
	require.Contains(t, names(got), "HEARTBEAT ACK")
	require.NotZero(t, r.e.ctr.Drops.RateLimited)
	r.works()
}

// Limits.Associations is reached: the COOKIE ECHO stays unanswered, and is
// accepted as soon as there is room.
func TestNoRoom(t *testing.T) {
	r := newRawPeer(t, func(c *Config) { c.Limits.Associations = 1 })
	r.establish()
	first, tag := r.id, r.theirs
	r.src, r.mine = addrOf(3, 0), 4711
	r.open()
	require.Empty(t, r.say(r.echo()))
	require.EqualValues(t, 1, r.e.ctr.Drops.NoRoom)
	_, err := r.e.Associate(r.now, &AssociateParams{LocalPort: 1, PeerPort: 2, Locals: addrsOf(2, 1), Peers: addrsOf(4, 1)})
	require.ErrorIs(t, err, ErrLimit)
	r.e.Abort(r.now, first, nil)
	r.poll()
	require.Empty(t, r.say(r.echo()), "its slot is kept until it is forgotten")
	r.e.Forget(first)
	require.Equal(t, []string{"COOKIE ACK"}, names(r.say(r.echo())))
	require.NotEqual(t, first, r.id)
	require.ErrorIs(t, r.e.Abort(r.now, first, nil), ErrNoAssociation)
	r.works()
	r.src = addrOf(1, 0)
	require.Equal(t, []string{"ABORT"}, names(r.put(tag, dataChunk(whole, 1, 0, 0, []byte("x")))), "out of the blue")
}

// The local verbs refuse what they cannot do.
func TestAssociateRefuses(t *testing.T) {
	r := rawEstablished(t, nil)
	good := AssociateParams{LocalPort: 9, PeerPort: 9, Locals: addrsOf(2, 1), Peers: addrsOf(1, 1)}
	for name, c := range map[string]struct {
		mod func(p *AssociateParams)
		err error
	}{
		"local port 0":   {func(p *AssociateParams) { p.LocalPort = 0 }, ErrInvalid},
		"peer's port 0":  {func(p *AssociateParams) { p.PeerPort = 0 }, ErrInvalid},
		"no local":       {func(p *AssociateParams) { p.Locals = nil }, ErrInvalid},
		"no peer":        {func(p *AssociateParams) { p.Peers = nil }, ErrInvalid},
		"multicast peer": {func(p *AssociateParams) { p.Peers = []wire.Addr{wire.AddrFrom4([4]byte{224, 0, 0, 9})} }, ErrInvalid},
		"streams":        {func(p *AssociateParams) { p.OutStreams = 65536 }, ErrInvalid},
		"exists":         {func(p *AssociateParams) { p.LocalPort, p.PeerPort = portZ, portA }, ErrExists},
	} {
		p := good
		c.mod(&p)
		_, err := r.e.Associate(r.now, &p)
		require.ErrorIs(t, err, c.err, name)
	}
	_, err := r.e.Associate(r.now, &good)
	require.NoError(t, err)
	require.ErrorIs(t, r.e.Listen(portZ, &ListenParams{Locals: addrsOf(2, 1)}), ErrPortInUse)
	require.ErrorIs(t, r.e.Listen(0, &ListenParams{Locals: addrsOf(2, 1)}), ErrInvalid)
	require.ErrorIs(t, r.e.Listen(5, &ListenParams{}), ErrInvalid)
}

// RequestHeartbeat before the association is up sends nothing: there is no tag yet.
func TestNoHeartbeatBeforeEstablished(t *testing.T) {
	r := newRawPeer(t, nil)
	r.dial()
	_ = r.e.RequestHeartbeat(r.now, r.id, 0)
	require.Empty(t, r.poll())
}
