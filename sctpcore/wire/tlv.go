package wire

import "encoding/binary"

// Chunks, parameters and causes have their length in the same place: two bytes of
// type (or type and flags), two bytes of length. This file is the one place that
// cuts, pads and measures them.

const tlvHeaderLen = 4 // type or code, length (RFC 9260, section 3.2.1)

var zeros [3]byte // RFC 9260, 3.2: "The sender MUST NOT pad with more than 3 bytes."

// Pad4 rounds n, which must not be negative, up to a multiple of 4.
func Pad4(n int) int { return (n + 3) &^ 3 }

// cut finds the first element of b: its length n and where the next one begins.
// n is 0 if there is no well-formed element.
func cut(b []byte) (n, next int) {
	if len(b) < tlvHeaderLen {
		return 0, 0
	}
	n = int(binary.BigEndian.Uint16(b[2:]))
	if n < tlvHeaderLen || n > len(b) {
		return 0, 0
	}
	// RFC 9260, 3.2: "A robust implementation is expected to accept the chunk
	// whether or not the final padding has been included in the Chunk Length."
	return n, min(Pad4(n), len(b))
}

// wellFormed tells whether b is elements to its end; no element is well-formed too.
func wellFormed(b []byte) bool {
	for len(b) > 0 {
		n, next := cut(b)
		if n == 0 {
			return false
		}
		b = b[next:]
	}
	return true
}

// lenUnpadded is the length of the elements in b less the padding of the last.
// If b is not elements to its end it is len(b).
func lenUnpadded(b []byte) int {
	at := 0
	for at < len(b) {
		n, next := cut(b[at:])
		if n == 0 {
			break
		}
		if at+next == len(b) {
			return at + n
		}
		at += next
	}
	return len(b)
}

// padFrom pads dst with zeros to a multiple of 4 bytes from start.
func padFrom(dst []byte, start int) []byte {
	n := len(dst) - start
	return append(dst, zeros[:Pad4(n)-n]...)
}

// appendTLV appends a type or code, the length, the value and padding; nothing if
// the length would not fit its field.
func appendTLV(dst []byte, t uint16, value []byte) []byte {
	n := tlvHeaderLen + len(value)
	if n > maxLength {
		return dst
	}
	start := len(dst)
	dst = append(dst, byte(t>>8), byte(t), byte(n>>8), byte(n))
	dst = append(dst, value...)
	return padFrom(dst, start)
}
