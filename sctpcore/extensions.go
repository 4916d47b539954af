package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// Extensions are what an association offers beyond RFC 9260. The zero value, as nil,
// is nothing: then its INIT or INIT ACK is RFC 9260's alone.
type Extensions struct {
	// Auth offers authenticated chunks (RFC 4895); nil is off, unless Asconf is set,
	// which needs it and takes nil for &AuthParams{}.
	Auth *AuthParams
	// Asconf offers dynamic address reconfiguration (RFC 5061): AddAddress,
	// DeleteAddress, SetPeerPrimary, and the peer's doing so.
	Asconf bool
	// Adaptation, if not nil, is sent as Adaptation Layer Indication (RFC 5061,
	// section 4.2.6). The peer's is told by EventAdaptation whether or not it is set.
	Adaptation *uint32
}

// AuthParams say what is authenticated and how (RFC 4895).
type AuthParams struct {
	// Chunks are types that are accepted from the peer only if they are
	// authenticated. ASCONF and ASCONF-ACK always are, and need not be listed; INIT,
	// INIT ACK, SHUTDOWN COMPLETE and AUTH cannot be (section 3.2).
	Chunks []wire.ChunkType
	// HMACs are the hash functions that the peer may use, the most wanted first; nil
	// is SHA-256, then SHA-1. SHA-1 must be among them (section 6.1).
	HMACs []wire.HMACID
	// Keys are endpoint pair shared keys, at most MaxAuthKeys; none is the empty key
	// with identifier 0. ActiveKey is the identifier of the one to send with.
	Keys      []AuthKey
	ActiveKey uint16
	// Required refuses a peer that does not authenticate. Otherwise what Chunks says is
	// waived for such a peer, and EventAuth tells of it; ASCONF stays off.
	Required bool
}

// AuthKey is an endpoint pair shared key (RFC 4895, section 1.3) of at most
// MaxAuthKeyLen bytes, perhaps none.
type AuthKey struct {
	ID     uint16
	Secret []byte
}

// Bounds of what an association keeps of keys.
const (
	MaxAuthKeys   = 16
	MaxAuthKeyLen = 1024
)

// typeSet is a set of chunk types.
type typeSet [4]uint64

func (s *typeSet) has(t wire.ChunkType) bool { return s[t>>6]>>(t&63)&1 != 0 }
func (s *typeSet) add(t wire.ChunkType)      { s[t>>6] |= 1 << (t & 63) }

// list is the set's types in ascending order.
func (s *typeSet) list() []wire.ChunkType {
	var l []wire.ChunkType
	for t := range 256 {
		if s.has(wire.ChunkType(t)) {
			l = append(l, wire.ChunkType(t))
		}
	}
	return l
}

// neverListed tells whether a CHUNKS parameter must not list the type, and is not
// believed if it does (RFC 4895, section 3.2).
func neverListed(t wire.ChunkType) bool {
	switch t {
	case wire.ChunkInit, wire.ChunkInitAck, wire.ChunkShutdownComplete, wire.ChunkAuth:
		return true
	}
	return false
}

// offer is our Extensions, checked, as a listener and its associations share it. It
// does not change.
type offer struct {
	auth, asconf, required bool
	adaptation             *uint32
	chunks                 []wire.ChunkType
	hmacs                  []wire.HMACID
	keys                   []AuthKey
	active                 uint16
}

// newOffer copies and checks x; nil for nothing, an error if x contradicts RFC 4895.
func newOffer(x *Extensions) (*offer, error) {
	if x == nil || x.Auth == nil && !x.Asconf && x.Adaptation == nil {
		return nil, nil
	}
	o := &offer{asconf: x.Asconf, auth: x.Asconf || x.Auth != nil}
	if x.Adaptation != nil {
		code := *x.Adaptation
		o.adaptation = &code
	}
	if !o.auth {
		return o, nil
	}
	p := x.Auth
	if p == nil {
		p = &AuthParams{}
	}
	o.required = p.Required
	var set typeSet
	for _, t := range p.Chunks {
		if neverListed(t) {
			return nil, ErrInvalid
		}
		set.add(t)
	}
	if o.asconf {
		set.add(wire.ChunkAsconf)
		set.add(wire.ChunkAsconfAck)
	}
	o.chunks = set.list()
	if o.hmacs = append([]wire.HMACID(nil), p.HMACs...); len(o.hmacs) == 0 {
		o.hmacs = []wire.HMACID{wire.HMACSHA256, wire.HMACSHA1}
	}
	sha1 := false
	for _, h := range o.hmacs {
		if h.Len() == 0 {
			return nil, ErrInvalid
		}
		sha1 = sha1 || h == wire.HMACSHA1
	}
	if !sha1 || len(o.hmacs) > 2 {
		return nil, ErrInvalid
	}
	return o, o.setKeys(p.Keys, p.ActiveKey)
}

func (o *offer) setKeys(keys []AuthKey, active uint16) error {
	if len(keys) == 0 {
		keys = []AuthKey{{}}
	}
	if len(keys) > MaxAuthKeys {
		return ErrInvalid
	}
	found := false
	o.keys, o.active = nil, active
	for i, k := range keys {
		for _, before := range keys[:i] {
			if before.ID == k.ID {
				return ErrInvalid
			}
		}
		if len(k.Secret) > MaxAuthKeyLen {
			return ErrInvalid
		}
		found = found || k.ID == active
		o.keys = append(o.keys, AuthKey{ID: k.ID, Secret: append([]byte(nil), k.Secret...)})
	}
	if !found {
		return ErrKey
	}
	return nil
}

// randomLen is the length of the number in RANDOM (RFC 4895, section 6.1).
const randomLen = 32

// newVector is our key vector with a fresh random number: RANDOM, CHUNKS and
// HMAC-ALGO without padding (RFC 4895, section 6.1); nil if we do not authenticate.
func (o *offer) newVector(e *Endpoint) []byte {
	if o == nil || !o.auth {
		return nil
	}
	var random [randomLen]byte
	for i := range random {
		random[i] = byte(e.rng.Uint32())
	}
	v := wire.AppendRandom(nil, random[:])
	if n := len(o.chunks); n > 0 {
		v = wire.AppendChunkList(v, o.chunks...)
		v = v[:randomLen+4+4+n]
	}
	return append(v, wire.AppendHMACs(nil, o.hmacs...)[:4+2*len(o.hmacs)]...)
}

// vectorParam cuts the first parameter from a key vector, which has no padding.
func vectorParam(v []byte) (p wire.Param, rest []byte) {
	n := int(v[2])<<8 | int(v[3])
	return wire.Param(v[:n:n]), v[n:]
}

// appendTo appends the parameters of INIT or INIT ACK that offer the extensions.
func (o *offer) appendTo(b, vector []byte) []byte {
	if o == nil {
		return b
	}
	for rest := vector; len(rest) > 0; {
		var p wire.Param
		p, rest = vectorParam(rest)
		b = wire.AppendParamCopy(b, p)
	}
	if o.asconf {
		b = wire.AppendSupportedExtensions(b, wire.ChunkAsconf, wire.ChunkAsconfAck, wire.ChunkAuth)
	}
	if o.adaptation != nil {
		b = wire.AppendAdaptation(b, *o.adaptation)
	}
	return b
}

// extensions are an association's, if it offers any.
type extensions struct {
	offer *offer
	local []byte // our key vector, with the random number that our INIT or INIT ACK had
	auth  auth
	conf  asconf

	hasAdaptation bool
	adaptation    uint32    // the peer's
	primary       wire.Addr // that the peer's INIT asked us to prefer; zero if it did not

	// Of the packet that is being handled.
	authenticated bool // its AUTH was right: so is what follows
	stranger      bool // its source is no address of the peer's: only ASCONF may come of it
	asconfs       int  // ASCONF chunks that it had so far
	moved         bool // paths have new indices
}

func newExtensions(o *offer, local []byte) *extensions {
	x := &extensions{offer: o, local: local}
	x.auth.setKeys(o.keys, o.active)
	x.conf.t4 = Never
	return x
}

// settle takes over what both sides offered, at the start of an association and when
// it restarts.
func (a *assoc) settle(local []byte, p *peerOffer, localTSN, peerTSN wire.TSN) {
	x := a.ext
	x.local = append(x.local[:0:0], local...)
	x.auth.agree(x.offer, x.local, p)
	x.conf.agree(x.offer.asconf && x.auth.on && p.asconf, localTSN, peerTSN)
	if x.conf.on {
		x.auth.always(wire.ChunkAsconf)
		x.auth.always(wire.ChunkAsconfAck)
	}
	x.hasAdaptation, x.adaptation, x.primary = p.hasAdaptation, p.adaptation, p.primary
	a.fragment = 0
}

// extensionsUp tells, when the association is established, what was settled.
func (a *assoc) extensionsUp() {
	x := a.ext
	if i := a.findPath(x.primary); i >= 0 && !x.primary.IsZero() {
		a.primary = uint8(i)
	}
	if x.hasAdaptation {
		a.event(Event{Kind: EventAdaptation, Adaptation: x.adaptation})
	}
	if x.offer.auth && !x.auth.on {
		a.event(Event{Kind: EventAuth, Auth: AuthNone})
	}
}

// verdict is what becomes of a chunk and of the rest of its packet.
type verdict uint8

const (
	passOn   verdict = iota // the chunk is for RFC 9260
	consumed                // the chunk is done with
	stop                    // and so is the packet
)

// admits tells whether intercept would pass on a chunk of type t, not its own, where the
// packet has been read to.
func (x *extensions) admits(in *Inbound, t wire.ChunkType) bool {
	return (x.authenticated || !x.auth.ours.has(t)) && !x.stranger && !contains(x.conf.gone, in.Dst)
}

// intercept sees each chunk first, but for DATA that admits lets by: it takes those of extensions, and keeps away what
// must be authenticated and is not. rest is what follows in the packet.
func (a *assoc) intercept(in *Inbound, c wire.Chunk, rest []byte, now Time) verdict {
	x := a.ext
	d := &a.e.ctr.Drops
	t := c.Type()
	switch {
	case contains(x.conf.gone, in.Dst):
		d.DeletedAddress++
		return stop
	case t == wire.ChunkAuth && x.auth.on:
		return a.handleAuth(in, c, rest)
	case x.stranger && t != wire.ChunkAsconf:
		d.AddressNotOfAssoc++
		return stop
	case x.auth.ours.has(t) && !x.authenticated:
		// RFC 4895, 6.3: "MUST silently discard these chunks if they are not placed
		// after an AUTH chunk"; RFC 5061, 5.2, D5: "and the rest of the packet".
		d.Unauthenticated++
		if t == wire.ChunkAsconf || t == wire.ChunkAsconfAck {
			return stop
		}
		return consumed
	case t == wire.ChunkAsconf && x.conf.on:
		a.handleAsconf(in, c, now)
		return consumed
	case t == wire.ChunkAsconfAck && x.conf.on:
		a.handleAsconfAck(c, now)
		return consumed
	case t == wire.ChunkAbort && x.conf.deleting(in.Dst):
		// RFC 5061, 5.3.1: "an Abort MUST be ignored if the destination address of the
		// Abort message is that of a destination being deleted".
		d.DeletedAddress++
		return stop
	}
	return passOn
}

// packetDone ends the handling of a packet: ASCONF-ACKs go out.
func (a *assoc) packetDone(in *Inbound) {
	x := a.ext
	if x.asconfs > 0 && a.state != Closed {
		a.answerAsconf(in)
	}
	if x.moved && a.state != Closed {
		for i := range a.paths {
			a.event(Event{Kind: EventPathAdded, Path: uint8(i)})
		}
	}
	x.authenticated, x.stranger, x.asconfs, x.moved = false, false, 0, false
}
