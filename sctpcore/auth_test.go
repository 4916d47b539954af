package sctpcore

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

func reconfiguring() *Extensions { return &Extensions{Asconf: true} }

// initVector takes the key vector out of an INIT or INIT ACK as RFC 4895, section 6.1, has
// it, by its own means.
func initVector(t *testing.T, data []byte) []byte {
	var v []byte
	c, _, err := wire.NextChunk(data[wire.CommonHeaderLen:])
	require.NoError(t, err)
	for _, want := range []wire.ParamType{0x8002, 0x8003, 0x8004} {
		v = append(v, paramOf(c, want)...)
	}
	return v
}

// What is on the wire is what RFC 4895 computes, here done anew from the packets alone.
func TestHMACOnTheWire(t *testing.T) {
	for _, c := range []struct {
		id  wire.HMACID
		new func() hash.Hash
		key AuthKey
	}{
		{wire.HMACSHA1, sha1.New, AuthKey{}},
		{wire.HMACSHA256, sha256.New, AuthKey{}},
		{wire.HMACSHA1, sha1.New, AuthKey{7, []byte("between you and me")}},
		{wire.HMACSHA256, sha256.New, AuthKey{0xffff, bytes.Repeat([]byte("x"), MaxAuthKeyLen)}},
	} {
		t.Run(fmt.Sprintf("%d/%d", c.id, c.key.ID), func(t *testing.T) {
			p := newPair(t, 1, nil)
			for side := range p.ext {
				p.ext[side] = &Extensions{Auth: &AuthParams{Chunks: []wire.ChunkType{wire.ChunkData, wire.ChunkHeartbeat, wire.ChunkHeartbeatAck},
					Keys: []AuthKey{c.key}, ActiveKey: c.key.ID, HMACs: []wire.HMACID{wire.HMACSHA1}}}
				if c.id == wire.HMACSHA256 {
					p.ext[side].Auth.HMACs = nil
				}
			}
			var vectors [2][]byte
			checked := map[string]int{}
			p.drop = func(from int, f *flying) bool {
				switch d := describe(f.data); {
				case strings.HasPrefix(d, "INIT"):
					vectors[from] = initVector(t, f.data)
				case strings.HasPrefix(d, "AUTH"):
					small, large := vectors[0], vectors[1]
					if bytes.Compare(small, large) > 0 { // they begin with equal bytes and have equal lengths
						small, large = large, small
					}
					h := hmac.New(c.new, bytes.Join([][]byte{c.key.Secret, small, large}, nil))
					zeroed := append([]byte(nil), f.data[wire.CommonHeaderLen:]...)
					clear(zeroed[8 : 8+h.Size()])
					h.Write(zeroed)
					require.Equal(t, h.Sum(nil), f.data[20:20+h.Size()], d)
					require.Equal(t, []byte{byte(c.key.ID >> 8), byte(c.key.ID), 0, byte(c.id)}, f.data[16:20])
					checked[d]++
				}
				return false
			}
			p.connect()
			p.sendMsg(0, 0, message(1, 5000), 0)
			p.sendMsg(1, 0, message(2, 99), 0)
			p.run(p.now + 100*Second)
			require.Equal(t, [][]byte{message(1, 5000)}, p.receive(1))
			require.Equal(t, [][]byte{message(2, 99)}, p.receive(0))
			require.GreaterOrEqual(t, checked["AUTH+DATA"], 5, "%v", checked)
			require.NotZero(t, checked["AUTH+HEARTBEAT"])
			require.NotZero(t, checked["AUTH+HEARTBEAT ACK"])
			require.Equal(t, Drops{}, p.e[0].ctr.Drops)
			require.Equal(t, Drops{}, p.e[1].ctr.Drops)
			info, ok := p.e[0].Auth(p.id[0])
			require.True(t, ok)
			want := []wire.ChunkType{wire.ChunkData, wire.ChunkHeartbeat, wire.ChunkHeartbeatAck}
			require.Equal(t, AuthInfo{On: true, HMAC: c.id, Active: c.key.ID, Keys: []uint16{c.key.ID}, LocalChunks: want, PeerChunks: want}, info)
		})
	}
}

func TestVectorOrder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"\x00\x01", "\x01", 0}, {"\x01", "\x02", -1}, {"\x01\x00", "\xff", 1}, {"\x00\x00\x02", "\x01\x00", -1}, {"", "\x00", 0}} {
		got := compareNumbers([]byte(c.a), []byte(c.b))
		require.Equal(t, c.want, max(-1, min(1, got)), "%x %x", c.a, c.b)
	}
}

// All that can be authenticated is: data flows both ways with loss, closes, and nothing
// is thrown away.
func TestEverythingAuthenticated(t *testing.T) {
	all := &Extensions{Asconf: true, Auth: &AuthParams{}}
	for ct := range 15 {
		if !neverListed(wire.ChunkType(ct)) {
			all.Auth.Chunks = append(all.Auth.Chunks, wire.ChunkType(ct))
		}
	}
	for _, h := range [][]wire.HMACID{nil, {wire.HMACSHA1}} {
		all.Auth.HMACs = h
		p := newPair(t, 2, nil)
		p.ext = [2]*Extensions{all, all}
		p.connect()
		require.Equal(t, []string{"A→Z INIT", "Z→A INIT ACK", "A→Z AUTH+COOKIE ECHO", "Z→A AUTH+COOKIE ACK"}, p.ladder[:4])
		n := 0
		p.drop = func(from int, f *flying) bool { n++; return n%23 == 0 }
		o := newOracle(p)
		for i := range 300 {
			for side := range 2 {
				o.send(side, uint16(i%3), 1+(i*977)%9000, SendFlags(i%2))
			}
			p.run(p.now + 50*Millisecond)
			require.NoError(t, o.read(0, 1<<20))
			require.NoError(t, o.read(1, 1<<20))
		}
		require.NoError(t, o.settle(4000*Second))
		for _, l := range p.ladder[4:] {
			if !strings.Contains(l, "SHUTDOWN COMPLETE") {
				require.Contains(t, l, "AUTH+", l)
			}
		}
		require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
		p.run(p.now + 100*Second)
		require.Equal(t, []Reason{ReasonShutdown, ReasonShutdown}, []Reason{p.downReason(0), p.downReason(1)})
		for side := range 2 {
			d := p.e[side].ctr.Drops
			require.Zero(t, d.BadAuth+d.Unauthenticated+d.UnknownKey+d.UnsupportedHMAC)
		}
	}
}

// rawAuth is a peer A played by hand that authenticates what it sends.
type rawAuth struct {
	*rawPeer
	auth   auth
	serial wire.Serial
}

// authParams are the parameters of A's INIT; ext lists chunk types under Supported
// Extensions.
func authParams(chunks []wire.ChunkType, ext ...wire.ChunkType) [][]byte {
	params := [][]byte{wire.AppendRandom(nil, bytes.Repeat([]byte{3}, 32)), wire.AppendChunkList(nil, chunks...),
		wire.AppendHMACs(nil, wire.HMACSHA256, wire.HMACSHA1)}
	if len(ext) > 0 {
		params = append(params, wire.AppendSupportedExtensions(nil, ext...))
	}
	return params
}

// openAuth sends an INIT that authenticates and reckons the keys from the INIT ACK.
func openAuth(t testing.TB, x *Extensions, chunks []wire.ChunkType, mod func(c *Config), more ...[]byte) *rawAuth {
	r := &rawAuth{rawPeer: newRawPeer(t, mod)}
	r.ext = x
	r.listen(2)
	r.handshake(chunks, more...)
	return r
}

func (r *rawAuth) handshake(chunks []wire.ChunkType, more ...[]byte) {
	mine := authParams(chunks, wire.ChunkAsconf, wire.ChunkAsconfAck, wire.ChunkAuth)
	ack := r.open(append(mine, more...)...).chunk(0)
	var local []byte
	for _, p := range mine[:3] {
		q, _, _ := wire.NextParam(p)
		local = append(local, q...)
	}
	peer := peerOffer{random: paramOf(ack, wire.ParamRandom), chunks: paramOf(ack, wire.ParamChunkList), hmacs: paramOf(ack, wire.ParamRequestedHMAC)}
	r.auth = auth{}
	r.auth.setKeys([]AuthKey{{}}, 0)
	r.auth.agree(&offer{auth: true}, local, &peer)
	r.serial = wire.Serial(r.tsn)
}

// establishedAuth is an association with a peer that authenticates and reconfigures.
func establishedAuth(t testing.TB, x *Extensions, mod func(c *Config), more ...[]byte) *rawAuth {
	r := openAuth(t, x, nil, mod, append(more, wire.AppendAddr(nil, addrOf(1, 0)), wire.AppendAddr(nil, addrOf(1, 1)))...)
	got := r.sayAuth(r.echo())
	require.Contains(r.t, names(got)[0], "COOKIE ACK")
	require.Equal(r.t, Established, r.state())
	for _, g := range r.wait(Millisecond) {
		r.say(wire.AppendHeartbeatAck(nil, g.chunk(0)))
	}
	return r
}

// sealed is chunks behind an AUTH chunk.
func (r *rawAuth) sealed(key uint16, id wire.HMACID, chunks ...[]byte) []byte {
	b := wire.AppendAuth(nil, key, id)
	for _, c := range chunks {
		b = append(b, c...)
	}
	r.auth.send = id
	if id.Len() == 0 {
		return b
	}
	h := r.auth.begin(&r.auth.keys[0], id)
	h.Write(b)
	copy(b[wire.AuthHeaderLen:], h.Sum(nil))
	return b
}

// sayAuth is say with AUTH first.
func (r *rawAuth) sayAuth(chunks ...[]byte) []answer {
	return r.say(r.sealed(0, wire.HMACSHA256, chunks...))
}

// authentic are the names of answers' chunks; those with AUTH have a right one.
func (r *rawAuth) authentic(got []answer) []string {
	for _, g := range got {
		c, rest, _ := wire.NextChunk(g.Chunks())
		if c.Type() == wire.ChunkAuth {
			v, err := wire.ParseAuth(c)
			require.NoError(r.t, err)
			require.True(r.t, r.auth.verify(&r.auth.keys[0], v, rest), "HMAC of %s", describe(g.Packet))
		}
	}
	return names(got)
}

func authData() *Extensions {
	return &Extensions{Asconf: true, Auth: &AuthParams{Chunks: []wire.ChunkType{wire.ChunkData, wire.ChunkAbort}}}
}

// DATA in sequence and DATA out of the stream order are taken in at different places.
func TestUnauthenticatedIsDiscarded(t *testing.T) {
	for _, flags := range []uint8{whole, whole | wire.FlagU} {
		r := establishedAuth(t, authData(), nil)
		d := &r.e.ctr.Drops
		user := dataChunk(flags, r.tsn, 0, 0, []byte("hello"))
		r.say(user)
		require.Equal(t, uint64(1), d.Unauthenticated)
		require.Empty(t, r.read())
		require.Equal(t, Never, r.assoc().sackTimer, "it is not even acknowledged")
		// What follows is not discarded: a HEARTBEAT may come without AUTH.
		require.Equal(t, []string{"HEARTBEAT ACK"}, names(r.say(wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("x")), user)))
		require.Equal(t, uint64(2), d.Unauthenticated)
		// What stands before AUTH is not authenticated by it.
		r.say(user, r.sealed(0, wire.HMACSHA256, user[:0]))
		require.Equal(t, uint64(3), d.Unauthenticated)
		r.say(wire.AppendAbort(nil, false, nil))
		require.Equal(t, Established, r.state(), "an ABORT must be authenticated too")
		require.Equal(t, uint64(4), d.Unauthenticated)
		r.sayAuth(user)
		require.Equal(t, []string{"hello"}, r.read())
		r.sayAuth(wire.AppendAbort(nil, false, nil))
		require.Equal(t, Closed, r.state())
	}
}

func TestWrongAuth(t *testing.T) {
	user := dataChunk(whole|wire.FlagU, 1000, 0, 0, []byte("hello"))
	for _, c := range []struct {
		name   string
		chunks func(r *rawAuth) []byte
		drop   func(d *Drops) uint64
		answer []string
	}{
		{"a bit of the HMAC", func(r *rawAuth) []byte { b := r.sealed(0, wire.HMACSHA256, user); b[12] ^= 1; return b },
			func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"a bit of the data", func(r *rawAuth) []byte { b := r.sealed(0, wire.HMACSHA1, user); b[len(b)-4] ^= 1; return b },
			func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"another flag of AUTH", func(r *rawAuth) []byte { b := r.sealed(0, wire.HMACSHA1, user); b[1] = 1; return b },
			func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"an HMAC cut short", func(r *rawAuth) []byte {
			b := append([]byte{15, 0, 0, 12, 0, 0, 0, 3, 0, 0, 0, 0}, user...)
			return b
		}, func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"an HMAC too long", func(r *rawAuth) []byte {
			b := r.sealed(0, wire.HMACSHA1)
			b = append(b, 0, 0, 0, 0)
			b[3] += 4
			return append(b, user...)
		}, func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"no HMAC at all", func(r *rawAuth) []byte { return append([]byte{15, 0, 0, 8, 0, 0, 0, 3}, user...) },
			func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"half an AUTH chunk", func(r *rawAuth) []byte { return append([]byte{15, 0, 0, 6, 0, 0, 0, 0}, user...) },
			func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"two AUTH chunks", func(r *rawAuth) []byte {
			inner := r.sealed(0, wire.HMACSHA256, user)
			return r.sealed(0, wire.HMACSHA256, inner)
		}, func(d *Drops) uint64 { return d.BadAuth }, []string{}},
		{"unknown key", func(r *rawAuth) []byte { return r.sealed(1, wire.HMACSHA256, user) },
			func(d *Drops) uint64 { return d.UnknownKey }, []string{}},
		{"reserved HMAC", func(r *rawAuth) []byte { return r.sealed(0, 2, user) },
			func(d *Drops) uint64 { return d.UnsupportedHMAC }, []string{"ERROR"}},
		{"HMAC 0", func(r *rawAuth) []byte { return r.sealed(0, 0, user) },
			func(d *Drops) uint64 { return d.UnsupportedHMAC }, []string{"ERROR"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := establishedAuth(t, authData(), nil)
			got := r.say(c.chunks(r))
			require.Equal(t, c.answer, names(got))
			require.Equal(t, uint64(1), c.drop(&r.e.ctr.Drops))
			require.Empty(t, r.read())
			if len(got) > 0 {
				id, ok := firstCause(got[0].chunk(0)).UnsupportedHMAC()
				require.True(t, ok)
				require.Contains(t, []wire.HMACID{0, 2}, id)
			}
			r.sayAuth(user)
			require.Equal(t, []string{"hello"}, r.read())
		})
	}
}

// A hash function that we did not list is refused though we know it.
func TestHMACNotOffered(t *testing.T) {
	r := establishedAuth(t, &Extensions{Asconf: true}, nil)
	r.assoc().ext.auth.accepted[hashIndex(wire.HMACSHA256)] = false
	require.Equal(t, []string{"ERROR"}, names(r.sayAuth(sackChunk(0))))
	require.Equal(t, uint64(1), r.e.ctr.Drops.UnsupportedHMAC)
}

// Without AUTH on both sides an AUTH chunk is unknown: the packet ends there (RFC 9260, 3.2).
func TestAuthNotNegotiated(t *testing.T) {
	for _, x := range []*Extensions{nil, reconfiguring()} {
		r := newRawPeer(t, nil)
		r.ext = x
		r.establish()
		r.say(wire.AppendAuth(nil, 0, wire.HMACSHA1), dataChunk(whole|wire.FlagU, r.tsn, 0, 0, []byte("x")))
		require.Equal(t, uint64(1), r.e.ctr.Drops.UnknownChunk)
		require.Empty(t, r.read())
		require.Equal(t, []string{"ERROR"}, names(r.say(unknown(wire.ChunkAsconf, "\x00\x00\x00\x00"))))
		r.works()
		var told []Event
		for _, v := range r.events {
			if v.Kind == EventAuth {
				told = append(told, v)
			}
		}
		if x == nil {
			require.Empty(t, told)
			continue
		}
		require.Len(t, told, 1)
		require.Equal(t, AuthNone, told[0].Auth)
		require.Equal(t, ErrUnsupported, r.e.ChangeAddress(r.now, r.id, AddAddress, addrOf(2, 7)))
	}
}

// RFC 4895, section 6.3: COOKIE ECHO that must be authenticated, with no TCB yet.
func TestAuthenticatedCookieEcho(t *testing.T) {
	x := &Extensions{Auth: &AuthParams{Chunks: []wire.ChunkType{wire.ChunkCookieEcho}}}
	r := openAuth(t, x, nil, nil)
	d := &r.e.ctr.Drops
	require.Empty(t, r.say(r.echo()))
	require.Equal(t, uint64(1), d.Unauthenticated)
	bad := r.sealed(0, wire.HMACSHA1, r.echo())
	bad[10]++
	require.Empty(t, r.say(bad))
	require.Equal(t, uint64(1), d.BadAuth)
	require.Empty(t, r.say(r.sealed(0, wire.HMACSHA256, unknown(wire.ChunkCookieEcho, "not a cookie"))))
	require.Equal(t, uint64(1), d.BadCookie)
	require.Zero(t, r.e.tags.count, "no state yet")
	got := r.say(r.sealed(0, wire.HMACSHA1, r.echo(), dataChunk(whole|wire.FlagU, r.tsn, 0, 0, []byte("at once"))))
	require.Contains(t, names(got)[0], "COOKIE ACK")
	require.Equal(t, []string{"at once"}, r.read())
	// Repeated, as when COOKIE ACK was lost: by the association's keys, and only so.
	require.Equal(t, []string{"COOKIE ACK"}, names(r.sayAuth(r.echo())))
	require.Empty(t, r.say(r.echo()))
	require.Equal(t, uint64(2), d.Unauthenticated)
	r.tsn++
	r.works()

	// A restart by somebody who does not know the keys fails, with AUTH or without.
	stranger := &rawAuth{rawPeer: newRawPeer(t, nil)}
	stranger.e, stranger.mine, stranger.tsn = r.e, rawTag+1, 5000
	stranger.handshake(nil)
	require.Empty(t, stranger.say(stranger.echo()))
	require.Empty(t, stranger.sayAuth(stranger.echo()))
	require.Equal(t, uint64(2), d.BadAuth)
	stranger.open() // without RANDOM
	require.Empty(t, stranger.say(stranger.echo()))
	r.works()
}

// A peer that asks for authentic COOKIE ECHO and more gets it from us as the client.
func TestKeysMustMatch(t *testing.T) {
	p := newPair(t, 1, nil)
	x := func(secret string) *Extensions {
		return &Extensions{Auth: &AuthParams{Chunks: []wire.ChunkType{wire.ChunkCookieEcho}, Keys: []AuthKey{{5, []byte(secret)}}, ActiveKey: 5}}
	}
	p.ext = [2]*Extensions{x("right"), x("wrong")}
	require.NoError(t, p.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1), Extensions: p.ext[1]}))
	id, err := p.e[0].Associate(p.now, &AssociateParams{LocalPort: portA, PeerPort: portZ, Locals: addrsOf(1, 1), Peers: addrsOf(2, 1), Extensions: p.ext[0]})
	require.NoError(t, err)
	p.id[0] = id
	p.run(p.now + 10*Second)
	require.Equal(t, CookieEchoed, p.state(0))
	require.NotZero(t, p.e[1].ctr.Drops.BadAuth)
	// The listener's keys may change: the cookie does not hold them.
	require.NoError(t, p.e[1].SetListenerKeys(portZ, addrOf(2, 0), []AuthKey{{5, []byte("right")}}, 5))
	p.run(p.now + 60*Second)
	require.Equal(t, Established, p.state(0))
	require.Equal(t, ErrKey, p.e[1].SetListenerKeys(portZ, addrOf(2, 0), nil, 1))
	require.Equal(t, ErrInvalid, p.e[1].SetListenerKeys(1, addrOf(2, 0), nil, 0))
	require.NoError(t, p.e[1].Listen(9, &ListenParams{Locals: addrsOf(2, 1)}))
	require.Equal(t, ErrUnsupported, p.e[1].SetListenerKeys(9, addrOf(2, 0), nil, 0))
}

// Keys change while data flows.
func TestKeyChange(t *testing.T) {
	p := newPair(t, 1, nil)
	p.ext = [2]*Extensions{authData(), authData()}
	p.connect()
	send := func() {
		t.Helper()
		p.ladder = nil
		p.sendMsg(0, 0, message(1, 4000), 0)
		p.run(p.now + Second)
		require.Equal(t, [][]byte{message(1, 4000)}, p.receive(1), "%v", p.ladder)
	}
	send()
	e := p.e[0]
	require.Equal(t, ErrKey, e.SetActiveKey(p.id[0], 1))
	for side := range 2 {
		require.NoError(t, p.e[side].SetKey(p.id[side], AuthKey{1, []byte("one")}))
	}
	require.NoError(t, e.SetActiveKey(p.id[0], 1))
	send()
	authEvents := func(side int) (got []Event) {
		for _, v := range p.events[side] {
			if v.Kind == EventAuth {
				got = append(got, Event{Kind: v.Kind, Auth: v.Auth, Key: v.Key})
			}
		}
		return got
	}
	require.Equal(t, []Event{{Kind: EventAuth, Auth: AuthNewKey, Key: 1}}, authEvents(1))
	require.Equal(t, ErrKey, e.DeactivateKey(p.now, p.id[0], 1), "the active one")
	require.Equal(t, ErrKey, e.DeleteKey(p.id[0], 1))
	require.Equal(t, ErrKey, e.DeleteKey(p.id[0], 9))
	require.NoError(t, e.DeactivateKey(p.now, p.id[0], 0))
	require.NoError(t, e.DeactivateKey(p.now, p.id[0], 0))
	require.Equal(t, ErrKey, e.SetActiveKey(p.id[0], 0))
	p.run(p.now)
	require.Equal(t, []Event{{Kind: EventAuth, Auth: AuthFreeKey, Key: 0}}, authEvents(0))
	require.NoError(t, e.DeleteKey(p.id[0], 0))
	send()
	// The other side still sends with key 0, which is deleted here.
	p.sendMsg(1, 0, message(2, 10), 0)
	p.run(p.now + Second)
	require.Empty(t, p.receive(0))
	require.NotZero(t, e.ctr.Drops.UnknownKey)
	require.NoError(t, e.SetKey(p.id[0], AuthKey{}))
	p.run(p.now + 10*Second)
	require.Equal(t, [][]byte{message(2, 10)}, p.receive(0))
	// Another secret by the same name.
	for side := range 2 {
		require.NoError(t, p.e[side].SetKey(p.id[side], AuthKey{1, []byte("another")}))
	}
	send()
	for i := range MaxAuthKeys {
		err := e.SetKey(p.id[0], AuthKey{ID: uint16(i)})
		require.NoError(t, err)
	}
	require.Equal(t, ErrInvalid, e.SetKey(p.id[0], AuthKey{ID: 100}))
	require.Equal(t, ErrInvalid, e.SetKey(p.id[0], AuthKey{Secret: make([]byte, MaxAuthKeyLen+1)}))
	require.Equal(t, ErrNoAssociation, e.SetKey(99, AuthKey{}))
	require.Equal(t, ErrNoAssociation, e.DeleteKey(99, 1))
	require.Equal(t, ErrNoAssociation, e.DeactivateKey(p.now, 99, 1))
	require.Equal(t, ErrNoAssociation, e.SetActiveKey(99, 1))
}

func TestExtensionsThatContradictThemselves(t *testing.T) {
	for _, p := range []AuthParams{
		{Chunks: []wire.ChunkType{wire.ChunkInit}}, {Chunks: []wire.ChunkType{wire.ChunkAuth}},
		{HMACs: []wire.HMACID{wire.HMACSHA256}}, {HMACs: []wire.HMACID{wire.HMACSHA1, 2}}, {HMACs: []wire.HMACID{1, 1, 1}},
		{Keys: make([]AuthKey, 2)}, {Keys: make([]AuthKey, 100)}, {Keys: []AuthKey{{Secret: make([]byte, MaxAuthKeyLen+1)}}},
	} {
		_, err := newOffer(&Extensions{Auth: &p})
		require.Equal(t, ErrInvalid, err, "%v", p)
		r := newRawPeer(t, nil)
		require.Equal(t, ErrInvalid, r.e.Listen(1, &ListenParams{Locals: addrsOf(2, 1), Extensions: &Extensions{Auth: &p}}))
	}
	_, err := newOffer(&Extensions{Auth: &AuthParams{ActiveKey: 1}})
	require.Equal(t, ErrKey, err)
	r := newRawPeer(t, nil)
	_, err = r.e.Associate(0, &AssociateParams{LocalPort: 1, PeerPort: 2, Locals: addrsOf(2, 1), Peers: addrsOf(1, 1),
		Extensions: &Extensions{Auth: &AuthParams{ActiveKey: 1}}})
	require.Equal(t, ErrKey, err)
	o, err := newOffer(&Extensions{})
	require.Nil(t, o)
	require.NoError(t, err)
}

// INITs whose offers are refused (RFC 4895, 6.1; RFC 5061, 6), and those that are not.
func TestOffersOfINIT(t *testing.T) {
	random := wire.AppendRandom(nil, make([]byte, 32))
	hmacs := wire.AppendHMACs(nil, wire.HMACSHA1)
	asconf := wire.AppendSupportedExtensions(nil, wire.ChunkAsconf, wire.ChunkAsconfAck)
	for _, c := range []struct {
		name   string
		params [][]byte
		on     bool
		refuse [3]bool // by a listener that has ASCONF, that requires AUTH, that has nothing
	}{
		{"nothing", nil, false, [3]bool{false, true, false}},
		{"AUTH", [][]byte{random, hmacs}, true, [3]bool{}},
		{"all", [][]byte{random, hmacs, asconf}, true, [3]bool{}},
		{"ASCONF alone", [][]byte{asconf}, false, [3]bool{true, true, false}},
		{"ASCONF and RANDOM", [][]byte{asconf, random}, false, [3]bool{true, true, false}},
		{"RANDOM of 31", [][]byte{wire.AppendRandom(nil, make([]byte, 31)), hmacs}, false, [3]bool{true, true, false}},
		{"RANDOM of 0", [][]byte{wire.AppendRandom(nil, nil), hmacs}, false, [3]bool{true, true, false}},
		{"RANDOM of 1000", [][]byte{wire.AppendRandom(nil, make([]byte, 1000)), hmacs}, false, [3]bool{true, true, false}},
		{"no HMAC that we know", [][]byte{random, wire.AppendHMACs(nil, 2, 4)}, false, [3]bool{false, true, false}},
		{"many HMACs", [][]byte{random, wire.AppendHMACs(nil, make([]wire.HMACID, 600)...)}, false, [3]bool{false, true, false}},
		{"a list of all chunks", [][]byte{random, hmacs, param(wire.ParamChunkList, string(make([]byte, 256)))}, true, [3]bool{}},
		{"HMAC list of odd length", [][]byte{random, param(wire.ParamRequestedHMAC, "\x00\x01\x00")}, false, [3]bool{false, true, false}},
		{"short adaptation and primary", [][]byte{param(wire.ParamAdaptationLayer, "x"), param(wire.ParamSetPrimary, "x")}, false, [3]bool{false, true, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, x := range []*Extensions{reconfiguring(), {Auth: &AuthParams{Required: true}}, nil} {
				r := newRawPeer(t, nil)
				r.ext = x
				r.listen(1)
				got := r.put(0, r.plainInit(c.params...))
				if c.refuse[i] {
					require.Equal(t, []string{"ABORT"}, names(got))
					require.Equal(t, wire.CauseProtocolViolation, firstCause(got[0].chunk(0)).Code())
					continue
				}
				require.Equal(t, []string{"INIT ACK"}, names(got))
				require.Equal(t, x != nil, paramOf(got[0].chunk(0), wire.ParamRandom) != nil, "nothing is offered that was not asked for")
				r.theirs = wire.Init(got[0].chunk(0)).InitiateTag()
				r.cookie = paramOf(got[0].chunk(0), wire.ParamStateCookie).Value()
				r.say(r.echo())
				require.Equal(t, Established, r.state())
				info, _ := r.e.Auth(r.id)
				require.Equal(t, c.on && x != nil, info.On)
				r.works()
			}
		})
	}
}

// The same of INIT ACK: the association fails before COOKIE ECHO.
func TestOffersOfINITACK(t *testing.T) {
	for _, c := range []struct {
		name   string
		params []byte
		x      *Extensions
		ok     bool
	}{
		{"nothing", nil, reconfiguring(), true},
		{"nothing, but required", nil, &Extensions{Auth: &AuthParams{Required: true}}, false},
		{"ASCONF alone", wire.AppendSupportedExtensions(nil, wire.ChunkAsconf), reconfiguring(), false},
		{"RANDOM of 4", wire.AppendRandom(nil, make([]byte, 4)), reconfiguring(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRawPeer(t, nil)
			id, err := r.e.Associate(r.now, &AssociateParams{LocalPort: portZ, PeerPort: portA, Locals: addrsOf(2, 1), Peers: addrsOf(1, 1), Extensions: c.x})
			require.NoError(t, err)
			r.id = id
			got := r.poll()
			require.Equal(t, []string{"INIT"}, names(got))
			require.NotNil(t, paramOf(got[0].chunk(0), wire.ParamRandom))
			r.theirs = wire.Init(got[0].chunk(0)).InitiateTag()
			got = r.say(initChunk(wire.ChunkInitAck, r.mine, 1<<20, 1, 1, 7, wire.AppendStateCookie(nil, []byte("biscuit")), c.params))
			if c.ok {
				require.Equal(t, []string{"COOKIE ECHO"}, names(got))
				return
			}
			require.Equal(t, []string{"ABORT"}, names(got))
			require.Equal(t, Closed, r.state())
			require.Equal(t, ReasonProtocol, r.lastEvent().Reason)
		})
	}
}

func TestAdaptationIndication(t *testing.T) {
	one, two := uint32(0xdeadbeef), uint32(2)
	p := newPair(t, 1, nil)
	p.ext = [2]*Extensions{{Adaptation: &one}, {Adaptation: &two, Asconf: true}}
	p.connect()
	for side, want := range []uint32{two, one} {
		found := false
		for _, v := range p.events[side] {
			if v.Kind == EventAdaptation {
				require.Equal(t, want, v.Adaptation)
				found = true
			}
		}
		require.True(t, found, "side %d", side)
	}
}

// INIT collision: both sides keep the random number of their INIT, so the keys agree.
func TestAuthAfterCollision(t *testing.T) {
	p := newPair(t, 1, nil)
	for side := range 2 {
		id, err := p.e[side].Associate(p.now, &AssociateParams{LocalPort: []uint16{portA, portZ}[side], PeerPort: []uint16{portZ, portA}[side],
			Locals: addrsOf(byte(1+side), 1), Peers: addrsOf(byte(2-side), 1), Extensions: authData()})
		require.NoError(t, err)
		p.id[side] = id
	}
	p.run(p.now + 10*Second)
	for side := range 2 {
		require.Equal(t, Established, p.state(side))
		p.sendMsg(side, 0, message(side, 3000), 0)
	}
	p.run(p.now + Second)
	require.Equal(t, [][]byte{message(0, 3000)}, p.receive(1))
	require.Equal(t, [][]byte{message(1, 3000)}, p.receive(0))
	require.Zero(t, p.e[0].ctr.Drops.BadAuth+p.e[1].ctr.Drops.BadAuth)
}

// The HMACs' states are prepared once: an authenticated packet allocates nothing.
func TestNoAllocationAuthenticated(t *testing.T) {
	for _, id := range []wire.HMACID{wire.HMACSHA1, wire.HMACSHA256} {
		l := authLoop(t, id)
		m := Message{Data: make([]byte, 1400), Stream: 1}
		round := func() {
			for range 40 {
				require.NoError(t, l.e[0].Send(l.now, l.id[0], &m))
			}
			for l.exchange() {
			}
		}
		for range 50 {
			round()
		}
		require.Zero(t, testing.AllocsPerRun(100, round), "HMAC %d", id)
		require.Zero(t, l.e[1].ctr.Drops.Unauthenticated)
		require.True(t, l.e[1].assoc(l.id[1]).ext.auth.ours.has(wire.ChunkData))
	}
}

// authLoop is a loop whose DATA and SACK are authenticated.
func authLoop(t testing.TB, id wire.HMACID) *loop {
	x := &Extensions{Auth: &AuthParams{Chunks: []wire.ChunkType{wire.ChunkData, wire.ChunkSack}}}
	if id == wire.HMACSHA1 {
		x.Auth.HMACs = []wire.HMACID{id}
	}
	return newLoopWith(t, x)
}

// BenchmarkAuthenticated is BenchmarkCore with DATA and SACK authenticated.
func BenchmarkAuthenticated(b *testing.B) {
	for name, id := range map[string]wire.HMACID{"sha1": wire.HMACSHA1, "sha256": wire.HMACSHA256} {
		b.Run(name, func(b *testing.B) { authLoop(b, id).send(b, 1400) })
	}
}
