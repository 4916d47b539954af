package wire

import "encoding/binary"

const (
	sackLen      = 16 // SACK before its gap blocks (RFC 9260, section 3.3.4)
	sackEntryLen = 4  // a gap block or a duplicate TSN
)

// Sack is a view of a SACK chunk (RFC 9260, section 3.3.4):
//
//	0   1       2        4         8        12         14         16
//	| 3 | flags | length | cum TSN | a_rwnd | blocks N | dup.s M | N (start, end) | M TSN
type Sack []byte

// GapBlock is a Gap Ack Block: the TSNs from Start to End, both counted from the
// Cumulative TSN Ack and both included.
type GapBlock struct{ Start, End uint16 }

// ParseSack checks a SACK chunk: ErrChunkType or ErrChunkLength. Both counts fit
// the chunk afterwards; bytes beyond them are ignored. Whether blocks are in
// order, disjoint and of data ever sent is the caller's to judge.
func ParseSack(c Chunk) (Sack, error) {
	if err := c.is(ChunkSack, sackLen); err != nil {
		return nil, err
	}
	s := Sack(c)
	if len(c) < sackLen+sackEntryLen*(s.NumGapBlocks()+s.NumDuplicates()) {
		return nil, ErrChunkLength
	}
	return s, nil
}

// CumulativeTSNAck is the last TSN before the first gap.
func (s Sack) CumulativeTSNAck() TSN { return TSN(binary.BigEndian.Uint32(s[4:])) }

// AdvertisedReceiverWindowCredit is the free receive buffer in bytes (a_rwnd).
func (s Sack) AdvertisedReceiverWindowCredit() uint32 { return binary.BigEndian.Uint32(s[8:]) }

// NumGapBlocks is the Number of Gap Ack Blocks.
func (s Sack) NumGapBlocks() int { return int(binary.BigEndian.Uint16(s[12:])) }

// NumDuplicates is the Number of Duplicate TSNs.
func (s Sack) NumDuplicates() int { return int(binary.BigEndian.Uint16(s[14:])) }

// GapBlock is block i of NumGapBlocks, from 0: offsets from CumulativeTSNAck as the
// peer sent them, perhaps 0, reversed or overlapping.
func (s Sack) GapBlock(i int) (start, end uint16) {
	b := s[sackLen+sackEntryLen*i:]
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
}

// Duplicate is the TSN i of NumDuplicates, from 0.
func (s Sack) Duplicate(i int) TSN {
	return TSN(binary.BigEndian.Uint32(s[sackLen+sackEntryLen*(s.NumGapBlocks()+i):]))
}

// AppendSack appends a SACK: 16 bytes and 4 for each block and duplicate, which
// together must be at most 16,379; else nothing is appended.
func AppendSack(dst []byte, cum TSN, rwnd uint32, gaps []GapBlock, dups []TSN) []byte {
	n := sackLen + sackEntryLen*(len(gaps)+len(dups))
	if n > maxLength {
		return dst
	}
	dst = append(dst, byte(ChunkSack), 0, byte(n>>8), byte(n))
	dst = binary.BigEndian.AppendUint32(dst, uint32(cum))
	dst = binary.BigEndian.AppendUint32(dst, rwnd)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(gaps)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(dups)))
	for _, g := range gaps {
		dst = binary.BigEndian.AppendUint32(dst, uint32(g.Start)<<16|uint32(g.End))
	}
	for _, d := range dups {
		dst = binary.BigEndian.AppendUint32(dst, uint32(d))
	}
	return dst
}
