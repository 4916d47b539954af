package wire

// FlagT is the T bit of ABORT and SHUTDOWN COMPLETE: the Verification Tag is the
// receiver's own, reflected (RFC 9260, sections 3.3.7, 3.3.13 and 8.5.1).
const FlagT uint8 = 1

// ParseAbort gives the error causes of an ABORT chunk (RFC 9260, section 3.3.7),
// perhaps none, for NextCause, and its T bit. All causes have been walked: NextCause
// will not fail on them. The errors are ErrChunkType and ErrCauseLength.
func ParseAbort(c Chunk) (causes []byte, tBit bool, err error) {
	if err := c.is(ChunkAbort, chunkHeaderLen); err != nil {
		return nil, false, err
	}
	// RFC 9260, 3.3.7: "If an endpoint receives an ABORT chunk with a format error
	// or no TCB is found, it MUST silently discard it."
	if !wellFormed(c.Value()) {
		return nil, false, ErrCauseLength
	}
	return c.Value(), c.Flags()&FlagT != 0, nil
}

// AppendAbort appends an ABORT with causes that AppendCause… made, or none. If they
// are too long for one chunk, nothing is appended.
func AppendAbort(dst []byte, tBit bool, causes []byte) []byte {
	start := len(dst)
	dst = BeginChunk(dst, ChunkAbort, flagT(tBit))
	dst = append(dst, causes...)
	return FinishChunk(dst, start)
}

func flagT(tBit bool) uint8 {
	if tBit {
		// RFC 9260, 3.3.7: "If the Verification Tag is reflected, the T bit MUST
		// be set to 1."
		return FlagT
	}
	return 0
}
