package sctp

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// NotificationHandler is given each notification, which is the package's again when
// it returns. Its error ends the read that came upon it.
type NotificationHandler func([]byte) error

// SCTPConn is an association: a net.Conn that keeps messages apart.
type SCTPConn struct {
	k       *socket
	in      inbox
	handler NotificationHandler
	broken  error // what NewSCTPConn could not say
}

var _ net.Conn = (*SCTPConn)(nil)

// NewSCTPConn makes a connection of a descriptor of this package or of the preload
// library; the descriptor is used up. With any other, each call of the connection
// fails.
func NewSCTPConn(fd int, handler NotificationHandler) *SCTPConn {
	k, err := ofDescriptor(fd)
	if err != nil {
		return &SCTPConn{broken: err}
	}
	_ = syscall.Close(fd)
	return &SCTPConn{k: k, handler: handler}
}

func (c *SCTPConn) socket() (*socket, error) {
	if c == nil {
		return nil, syscall.EBADF
	}
	return c.k, c.broken
}

// SCTPWrite sends b as one message; info says how, nil as the socket's defaults
// have it. Messages of several goroutines do not mix.
func (c *SCTPConn) SCTPWrite(b []byte, info *SndRcvInfo) (int, error) {
	k, err := c.socket()
	if err != nil {
		return 0, err
	}
	return k.send(b, info)
}

// Write sends b as one message.
func (c *SCTPConn) Write(b []byte) (int, error) { return c.SCTPWrite(b, nil) }

// SCTPRead receives a message, or as much of it as fits into b: the rest comes next. info is
// nil unless SCTP_EVENT_DATA_IO is subscribed to. Notifications go to the handler; without
// one they are read like messages. After the peer's shutdown the error is io.EOF.
func (c *SCTPConn) SCTPRead(b []byte) (n int, info *SndRcvInfo, err error) {
	k, err := c.socket()
	if err != nil {
		return 0, nil, err
	}
	for {
		n, f, err := k.receive(&c.in, b)
		if err != nil {
			return 0, nil, err
		}
		if f.Kind == proto.FrameNotification && c.handler != nil {
			if err := c.handler(b[:n]); err != nil {
				return 0, nil, err
			}
			continue
		}
		return n, k.infoOf(&f), nil
	}
}

// Read is SCTPRead without the particulars.
func (c *SCTPConn) Read(b []byte) (int, error) {
	n, _, err := c.SCTPRead(b)
	return n, err
}

// Close sends what was written and shuts the association down; calls that wait end with
// EBADF, as does a second Close.
func (c *SCTPConn) Close() error {
	k, err := c.socket()
	if err != nil {
		return err
	}
	return k.close()
}

// PeelOff makes a connection of its own of one of a one-to-many socket's associations.
func (c *SCTPConn) PeelOff(id int) (*SCTPConn, error) {
	k, err := c.socket()
	if err != nil {
		return nil, err
	}
	a, err := k.call(proto.Request{Op: proto.OpPeelOff, Level: uint32(id)}, nil)
	if err != nil {
		return nil, err
	}
	// The state of a peeled socket came in place of this one's.
	peeled, err := adopt(a.file, &a.Socket)
	if err != nil {
		return nil, err
	}
	return &SCTPConn{k: peeled, handler: c.handler}, nil
}

// SyscallConn gives access to the descriptor, for polling. See the package's
// documentation for what it is not.
func (c *SCTPConn) SyscallConn() (syscall.RawConn, error) {
	k, err := c.socket()
	if err != nil {
		return nil, err
	}
	return k.raw, nil
}

// SetDeadline bounds reads and writes: they end with os.ErrDeadlineExceeded then.
func (c *SCTPConn) SetDeadline(t time.Time) error { return c.deadline(t, (*net.UnixConn).SetDeadline) }

// SetReadDeadline bounds reads.
func (c *SCTPConn) SetReadDeadline(t time.Time) error {
	return c.deadline(t, (*net.UnixConn).SetReadDeadline)
}

// SetWriteDeadline bounds writes.
func (c *SCTPConn) SetWriteDeadline(t time.Time) error {
	return c.deadline(t, (*net.UnixConn).SetWriteDeadline)
}

func (c *SCTPConn) deadline(t time.Time, set func(*net.UnixConn, time.Time) error) error {
	k, err := c.socket()
	if err != nil {
		return err
	}
	return set(k.data, t)
}

// LocalAddr is all our addresses of the association; nil if it is gone.
func (c *SCTPConn) LocalAddr() net.Addr { return addrOrNil(c.SCTPLocalAddr(0)) }

// RemoteAddr is all the peer's.
func (c *SCTPConn) RemoteAddr() net.Addr { return addrOrNil(c.SCTPRemoteAddr(0)) }

func addrOrNil(a *SCTPAddr, err error) net.Addr {
	if err != nil {
		return nil
	}
	return a
}

// SCTPLocalAddr is our addresses of an association; id is 0 on one-to-one sockets.
func (c *SCTPConn) SCTPLocalAddr(id int) (*SCTPAddr, error) {
	return c.addresses(SCTP_GET_LOCAL_ADDRS, id)
}

// SCTPRemoteAddr is the peer's addresses.
func (c *SCTPConn) SCTPRemoteAddr(id int) (*SCTPAddr, error) {
	return c.addresses(SCTP_GET_PEER_ADDRS, id)
}

// SCTPGetPrimaryPeerAddr is where messages go as long as it is reachable.
func (c *SCTPConn) SCTPGetPrimaryPeerAddr() (*SCTPAddr, error) {
	b, err := c.option(SCTP_PRIMARY_ADDR, nil, 132)
	if err != nil {
		return nil, err
	}
	return parseSockaddrs(b[min(4, len(b)):], 1)
}

func (c *SCTPConn) addresses(option, id int) (*SCTPAddr, error) {
	k, err := c.socket()
	if err != nil {
		return nil, err
	}
	return k.addresses(option, id)
}

// addresses reads a struct sctp_getaddrs.
func (k *socket) addresses(option, id int) (*SCTPAddr, error) {
	b, err := k.getOption(SOL_SCTP, option, int32s(uint32(id), 0), 8+4096)
	if err != nil {
		return nil, err
	}
	if len(b) < 8 {
		return nil, io.ErrUnexpectedEOF
	}
	return parseSockaddrs(b[8:], int(binary.NativeEndian.Uint32(b[4:])))
}

// SetReadBuffer sets the receive buffer's size in bytes.
func (c *SCTPConn) SetReadBuffer(bytes int) error {
	return c.setBuffer(syscall.SO_RCVBUF, bytes)
}

// SetWriteBuffer sets the send buffer's size in bytes: no message may be larger.
func (c *SCTPConn) SetWriteBuffer(bytes int) error {
	return c.setBuffer(syscall.SO_SNDBUF, bytes)
}

// GetReadBuffer is the receive buffer's size in bytes.
func (c *SCTPConn) GetReadBuffer() (int, error) { return c.buffer(syscall.SO_RCVBUF) }

// GetWriteBuffer is the send buffer's size in bytes.
func (c *SCTPConn) GetWriteBuffer() (int, error) { return c.buffer(syscall.SO_SNDBUF) }

func (c *SCTPConn) setBuffer(option, bytes int) error {
	k, err := c.socket()
	if err != nil {
		return err
	}
	return k.setOption(syscall.SOL_SOCKET, option, int32s(uint32(bytes)))
}

func (c *SCTPConn) buffer(option int) (int, error) {
	k, err := c.socket()
	if err != nil {
		return 0, err
	}
	b, err := k.getOption(syscall.SOL_SOCKET, option, nil, 4)
	if err == nil && len(b) != 4 {
		err = os.NewSyscallError("getsockopt", syscall.EINVAL)
	}
	if err != nil {
		return 0, err
	}
	return int(binary.NativeEndian.Uint32(b)), nil
}
