package sctp

import (
	"bytes"
	"encoding/binary"
	"net"
	"syscall"
	"time"
)

// sndRcvInfoSize is the bytes of a SndRcvInfo in memory.
const sndRcvInfoSize = 32

// SCTPSndRcvInfoWrappedConn is a net.Conn whose messages have a SndRcvInfo, as
// it lies in memory, in front.
type SCTPSndRcvInfoWrappedConn struct {
	conn *SCTPConn
}

var _ net.Conn = (*SCTPSndRcvInfoWrappedConn)(nil)

// NewSCTPSndRcvInfoWrappedConn wraps conn and subscribes to SCTP_EVENT_DATA_IO.
func NewSCTPSndRcvInfoWrappedConn(conn *SCTPConn) *SCTPSndRcvInfoWrappedConn {
	_ = conn.SubscribeEvents(SCTP_EVENT_DATA_IO) // without it Read gives zeroes, as upstream
	return &SCTPSndRcvInfoWrappedConn{conn}
}

// Write sends what follows the SndRcvInfo as one message.
func (c *SCTPSndRcvInfoWrappedConn) Write(b []byte) (int, error) {
	if len(b) < sndRcvInfoSize {
		return 0, syscall.EINVAL
	}
	var info SndRcvInfo
	if err := binary.Read(bytes.NewReader(b), binary.NativeEndian, &info); err != nil {
		return 0, err
	}
	n, err := c.conn.SCTPWrite(b[sndRcvInfoSize:], &info)
	return n + sndRcvInfoSize, err
}

// Read receives a message behind its SndRcvInfo.
func (c *SCTPSndRcvInfoWrappedConn) Read(b []byte) (int, error) {
	if len(b) < sndRcvInfoSize {
		return 0, syscall.EINVAL
	}
	n, info, err := c.conn.SCTPRead(b[sndRcvInfoSize:])
	if err != nil {
		return n, err
	}
	if info == nil {
		info = &SndRcvInfo{}
	}
	copy(b, raw(info))
	return n + sndRcvInfoSize, nil
}

// Close is the connection's, as all that follow.
func (c *SCTPSndRcvInfoWrappedConn) Close() error { return c.conn.Close() }

// LocalAddr is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// RemoteAddr is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// SetDeadline is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// SetReadDeadline is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) SetReadDeadline(t time.Time) error {
	return c.conn.SetReadDeadline(t)
}

// SetWriteDeadline is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) SetWriteDeadline(t time.Time) error {
	return c.conn.SetWriteDeadline(t)
}

// SetReadBuffer is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) SetReadBuffer(bytes int) error {
	return c.conn.SetReadBuffer(bytes)
}

// SetWriteBuffer is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) SetWriteBuffer(bytes int) error {
	return c.conn.SetWriteBuffer(bytes)
}

// GetReadBuffer is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) GetReadBuffer() (int, error) { return c.conn.GetReadBuffer() }

// GetWriteBuffer is SCTPConn's.
func (c *SCTPSndRcvInfoWrappedConn) GetWriteBuffer() (int, error) { return c.conn.GetWriteBuffer() }
