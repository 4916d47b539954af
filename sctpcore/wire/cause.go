package wire

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// ErrCauseLength says that an error cause is not as long as it says.
var ErrCauseLength = errors.New("wire: error cause length does not fit: drop the chunk")

// The error causes of RFC 9260, section 3.3.10.
const (
	CauseInvalidStream           CauseCode = 1  // 3.3.10.1
	CauseMissingParam            CauseCode = 2  // 3.3.10.2
	CauseStaleCookie             CauseCode = 3  // 3.3.10.3
	CauseOutOfResource           CauseCode = 4  // 3.3.10.4
	CauseUnresolvableAddr        CauseCode = 5  // 3.3.10.5
	CauseUnrecognizedChunk       CauseCode = 6  // 3.3.10.6
	CauseInvalidParam            CauseCode = 7  // 3.3.10.7
	CauseUnrecognizedParams      CauseCode = 8  // 3.3.10.8
	CauseNoUserData              CauseCode = 9  // 3.3.10.9
	CauseCookieWhileShuttingDown CauseCode = 10 // 3.3.10.10
	CauseRestartNewAddrs         CauseCode = 11 // 3.3.10.11
	CauseUserAbort               CauseCode = 12 // 3.3.10.12
	CauseProtocolViolation       CauseCode = 13 // 3.3.10.13
)

var causeNames = [...]string{1: "Invalid Stream Identifier", "Missing Mandatory Parameter", "Stale Cookie Error",
	"Out of Resource", "Unresolvable Address", "Unrecognized Chunk Type", "Invalid Mandatory Parameter",
	"Unrecognized Parameters", "No User Data", "Cookie Received While Shutting Down",
	"Restart of an Association with New Addresses", "User-Initiated Abort", "Protocol Violation"}

// String is the RFC's name of the cause, or "cause code N".
func (c CauseCode) String() string {
	if c > 0 && int(c) < len(causeNames) {
		return causeNames[c]
	}
	if name, ok := extensionCauseNames[c]; ok {
		return name
	}
	return "cause code " + strconv.Itoa(int(c))
}

// Cause is a view of one whole error cause, without padding:
//
//	0      2        4
//	| code | length | information …
//
// The accessors named after a cause are false if the cause is another one or if
// its information is not of the cause's form.
type Cause []byte

// NextCause cuts the first cause from b. The rest begins at the next one and is
// empty after the last; b must not be empty. The error is ErrCauseLength: the length
// is below 4 or beyond b, or b is shorter than a cause's header. It does not fail
// on what ParseAbort and ParseError gave.
func NextCause(b []byte) (c Cause, rest []byte, err error) {
	n, next := cut(b)
	if n == 0 {
		return nil, nil, ErrCauseLength
	}
	return b[:n:n], b[next:], nil
}

// Code is the cause's code.
func (c Cause) Code() CauseCode { return CauseCode(binary.BigEndian.Uint16(c)) }

// Value is the Cause-Specific Information: what follows the header of 4 bytes. Of
// CauseUserAbort it is the Upper Layer Abort Reason, of CauseProtocolViolation the
// Additional Information: bytes of the peer's, of any form.
func (c Cause) Value() []byte { return c[tlvHeaderLen:] }

// InvalidStream is the Stream Identifier of the DATA chunk in error.
func (c Cause) InvalidStream() (stream uint16, ok bool) {
	if len(c) != 8 || c.Code() != CauseInvalidStream {
		return 0, false
	}
	return binary.BigEndian.Uint16(c[4:]), true
}

// MissingParam is missing parameter i, from 0. It is false when there is none: loop
// until then. If the count does not fit the cause there are none at all.
func (c Cause) MissingParam(i int) (t ParamType, ok bool) {
	if len(c) < 8 || c.Code() != CauseMissingParam {
		return 0, false
	}
	list := c[8:]
	n := binary.BigEndian.Uint32(c[4:])
	if uint64(n)*2 > uint64(len(list)) || i < 0 || uint64(i) >= uint64(n) {
		return 0, false
	}
	return ParamType(binary.BigEndian.Uint16(list[2*i:])), true
}

// StaleCookie is the Measure of Staleness in microseconds; 0 says nothing.
func (c Cause) StaleCookie() (micros uint32, ok bool) {
	if len(c) != 8 || c.Code() != CauseStaleCookie {
		return 0, false
	}
	return binary.BigEndian.Uint32(c[4:]), true
}

// UnresolvableAddr is the address parameter, or host name parameter, quoted.
func (c Cause) UnresolvableAddr() (p Param, ok bool) {
	if c.Code() != CauseUnresolvableAddr {
		return nil, false
	}
	p, _, err := NextParam(c.Value())
	return p, err == nil
}

// UnrecognizedChunk is the chunk quoted. Its type is ours to have sent, not to act on.
func (c Cause) UnrecognizedChunk() (quoted Chunk, ok bool) {
	if c.Code() != CauseUnrecognizedChunk {
		return nil, false
	}
	quoted, _, err := NextChunk(c.Value())
	return quoted, err == nil
}

// UnrecognizedParams is the parameters quoted, for NextParam; all have been walked.
func (c Cause) UnrecognizedParams() (params []byte, ok bool) {
	if c.Code() != CauseUnrecognizedParams || !wellFormed(c.Value()) {
		return nil, false
	}
	return c.Value(), true
}

// NoUserData is the TSN of the DATA chunk that had no user data.
func (c Cause) NoUserData() (tsn TSN, ok bool) {
	if len(c) != 8 || c.Code() != CauseNoUserData {
		return 0, false
	}
	return TSN(binary.BigEndian.Uint32(c[4:])), true
}

// RestartNewAddrs is the address parameters quoted, for NextParam and ParamAddr; all
// have been walked.
func (c Cause) RestartNewAddrs() (params []byte, ok bool) {
	if c.Code() != CauseRestartNewAddrs || !wellFormed(c.Value()) {
		return nil, false
	}
	return c.Value(), true
}
