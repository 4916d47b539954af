package wire

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// ErrParamLength says that a parameter is not as long as it says or as it must be.
var ErrParamLength = errors.New("wire: parameter length does not fit: drop the chunk")

// ParamType is the type of a parameter (RFC 9260, section 3.2.1).
type ParamType uint16

// The parameters that this package reads and writes.
const (
	ParamHeartbeatInfo      ParamType = 1      // RFC 9260, 3.3.5
	ParamIPv4               ParamType = 5      // RFC 9260, 3.3.2.1.1
	ParamIPv6               ParamType = 6      // RFC 9260, 3.3.2.1.2
	ParamStateCookie        ParamType = 7      // RFC 9260, 3.3.3.1.1
	ParamUnrecognized       ParamType = 8      // RFC 9260, 3.3.3.1.2
	ParamCookiePreservative ParamType = 9      // RFC 9260, 3.3.2.1.3
	ParamHostName           ParamType = 11     // RFC 9260, 3.3.2.1.4; deprecated, never sent
	ParamSupportedAddrTypes ParamType = 12     // RFC 9260, 3.3.2.1.5
	ParamECN                ParamType = 0x8000 // RFC 9260, 3.3.2; reserved, no value
)

// The parameters of extensions. Of those of RFC 6525 and RFC 3758 there are numbers only.
const (
	ParamOutgoingSSNReset     ParamType = 13     // RFC 6525, 4.1
	ParamIncomingSSNReset     ParamType = 14     // RFC 6525, 4.2
	ParamSSNTSNReset          ParamType = 15     // RFC 6525, 4.3
	ParamReconfigResponse     ParamType = 16     // RFC 6525, 4.4
	ParamAddOutgoingStreams   ParamType = 17     // RFC 6525, 4.5
	ParamAddIncomingStreams   ParamType = 18     // RFC 6525, 4.6
	ParamRandom               ParamType = 0x8002 // RFC 4895, 3.1
	ParamChunkList            ParamType = 0x8003 // RFC 4895, 3.2
	ParamRequestedHMAC        ParamType = 0x8004 // RFC 4895, 3.3
	ParamSupportedExtensions  ParamType = 0x8008 // RFC 5061, 4.2.7
	ParamForwardTSN           ParamType = 0xc000 // RFC 3758, 3.1
	ParamAddIP                ParamType = 0xc001 // RFC 5061, 4.2.1
	ParamDeleteIP             ParamType = 0xc002 // RFC 5061, 4.2.2
	ParamErrorCauseIndication ParamType = 0xc003 // RFC 5061, 4.2.3
	ParamSetPrimary           ParamType = 0xc004 // RFC 5061, 4.2.4
	ParamSuccessIndication    ParamType = 0xc005 // RFC 5061, 4.2.5
	ParamAdaptationLayer      ParamType = 0xc006 // RFC 5061, 4.2.6
)

// String is the RFC's name of the type, or "parameter type 0xN".
func (t ParamType) String() string {
	switch t {
	case ParamHeartbeatInfo:
		return "Heartbeat Info"
	case ParamIPv4:
		return "IPv4 Address"
	case ParamIPv6:
		return "IPv6 Address"
	case ParamStateCookie:
		return "State Cookie"
	case ParamUnrecognized:
		return "Unrecognized Parameter"
	case ParamCookiePreservative:
		return "Cookie Preservative"
	case ParamHostName:
		return "Host Name Address"
	case ParamSupportedAddrTypes:
		return "Supported Address Types"
	case ParamECN:
		return "ECN Capable"
	case ParamForwardTSN:
		return "Forward-TSN-Supported"
	case ParamSupportedExtensions:
		return "Supported Extensions"
	case ParamRandom:
		return "Random"
	case ParamChunkList:
		return "Chunk List"
	case ParamRequestedHMAC:
		return "Requested HMAC Algorithm"
	case ParamAddIP:
		return "Add IP Address"
	case ParamDeleteIP:
		return "Delete IP Address"
	case ParamErrorCauseIndication:
		return "Error Cause Indication"
	case ParamSetPrimary:
		return "Set Primary IP Address"
	case ParamSuccessIndication:
		return "Success Indication"
	case ParamAdaptationLayer:
		return "Adaptation Layer Indication"
	}
	return "parameter type 0x" + strconv.FormatUint(uint64(t), 16)
}

// StopOnUnknown tells what a receiver that does not know the type does: true is to
// process no further parameter of the chunk, false to skip this one.
func (t ParamType) StopOnUnknown() bool {
	// RFC 9260, 3.2.1: "The Parameter Types are encoded such that the highest-order
	// 2 bits specify the action that is taken if the processing endpoint does not
	// recognize the Parameter Type."
	return t&0x8000 == 0
}

// ReportUnknown tells whether a receiver that does not know the type reports it: in
// INIT with ParamUnrecognized, elsewhere with CauseUnrecognizedParams.
func (t ParamType) ReportUnknown() bool { return t&0x4000 != 0 }

// Param is a view of one whole parameter, without padding:
//
//	0      2        4
//	| type | length | value …
type Param []byte

// NextParam cuts the first parameter from b. The rest begins at the next one and is
// empty after the last; b must not be empty. It is the one walker over parameters,
// for the check and for the use alike. The error is ErrParamLength: the length is
// below 4 or goes beyond b, which ends where the chunk does, or b is shorter
// than a parameter's header. Then nothing more of b can be read.
func NextParam(b []byte) (p Param, rest []byte, err error) {
	n, next := cut(b)
	if n == 0 {
		return nil, nil, ErrParamLength
	}
	return b[:n:n], b[next:], nil
}

// Type is the parameter's type.
func (p Param) Type() ParamType { return ParamType(binary.BigEndian.Uint16(p)) }

// Value is what follows the header of 4 bytes.
func (p Param) Value() []byte { return p[tlvHeaderLen:] }

// is tells whether the parameter has the type and, header included, the length.
func (p Param) is(t ParamType, n int) bool { return len(p) == n && p.Type() == t }

// AppendParam appends a parameter with value of up to 65,531 bytes, padded with
// zeros to 4 bytes; nothing if it is longer.
func AppendParam(dst []byte, t ParamType, value []byte) []byte {
	return appendTLV(dst, uint16(t), value)
}

// AppendParamCopy appends p as it is, padded: to collect parameters for
// AppendCauseUnrecognizedParams.
func AppendParamCopy(dst []byte, p Param) []byte {
	start := len(dst)
	return padFrom(append(dst, p...), start)
}
