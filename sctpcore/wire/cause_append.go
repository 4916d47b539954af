package wire

import "encoding/binary"

// AppendCause appends a cause with value of up to 65,531 bytes, padded with zeros to
// 4 bytes; nothing if it is longer. AppendAbort and AppendError take what it made.
func AppendCause(dst []byte, code CauseCode, value []byte) []byte {
	return appendTLV(dst, uint16(code), value)
}

// appendCause32 appends a cause whose information is 4 bytes.
func appendCause32(dst []byte, code CauseCode, value uint32) []byte {
	dst = append(dst, byte(code>>8), byte(code), 0, 8)
	return binary.BigEndian.AppendUint32(dst, value)
}

// AppendCauseInvalidStream appends Invalid Stream Identifier, 8 bytes.
func AppendCauseInvalidStream(dst []byte, stream uint16) []byte {
	return appendCause32(dst, CauseInvalidStream, uint32(stream)<<16)
}

// AppendCauseMissingParam appends Missing Mandatory Parameter with the types that were
// missing; nothing if there are more than 32,763.
func AppendCauseMissingParam(dst []byte, types ...ParamType) []byte {
	n := 8 + 2*len(types)
	if n > maxLength {
		return dst
	}
	start := len(dst)
	dst = append(dst, 0, byte(CauseMissingParam), byte(n>>8), byte(n))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(types)))
	for _, t := range types {
		dst = binary.BigEndian.AppendUint16(dst, uint16(t))
	}
	return padFrom(dst, start)
}

// AppendCauseStaleCookie appends Stale Cookie Error, 8 bytes, with the time since the
// cookie expired in microseconds, rounded up; 0 withholds it.
func AppendCauseStaleCookie(dst []byte, stalenessMicros uint32) []byte {
	return appendCause32(dst, CauseStaleCookie, stalenessMicros)
}

// AppendCauseOutOfResource appends Out of Resource, 4 bytes.
func AppendCauseOutOfResource(dst []byte) []byte { return AppendCause(dst, CauseOutOfResource, nil) }

// AppendCauseUnresolvableAddr appends Unresolvable Address, quoting the parameter.
func AppendCauseUnresolvableAddr(dst []byte, p Param) []byte {
	return AppendCause(dst, CauseUnresolvableAddr, p)
}

// AppendCauseUnrecognizedChunk appends Unrecognized Chunk Type, quoting the chunk
// whole: the cause is as long as c, header and padding more. The caller minds the
// path MTU.
func AppendCauseUnrecognizedChunk(dst []byte, c Chunk) []byte {
	return AppendCause(dst, CauseUnrecognizedChunk, c)
}

// AppendCauseInvalidParam appends Invalid Mandatory Parameter, 4 bytes.
func AppendCauseInvalidParam(dst []byte) []byte { return AppendCause(dst, CauseInvalidParam, nil) }

// AppendCauseUnrecognizedParams appends Unrecognized Parameters, quoting params, which
// AppendParamCopy collected.
func AppendCauseUnrecognizedParams(dst, params []byte) []byte {
	return AppendCause(dst, CauseUnrecognizedParams, params[:lenUnpadded(params)])
}

// AppendCauseNoUserData appends No User Data, 8 bytes.
func AppendCauseNoUserData(dst []byte, tsn TSN) []byte {
	return appendCause32(dst, CauseNoUserData, uint32(tsn))
}

// AppendCauseCookieWhileShuttingDown appends Cookie Received While Shutting Down, 4
// bytes.
func AppendCauseCookieWhileShuttingDown(dst []byte) []byte {
	return AppendCause(dst, CauseCookieWhileShuttingDown, nil)
}

// AppendCauseRestartNewAddrs appends Restart of an Association with New Addresses,
// with an address parameter for each; nothing if they do not fit one cause.
func AppendCauseRestartNewAddrs(dst []byte, addrs ...Addr) []byte {
	start := len(dst)
	dst = append(dst, 0, byte(CauseRestartNewAddrs), 0, tlvHeaderLen)
	for _, a := range addrs {
		dst = AppendAddr(dst, a)
	}
	n := len(dst) - start
	if n > maxLength {
		return dst[:start]
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16(n))
	return dst
}

// AppendCauseUserAbort appends User-Initiated Abort with the user's reason, perhaps
// none, of up to 65,531 bytes; nothing if it is longer.
func AppendCauseUserAbort(dst, reason []byte) []byte {
	return AppendCause(dst, CauseUserAbort, reason)
}

// AppendCauseProtocolViolation appends Protocol Violation with words for the peer's
// operator, perhaps none, of up to 65,531 bytes; nothing if they are longer.
func AppendCauseProtocolViolation(dst []byte, info string) []byte {
	n := tlvHeaderLen + len(info)
	if n > maxLength {
		return dst
	}
	start := len(dst)
	dst = append(dst, 0, byte(CauseProtocolViolation), byte(n>>8), byte(n))
	dst = append(dst, info...)
	return padFrom(dst, start)
}
