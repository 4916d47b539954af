package wire

// ParseCookieEcho gives the cookie of a COOKIE ECHO chunk (RFC 9260, section
// 3.3.11), at least one byte in the packet's memory: ErrChunkType or ErrChunkLength.
func ParseCookieEcho(c Chunk) (cookie []byte, err error) {
	if err := c.is(ChunkCookieEcho, chunkHeaderLen+1); err != nil {
		return nil, err
	}
	return c.Value(), nil
}

// AppendCookieEcho appends a COOKIE ECHO with the value of the peer's State Cookie
// parameter, up to 65,531 bytes; nothing if it is longer.
func AppendCookieEcho(dst []byte, cookie []byte) []byte {
	// RFC 9260, 3.3.11: "the data within the State Cookie's Parameter Value becomes
	// the data within the Cookie Echo's Chunk Value."
	start := len(dst)
	dst = BeginChunk(dst, ChunkCookieEcho, 0)
	dst = append(dst, cookie...)
	return FinishChunk(dst, start)
}

// AppendCookieAck appends a COOKIE ACK (RFC 9260, section 3.3.12), 4 bytes.
func AppendCookieAck(dst []byte) []byte { return BeginChunk(dst, ChunkCookieAck, 0) }
