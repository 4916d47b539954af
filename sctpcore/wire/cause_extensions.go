package wire

import "encoding/binary"

// The error causes of RFC 5061, section 4.3, and RFC 4895, section 4.
const (
	CauseDeleteLastAddr   CauseCode = 0x00a0 // RFC 5061, 4.3.1
	CauseResourceShortage CauseCode = 0x00a1 // RFC 5061, 4.3.2
	CauseDeleteSourceAddr CauseCode = 0x00a2 // RFC 5061, 4.3.3
	CauseIllegalAsconfAck CauseCode = 0x00a3 // RFC 5061, 4.3.4
	CauseNoAuthorization  CauseCode = 0x00a4 // RFC 5061, 4.3.5
	CauseUnsupportedHMAC  CauseCode = 0x0105 // RFC 4895, 4.1
)

var extensionCauseNames = map[CauseCode]string{
	CauseDeleteLastAddr:   "Request to Delete Last Remaining IP Address",
	CauseResourceShortage: "Operation Refused Due to Resource Shortage",
	CauseDeleteSourceAddr: "Request to Delete Source IP Address",
	CauseIllegalAsconfAck: "Association Aborted Due to Illegal ASCONF-ACK",
	CauseNoAuthorization:  "Request Refused - No Authorization",
	CauseUnsupportedHMAC:  "Unsupported HMAC Identifier",
}

// UnsupportedHMAC is the HMAC identifier that the peer does not support.
func (c Cause) UnsupportedHMAC() (id HMACID, ok bool) {
	if len(c) != 6 || c.Code() != CauseUnsupportedHMAC {
		return 0, false
	}
	return HMACID(binary.BigEndian.Uint16(c[4:])), true
}

// AppendCauseUnsupportedHMAC appends Unsupported HMAC Identifier, 6 bytes and padding.
func AppendCauseUnsupportedHMAC(dst []byte, id HMACID) []byte {
	return AppendCause(dst, CauseUnsupportedHMAC, []byte{byte(id >> 8), byte(id)})
}

// RefusedRequest is the parameter of an ASCONF that a cause of RFC 5061 quotes.
func (c Cause) RefusedRequest() (p Param, ok bool) {
	if code := c.Code(); code < CauseDeleteLastAddr || code > CauseNoAuthorization || len(c.Value()) == 0 {
		return nil, false
	}
	p, _, err := NextParam(c.Value())
	return p, err == nil
}

// AppendCauseRefusedRequest appends a cause of RFC 5061 that quotes the parameter of the
// ASCONF that is refused.
func AppendCauseRefusedRequest(dst []byte, code CauseCode, p Param) []byte {
	return AppendCause(dst, code, p)
}
