package inet

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Sum adds b to a running sum of big-endian words, to be folded by Fold
// (RFC 1071). Only the last piece may have an odd length.
func Sum(acc uint64, b []byte) uint64 {
	for len(b) >= 16 {
		acc += uint64(binary.BigEndian.Uint32(b)) + uint64(binary.BigEndian.Uint32(b[4:])) +
			uint64(binary.BigEndian.Uint32(b[8:])) + uint64(binary.BigEndian.Uint32(b[12:]))
		b = b[16:]
	}
	for len(b) >= 4 {
		acc += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		acc += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		acc += uint64(b[0]) << 8
	}
	return acc
}

// Fold reduces a running sum to 16 bits of ones' complement; the checksum
// field is its complement, and a good header sums to 0xffff.
func Fold(acc uint64) uint16 {
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>32 + acc&0xffffffff
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return uint16(acc)
}

// Checksum is the Internet checksum of b (RFC 1071).
func Checksum(b []byte) uint16 { return ^Fold(Sum(0, b)) }

// Adjust is the checksum field sum after one 16-bit word of what it covers
// changed from was to is (RFC 1624, equation 3).
func Adjust(sum, was, is uint16) uint16 {
	return ^Fold(uint64(^sum) + uint64(^was) + uint64(is))
}

// pseudo6 is the sum over the pseudo header of RFC 8200, section 8.1.
func pseudo6(src, dst wire.Addr, length int, next uint8) uint64 {
	return Sum(Sum(uint64(length)+uint64(next), src[:]), dst[:])
}
