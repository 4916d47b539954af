package wire

// ParseShutdown gives the Cumulative TSN Ack of a SHUTDOWN chunk (RFC 9260, section
// 3.3.8). The chunk must be 8 bytes: ErrChunkType or ErrChunkLength.
func ParseShutdown(c Chunk) (TSN, error) { return parseTSNChunk(c, ChunkShutdown) }

// AppendShutdown appends a SHUTDOWN, 8 bytes.
func AppendShutdown(dst []byte, cum TSN) []byte { return appendTSNChunk(dst, ChunkShutdown, cum) }

// AppendShutdownAck appends a SHUTDOWN ACK (RFC 9260, section 3.3.9), 4 bytes.
func AppendShutdownAck(dst []byte) []byte { return BeginChunk(dst, ChunkShutdownAck, 0) }

// ParseShutdownComplete gives the T bit of a SHUTDOWN COMPLETE chunk (RFC 9260,
// section 3.3.13). The chunk must be 4 bytes: ErrChunkType or ErrChunkLength.
func ParseShutdownComplete(c Chunk) (tBit bool, err error) {
	if err := c.is(ChunkShutdownComplete, chunkHeaderLen); err != nil {
		return false, err
	}
	if len(c) != chunkHeaderLen {
		return false, ErrChunkLength
	}
	return c.Flags()&FlagT != 0, nil
}

// AppendShutdownComplete appends a SHUTDOWN COMPLETE, 4 bytes.
func AppendShutdownComplete(dst []byte, tBit bool) []byte {
	return BeginChunk(dst, ChunkShutdownComplete, flagT(tBit))
}
