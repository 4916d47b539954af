package wire

import (
	"encoding/binary"
	"errors"
)

// CommonHeaderLen is the length of the common header in bytes (RFC 9260, section 3.1).
const CommonHeaderLen = 12

// ErrPacketLength says that there is no room for a common header and one chunk.
var ErrPacketLength = errors.New("wire: packet is shorter than a common header and a chunk: drop it")

// Packet is a view of one whole SCTP packet, common header first:
//
//	0        2        4                 8          12
//	| source | dest.  | verification tag | checksum | chunks …
type Packet []byte

// ParsePacket makes a view of b, which is an SCTP packet without its IP header.
// It checks that a common header and a chunk header are there, neither the
// checksum (VerifyChecksum) nor the chunks (NextChunk). The error is ErrPacketLength.
func ParsePacket(b []byte) (Packet, error) {
	if len(b) < CommonHeaderLen+chunkHeaderLen {
		return nil, ErrPacketLength
	}
	return Packet(b), nil
}

// SrcPort is the Source Port Number.
func (p Packet) SrcPort() uint16 { return binary.BigEndian.Uint16(p[0:]) }

// DstPort is the Destination Port Number.
func (p Packet) DstPort() uint16 { return binary.BigEndian.Uint16(p[2:]) }

// VerificationTag is the Verification Tag (RFC 9260, section 8.5).
func (p Packet) VerificationTag() uint32 { return binary.BigEndian.Uint32(p[4:]) }

// Checksum is the checksum as received, in the byte order in which the function
// Checksum gives it.
func (p Packet) Checksum() uint32 { return binary.LittleEndian.Uint32(p[checksumOffset:]) }

// Chunks is what follows the common header, at least 4 bytes, for NextChunk.
func (p Packet) Chunks() []byte { return p[CommonHeaderLen:] }

// PutHeader writes the common header to the first 12 bytes of b, which must be
// that long. The checksum is written as zero: SetChecksum or the port fills it.
func PutHeader(b []byte, src, dst uint16, tag uint32) {
	_ = b[CommonHeaderLen-1]
	binary.BigEndian.PutUint16(b[0:], src)
	binary.BigEndian.PutUint16(b[2:], dst)
	binary.BigEndian.PutUint32(b[4:], tag)
	binary.LittleEndian.PutUint32(b[checksumOffset:], 0)
}
