package wire

import "encoding/binary"

const correlatedLen = 8 // header and correlation id (RFC 5061, section 4.2)

// ParseAddressRequest reads an Add IP Address, Delete IP Address or Set Primary IP
// Address parameter (RFC 5061, sections 4.2.1, 4.2.2, 4.2.4). ok is false if p is
// another parameter or does not hold one IPv4 or IPv6 address parameter whole.
// The address may be unspecified (Addr.IsWildcard).
func ParseAddressRequest(p Param) (correlation uint32, addr Addr, ok bool) {
	if t := p.Type(); t != ParamAddIP && t != ParamDeleteIP && t != ParamSetPrimary || len(p) < correlatedLen+tlvHeaderLen {
		return 0, addr, false
	}
	inner, rest, err := NextParam(p[correlatedLen:])
	if err != nil || len(rest) > 0 {
		return 0, addr, false
	}
	addr, ok = ParamAddr(inner)
	return binary.BigEndian.Uint32(p[4:]), addr, ok
}

// AppendAddressRequest appends an Add IP Address, Delete IP Address or Set Primary IP
// Address parameter, as t says: 16 bytes for IPv4, 28 for IPv6.
func AppendAddressRequest(dst []byte, t ParamType, correlation uint32, addr Addr) []byte {
	n := correlatedLen + paramIPv6Len
	if addr.Is4() {
		n = correlatedLen + paramIPv4Len
	}
	dst = append(dst, byte(t>>8), byte(t), 0, byte(n))
	dst = binary.BigEndian.AppendUint32(dst, correlation)
	return appendAnyAddr(dst, addr)
}

// Correlation is the ASCONF-Request or ASCONF-Response Correlation ID that every
// parameter of ASCONF and ASCONF-ACK begins with; ok is false if p is too short.
func (p Param) Correlation() (id uint32, ok bool) {
	if len(p) < correlatedLen {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[4:]), true
}

// ParseErrorCauseIndication reads an Error Cause Indication (RFC 5061, section
// 4.2.3): its causes, for NextCause, have all been walked and are at least one.
func ParseErrorCauseIndication(p Param) (correlation uint32, causes []byte, ok bool) {
	if p.Type() != ParamErrorCauseIndication || len(p) < correlatedLen+tlvHeaderLen || !wellFormed(p[correlatedLen:]) {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(p[4:]), p[correlatedLen:], true
}

// AppendErrorCauseIndication appends an Error Cause Indication with causes that
// AppendCause… made.
func AppendErrorCauseIndication(dst []byte, correlation uint32, causes []byte) []byte {
	n := correlatedLen + lenUnpadded(causes)
	if n > maxLength {
		return dst
	}
	start := len(dst)
	dst = append(dst, byte(ParamErrorCauseIndication>>8), byte(ParamErrorCauseIndication&0xff), byte(n>>8), byte(n))
	dst = binary.BigEndian.AppendUint32(dst, correlation)
	dst = append(dst, causes[:n-correlatedLen]...)
	return padFrom(dst, start)
}

// ParseSuccessIndication reads a Success Indication (RFC 5061, section 4.2.5). ok is
// false if p is another parameter or not 8 bytes.
func ParseSuccessIndication(p Param) (correlation uint32, ok bool) {
	if !p.is(ParamSuccessIndication, correlatedLen) {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[4:]), true
}

// AppendSuccessIndication appends a Success Indication, 8 bytes.
func AppendSuccessIndication(dst []byte, correlation uint32) []byte {
	dst = append(dst, byte(ParamSuccessIndication>>8), byte(ParamSuccessIndication&0xff), 0, correlatedLen)
	return binary.BigEndian.AppendUint32(dst, correlation)
}

// appendAnyAddr is AppendAddr that takes the zero Addr for the IPv6 wildcard.
func appendAnyAddr(dst []byte, a Addr) []byte {
	if a.IsZero() {
		dst = append(dst, 0, byte(ParamIPv6), 0, paramIPv6Len)
		return append(dst, a[:]...)
	}
	return AppendAddr(dst, a)
}
