package wire

import "encoding/binary"

// DataHeaderLen is the length of a DATA chunk before its user data, in bytes.
const DataHeaderLen = 16

// Flags of a DATA chunk (RFC 9260, section 3.3.1).
const (
	FlagE uint8 = 1 // last fragment of a message
	FlagB uint8 = 2 // first fragment of a message
	FlagU uint8 = 4 // unordered: the Stream Sequence Number means nothing
	FlagI uint8 = 8 // the sender asks for a SACK without delay
)

// Data is a view of a DATA chunk (RFC 9260, section 3.3.1):
//
//	0   1             2        4     8        10    12     16
//	| 0 | ····I U B E | length | TSN | stream | SSN | PPID | user data …
type Data []byte

// ParseData checks a DATA chunk: ErrChunkType or ErrChunkLength. User data may be
// empty: RFC 9260, section 6.2, has it answered with CauseNoUserData and the TSN.
func ParseData(c Chunk) (Data, error) {
	if err := c.is(ChunkData, DataHeaderLen); err != nil {
		return nil, err
	}
	return Data(c), nil
}

// Len is the chunk's Length field: the chunk without padding. It is also what a
// header has to say that begins 16 bytes or more of which nothing was checked.
func (d Data) Len() int { return int(binary.BigEndian.Uint16(d[2:])) }

// Flags is all flags.
func (d Data) Flags() uint8 { return d[1] }

// WholeOrdered tells, of any 16 bytes, whether they begin a DATA chunk that is a whole
// message in its stream's order: B and E, not U.
func (d Data) WholeOrdered() bool {
	return ChunkType(d[0]) == ChunkData && d[1]&(FlagU|FlagB|FlagE) == FlagB|FlagE
}

// Ending tells whether it is the last fragment of a message (E bit).
func (d Data) Ending() bool { return d[1]&FlagE != 0 }

// Beginning tells whether it is the first fragment of a message (B bit).
func (d Data) Beginning() bool { return d[1]&FlagB != 0 }

// Unordered tells whether the message is unordered (U bit).
func (d Data) Unordered() bool { return d[1]&FlagU != 0 }

// Immediate tells whether the sender asks for a SACK without delay (I bit).
func (d Data) Immediate() bool { return d[1]&FlagI != 0 }

// TSN is the chunk's transmission sequence number.
func (d Data) TSN() TSN { return TSN(binary.BigEndian.Uint32(d[4:])) }

// StreamID is the Stream Identifier.
func (d Data) StreamID() uint16 { return binary.BigEndian.Uint16(d[8:]) }

// SSN is the Stream Sequence Number; it means nothing if the chunk is Unordered.
func (d Data) SSN() SSN { return SSN(binary.BigEndian.Uint16(d[10:])) }

// PPID is the Payload Protocol Identifier, read as big-endian.
func (d Data) PPID() uint32 { return binary.BigEndian.Uint32(d[12:]) }

// UserData is the fragment's bytes without padding, in the packet's memory.
func (d Data) UserData() []byte { return d[DataHeaderLen:] }

// PutDataHeader writes the 16 bytes before user data of userLen bytes to b, which
// must be that long; userLen is 1 to 65,519. The caller copies the user data and
// pads it with zeros to 4 bytes.
func PutDataHeader(b []byte, flags uint8, userLen int, tsn TSN, stream uint16, ssn SSN, ppid uint32) {
	_ = b[DataHeaderLen-1]
	// RFC 9260, 3.3.1: "Any padding MUST NOT be included in the Length field."
	binary.BigEndian.PutUint64(b, uint64(ChunkData)<<56|uint64(flags)<<48|uint64(uint16(DataHeaderLen+userLen))<<32|uint64(tsn))
	binary.BigEndian.PutUint64(b[8:], uint64(stream)<<48|uint64(ssn)<<32|uint64(ppid))
}
