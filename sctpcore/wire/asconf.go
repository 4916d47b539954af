package wire

import "encoding/binary"

// Serial is the sequence number of an ASCONF chunk; it is compared by serial number
// arithmetic (RFC 5061, section 4.3.4).
type Serial uint32

// Less tells whether s comes before t.
func (s Serial) Less(t Serial) bool { return int32(s-t) < 0 }

const asconfHeaderLen = 8 // chunk header and sequence number (RFC 5061, section 4.1)

// Asconf is a view of an ASCONF chunk (RFC 5061, section 4.1.1):
//
//	0      1       2        4                 8
//	| type | flags | length | sequence number | address parameter | parameters …
type Asconf []byte

// ParseAsconf checks an ASCONF chunk: ErrChunkType, ErrChunkLength, or ErrParamLength if
// the mandatory address parameter is not there or malformed. The other parameters
// are checked as NextParam walks them.
func ParseAsconf(c Chunk) (Asconf, error) {
	if err := c.is(ChunkAsconf, asconfHeaderLen+paramIPv4Len); err != nil {
		return nil, err
	}
	p, _, err := NextParam(c[asconfHeaderLen:])
	if err != nil {
		return nil, err
	}
	if _, ok := ParamAddr(p); !ok {
		return nil, ErrParamLength
	}
	return Asconf(c), nil
}

// Serial is the Sequence Number.
func (a Asconf) Serial() Serial { return Serial(binary.BigEndian.Uint32(a[4:])) }

// Address is an address that the association had before, for the receiver to find it
// by. It may be unspecified (Addr.IsWildcard).
func (a Asconf) Address() Addr {
	p, _, _ := NextParam(a[asconfHeaderLen:])
	addr, _ := ParamAddr(p)
	return addr
}

// Params is the parameters behind the address, for NextParam; empty if there are none.
func (a Asconf) Params() []byte {
	_, rest, _ := NextParam(a[asconfHeaderLen:])
	return rest
}

// AppendAsconf appends an ASCONF chunk with its address parameter. Append parameters
// and call FinishChunk.
func AppendAsconf(dst []byte, serial Serial, addr Addr) []byte {
	dst = append(dst, byte(ChunkAsconf), 0, 0, asconfHeaderLen)
	dst = binary.BigEndian.AppendUint32(dst, uint32(serial))
	return appendAnyAddr(dst, addr)
}

// AsconfAck is a view of an ASCONF-ACK chunk (RFC 5061, section 4.1.2).
type AsconfAck []byte

// ParseAsconfAck checks an ASCONF-ACK chunk: ErrChunkType or ErrChunkLength.
func ParseAsconfAck(c Chunk) (AsconfAck, error) {
	if err := c.is(ChunkAsconfAck, asconfHeaderLen); err != nil {
		return nil, err
	}
	return AsconfAck(c), nil
}

// Serial is the Sequence Number of the ASCONF that it answers.
func (a AsconfAck) Serial() Serial { return Serial(binary.BigEndian.Uint32(a[4:])) }

// Params is the responses, for NextParam; empty if all was done.
func (a AsconfAck) Params() []byte { return a[asconfHeaderLen:] }

// AppendAsconfAck appends an ASCONF-ACK. Append responses and call FinishChunk.
func AppendAsconfAck(dst []byte, serial Serial) []byte {
	dst = append(dst, byte(ChunkAsconfAck), 0, 0, asconfHeaderLen)
	return binary.BigEndian.AppendUint32(dst, uint32(serial))
}
