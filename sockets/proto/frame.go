package proto

import (
	"encoding/binary"
	"errors"
)

// Limits of the protocol, as in preload/protocol.h.
const (
	Version    = 1
	NamePrefix = "trunkline/" // of the abstract name that a program's end is bound to

	PayloadMax = 65536 // bytes of payload in a Frame; longer messages take several
	ControlMax = 65536 // bytes behind a Request or a Reply
	OptionIn   = 512   // bytes of the program's buffer that OpGetOption shows
	AddrSize   = 28    // bytes of the longest address, a sockaddr_in6
	PadsMax    = 16    // pads that a library writes at most

	FrameSize   = 96 // bytes of an encoded Frame
	RequestSize = 32 // bytes of an encoded Request
	ReplySize   = 56 // bytes of an encoded Reply
	StatusSize  = 32 // bytes of an encoded Status
)

// FrameKind is what a frame is: its first byte.
type FrameKind uint8

// Kinds of frames. Pads and bells are one byte long, all others have a whole header.
const (
	FrameSend         FrameKind = 1 // to the server: a message, or a part of one
	FramePad          FrameKind = 2 // to the server: without meaning
	FrameData         FrameKind = 3 // to the program: a message, or a part of one
	FrameNotification FrameKind = 4 // to the program: RFC 6458, section 6
	FrameAccept       FrameKind = 5 // to the program: a Status, with a descriptor
	FrameEnd          FrameKind = 6 // to the program: nothing comes any more; stays in the queue
	FrameBell         FrameKind = 7 // to the program: this one byte; the lane has something
)

// FrameFlags say what of a frame's fields counts.
type FrameFlags uint16

// Flags of frames.
const (
	FlagMore     FrameFlags = 1 << iota // the message goes on in the next frame, which is on its way
	FlagEOR                             // the message ends here (send: the program said MSG_EOR)
	FlagNext                            // data: the Next fields are true
	FlagSndRcv                          // send: SCTP_SNDRCV was given; data: it is wanted
	FlagRcvInfo                         // data: SCTP_RCVINFO is wanted
	FlagNxtInfo                         // data: SCTP_NXTINFO is wanted
	FlagSndInfo                         // send: SCTP_SNDINFO was given
	FlagPRInfo                          // send: SCTP_PRINFO was given
	FlagAuthInfo                        // send: SCTP_AUTHINFO was given
	FlagNamed                           // send: Addr is what the program named; else AssocID counts
	FlagChecked                         // send: an OpCheck of this message was answered with 0
	FlagCounted                         // send: counted in the lane's up_sent
)

// Frame is the header of one message on a data connection. Fields that a kind
// does not use are 0.
type Frame struct {
	Kind       FrameKind
	Flags      FrameFlags
	Length     uint32 // bytes behind the header
	Nonce      uint64 // send: the same in all frames of one message, no other's
	AssocID    int32
	Stream     uint16
	SSN        uint16 // data
	SinfoFlags uint16 // SCTP_UNORDERED, SCTP_EOF …
	OutStreams uint16 // data: of this association, 0 if it takes no messages
	PPID       uint32 // the program's four bytes, untouched
	Context    uint32
	TimeToLive uint32 // send: sinfo_timetolive or pr_value
	TSN        uint32 // data
	CumTSN     uint32 // data
	KeyNumber  uint16 // send: auth_keynumber

	NextStream  uint16 // data, with FlagNext: the next message in this queue
	NextFlags   uint16
	AddrLength  uint16 // 0, 16 (sockaddr_in) or 28 (sockaddr_in6)
	NextPPID    uint32
	NextLength  uint32 // of the whole message
	NextAssocID int32
	Addr        [AddrSize]byte // send: destination; else the peer
}

// Errors of decoding: what the other side sent breaks the protocol.
var (
	ErrShort   = errors.New("shorter than its header")
	ErrLength  = errors.New("length differs from what came")
	ErrKind    = errors.New("unknown kind of frame")
	ErrAddress = errors.New("address of impossible length")
)

// AppendFrame appends the 96 bytes of f to b.
func AppendFrame(b []byte, f *Frame) []byte {
	le := binary.LittleEndian
	b = append(b, byte(f.Kind), 0)
	b = le.AppendUint16(b, uint16(f.Flags))
	b = le.AppendUint32(b, f.Length)
	b = le.AppendUint64(b, f.Nonce)
	b = le.AppendUint32(b, uint32(f.AssocID))
	b = le.AppendUint16(b, f.Stream)
	b = le.AppendUint16(b, f.SSN)
	b = le.AppendUint16(b, f.SinfoFlags)
	b = le.AppendUint16(b, f.OutStreams)
	b = le.AppendUint32(b, f.PPID)
	b = le.AppendUint32(b, f.Context)
	b = le.AppendUint32(b, f.TimeToLive)
	b = le.AppendUint32(b, f.TSN)
	b = le.AppendUint32(b, f.CumTSN)
	b = le.AppendUint16(b, f.KeyNumber)
	b = le.AppendUint16(b, f.NextStream)
	b = le.AppendUint16(b, f.NextFlags)
	b = le.AppendUint16(b, f.AddrLength)
	b = le.AppendUint32(b, f.NextPPID)
	b = le.AppendUint32(b, f.NextLength)
	b = le.AppendUint32(b, uint32(f.NextAssocID))
	return append(b, f.Addr[:]...)
}

// Decode fills f from one message of a data connection and returns its payload,
// which lies in b. A pad has no payload.
func (f *Frame) Decode(b []byte) ([]byte, error) {
	if len(b) == 1 && FrameKind(b[0]) == FramePad {
		*f = Frame{Kind: FramePad}
		return nil, nil
	}
	if len(b) < FrameSize {
		return nil, ErrShort
	}
	if err := f.DecodeHeader(b); err != nil {
		return nil, err
	}
	if int64(f.Length) != int64(len(b)-FrameSize) {
		return nil, ErrLength
	}
	return b[FrameSize:], nil
}

// DecodeHeader fills f from the 96 bytes of a frame that has a header, and checks all but
// that its payload is there.
func (f *Frame) DecodeHeader(b []byte) error {
	f.decodeHeader(b)
	switch {
	case f.Kind < FrameSend || f.Kind > FrameEnd || f.Kind == FramePad:
		return ErrKind
	case f.Length > PayloadMax:
		return ErrLength
	case f.AddrLength != 0 && f.AddrLength != 16 && f.AddrLength != AddrSize:
		return ErrAddress
	}
	return nil
}

func (f *Frame) decodeHeader(b []byte) {
	le := binary.LittleEndian
	f.Kind = FrameKind(b[0])
	f.Flags = FrameFlags(le.Uint16(b[2:]))
	f.Length = le.Uint32(b[4:])
	f.Nonce = le.Uint64(b[8:])
	f.AssocID = int32(le.Uint32(b[16:]))
	f.Stream = le.Uint16(b[20:])
	f.SSN = le.Uint16(b[22:])
	f.SinfoFlags = le.Uint16(b[24:])
	f.OutStreams = le.Uint16(b[26:])
	f.PPID = le.Uint32(b[28:])
	f.Context = le.Uint32(b[32:])
	f.TimeToLive = le.Uint32(b[36:])
	f.TSN = le.Uint32(b[40:])
	f.CumTSN = le.Uint32(b[44:])
	f.KeyNumber = le.Uint16(b[48:])
	f.NextStream = le.Uint16(b[50:])
	f.NextFlags = le.Uint16(b[52:])
	f.AddrLength = le.Uint16(b[54:])
	f.NextPPID = le.Uint32(b[56:])
	f.NextLength = le.Uint32(b[60:])
	f.NextAssocID = int32(le.Uint32(b[64:]))
	copy(f.Addr[:], b[68:FrameSize])
}
