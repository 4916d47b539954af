package wire

// The chunks of Explicit Congestion Notification. RFC 9260 reserves their types;
// their format is that of RFC 4960, appendix A.

// ParseEcne gives the Lowest TSN Number of an ECNE chunk: the first TSN of the
// packet that was marked. The chunk must be 8 bytes: ErrChunkType or ErrChunkLength.
func ParseEcne(c Chunk) (TSN, error) { return parseTSNChunk(c, ChunkEcne) }

// AppendEcne appends an ECNE, 8 bytes.
func AppendEcne(dst []byte, lowest TSN) []byte { return appendTSNChunk(dst, ChunkEcne, lowest) }

// ParseCwr gives the Lowest TSN Number of a CWR chunk: that of the ECNE it answers.
// The chunk must be 8 bytes: ErrChunkType or ErrChunkLength.
func ParseCwr(c Chunk) (TSN, error) { return parseTSNChunk(c, ChunkCwr) }

// AppendCwr appends a CWR, 8 bytes.
func AppendCwr(dst []byte, lowest TSN) []byte { return appendTSNChunk(dst, ChunkCwr, lowest) }
