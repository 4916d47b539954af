package shim

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// answer does one request about a socket.
func (e *endpoint) answer(q *proto.Request, payload []byte, r *proto.Reply) (out []byte, pass int) {
	switch q.Op {
	case proto.OpBind:
		e.port = binary.BigEndian.Uint16(payload[2:])
		if holder := e.f.byPort[e.port]; holder != nil {
			holder.drain() // its program may have closed it a moment ago
		}
		if e.port != 0 && e.f.byPort[e.port] != nil {
			r.Error = int32(unix.EADDRINUSE)
			return nil, -1
		}
		if e.port != 0 {
			e.f.byPort[e.port] = e
		}
		e.autobind()
	case proto.OpListen:
		e.autobind()
		e.state |= proto.StateListening
	case proto.OpConnect:
		return nil, e.connect(q, payload, r)
	case proto.OpShutdown:
		if e.peer == nil {
			r.Error = int32(unix.ENOTCONN)
			break
		}
		e.peer.end(0)
		e.end(0)
	case proto.OpSockName:
		return e.sockaddr(), -1
	case proto.OpPeerName:
		if e.peer == nil {
			r.Error = int32(unix.ENOTCONN)
			break
		}
		return e.peer.sockaddr(), -1
	case proto.OpGetOpt:
		return e.get(q, payload, r), -1
	case proto.OpSetOpt:
		e.set(q, payload, r)
	case proto.OpPeelOff:
		return nil, e.peelOff(int32(q.Level), r)
	case proto.OpCheck:
		e.check(payload, r)
	case proto.OpError:
		r.Value, e.err = int32(e.err), 0
	case proto.OpLinger:
		mine, theirs := pair()
		e.lingers = append(e.lingers, mine)
		r.Error, r.Flags = int32(unix.EINPROGRESS), proto.WithWaiter
		return nil, theirs
	}
	return nil, -1
}

func pair() (mine, theirs int) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	return p[0], p[1]
}

func (e *endpoint) connect(q *proto.Request, payload []byte, r *proto.Reply) int {
	if len(payload) < 16 {
		r.Error = int32(unix.EINVAL)
		return -1
	}
	if e.state&proto.StateConnecting != 0 {
		r.Error = int32(unix.EALREADY)
		return -1
	}
	if e.err != 0 {
		r.Error, e.err = int32(e.err), 0
		return -1
	}
	if e.peer != nil || e.state&proto.StateListening != 0 {
		r.Error = int32(unix.EISCONN)
		return -1
	}
	e.autobind()
	e.target = binary.BigEndian.Uint16(payload[2:])
	r.Value = 1
	if e.typ == unix.SOCK_STREAM {
		e.state |= proto.StateConnecting
	}
	if e.target != portSlow && e.target != portLate {
		err := e.decide()
		r.Error, e.err = int32(err), 0
		return -1
	}
	r.Error = int32(unix.EINPROGRESS)
	if q.Flags&proto.AskWait == 0 {
		return -1
	}
	r.Flags = proto.WithWaiter
	mine, theirs := pair()
	e.waiter = mine
	return theirs
}

// decide ends a connect in progress.
func (e *endpoint) decide() unix.Errno {
	target := e.target
	e.target = 0
	e.state &^= proto.StateConnecting
	listener := e.f.byPort[target]
	switch {
	case listener == nil || listener.state&proto.StateListening == 0:
		e.err = unix.ECONNREFUSED
	case e.typ == unix.SOCK_STREAM && listener.typ == unix.SOCK_STREAM:
		made, fd := e.f.create(listener.domain, unix.SOCK_STREAM)
		made.port, made.state, made.peer = listener.port, proto.StateConnected, e
		e.peer = made
		e.state |= proto.StateConnected
		status := made.status()
		h := proto.Frame{Kind: proto.FrameAccept, Length: proto.StatusSize, AssocID: 1, OutStreams: 10}
		h.AddrLength = uint16(copy(h.Addr[:], e.sockaddr()))
		if err := sendWith(listener.fd, proto.AppendStatus(proto.AppendFrame(nil, &h), &status), fd); err != nil {
			e.f.t.Errorf("accept frame: %v", err)
		}
	default:
		e.peers[int32(listener.port)], listener.peers[int32(e.port)] = listener, e
		e.inPeer = int32(e.port)
	}
	if e.waiter >= 0 {
		r := proto.Reply{Op: proto.OpConnect, Error: int32(e.err), Socket: e.status()}
		if sendWith(e.waiter, proto.AppendReply(nil, &r), -1) == nil {
			e.err = 0
		}
		unix.Close(e.waiter)
		e.waiter = -1
	}
	err := e.err
	e.drain()
	return err
}

func (e *endpoint) peelOff(assoc int32, r *proto.Reply) int {
	other := e.peers[assoc]
	if other == nil {
		r.Error = int32(unix.EINVAL)
		return -1
	}
	made, fd := e.f.create(e.domain, unix.SOCK_STREAM)
	made.port, made.peer, made.state = e.port, other, proto.StateConnected
	r.Socket = made.status()
	return fd
}

func (e *endpoint) check(payload []byte, r *proto.Reply) {
	e.checks++
	var h proto.Frame
	if _, err := h.Decode(payload[:proto.FrameSize]); err != nil {
		e.f.t.Errorf("check: %v", err)
	}
	r.Socket = e.status()
	switch {
	case h.Stream >= 10:
		r.Error = int32(unix.EINVAL)
	case e.typ == unix.SOCK_STREAM && e.err != 0:
		r.Error, e.err = int32(e.err), 0
	case e.typ == unix.SOCK_STREAM && e.peer == nil:
		r.Error = int32(unix.EPIPE)
	case e.typ == unix.SOCK_STREAM:
	case h.Flags&proto.FlagNamed != 0:
		r.Socket.AssocID = e.association(&h)
		if r.Socket.AssocID == 0 {
			r.Error = int32(unix.ENETUNREACH)
		}
	case e.peers[h.AssocID] == nil:
		r.Error = int32(unix.EPIPE)
	default:
		r.Socket.AssocID = h.AssocID
	}
}

func (e *endpoint) get(q *proto.Request, payload []byte, r *proto.Reply) []byte {
	var out []byte
	switch {
	case q.Level == unix.SOL_SOCKET && q.Name == unix.SO_SNDBUF:
		out = binary.LittleEndian.AppendUint32(nil, 212992)
	case q.Level == commandLevel && q.Name == commandFrames:
		out = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, e.frames), e.checks)
	case q.Level == commandLevel && q.Name == commandEcho:
		out = append(e.kept, payload...)
	case q.Level == commandLevel && q.Name == commandShow:
		out = binary.LittleEndian.AppendUint32(nil, uint32(e.f.proofs))
	default:
		r.Error = int32(unix.ENOPROTOOPT)
		return nil
	}
	out = out[:min(len(out), int(q.Size))]
	r.Value = int32(len(out))
	return out
}

func (e *endpoint) set(q *proto.Request, payload []byte, r *proto.Reply) {
	switch {
	case q.Level == unix.SOL_SOCKET && q.Name == unix.SO_LINGER:
		e.linger = binary.LittleEndian.Uint32(payload[4:]) * binary.LittleEndian.Uint32(payload)
	case q.Level == unix.IPPROTO_SCTP && q.Name == 32: // SCTP_RECVRCVINFO
		e.state |= proto.StateRcvInfo
	case q.Level == unix.IPPROTO_SCTP && q.Name == 33: // SCTP_RECVNXTINFO
		e.state |= proto.StateNxtInfo
	case q.Level == unix.IPPROTO_SCTP && q.Name == 11: // SCTP_EVENTS
		e.state |= proto.StateSndRcv
	case q.Level == commandLevel:
		e.command(q.Name, payload)
	default:
		r.Error = int32(unix.ENOPROTOOPT)
	}
}

func (e *endpoint) command(name uint32, payload []byte) {
	switch name {
	case commandDecide:
		for _, other := range e.f.sockets {
			if other.target != 0 {
				other.decide()
			}
		}
	case commandDie:
		e.f.die()
	case commandBurst:
		n := int(binary.LittleEndian.Uint32(payload))
		for i := range n {
			h := proto.Frame{Kind: proto.FrameData, Flags: proto.FlagEOR, Length: 10, AssocID: 1, OutStreams: 10, Stream: uint16(i)}
			if i+1 < n {
				h.Flags |= proto.FlagNext
				h.NextLength, h.NextStream, h.NextAssocID = 10, uint16(i+1), 1
			}
			e.deliver(&h, fmt.Appendf(nil, "%010d", i))
		}
	case commandNotify:
		h := proto.Frame{Kind: proto.FrameNotification, Flags: proto.FlagEOR, Length: 20, AssocID: 1}
		e.deliver(&h, append([]byte{1, 0x80}, make([]byte, 18)...))
	case commandReset:
		e.end(unix.ECONNRESET)
	case commandEcho:
		e.kept = append([]byte(nil), payload...)
	}
}
