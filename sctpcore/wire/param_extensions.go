package wire

import "encoding/binary"

// ParseSupportedExtensions gives the chunk types of a Supported Extensions parameter,
// a byte each (RFC 5061, section 4.2.7). ok is false if p is another parameter.
func ParseSupportedExtensions(p Param) (types []byte, ok bool) {
	if p.Type() != ParamSupportedExtensions {
		return nil, false
	}
	return p.Value(), true
}

// AppendSupportedExtensions appends a Supported Extensions parameter, padded.
func AppendSupportedExtensions(dst []byte, types ...ChunkType) []byte {
	return appendTypes(dst, ParamSupportedExtensions, types)
}

const adaptationLen = 8 // RFC 5061, section 4.2.6

// ParseAdaptation reads an Adaptation Layer Indication (RFC 5061, section 4.2.6). ok
// is false if p is another parameter or not 8 bytes.
func ParseAdaptation(p Param) (code uint32, ok bool) {
	if !p.is(ParamAdaptationLayer, adaptationLen) {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[4:]), true
}

// AppendAdaptation appends an Adaptation Layer Indication, 8 bytes.
func AppendAdaptation(dst []byte, code uint32) []byte {
	dst = append(dst, byte(ParamAdaptationLayer>>8), byte(ParamAdaptationLayer&0xff), 0, adaptationLen)
	return binary.BigEndian.AppendUint32(dst, code)
}
