package wire

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// Errors of chunks. An error here is of the peer's bytes: drop what cannot be read
// and count it.
var (
	ErrChunkLength = errors.New("wire: chunk length does not fit the chunk: drop the rest of the packet")
	ErrChunkType   = errors.New("wire: chunk is of another type: look at its type before parsing")
)

const (
	chunkHeaderLen = 4      // type, flags, length (RFC 9260, section 3.2)
	maxLength      = 0xffff // the largest value of a length field of 16 bits
)

// ChunkType is the type of a chunk (RFC 9260, section 3.2, table 1).
type ChunkType uint8

// The chunk types of RFC 9260.
const (
	ChunkData             ChunkType = 0  // 3.3.1
	ChunkInit             ChunkType = 1  // 3.3.2
	ChunkInitAck          ChunkType = 2  // 3.3.3
	ChunkSack             ChunkType = 3  // 3.3.4
	ChunkHeartbeat        ChunkType = 4  // 3.3.5
	ChunkHeartbeatAck     ChunkType = 5  // 3.3.6
	ChunkAbort            ChunkType = 6  // 3.3.7
	ChunkShutdown         ChunkType = 7  // 3.3.8
	ChunkShutdownAck      ChunkType = 8  // 3.3.9
	ChunkError            ChunkType = 9  // 3.3.10
	ChunkCookieEcho       ChunkType = 10 // 3.3.11
	ChunkCookieAck        ChunkType = 11 // 3.3.12
	ChunkEcne             ChunkType = 12 // RFC 4960, appendix A
	ChunkCwr              ChunkType = 13 // RFC 4960, appendix A
	ChunkShutdownComplete ChunkType = 14 // 3.3.13
)

// The chunk types of extensions.
const (
	ChunkAuth      ChunkType = 0x0f // RFC 4895, 5.1
	ChunkAsconfAck ChunkType = 0x80 // RFC 5061, 4.1.2
	ChunkAsconf    ChunkType = 0xc1 // RFC 5061, 4.1.1
)

var chunkNames = [...]string{"DATA", "INIT", "INIT ACK", "SACK", "HEARTBEAT", "HEARTBEAT ACK", "ABORT",
	"SHUTDOWN", "SHUTDOWN ACK", "ERROR", "COOKIE ECHO", "COOKIE ACK", "ECNE", "CWR", "SHUTDOWN COMPLETE", "AUTH"}

// String is the RFC's name of the type, or "chunk type N".
func (t ChunkType) String() string {
	switch {
	case int(t) < len(chunkNames):
		return chunkNames[t]
	case t == ChunkAsconf:
		return "ASCONF"
	case t == ChunkAsconfAck:
		return "ASCONF ACK"
	}
	return "chunk type " + strconv.Itoa(int(t))
}

// StopOnUnknown tells what a receiver that does not know the type does: true is
// to discard this chunk and all further ones of the packet, false to skip it.
func (t ChunkType) StopOnUnknown() bool {
	// RFC 9260, 3.2: "Chunk Types are encoded such that the highest-order 2 bits
	// specify the action that is taken if the processing endpoint does not
	// recognize the Chunk Type."
	return t&0x80 == 0
}

// ReportUnknown tells whether a receiver that does not know the type reports it
// in an ERROR chunk, with the cause CauseUnrecognizedChunk.
func (t ChunkType) ReportUnknown() bool { return t&0x40 != 0 }

// Chunk is a view of one whole chunk, cut at its length field: without padding.
//
//	0      1       2        4
//	| type | flags | length | value …
//
// Its capacity ends with it, so appending to it never writes to what follows.
type Chunk []byte

// NextChunk cuts the first chunk from b. The rest begins at the next chunk and is
// empty after the last; b must not be empty. It is the one walker over chunks:
//
//	for rest := p.Chunks(); len(rest) > 0; {
//		c, rest, err = NextChunk(rest)
//
// The error is ErrChunkLength: the length is below 4 or beyond b, or b is shorter
// than a chunk header. Then nothing more of b can be read.
func NextChunk(b []byte) (c Chunk, rest []byte, err error) {
	n, next := cut(b)
	if n == 0 {
		return nil, nil, ErrChunkLength
	}
	return b[:n:n], b[next:], nil
}

// Type is the chunk's type.
func (c Chunk) Type() ChunkType { return ChunkType(c[0]) }

// Flags is the chunk's flags.
func (c Chunk) Flags() uint8 { return c[1] }

// Value is what follows the header of 4 bytes.
func (c Chunk) Value() []byte { return c[chunkHeaderLen:] }

// is checks the type and the least length of a chunk.
func (c Chunk) is(t ChunkType, least int) error {
	if len(c) < least {
		return ErrChunkLength
	}
	if c.Type() != t {
		return ErrChunkType
	}
	return nil
}

// BeginChunk appends a chunk header. The length is provisional: append the value,
// then call FinishChunk with the length that dst had before.
func BeginChunk(dst []byte, t ChunkType, flags uint8) []byte {
	return append(dst, byte(t), flags, 0, chunkHeaderLen)
}

// FinishChunk writes the length of the chunk that begins at dst[start] and ends
// with dst, and pads dst with zeros to 4 bytes from start. If the chunk is longer
// than 65,535 bytes it is taken away: dst[:start] is returned.
func FinishChunk(dst []byte, start int) []byte {
	c := dst[start:]
	n := len(c)
	// RFC 9260, 3.2: "The Chunk Length field does not count any chunk padding.
	// However, it does include any padding of variable-length parameters other
	// than the last parameter in the chunk."
	if fixed := fixedLen(ChunkType(c[0])); fixed > 0 && n > fixed {
		n = fixed + lenUnpadded(c[fixed:])
	}
	if n > maxLength {
		return dst[:start]
	}
	binary.BigEndian.PutUint16(c[2:], uint16(n))
	return padFrom(dst, start)
}

// fixedLen is where the parameters or causes of a chunk begin, 0 if it has none.
func fixedLen(t ChunkType) int {
	switch t {
	case ChunkInit, ChunkInitAck:
		return initLen
	case ChunkHeartbeat, ChunkHeartbeatAck, ChunkAbort, ChunkError:
		return chunkHeaderLen
	case ChunkAsconf, ChunkAsconfAck:
		return asconfHeaderLen
	}
	return 0
}

// appendTSNChunk appends a chunk whose value is one TSN.
func appendTSNChunk(dst []byte, t ChunkType, tsn TSN) []byte {
	dst = append(dst, byte(t), 0, 0, tsnChunkLen)
	return binary.BigEndian.AppendUint32(dst, uint32(tsn))
}

// parseTSNChunk reads a chunk whose value is one TSN.
func parseTSNChunk(c Chunk, t ChunkType) (TSN, error) {
	if err := c.is(t, tsnChunkLen); err != nil {
		return 0, err
	}
	if len(c) != tsnChunkLen {
		return 0, ErrChunkLength
	}
	return TSN(binary.BigEndian.Uint32(c[4:])), nil
}

const tsnChunkLen = 8 // SHUTDOWN, ECNE, CWR: a header and a TSN
