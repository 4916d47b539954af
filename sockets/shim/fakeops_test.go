package shim

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets"
)

// answer does one request about a socket.
func (e *endpoint) answer(q *sockets.Request, payload []byte, r *sockets.Reply) (out []byte, pass int) {
	switch q.Op {
	case sockets.OpBind:
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
	case sockets.OpListen:
		e.autobind()
		e.state |= sockets.StateListening
	case sockets.OpConnect:
		return nil, e.connect(q, payload, r)
	case sockets.OpShutdown:
		if e.peer == nil {
			r.Error = int32(unix.ENOTCONN)
			break
		}
		e.peer.end(0)
		e.end(0)
	case sockets.OpSockName:
		return e.sockaddr(), -1
	case sockets.OpPeerName:
		if e.peer == nil {
			r.Error = int32(unix.ENOTCONN)
			break
		}
		return e.peer.sockaddr(), -1
	case sockets.OpGetOpt:
		return e.get(q, payload, r), -1
	case sockets.OpSetOpt:
		e.set(q, payload, r)
	case sockets.OpPeelOff:
		return nil, e.peelOff(int32(q.Level), r)
	case sockets.OpCheck:
		e.check(payload, r)
	case sockets.OpError:
		r.Value, e.err = int32(e.err), 0
	case sockets.OpLinger:
		mine, theirs := pair()
		e.lingers = append(e.lingers, mine)
		r.Error, r.Flags = int32(unix.EINPROGRESS), sockets.WithWaiter
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

func (e *endpoint) connect(q *sockets.Request, payload []byte, r *sockets.Reply) int {
	if len(payload) < 16 {
		r.Error = int32(unix.EINVAL)
		return -1
	}
	if e.state&sockets.StateConnecting != 0 {
		r.Error = int32(unix.EALREADY)
		return -1
	}
	if e.err != 0 {
		r.Error, e.err = int32(e.err), 0
		return -1
	}
	if e.peer != nil || e.state&sockets.StateListening != 0 {
		r.Error = int32(unix.EISCONN)
		return -1
	}
	e.autobind()
	e.target = binary.BigEndian.Uint16(payload[2:])
	r.Value = 1
	if e.typ == unix.SOCK_STREAM {
		e.state |= sockets.StateConnecting
	}
	if e.target != portSlow && e.target != portLate {
		err := e.decide()
		r.Error, e.err = int32(err), 0
		return -1
	}
	r.Error = int32(unix.EINPROGRESS)
	if q.Flags&sockets.AskWait == 0 {
		return -1
	}
	r.Flags = sockets.WithWaiter
	mine, theirs := pair()
	e.waiter = mine
	return theirs
}

// decide ends a connect in progress.
func (e *endpoint) decide() unix.Errno {
	target := e.target
	e.target = 0
	e.state &^= sockets.StateConnecting
	listener := e.f.byPort[target]
	switch {
	case listener == nil || listener.state&sockets.StateListening == 0:
		e.err = unix.ECONNREFUSED
	case e.typ == unix.SOCK_STREAM && listener.typ == unix.SOCK_STREAM:
		made, fd := e.f.create(listener.domain, unix.SOCK_STREAM)
		made.port, made.state, made.peer = listener.port, sockets.StateConnected, e
		e.peer = made
		e.state |= sockets.StateConnected
		status := made.status()
		h := sockets.Frame{Kind: sockets.FrameAccept, Length: sockets.StatusSize, AssocID: 1, OutStreams: 10}
		h.AddrLength = uint16(copy(h.Addr[:], e.sockaddr()))
		if err := sendWith(listener.fd, sockets.AppendStatus(sockets.AppendFrame(nil, &h), &status), fd); err != nil {
			e.f.t.Errorf("accept frame: %v", err)
		}
	default:
		e.peers[int32(listener.port)], listener.peers[int32(e.port)] = listener, e
		e.inPeer = int32(e.port)
	}
	if e.waiter >= 0 {
		r := sockets.Reply{Op: sockets.OpConnect, Error: int32(e.err), Socket: e.status()}
		if sendWith(e.waiter, sockets.AppendReply(nil, &r), -1) == nil {
			e.err = 0
		}
		unix.Close(e.waiter)
		e.waiter = -1
	}
	err := e.err
	e.drain()
	return err
}

func (e *endpoint) peelOff(assoc int32, r *sockets.Reply) int {
	other := e.peers[assoc]
	if other == nil {
		r.Error = int32(unix.EINVAL)
		return -1
	}
	made, fd := e.f.create(e.domain, unix.SOCK_STREAM)
	made.port, made.peer, made.state = e.port, other, sockets.StateConnected
	r.Socket = made.status()
	return fd
}

func (e *endpoint) check(payload []byte, r *sockets.Reply) {
	e.checks++
	var h sockets.Frame
	if _, err := h.Decode(payload[:sockets.FrameSize]); err != nil {
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
	case h.Flags&sockets.FlagNamed != 0:
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

func (e *endpoint) get(q *sockets.Request, payload []byte, r *sockets.Reply) []byte {
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

func (e *endpoint) set(q *sockets.Request, payload []byte, r *sockets.Reply) {
	switch {
	case q.Level == unix.SOL_SOCKET && q.Name == unix.SO_LINGER:
		e.linger = binary.LittleEndian.Uint32(payload[4:]) * binary.LittleEndian.Uint32(payload)
	case q.Level == unix.IPPROTO_SCTP && q.Name == 32: // SCTP_RECVRCVINFO
		e.state |= sockets.StateRcvInfo
	case q.Level == unix.IPPROTO_SCTP && q.Name == 33: // SCTP_RECVNXTINFO
		e.state |= sockets.StateNxtInfo
	case q.Level == unix.IPPROTO_SCTP && q.Name == 11: // SCTP_EVENTS
		e.state |= sockets.StateSndRcv
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
			h := sockets.Frame{Kind: sockets.FrameData, Flags: sockets.FlagEOR, Length: 10, AssocID: 1, OutStreams: 10, Stream: uint16(i)}
			if i+1 < n {
				h.Flags |= sockets.FlagNext
				h.NextLength, h.NextStream, h.NextAssocID = 10, uint16(i+1), 1
			}
			e.deliver(&h, fmt.Appendf(nil, "%010d", i))
		}
	case commandNotify:
		h := sockets.Frame{Kind: sockets.FrameNotification, Flags: sockets.FlagEOR, Length: 20, AssocID: 1}
		e.deliver(&h, append([]byte{1, 0x80}, make([]byte, 18)...))
	case commandReset:
		e.end(unix.ECONNRESET)
	case commandEcho:
		e.kept = append([]byte(nil), payload...)
	}
}
