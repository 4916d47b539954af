package wire

import "encoding/binary"

const (
	paramIPv4Len = 8  // RFC 9260, section 3.3.2.1.1
	paramIPv6Len = 20 // RFC 9260, section 3.3.2.1.2
)

// ParamAddr reads an IPv4 Address or IPv6 Address parameter. It is false if p is
// another parameter, if its length is not that of its type, or if it is an
// IPv4-mapped IPv6 address. What kind of address it is (loopback, multicast,
// unspecified) is the caller's to judge.
func ParamAddr(p Param) (Addr, bool) {
	switch {
	case p.is(ParamIPv4, paramIPv4Len):
		return AddrFrom4([4]byte(p[4:])), true
	case p.is(ParamIPv6, paramIPv6Len):
		a := Addr(p[4:])
		// RFC 9260, 3.3.2.1.2: "A sender MUST NOT use an IPv4-mapped IPv6 address"
		return a, !a.Is4()
	}
	return Addr{}, false
}

// AppendAddr appends an IPv4 Address or IPv6 Address parameter, 8 or 20 bytes;
// nothing for the zero Addr.
func AppendAddr(dst []byte, a Addr) []byte {
	switch {
	case a.IsZero():
		return dst
	case a.Is4():
		dst = append(dst, 0, byte(ParamIPv4), 0, paramIPv4Len)
		return append(dst, a[12:]...)
	}
	dst = append(dst, 0, byte(ParamIPv6), 0, paramIPv6Len)
	return append(dst, a[:]...)
}

// ParseSupportedAddrTypes reads a Supported Address Types parameter (RFC 9260,
// section 3.3.2.1.5). ok is false if p is another parameter or its value is no
// list of 16-bit numbers.
func ParseSupportedAddrTypes(p Param) (v4, v6, ok bool) {
	if len(p)%2 != 0 || len(p) < tlvHeaderLen || p.Type() != ParamSupportedAddrTypes {
		return false, false, false
	}
	for v := p.Value(); len(v) > 0; v = v[2:] {
		// RFC 9260, 3.3.2.1.5: "The value indicating the Host Name Address parameter
		// ... MUST be ignored when receiving this parameter." So are unknown ones.
		switch ParamType(binary.BigEndian.Uint16(v)) {
		case ParamIPv4:
			v4 = true
		case ParamIPv6:
			v6 = true
		}
	}
	return v4, v6, true
}

// AppendSupportedAddrTypes appends a Supported Address Types parameter of 8 bytes
// with one type or both; nothing for none, for to send none means to support any.
func AppendSupportedAddrTypes(dst []byte, v4, v6 bool) []byte {
	switch {
	case v4 && v6:
		return append(dst, 0, byte(ParamSupportedAddrTypes), 0, 8, 0, byte(ParamIPv4), 0, byte(ParamIPv6))
	case v4:
		return append(dst, 0, byte(ParamSupportedAddrTypes), 0, 6, 0, byte(ParamIPv4), 0, 0)
	case v6:
		return append(dst, 0, byte(ParamSupportedAddrTypes), 0, 6, 0, byte(ParamIPv6), 0, 0)
	}
	return dst
}
