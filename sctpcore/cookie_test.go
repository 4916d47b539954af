package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Every bit of a cookie matters, and so do its length, ports, tag and addresses.
func TestForgedCookies(t *testing.T) {
	r := newRawPeer(t, nil)
	r.listen(1)
	r.open()
	refused := uint64(0)
	refuse := func(what string, b []byte) {
		t.Helper()
		require.Empty(t, r.putBytes(b), what)
		refused++
		require.Equal(t, refused, r.e.ctr.Drops.BadCookie, what)
		require.Zero(t, r.e.tags.count, what)
	}
	for bit := range 8 * len(r.cookie) {
		forged := append([]byte(nil), r.cookie...)
		forged[bit/8] ^= 1 << (bit % 8)
		refuse("bit flipped", packet(r.theirs, wire.AppendCookieEcho(nil, forged)))
	}
	for n := range r.cookie {
		refuse("truncated", packet(r.theirs, wire.AppendCookieEcho(nil, r.cookie[:n])))
	}
	refuse("longer", packet(r.theirs, wire.AppendCookieEcho(nil, append(append([]byte(nil), r.cookie...), 0))))
	refuse("huge", packet(r.theirs, wire.AppendCookieEcho(nil, make([]byte, 60000))))
	refuse("another tag", packet(r.theirs+1, r.echo()))
	for _, port := range []int{1, 3} {
		b := packet(r.theirs, r.echo())
		b[port]++
		refuse("another port", b)
	}
	home := r.src
	r.src = addrOf(77, 0)
	refuse("another address", packet(r.theirs, r.echo()))
	r.src = home
	stranger := newRawPeer(t, func(c *Config) { c.Seed[3] = 99 })
	stranger.listen(1)
	stranger.open()
	refuse("another endpoint's cookie", packet(stranger.theirs, stranger.echo()))
	var guess stateCookie
	known := cookieKeys{current: newSigner([32]byte{})}
	require.True(t, parseCookie(r.cookie, &r.e.cookies, &guess))
	refuse("signed with a key that anybody knows", packet(r.theirs, wire.AppendCookieEcho(nil, guess.appendTo(nil, &known))))
	require.Equal(t, []string{"COOKIE ACK"}, names(r.say(r.echo())))
	r.works()
}

// A cookie may come from any address that the INIT listed.
func TestCookieFromListedAddress(t *testing.T) {
	r := newRawPeer(t, nil)
	r.listen(2)
	r.open(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, addrOf(1, 1)))
	r.src, r.dst = addrOf(1, 1), addrOf(2, 1)
	require.Equal(t, "COOKIE ACK", r.say(r.echo())[0].chunk(0).Type().String())
	r.works()
}

// COOKIE ECHO comes again: it is acknowledged again and changes nothing, even when its
// life is over by then (RFC 9260, section 5.2.4, rule 3 and action D).
func TestDuplicateCookieEcho(t *testing.T) {
	r := rawEstablished(t, nil)
	r.say(dataChunk(whole, r.tsn, 0, 0, []byte("one")))
	r.tsn++
	before := *r.assoc()
	require.Equal(t, []string{"COOKIE ACK"}, names(r.say(r.echo())))
	require.EqualValues(t, 1, r.e.ctr.Drops.DuplicateCookie)
	require.Equal(t, before.in.cum, r.assoc().in.cum)
	require.Equal(t, before.out.nextTSN, r.assoc().out.nextTSN)
	require.Equal(t, []string{"one"}, r.read())
	r.now += 75 * Second
	got := r.say(r.echo())
	require.Equal(t, wire.ChunkCookieAck, got[0].chunk(0).Type())
	require.Zero(t, r.e.ctr.Drops.StaleCookie)
	r.works()
	require.EqualValues(t, 1, r.e.ctr.PassiveEstabs)
}

// DATA may travel behind the COOKIE ECHO, once and when that comes again.
func TestDataBehindCookieEcho(t *testing.T) {
	r := newRawPeer(t, nil)
	r.listen(1)
	r.open()
	d := dataChunk(whole, r.tsn, 0, 0, []byte("early"))
	for range 2 {
		require.Equal(t, wire.ChunkCookieAck, r.say(r.echo(), d)[0].chunk(0).Type())
	}
	require.Equal(t, []string{"early"}, r.read())
	require.EqualValues(t, 1, r.e.ctr.Drops.DuplicateTSN)
	r.works()
}

// DATA that overtakes the COOKIE ACK is discarded (RFC 9260, section 6: "DATA chunks
// MUST only be received … in ESTABLISHED, SHUTDOWN-PENDING, and SHUTDOWN-SENT"), and
// comes when it is sent again; so is a SACK that does so.
func TestDataOvertakesCookieAck(t *testing.T) {
	p := newPair(t, 1, nil)
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1)}))
	require.NoError(t, p.associate(0, 1))
	sent := false
	p.drop = func(from int, f *flying) bool {
		if d := describe(f.data); from == 1 && d == "COOKIE ACK" && !sent {
			sent = true
			p.wire = append(p.wire, flying{at: p.now + 5*Millisecond, from: 1, src: f.src, dst: f.dst, data: append([]byte(nil), f.data...)})
			return true
		}
		return false
	}
	for p.id[1] == 0 {
		p.run(p.now + Millisecond)
	}
	p.sendMsg(1, 0, message(1, 100), 0)
	p.run(p.now + 2*Millisecond)
	require.Equal(t, CookieEchoed, p.state(0))
	require.EqualValues(t, 1, p.e[0].ctr.Drops.UnexpectedChunk)
	p.run(p.now + 5*Second)
	require.Equal(t, [][]byte{message(1, 100)}, p.receive(0))
}

// A cookie older than its life is answered with ERROR and its staleness in
// microseconds (RFC 9260, sections 5.1.5, rule 4, and 5.2.6).
func TestStaleCookie(t *testing.T) {
	r := newRawPeer(t, nil)
	r.listen(1)
	r.open()
	r.now += 60 * Second
	fresh := r.now
	require.Equal(t, []string{"COOKIE ACK"}, names(r.say(r.echo())), "at the end of its life")
	r.e.Abort(r.now, r.id, nil)
	r.poll()
	r.now = fresh + 1500*Microsecond
	got := r.say(r.echo())
	require.Equal(t, []string{"ERROR"}, names(got))
	require.Equal(t, r.mine, got[0].VerificationTag())
	stale, ok := firstCause(got[0].chunk(0)).StaleCookie()
	require.True(t, ok)
	require.EqualValues(t, 1500, stale)
	require.EqualValues(t, 1, r.e.ctr.Drops.StaleCookie)
	require.Zero(t, r.e.tags.count)
}

// Cookie Preservative makes a cookie live longer, up to a bound (5.2.6).
func TestCookiePreservative(t *testing.T) {
	for _, c := range []struct {
		ask  uint32
		life Time
	}{{0, 60 * Second}, {5000, 65 * Second}, {1 << 31, 60*Second + maxPreservative}} {
		for _, late := range []Time{0, Millisecond} {
			r := newRawPeer(t, nil)
			r.listen(1)
			r.open(wire.AppendCookiePreservative(nil, c.ask))
			r.now += c.life + late
			want := []string{"COOKIE ACK"}
			if late > 0 {
				want = []string{"ERROR"}
			}
			require.Equal(t, want, names(r.say(r.echo())), "asked for %d ms", c.ask)
		}
	}
}

// The side that began tries again with a longer life asked for, and gives up in the end.
func TestStaleCookieIsTriedAgain(t *testing.T) {
	r := newRawPeer(t, nil)
	first := r.dial()
	m := &Message{Data: []byte("queued"), Stream: 3}
	require.NoError(t, r.e.Send(r.now, r.id, m))
	cookie := param(wire.ParamStateCookie, "biscuit")
	for i := range 3 {
		require.Equal(t, []string{"COOKIE ECHO"}, names(r.say(r.initAck(cookie))))
		got := r.say(wire.AppendError(nil, wire.AppendCauseStaleCookie(nil, 4_000_000)))
		require.Equal(t, []string{"INIT"}, names(got), "try %d", i)
		again, err := wire.ParseInit(got[0].chunk(0))
		require.NoError(t, err)
		require.Equal(t, first.InitiateTag(), again.InitiateTag())
		longer, ok := wire.ParseCookiePreservative(paramOf(got[0].chunk(0), wire.ParamCookiePreservative))
		require.True(t, ok)
		require.Greater(t, longer, uint32(4000))
	}
	t.Run("third time lucky", func(t *testing.T) {
		require.Equal(t, []string{"COOKIE ECHO"}, names(r.say(r.initAck(cookie))))
		got := r.say(wire.AppendCookieAck(nil))
		require.Equal(t, []string{"DATA"}, names(got), "what was queued goes out (CVE-2026-52924)")
		r.ackAll()
		r.works()
	})
	r = newRawPeer(t, nil)
	r.dial()
	for range 4 {
		require.Equal(t, CookieWait, r.state())
		r.say(r.initAck(cookie))
		r.say(wire.AppendError(nil, wire.AppendCauseStaleCookie(nil, 1)))
	}
	require.Equal(t, Closed, r.state())
	require.Equal(t, ReasonStaleCookie, r.lastEvent().Reason)
}

// Stale Cookie in any other state means nothing but an event.
func TestStaleCookieErrorWhenEstablished(t *testing.T) {
	r := rawEstablished(t, nil)
	require.Empty(t, r.say(wire.AppendError(nil, wire.AppendCauseStaleCookie(nil, 9))))
	require.Equal(t, EventPeerError, r.lastEvent().Kind)
	r.works()
}

// Keys change, but a cookie that is under way then stays good, whenever it was made.
func TestCookieKeyRotation(t *testing.T) {
	for _, start := range []Time{0, Second, 45 * Second, 89 * Second, 90 * Second, 91 * Second, 100 * Second, 179 * Second, 12345 * Second} {
		r := newRawPeer(t, nil)
		r.listen(1)
		r.now = start
		r.open()
		keys := r.e.cookies.current
		held, tag := r.echo(), r.theirs
		// Others come meanwhile, so that keys rotate.
		home, mine := r.src, r.mine
		for range 6 {
			r.now += 10 * Second
			r.src, r.mine = addrOf(50, 0), 5
			r.open()
		}
		r.src, r.mine, r.theirs = home, mine, tag
		require.Equal(t, []string{"COOKIE ACK"}, names(r.say(held)), "made at %d s", start/Second)
		// And after two rotations the key is gone.
		r.e.Abort(r.now, r.id, nil)
		r.poll()
		for range 2 {
			r.now += 100 * Second
			r.src, r.mine = addrOf(50, 0), 5
			r.open()
		}
		require.NotSame(t, keys, r.e.cookies.previous)
		r.src, r.mine = home, mine
		bad := r.e.ctr.Drops.BadCookie
		require.Empty(t, r.put(tag, held))
		require.Equal(t, bad+1, r.e.ctr.Drops.BadCookie)
	}
}
