package demo

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A message is magic (4 bytes), CRC32c of all that follows it (4), stream (2),
// zero (2), length (4), number in its stream from 0 (8), filler.
const (
	magic     = 0x54524b4c
	headerLen = 24
	maxLen    = 16 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// What can be wrong with one message.
var (
	errShort    = errors.New("demo: message is shorter than its header")
	errMagic    = errors.New("demo: message does not begin as ours do")
	errLength   = errors.New("demo: message has another length than it was sent with")
	errChecksum = errors.New("demo: message has a wrong checksum")
	errStream   = errors.New("demo: message came on another stream than it was sent on")
)

// sizes are walked through by number and stream: below a packet, a full
// packet, just above it, many fragments.
var sizes = [...]int{64, 200, 1400, 512, headerLen, 1452, 3000, 100, 1453, 700, 9000, 1024, 48, 1300, maxLen, 256}

// messageLen is the length, in bytes, of a message.
func messageLen(stream uint16, number uint64) int {
	return sizes[(number+uint64(stream)*3)%uint64(len(sizes))]
}

// putMessage writes message number of stream into b, which must have room for
// maxLen bytes, and returns it.
func putMessage(b []byte, stream uint16, number uint64) []byte {
	b = b[:messageLen(stream, number)]
	binary.BigEndian.PutUint32(b, magic)
	binary.BigEndian.PutUint16(b[8:], stream)
	binary.BigEndian.PutUint16(b[10:], 0)
	binary.BigEndian.PutUint32(b[12:], uint32(len(b)))
	binary.BigEndian.PutUint64(b[16:], number)
	fill := b[headerLen:]
	for i := range fill {
		fill[i] = byte(i) ^ byte(number)
	}
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b
}

// parseMessage checks a message that came on stream and gives its number.
func parseMessage(b []byte, stream uint16) (uint64, error) {
	switch {
	case len(b) < headerLen:
		return 0, errShort
	case binary.BigEndian.Uint32(b) != magic:
		return 0, errMagic
	case int(binary.BigEndian.Uint32(b[12:])) != len(b):
		return 0, errLength
	case binary.BigEndian.Uint32(b[4:]) != crc32.Checksum(b[8:], castagnoli):
		return 0, errChecksum
	case binary.BigEndian.Uint16(b[8:]) != stream:
		return 0, errStream
	}
	return binary.BigEndian.Uint64(b[16:]), nil
}
