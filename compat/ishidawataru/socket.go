package sctp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// socket is an SCTP socket: its number at the server and its data connection.
type socket struct {
	id     uint64
	data   *net.UnixConn
	raw    syscall.RawConn
	closed atomic.Bool
	domain uint16
	state  atomic.Pointer[proto.Status]
	nonce  atomic.Uint64
}

// nonces tells this process's messages from those of others that share a socket.
var nonces = uint64(os.Getpid()) << 40

// newSocket makes a socket at the server.
func newSocket(af int) (*socket, error) {
	a, err := control.call(proto.Request{Op: proto.OpCreate, Level: uint32(af), Name: syscall.SOCK_STREAM, Size: syscall.IPPROTO_SCTP}, nil, -1)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return adopt(a.file, &a.Socket)
}

// adopt makes a socket of a descriptor that the server sent; it is used up.
func adopt(file int, s *proto.Status) (*socket, error) {
	if file < 0 {
		return nil, errors.New("sctp: the sockets server sent no descriptor")
	}
	f := os.NewFile(uintptr(file), "sctp")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	data, ok := conn.(*net.UnixConn)
	if !ok {
		_ = conn.Close()
		return nil, syscall.ENOTSOCK
	}
	raw, err := data.SyscallConn()
	if err != nil {
		_ = data.Close()
		return nil, err
	}
	k := &socket{id: s.ID, data: data, raw: raw, domain: s.Domain}
	k.nonce.Store(nonces)
	k.state.Store(s)
	return k, nil
}

// ofDescriptor makes a socket of a descriptor that the program holds; it stays the
// program's.
func ofDescriptor(fd int) (*socket, error) {
	id, err := identify(fd)
	if err != nil {
		return nil, err
	}
	own, err := syscall.Dup(fd)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(own)
	a, err := control.call(proto.Request{Op: proto.OpInfo, ID: id}, nil, own)
	if err != nil {
		_ = syscall.Close(own)
		return nil, err
	}
	return adopt(own, &a.Socket)
}

// identify reads the number out of the name that the server gave a descriptor.
func identify(fd int) (uint64, error) {
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	if u, ok := name.(*syscall.SockaddrUnix); ok {
		if digits, ok := strings.CutPrefix(strings.TrimLeft(u.Name, "@\x00"), proto.NamePrefix); ok {
			return strconv.ParseUint(digits, 16, 64)
		}
	}
	return 0, fmt.Errorf("sctp: descriptor %d: %w", fd, syscall.ENOTSOCK)
}

// call makes a request about this socket and keeps what it says of its state.
func (k *socket) call(q proto.Request, payload []byte) (answer, error) {
	if k.closed.Load() {
		return answer{file: -1}, syscall.EBADF
	}
	q.ID = k.id
	proof := -1
	var a answer
	var err error
	if e := k.raw.Control(func(fd uintptr) {
		proof = int(fd)
		a, err = control.call(q, payload, proof)
	}); e != nil {
		return answer{file: -1}, syscall.EBADF
	}
	if a.Socket.ID == k.id && k.id != 0 {
		k.state.Store(&a.Socket)
	}
	return a, err
}

func (k *socket) setOption(level, name int, value []byte) error {
	_, err := k.call(proto.Request{Op: proto.OpSetOpt, Level: uint32(level), Name: uint32(name), Size: uint32(len(value))}, value)
	return os.NewSyscallError("setsockopt", err)
}

// getOption reads an option of at most size bytes; in is what the argument holds beforehand.
func (k *socket) getOption(level, name int, in []byte, size int) ([]byte, error) {
	a, err := k.call(proto.Request{Op: proto.OpGetOpt, Level: uint32(level), Name: uint32(name), Size: uint32(size)}, in[:min(len(in), proto.OptionIn)])
	return a.payload, os.NewSyscallError("getsockopt", err)
}

// pendingError takes the socket's error; nil if there is none.
func (k *socket) pendingError() error {
	a, err := k.call(proto.Request{Op: proto.OpError}, nil)
	switch {
	case err != nil:
		return err
	case a.Value != 0:
		return syscall.Errno(a.Value)
	}
	return nil
}

// connect asks for an association and waits until it is up or has failed.
func (k *socket) connect(a *SCTPAddr) (int, error) {
	raw := a.ToRawSockAddrBuf()
	r, err := k.call(proto.Request{Op: proto.OpConnect, Flags: proto.AskWait | proto.AskMany}, raw)
	if err != syscall.EINPROGRESS || r.Flags&proto.WithWaiter == 0 {
		return int(r.Value), os.NewSyscallError("connect", err)
	}
	f := os.NewFile(uintptr(r.file), "waiter")
	conn, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	waiter, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, syscall.ENOTSOCK
	}
	final, err := readReply(waiter, make([]byte, proto.ReplySize), nil)
	if err != nil {
		return 0, os.NewSyscallError("connect", syscall.ECONNRESET)
	}
	k.state.Store(&final.Socket)
	if final.Error != 0 {
		err = syscall.Errno(final.Error)
	}
	return int(final.Value), os.NewSyscallError("connect", err)
}

// close gives the socket up: the server shuts the association down.
func (k *socket) close() error {
	if k.closed.Swap(true) {
		return syscall.EBADF
	}
	return k.data.Close()
}

// gone is what an error of the data connection means to a program.
func (k *socket) gone(err error) error {
	switch {
	case k.closed.Load():
		return syscall.EBADF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return k.pendingError()
	}
	return err
}

// buffers hold a frame each.
var buffers = sync.Pool{New: func() any { b := make([]byte, proto.FrameSize+proto.PayloadMax); return &b }}
