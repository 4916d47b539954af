package wire

import "encoding/binary"

const cookiePreservativeLen = 8 // RFC 9260, section 3.3.2.1.3

// ParseCookiePreservative reads a Cookie Preservative parameter: the milliseconds by
// which the peer would have its State Cookie live longer. Any value may come; the
// caller bounds it. ok is false if p is another parameter or not 8 bytes.
func ParseCookiePreservative(p Param) (incrementMillis uint32, ok bool) {
	if !p.is(ParamCookiePreservative, cookiePreservativeLen) {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[4:]), true
}

// AppendCookiePreservative appends a Cookie Preservative parameter, 8 bytes.
func AppendCookiePreservative(dst []byte, incrementMillis uint32) []byte {
	dst = append(dst, 0, byte(ParamCookiePreservative), 0, cookiePreservativeLen)
	return binary.BigEndian.AppendUint32(dst, incrementMillis)
}

// ParseStateCookie gives the cookie of a State Cookie parameter (RFC 9260, section
// 3.3.3.1.1). ok is false if p is another parameter or empty.
func ParseStateCookie(p Param) (cookie []byte, ok bool) {
	if len(p) <= tlvHeaderLen || p.Type() != ParamStateCookie {
		return nil, false
	}
	return p.Value(), true
}

// AppendStateCookie appends a State Cookie parameter; it is AppendParam with its type.
func AppendStateCookie(dst, cookie []byte) []byte {
	return AppendParam(dst, ParamStateCookie, cookie)
}
