package tape

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/internal/offload"
)

// MaxReasons is how many reasons for its loss a record can have.
const MaxReasons = 4

// Record says what a copied frame is.
type Record struct {
	Time    int64 // of the clock of whoever staged it, in nanoseconds
	Length  int   // bytes of the frame
	Kept    int   // of these, that were copied
	Flags   nic.Flags
	L2, L3  uint8             // bytes of the link and IP header, with a tx offload in Flags
	Tx      bool              // it was sent or to be sent, else received
	Port    uint16            // a number that the two sides agree on
	Reasons [MaxReasons]uint8 // why it was dropped, in codes that the two sides agree on; 0 is none
}

// In a lane a record is a header and the bytes kept of the frame. The header:
// Time 8, Length 4, Kept 4, Flags 2, Port 2, Reasons 4, L2 1, L3 1, Tx 1, nothing 1.
const HeaderLen = 28

func (r *Record) put(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(r.Time))
	binary.LittleEndian.PutUint32(b[8:], uint32(r.Length))
	binary.LittleEndian.PutUint32(b[12:], uint32(r.Kept))
	binary.LittleEndian.PutUint16(b[16:], uint16(r.Flags))
	binary.LittleEndian.PutUint16(b[18:], r.Port)
	copy(b[20:], r.Reasons[:])
	b[24], b[25], b[26], b[27] = r.L2, r.L3, 0, 0
	if r.Tx {
		b[26] = 1
	}
}

func parse(b []byte) Record {
	return Record{
		Time:    int64(binary.LittleEndian.Uint64(b)),
		Length:  int(binary.LittleEndian.Uint32(b[8:])),
		Kept:    int(binary.LittleEndian.Uint32(b[12:])),
		Flags:   nic.Flags(binary.LittleEndian.Uint16(b[16:])),
		Port:    binary.LittleEndian.Uint16(b[18:]),
		Reasons: [MaxReasons]uint8(b[20:24]),
		L2:      b[24],
		L3:      b[25],
		Tx:      b[26] != 0,
	}
}

// Complete writes into a whole frame the checksums that its tx flags leave to a port
// with these capabilities, so that it is as on the wire.
func (r *Record) Complete(frame []byte, caps nic.Capabilities) {
	if r.Kept == r.Length {
		offload.Fill(frame, r.Flags, r.L2, r.L3, caps)
	}
}
