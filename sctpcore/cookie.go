package sctpcore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/rand/v2"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// stateCookie is everything that a TCB needs, kept by the peer instead of us
// until it has proved that it can be reached (RFC 9260, section 5.1.3). On the
// wire: HMAC-SHA-256 over the rest (32), then the fields in this order, big
// endian, then the peer's addresses, 16 bytes each, then what extensions need
// (peerOffer), if we offer any.
type stateCookie struct {
	created             Time
	localTag, peerTag   uint32
	localTSN, peerTSN   wire.TSN
	peerRwnd            uint32
	out, in             uint16 // streams, after negotiation, as we see them
	localPort, peerPort uint16
	tieLocal, tiePeer   uint32 // tags of the association that stood, 0 if none
	preserve            uint32 // ms that its life was prolonged by
	src, dst            wire.Addr
	n                   int
	addrs               [maxCookieAddrs]wire.Addr
	offer               *offer // our extensions, not in the cookie; nil: neither is what follows
	local               []byte // our key vector
	peer                peerOffer
	extended            bool // a parsed cookie has them
}

const (
	cookieMACLen   = sha256.Size
	cookieFixedLen = cookieMACLen + 8 + 4*5 + 2*4 + 4*3 + 16*2 + 4
	maxCookieAddrs = 32
	maxCookieLen   = cookieFixedLen + 16*maxCookieAddrs + maxOfferLen
)

// signer makes HMAC-SHA-256 with one key; its memory serves every cookie.
type signer struct {
	mac hash.Hash
	sum [cookieMACLen]byte
}

func newSigner(key [32]byte) *signer { return &signer{mac: hmac.New(sha256.New, key[:])} }

// sign is the signature of body, good until the next one.
func (s *signer) sign(body []byte) []byte {
	s.mac.Reset()
	s.mac.Write(body)
	return s.mac.Sum(s.sum[:0])
}

// cookieKeys are the secret that signs cookies and the one before it, which is
// still good for cookies under way. They rotate once in a cookie's life.
type cookieKeys struct {
	current, previous *signer
	rotated           Time
	life              Time // the longest that any listener gives a cookie
}

func (k *cookieKeys) rotate(rng *rand.Rand, now Time) {
	var key [32]byte
	for i := 0; i < len(key); i += 8 {
		binary.BigEndian.PutUint64(key[i:], rng.Uint64())
	}
	k.previous, k.current = k.current, newSigner(key)
	k.rotated = now
}

func (e *Endpoint) rotateCookieKeys() {
	if e.now-e.cookies.rotated > e.cookies.life+maxPreservative {
		e.cookies.rotate(e.rng, e.now)
	}
}

// maxPreservative is how much longer than Valid.Cookie.Life a peer may ask its
// cookie to live (RFC 9260, section 5.2.6).
const maxPreservative = 30 * Second

// lifeOf is how long a cookie is good for an association, or if it is nil for what the
// listener on a port at an address would accept.
func (e *Endpoint) lifeOf(a *assoc, port uint16, at wire.Addr) Time {
	if a != nil {
		return a.params.ValidCookieLife
	}
	if l := e.listening(port, at); l != nil {
		return l.params.ValidCookieLife
	}
	return e.params.ValidCookieLife
}

// appendTo writes the signed cookie behind dst.
func (c *stateCookie) appendTo(dst []byte, k *cookieKeys) []byte {
	start := len(dst)
	be := binary.BigEndian
	dst = append(dst, make([]byte, cookieMACLen)...)
	dst = be.AppendUint64(dst, uint64(c.created))
	for _, v := range [...]uint32{c.localTag, c.peerTag, uint32(c.localTSN), uint32(c.peerTSN), c.peerRwnd} {
		dst = be.AppendUint32(dst, v)
	}
	for _, v := range [...]uint16{c.out, c.in, c.localPort, c.peerPort} {
		dst = be.AppendUint16(dst, v)
	}
	for _, v := range [...]uint32{c.tieLocal, c.tiePeer, c.preserve} {
		dst = be.AppendUint32(dst, v)
	}
	dst = append(dst, c.src[:]...)
	dst = append(dst, c.dst[:]...)
	dst = be.AppendUint32(dst, uint32(c.n))
	for i := range c.n {
		dst = append(dst, c.addrs[i][:]...)
	}
	if c.offer != nil {
		dst = c.peer.appendCookie(dst, c.local)
	}
	copy(dst[start:], k.current.sign(dst[start+cookieMACLen:]))
	return dst
}

// parseCookie checks a cookie's signature and takes it apart; false if it is not
// one of ours or was changed.
func parseCookie(b []byte, k *cookieKeys, c *stateCookie) bool {
	if len(b) < cookieFixedLen || len(b) > maxCookieLen {
		return false
	}
	body := b[cookieMACLen:]
	if !hmac.Equal(k.current.sign(body), b[:cookieMACLen]) && !hmac.Equal(k.previous.sign(body), b[:cookieMACLen]) {
		return false
	}
	u32 := func() uint32 {
		v := binary.BigEndian.Uint32(body)
		body = body[4:]
		return v
	}
	u16 := func() uint16 {
		v := binary.BigEndian.Uint16(body)
		body = body[2:]
		return v
	}
	c.created = Time(binary.BigEndian.Uint64(body))
	body = body[8:]
	c.localTag, c.peerTag, c.localTSN, c.peerTSN, c.peerRwnd = u32(), u32(), wire.TSN(u32()), wire.TSN(u32()), u32()
	c.out, c.in, c.localPort, c.peerPort = u16(), u16(), u16(), u16()
	c.tieLocal, c.tiePeer, c.preserve = u32(), u32(), u32()
	body = body[copy(c.src[:], body):]
	body = body[copy(c.dst[:], body):]
	c.n = int(u32())
	if c.n > maxCookieAddrs || len(body) < 16*c.n {
		return false
	}
	for i := range c.n {
		copy(c.addrs[i][:], body[16*i:])
	}
	if body = body[16*c.n:]; len(body) == 0 {
		return true
	}
	c.extended = true
	var ok bool
	c.local, ok = c.peer.parseCookie(body)
	return ok
}

// knows tells whether addr is among the peer's addresses in the cookie.
func (c *stateCookie) knows(addr wire.Addr) bool {
	if addr == c.src {
		return true
	}
	for _, x := range c.addrs[:c.n] {
		if x == addr {
			return true
		}
	}
	return false
}
