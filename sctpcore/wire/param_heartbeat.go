package wire

// ParseHeartbeatInfo gives the value of a Heartbeat Info parameter (RFC 9260, section
// 3.3.5), perhaps empty. ok is false if p is another parameter.
func ParseHeartbeatInfo(p Param) (info []byte, ok bool) {
	if len(p) < tlvHeaderLen || p.Type() != ParamHeartbeatInfo {
		return nil, false
	}
	return p.Value(), true
}

// AppendHeartbeatInfo appends a Heartbeat Info parameter; it is AppendParam with its
// type.
func AppendHeartbeatInfo(dst, info []byte) []byte {
	return AppendParam(dst, ParamHeartbeatInfo, info)
}
