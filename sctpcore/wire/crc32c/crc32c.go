package crc32c

import "hash/crc32"

// Where an SCTP packet keeps its checksum (RFC 9260, section 3.1).
const (
	fieldOffset = 8
	fieldEnd    = 12
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	noField    [fieldEnd - fieldOffset]byte // stands for the checksum field; never written

	// folds tells that the assembly is used. Tests clear it, nothing else writes to it.
	folds = canFold()
)

// Update is the CRC32c of a message of which p is the next part and crc is the
// CRC32c up to there, 0 at the start: what hash/crc32.Update computes with the
// Castagnoli table. p may have any length and alignment and is only read. Any
// thread may call it; it does not allocate.
func Update(crc uint32, p []byte) uint32 {
	if folds {
		return foldUpdate(crc, p)
	}
	return hashUpdate(crc, p)
}

// Packet is the CRC32c of p with bytes 8 to 11, where an SCTP packet has its
// checksum, counted as zero whatever they are (RFC 9260, section 6.8). p is only
// read, in one pass, and has 12 bytes at least: fewer are the caller's bug, and
// panic. Any thread may call it; it does not allocate.
func Packet(p []byte) uint32 {
	_ = p[fieldEnd-1]
	if folds {
		return foldPacket(0, p)
	}
	return hashPacket(p)
}

func hashUpdate(crc uint32, p []byte) uint32 { return crc32.Update(crc, castagnoli, p) }

func hashPacket(p []byte) uint32 {
	crc := hashUpdate(0, p[:fieldOffset])
	crc = hashUpdate(crc, noField[:])
	return hashUpdate(crc, p[fieldEnd:])
}
