package wire

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire/crc32c"
)

const checksumOffset = 8 // of the checksum in the common header (RFC 9260, section 3.1)

// Checksum is the CRC32c of the SCTP packet p, counting its checksum field as zero
// whatever it holds (RFC 9260, section 6.8 and appendix A). p is only read.
// The value is what goes into the field in little-endian order, the order in
// which Packet.Checksum reads it. Of less than a common header it is 0.
func Checksum(p []byte) uint32 {
	if len(p) < CommonHeaderLen {
		return 0
	}
	// RFC 9260, 6.8: "initialize the checksum field to 0's."
	return crc32c.Packet(p)
}

// SetChecksum computes the checksum of p and writes it to p. Of less than a
// common header it does nothing.
func SetChecksum(p []byte) {
	if len(p) < CommonHeaderLen {
		return
	}
	binary.LittleEndian.PutUint32(p[checksumOffset:CommonHeaderLen], crc32c.Packet(p))
}

// VerifyChecksum tells whether p carries its right checksum. Less than a common
// header does not.
func VerifyChecksum(p []byte) bool {
	return len(p) >= CommonHeaderLen && Packet(p).Checksum() == Checksum(p)
}
