package wire

import "encoding/binary"

// HMACID names the hash function of an AUTH chunk (RFC 4895, section 3.3, table 2).
type HMACID uint16

// The HMAC identifiers that are defined.
const (
	HMACSHA1   HMACID = 1 // every endpoint that authenticates supports it
	HMACSHA256 HMACID = 3
)

// Len is the length in bytes of the identifier's HMAC, 0 if it is unknown.
func (h HMACID) Len() int {
	switch h {
	case HMACSHA1:
		return 20
	case HMACSHA256:
		return 32
	}
	return 0
}

// AuthHeaderLen is the length of an AUTH chunk before its HMAC.
const AuthHeaderLen = 8

// Auth is a view of an AUTH chunk (RFC 4895, section 5.1):
//
//	0      1       2        4          6          8
//	| type | flags | length | key id   | HMAC id  | HMAC …
type Auth []byte

// ParseAuth checks an AUTH chunk: ErrChunkType or ErrChunkLength. Whether the HMAC is
// as long as its identifier says is the caller's to check.
func ParseAuth(c Chunk) (Auth, error) {
	if err := c.is(ChunkAuth, AuthHeaderLen); err != nil {
		return nil, err
	}
	return Auth(c), nil
}

// KeyID is the Shared Key Identifier.
func (a Auth) KeyID() uint16 { return binary.BigEndian.Uint16(a[4:]) }

// HMACID is the HMAC Identifier.
func (a Auth) HMACID() HMACID { return HMACID(binary.BigEndian.Uint16(a[6:])) }

// HMAC is the code itself, perhaps empty.
func (a Auth) HMAC() []byte { return a[AuthHeaderLen:] }

// AppendAuth appends an AUTH chunk whose HMAC is zero, as it is when the HMAC is
// computed (RFC 4895, section 6.2): AuthHeaderLen and id.Len() bytes, which is a
// multiple of 4 for every identifier there is.
func AppendAuth(dst []byte, key uint16, id HMACID) []byte {
	var zero [32]byte
	n := AuthHeaderLen + id.Len()
	dst = append(dst, byte(ChunkAuth), 0, 0, byte(n), byte(key>>8), byte(key), byte(id>>8), byte(id))
	return append(dst, zero[:id.Len()]...)
}
