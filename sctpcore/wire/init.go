package wire

import "encoding/binary"

const initLen = 20 // INIT and INIT ACK before their parameters (RFC 9260, section 3.3.2)

// Init is a view of an INIT or INIT ACK chunk (RFC 9260, sections 3.3.2 and 3.3.3):
//
//	0      1       2        4              8        12   14    16            20
//	| type | flags | length | initiate tag | a_rwnd | OS | MIS | initial TSN | parameters …
type Init []byte

// ParseInit checks an INIT or INIT ACK chunk: ErrChunkType or ErrChunkLength.
// Whether its values are lawful (tag 0, no streams, a_rwnd below 1500) is the
// caller's to judge, and its parameters are checked as NextParam walks them.
func ParseInit(c Chunk) (Init, error) {
	if len(c) < initLen {
		return nil, ErrChunkLength
	}
	if t := c.Type(); t != ChunkInit && t != ChunkInitAck {
		return nil, ErrChunkType
	}
	return Init(c), nil
}

// InitiateTag is the tag that packets to the sender of this chunk must carry.
func (i Init) InitiateTag() uint32 { return binary.BigEndian.Uint32(i[4:]) }

// AdvertisedReceiverWindowCredit is the sender's receive buffer in bytes (a_rwnd).
func (i Init) AdvertisedReceiverWindowCredit() uint32 { return binary.BigEndian.Uint32(i[8:]) }

// OutboundStreams is the number of streams the sender wishes to send on (OS).
func (i Init) OutboundStreams() uint16 { return binary.BigEndian.Uint16(i[12:]) }

// InboundStreams is the number of streams the sender accepts (MIS).
func (i Init) InboundStreams() uint16 { return binary.BigEndian.Uint16(i[14:]) }

// InitialTSN is the TSN of the first DATA chunk that the sender will send.
func (i Init) InitialTSN() TSN { return TSN(binary.BigEndian.Uint32(i[16:])) }

// Params is the parameters, for NextParam; empty if there are none.
func (i Init) Params() []byte { return i[initLen:] }

// AppendInit appends the fixed part of an INIT or INIT ACK, as t says. The length
// is that of the fixed part: append parameters and call FinishChunk.
func AppendInit(dst []byte, t ChunkType, tag, rwnd uint32, os, mis uint16, tsn TSN) []byte {
	dst = append(dst, byte(t), 0, 0, initLen)
	dst = binary.BigEndian.AppendUint32(dst, tag)
	dst = binary.BigEndian.AppendUint32(dst, rwnd)
	dst = binary.BigEndian.AppendUint16(dst, os)
	dst = binary.BigEndian.AppendUint16(dst, mis)
	return binary.BigEndian.AppendUint32(dst, uint32(tsn))
}
