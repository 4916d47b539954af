package sctp

import (
	"io"
	"math/bits"
	"sync"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// Flags as Linux numbers them.
const (
	flagSendAll = 0x40
	flagEOF     = 0x200 // MSG_FIN
	// flagsForCheck make of a message something that the server must agree to.
	flagsForCheck = SCTP_ADDR_OVER | SCTP_ABORT | flagEOF | flagSendAll
)

// send sends one message; info may be nil.
func (k *socket) send(b []byte, info *SndRcvInfo) (int, error) {
	f := proto.Frame{Kind: proto.FrameSend, Nonce: k.nonce.Add(1)}
	if info != nil {
		f.Flags |= proto.FlagSndRcv
		f.Stream, f.SinfoFlags, f.Context, f.TimeToLive, f.AssocID = info.Stream, info.Flags, info.Context, info.TTL, info.AssocID
		f.PPID = swapped(info.PPID)
		if len(b) == 0 && info.Flags&SCTP_EOF != 0 {
			f.SinfoFlags = info.Flags&^SCTP_EOF | flagEOF
		}
	}
	if err := k.check(&f, len(b)); err != nil {
		return 0, err
	}
	room := buffers.Get().(*[]byte)
	defer buffers.Put(room)
	sent := 0
	for {
		part := b[sent:min(len(b), sent+proto.PayloadMax)]
		f.Flags &^= proto.FlagMore
		if sent+len(part) < len(b) {
			f.Flags |= proto.FlagMore
		}
		f.Length = uint32(len(part))
		raw := append(proto.AppendFrame((*room)[:0], &f), part...)
		if _, err := k.data.Write(raw); err != nil {
			if err = k.gone(err); err == nil {
				err = syscall.EPIPE
			}
			return sent, err
		}
		if sent += len(part); sent == len(b) {
			return sent, nil
		}
	}
}

// check asks the server whether a message will be taken, unless that is known.
func (k *socket) check(f *proto.Frame, size int) error {
	s := k.state.Load()
	if s.State&proto.StateConnected != 0 && f.Stream < s.OutStreams && uint32(size) <= s.Limit && size > 0 && f.SinfoFlags&flagsForCheck == 0 {
		return nil
	}
	_, err := k.call(proto.Request{Op: proto.OpCheck, Size: uint32(size)}, proto.AppendFrame(nil, f))
	if err == nil {
		f.Flags |= proto.FlagChecked
	}
	return err
}

// swapped is a payload protocol identifier in the program's memory, where it lies in
// network byte order.
func swapped(v uint32) uint32 { return bits.ReverseBytes32(v) }

// inbox takes messages from a data connection. What did not fit into the program's
// buffer waits for its next read.
type inbox struct {
	mu     sync.Mutex
	header proto.Frame
	rest   []byte
	room   *[]byte
	ended  bool // proto.FrameEnd came
}

// receive puts a message, or as much of one as fits, into b. An error of io.EOF says that
// no more will come.
func (k *socket) receive(in *inbox, b []byte) (n int, f proto.Frame, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.room == nil {
		if err := in.fill(k); err != nil {
			return 0, f, err
		}
	}
	n = copy(b, in.rest)
	f = in.header
	if in.rest = in.rest[n:]; len(in.rest) == 0 || f.Kind == proto.FrameNotification {
		in.drop()
	}
	return n, f, nil
}

func (in *inbox) fill(k *socket) error {
	if in.ended && !k.closed.Load() {
		return io.EOF
	}
	in.room = buffers.Get().(*[]byte)
	n, err := k.data.Read(*in.room)
	if err == nil && n > 0 {
		in.rest, err = in.header.Decode((*in.room)[:n])
		if in.ended = in.header.Kind == proto.FrameEnd; err == nil && !in.ended {
			return nil
		}
	}
	if err == nil {
		err = io.EOF
	}
	in.drop()
	if err = k.gone(err); err == nil {
		err = io.EOF
	}
	return err
}

func (in *inbox) drop() {
	buffers.Put(in.room)
	in.room, in.rest = nil, nil
}

// infoOf is what a frame tells of its message; nil if the program has not asked for it,
// be it after the frame was written.
func (k *socket) infoOf(f *proto.Frame) *SndRcvInfo {
	if f.Flags&proto.FlagSndRcv == 0 && k.state.Load().State&proto.StateSndRcv == 0 {
		return nil
	}
	return &SndRcvInfo{Stream: f.Stream, SSN: f.SSN, Flags: f.SinfoFlags, PPID: swapped(f.PPID),
		Context: f.Context, TSN: f.TSN, CumTSN: f.CumTSN, AssocID: f.AssocID}
}
