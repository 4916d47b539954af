package wire

// TSN is a transmission sequence number; it is compared by serial number
// arithmetic (RFC 9260, section 1.6).
type TSN uint32

// Less tells whether t comes before u.
func (t TSN) Less(u TSN) bool { return int32(t-u) < 0 }

// LessEq tells whether t comes before u or is u.
func (t TSN) LessEq(u TSN) bool { return int32(t-u) <= 0 }

// SSN is a stream sequence number; it is compared by serial number arithmetic.
type SSN uint16

// Less tells whether s comes before u.
func (s SSN) Less(u SSN) bool { return int16(s-u) < 0 }

// CauseCode is the code of an error cause (RFC 9260, section 3.3.10).
type CauseCode uint16
