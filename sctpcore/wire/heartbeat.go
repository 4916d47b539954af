package wire

import "encoding/binary"

// ParseHeartbeat gives the information of a HEARTBEAT or HEARTBEAT ACK chunk (RFC
// 9260, sections 3.3.5 and 3.3.6), opaque bytes in the packet's memory. The chunk
// must hold one Heartbeat Info parameter and nothing else: ErrParamLength if it
// does not, ErrChunkType if it is another chunk.
func ParseHeartbeat(c Chunk) (info []byte, err error) {
	if len(c) < chunkHeaderLen {
		return nil, ErrChunkLength
	}
	if t := c.Type(); t != ChunkHeartbeat && t != ChunkHeartbeatAck {
		return nil, ErrChunkType
	}
	p, rest, err := NextParam(c.Value())
	if err != nil {
		return nil, err
	}
	info, ok := ParseHeartbeatInfo(p)
	if !ok || len(rest) > 0 {
		return nil, ErrParamLength
	}
	return info, nil
}

// AppendHeartbeat appends a HEARTBEAT or HEARTBEAT ACK, as t says, with info of up
// to 65,527 bytes; nothing if it is longer.
func AppendHeartbeat(dst []byte, t ChunkType, info []byte) []byte {
	start := len(dst)
	if len(info) > maxLength-chunkHeaderLen-tlvHeaderLen {
		return dst
	}
	dst = BeginChunk(dst, t, 0)
	dst = AppendHeartbeatInfo(dst, info)
	return FinishChunk(dst, start)
}

// AppendHeartbeatAck appends the HEARTBEAT ACK that answers hb, which NextChunk
// gave. It is as long as hb, so it fits where hb fitted.
func AppendHeartbeatAck(dst []byte, hb Chunk) []byte {
	if len(hb) < chunkHeaderLen || len(hb) > maxLength {
		return dst
	}
	start := len(dst)
	// RFC 9260, 3.3.6: "This field MUST contain the Heartbeat Info parameter (as
	// defined in Section 3.3.5) of the Heartbeat Request to which this Heartbeat
	// Acknowledgement is responding."
	dst = append(dst, byte(ChunkHeartbeatAck), 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(hb)))
	dst = append(dst, hb.Value()...)
	return padFrom(dst, start)
}
