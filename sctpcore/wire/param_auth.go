package wire

import "encoding/binary"

// ParseRandom gives the random number of a RANDOM parameter (RFC 4895, section 3.1),
// of any length. ok is false if p is another parameter.
func ParseRandom(p Param) (random []byte, ok bool) {
	if p.Type() != ParamRandom {
		return nil, false
	}
	return p.Value(), true
}

// AppendRandom appends a RANDOM parameter; it is AppendParam with its type.
func AppendRandom(dst, random []byte) []byte { return AppendParam(dst, ParamRandom, random) }

// maxChunkList is the longest CHUNKS parameter (RFC 4895, section 3.2).
const maxChunkList = 260

// ParseChunkList gives the chunk types of a CHUNKS parameter, a byte each (RFC 4895,
// section 3.2). ok is false if p is another parameter or longer than 260 bytes.
func ParseChunkList(p Param) (types []byte, ok bool) {
	if p.Type() != ParamChunkList || len(p) > maxChunkList {
		return nil, false
	}
	return p.Value(), true
}

// AppendChunkList appends a CHUNKS parameter, padded.
func AppendChunkList(dst []byte, types ...ChunkType) []byte {
	return appendTypes(dst, ParamChunkList, types)
}

// ParseHMACs gives the identifiers of an HMAC-ALGO parameter, the sender's most wanted
// first, for HMACAt (RFC 4895, section 3.3). ok is false if p is another parameter
// or its value is no list of 16-bit numbers.
func ParseHMACs(p Param) (list []byte, ok bool) {
	if p.Type() != ParamRequestedHMAC || len(p)%2 != 0 {
		return nil, false
	}
	return p.Value(), true
}

// HMACAt is identifier i, below len(list)/2, of a list that ParseHMACs gave.
func HMACAt(list []byte, i int) HMACID { return HMACID(binary.BigEndian.Uint16(list[2*i:])) }

// AppendHMACs appends an HMAC-ALGO parameter, padded.
func AppendHMACs(dst []byte, ids ...HMACID) []byte {
	start := len(dst)
	n := tlvHeaderLen + 2*len(ids)
	dst = append(dst, byte(ParamRequestedHMAC>>8), byte(ParamRequestedHMAC&0xff), byte(n>>8), byte(n))
	for _, id := range ids {
		dst = binary.BigEndian.AppendUint16(dst, uint16(id))
	}
	return padFrom(dst, start)
}

// appendTypes appends a parameter whose value is chunk types.
func appendTypes(dst []byte, t ParamType, types []ChunkType) []byte {
	start := len(dst)
	n := tlvHeaderLen + len(types)
	dst = append(dst, byte(t>>8), byte(t), byte(n>>8), byte(n))
	for _, c := range types {
		dst = append(dst, byte(c))
	}
	return padFrom(dst, start)
}
