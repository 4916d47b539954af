package proto

import "encoding/binary"

// Op is what a request asks for.
type Op uint16

// Requests of the control connection.
const (
	OpHello    Op = 1
	OpCreate   Op = 2
	OpInfo     Op = 3
	OpBind     Op = 4
	OpConnect  Op = 5
	OpListen   Op = 6
	OpShutdown Op = 7
	OpSockName Op = 8
	OpPeerName Op = 9
	OpGetOpt   Op = 10
	OpSetOpt   Op = 11
	OpPeelOff  Op = 12
	OpCheck    Op = 13
	OpError    Op = 14
	OpLinger   Op = 15
	OpMap      Op = 16
)

// RequestFlags say how a request is meant.
type RequestFlags uint16

// Flags of requests.
const (
	AskWait  RequestFlags = 1 << iota // connect, check: the program waits: give it a waiter if the association takes time
	AskProof                          // the socket's descriptor comes along
	AskMany                           // connect: sctp_connectx, several addresses
	AskInit                           // check: a sctp_initmsg follows the frame header
)

// Request is the header of one message from a library on its control connection.
type Request struct {
	Op     Op
	Flags  RequestFlags
	Seq    uint32 // the reply has the same
	ID     uint64 // the socket; 0 for OpHello and OpCreate
	Level  uint32 // first argument
	Name   uint32 // second argument
	Size   uint32 // third argument
	Length uint32 // bytes behind the header
}

// ReplyFlags say what comes with a reply.
type ReplyFlags uint16

// Flags of replies.
const (
	NeedProof  ReplyFlags = 1 << iota // not done: ask again with AskProof and the descriptor
	WithWaiter                        // a descriptor comes along, on which the final reply will
)

// State is what a library needs to know of its socket's state.
type State uint16

// States of a socket; bits.
const (
	StateListening  State = 1 << iota
	StateConnecting       // one-to-one: frames are not read until it is decided
	StateConnected        // one-to-one: messages need no OpCheck
	StateEnded            // one-to-one: the association is over
	StateSndRcv           // the program wants SCTP_SNDRCV on reception
	StateRcvInfo          // the program wants SCTP_RCVINFO
	StateNxtInfo          // the program wants SCTP_NXTINFO
	StateAssociated       // one-to-many: there are associations
	StateRefusing         // one-to-one: the association lives, and takes no messages any more
)

// Status is what a library needs to know of a socket.
type Status struct {
	ID         uint64
	Domain     uint16 // AF_INET, AF_INET6
	Type       uint16 // SOCK_STREAM, SOCK_SEQPACKET
	State      State
	OutStreams uint16 // of the association that the request was about
	AssocID    int32  // that association; 0: none
	Limit      uint32 // bytes of the longest message that needs no OpCheck
	Linger     uint32 // seconds that close waits; 0: does not
}

// Reply is the header of one message to a library: the answer to a Request.
type Reply struct {
	Op     Op
	Flags  ReplyFlags
	Seq    uint32
	Error  int32  // 0 or an errno
	Value  int32  // the request's result
	Length uint32 // bytes behind the header
	Socket Status // as it is after the request; zero if there is none
}

// AppendRequest appends the 32 bytes of q to b.
func AppendRequest(b []byte, q *Request) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, uint16(q.Op))
	b = le.AppendUint16(b, uint16(q.Flags))
	b = le.AppendUint32(b, q.Seq)
	b = le.AppendUint64(b, q.ID)
	b = le.AppendUint32(b, q.Level)
	b = le.AppendUint32(b, q.Name)
	b = le.AppendUint32(b, q.Size)
	return le.AppendUint32(b, q.Length)
}

// Decode fills q from one message and returns what is behind the header, which
// lies in b.
func (q *Request) Decode(b []byte) ([]byte, error) {
	if len(b) < RequestSize {
		return nil, ErrShort
	}
	le := binary.LittleEndian
	q.Op = Op(le.Uint16(b))
	q.Flags = RequestFlags(le.Uint16(b[2:]))
	q.Seq = le.Uint32(b[4:])
	q.ID = le.Uint64(b[8:])
	q.Level = le.Uint32(b[16:])
	q.Name = le.Uint32(b[20:])
	q.Size = le.Uint32(b[24:])
	q.Length = le.Uint32(b[28:])
	if int64(q.Length) != int64(len(b)-RequestSize) || q.Length > ControlMax {
		return nil, ErrLength
	}
	return b[RequestSize:], nil
}

// AppendReply appends the 56 bytes of r to b.
func AppendReply(b []byte, r *Reply) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, uint16(r.Op))
	b = le.AppendUint16(b, uint16(r.Flags))
	b = le.AppendUint32(b, r.Seq)
	b = le.AppendUint32(b, uint32(r.Error))
	b = le.AppendUint32(b, uint32(r.Value))
	b = le.AppendUint32(b, r.Length)
	b = le.AppendUint32(b, 0)
	return AppendStatus(b, &r.Socket)
}

// Decode fills r from one message and returns what is behind the header, which
// lies in b.
func (r *Reply) Decode(b []byte) ([]byte, error) {
	if len(b) < ReplySize {
		return nil, ErrShort
	}
	le := binary.LittleEndian
	r.Op = Op(le.Uint16(b))
	r.Flags = ReplyFlags(le.Uint16(b[2:]))
	r.Seq = le.Uint32(b[4:])
	r.Error = int32(le.Uint32(b[8:]))
	r.Value = int32(le.Uint32(b[12:]))
	r.Length = le.Uint32(b[16:])
	r.Socket.decode(b[24:])
	if int64(r.Length) != int64(len(b)-ReplySize) || r.Length > ControlMax {
		return nil, ErrLength
	}
	return b[ReplySize:], nil
}

// AppendStatus appends the 32 bytes of s to b: the payload of a FrameAccept.
func AppendStatus(b []byte, s *Status) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(b, s.ID)
	b = le.AppendUint16(b, s.Domain)
	b = le.AppendUint16(b, s.Type)
	b = le.AppendUint16(b, uint16(s.State))
	b = le.AppendUint16(b, s.OutStreams)
	b = le.AppendUint32(b, uint32(s.AssocID))
	b = le.AppendUint32(b, s.Limit)
	b = le.AppendUint32(b, s.Linger)
	return le.AppendUint32(b, 0)
}

// Decode fills s from the payload of a FrameAccept.
func (s *Status) Decode(b []byte) error {
	if len(b) != StatusSize {
		return ErrLength
	}
	s.decode(b)
	return nil
}

func (s *Status) decode(b []byte) {
	le := binary.LittleEndian
	s.ID = le.Uint64(b)
	s.Domain = le.Uint16(b[8:])
	s.Type = le.Uint16(b[10:])
	s.State = State(le.Uint16(b[12:]))
	s.OutStreams = le.Uint16(b[14:])
	s.AssocID = int32(le.Uint32(b[16:]))
	s.Limit = le.Uint32(b[20:])
	s.Linger = le.Uint32(b[24:])
}
