package wire

// ParseUnrecognized gives the parameter that an Unrecognized Parameter quotes (RFC
// 9260, section 3.3.3.1.2). ok is false if p is another parameter or what it quotes
// is not one whole parameter.
func ParseUnrecognized(p Param) (quoted Param, ok bool) {
	if len(p) < tlvHeaderLen || p.Type() != ParamUnrecognized {
		return nil, false
	}
	quoted, rest, err := NextParam(p.Value())
	if err != nil || len(rest) > 0 {
		return nil, false
	}
	return quoted, true
}

// AppendUnrecognized appends an Unrecognized Parameter that quotes p.
func AppendUnrecognized(dst []byte, p Param) []byte {
	// RFC 9260, 3.3.3.1.2: "The Parameter Value field will contain an unrecognized
	// parameter copied from the INIT chunk complete with Parameter Type, Length, and
	// Value fields."
	return AppendParam(dst, ParamUnrecognized, p)
}
