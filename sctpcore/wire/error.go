package wire

// ParseError gives the error causes of an ERROR chunk (RFC 9260, section 3.3.10),
// for NextCause. All causes have been walked: NextCause will not fail on them. The
// errors are ErrChunkType, ErrChunkLength and ErrCauseLength.
func ParseError(c Chunk) (causes []byte, err error) {
	// RFC 9260, 3.3.10: "It contains one or more error causes."
	if err := c.is(ChunkError, chunkHeaderLen+tlvHeaderLen); err != nil {
		return nil, err
	}
	if !wellFormed(c.Value()) {
		return nil, ErrCauseLength
	}
	return c.Value(), nil
}

// AppendError appends an ERROR with causes that AppendCause… made, at least one. If
// they are too long for one chunk, nothing is appended.
func AppendError(dst, causes []byte) []byte {
	start := len(dst)
	dst = BeginChunk(dst, ChunkError, 0)
	dst = append(dst, causes...)
	return FinishChunk(dst, start)
}
