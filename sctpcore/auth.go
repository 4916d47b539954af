package sctpcore

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"hash"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// auth is RFC 4895 of one association: which chunks are authenticated, and the keys.
type auth struct {
	on           bool    // both sides authenticate
	ours, theirs typeSet // what we, and the peer, accept only authenticated
	accepted     [2]bool // hash functions that we offered: SHA-1, SHA-256
	send         wire.HMACID
	vectors      []byte // both key vectors, the smaller first
	keys         []authKey
	active       uint16
	heard        uint16 // key of the last packet that was authenticated
	sum          [sha256.Size]byte
}

// authKey is an endpoint pair shared key with the HMACs of the association shared
// key made of it, which are prepared when they are needed first.
type authKey struct {
	AuthKey
	retired  bool         // deactivated: good for receiving only
	prepared [2]hash.Hash // SHA-1, SHA-256
}

// hashIndex is a hash function's place in arrays.
func hashIndex(id wire.HMACID) int {
	if id == wire.HMACSHA1 {
		return 0
	}
	return 1
}

func (u *auth) setKeys(keys []AuthKey, active uint16) {
	u.keys, u.active, u.heard = nil, active, active
	for _, k := range keys {
		u.keys = append(u.keys, authKey{AuthKey: k})
	}
}

func (u *auth) key(id uint16) *authKey {
	for i := range u.keys {
		if u.keys[i].ID == id {
			return &u.keys[i]
		}
	}
	return nil
}

// agree takes over what both sides offered. local is our key vector.
func (u *auth) agree(o *offer, local []byte, p *peerOffer) {
	u.ours, u.theirs, u.accepted = typeSet{}, typeSet{}, [2]bool{}
	u.send = p.hmac()
	u.on = o.auth && len(local) > 0 && u.send != 0
	for i := range u.keys {
		u.keys[i].prepared = [2]hash.Hash{}
	}
	if !u.on {
		return
	}
	for rest := local; len(rest) > 0; {
		var q wire.Param
		q, rest = vectorParam(rest)
		u.noteOurs(q)
	}
	if p.chunks != nil {
		for _, t := range p.chunks.Value() {
			if !neverListed(wire.ChunkType(t)) {
				u.theirs.add(wire.ChunkType(t))
			}
		}
	}
	peer := bytes.Join([][]byte{p.random, p.chunks, p.hmacs}, nil)
	// 6.1: "selecting the numerically smaller key vector and concatenating it to the
	// endpoint pair shared key, and then concatenating the numerically larger".
	small, large := local, peer
	if c := compareNumbers(local, peer); c > 0 || c == 0 && len(local) > len(peer) {
		small, large = peer, local
	}
	u.vectors = append(append(make([]byte, 0, len(small)+len(large)), small...), large...)
}

// noteOurs takes in a parameter of our own key vector.
func (u *auth) noteOurs(q wire.Param) {
	switch q.Type() {
	case wire.ParamChunkList:
		for _, t := range q.Value() {
			u.ours.add(wire.ChunkType(t))
		}
	case wire.ParamRequestedHMAC:
		for list := q.Value(); len(list) >= 2; list = list[2:] {
			u.accepted[hashIndex(wire.HMACAt(list, 0))] = true
		}
	}
}

// always has a chunk type authenticated both ways, listed or not.
func (u *auth) always(t wire.ChunkType) {
	u.ours.add(t)
	u.theirs.add(t)
}

// compareNumbers compares byte strings as big-endian numbers.
func compareNumbers(a, b []byte) int {
	a, b = bytes.TrimLeft(a, "\x00"), bytes.TrimLeft(b, "\x00")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare(a, b)
}

// begin gives the HMAC of key k with function id, ready to be written to.
func (u *auth) begin(k *authKey, id wire.HMACID) hash.Hash {
	i := hashIndex(id)
	if k.prepared[i] == nil {
		secret := append(append(make([]byte, 0, len(k.Secret)+len(u.vectors)), k.Secret...), u.vectors...)
		if id == wire.HMACSHA1 {
			k.prepared[i] = hmac.New(sha1.New, secret)
		} else {
			k.prepared[i] = hmac.New(sha256.New, secret)
		}
	}
	k.prepared[i].Reset()
	return k.prepared[i]
}

// seal computes the HMAC over b, which begins with our AUTH chunk as AppendAuth left it
// and goes on to the packet's end, and writes it there.
func (u *auth) seal(b []byte) {
	h := u.begin(u.key(u.active), u.send)
	h.Write(b)
	copy(b[wire.AuthHeaderLen:], h.Sum(u.sum[:0]))
}

// zeroMAC stands for the HMAC while it is computed.
var zeroMAC [sha256.Size]byte

// verify tells whether the HMAC of c, an AUTH chunk of known function and key, is that
// of what follows it in the packet (RFC 4895, section 6.3).
func (u *auth) verify(k *authKey, c wire.Auth, rest []byte) bool {
	id := c.HMACID()
	if len(c.HMAC()) != id.Len() {
		return false
	}
	h := u.begin(k, id)
	h.Write(c[:wire.AuthHeaderLen])
	h.Write(zeroMAC[:id.Len()])
	h.Write(rest)
	return hmac.Equal(h.Sum(u.sum[:0]), c.HMAC())
}

// check judges an AUTH chunk: the key if it is right, else nil, counted. What of an
// HMAC that we did not offer is to be reported.
func (u *auth) check(d *Drops, c wire.Chunk, rest []byte) (k *authKey, report bool) {
	v, err := wire.ParseAuth(c)
	if err != nil {
		d.BadAuth++
		return nil, false
	}
	id := v.HMACID()
	if id.Len() == 0 || !u.accepted[hashIndex(id)] {
		d.UnsupportedHMAC++
		return nil, true
	}
	if k = u.key(v.KeyID()); k == nil {
		d.UnknownKey++
		return nil, false
	}
	if !u.verify(k, v, rest) {
		d.BadAuth++
		return nil, false
	}
	return k, false
}
