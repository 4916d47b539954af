package pion

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

// queueLen is how many packets may be under way in one direction. A writer waits
// for room: nothing is lost.
const queueLen = 1024

// conn is one end of a connection in memory that keeps packets apart.
type conn struct {
	in, out chan []byte
	pool    *sync.Pool
	closed  chan struct{}
	once    *sync.Once
}

// newPipe makes the two ends; closing one closes both.
func newPipe() (a, b *conn) {
	x, y, closed := make(chan []byte, queueLen), make(chan []byte, queueLen), make(chan struct{})
	pool := &sync.Pool{New: func() any { return new([load.MTU]byte) }}
	once := new(sync.Once)
	return &conn{x, y, pool, closed, once}, &conn{y, x, pool, closed, once}
}

// Read takes one packet.
func (c *conn) Read(p []byte) (int, error) {
	select {
	case b := <-c.in:
		return c.take(p, b), nil
	default:
	}
	select {
	case b := <-c.in:
		return c.take(p, b), nil
	case <-c.closed:
		return 0, io.EOF
	}
}

func (c *conn) take(p, b []byte) int {
	n := copy(p, b)
	if cap(b) >= load.MTU {
		c.pool.Put((*[load.MTU]byte)(b[:load.MTU]))
	}
	return n
}

// Write puts one packet; longer ones than the MTU are carried as well.
func (c *conn) Write(p []byte) (int, error) {
	var b []byte
	if len(p) <= load.MTU {
		b = c.pool.Get().(*[load.MTU]byte)[:len(p)]
	} else {
		b = make([]byte, len(p))[:len(p):len(p)]
	}
	copy(b, p)
	select {
	case c.out <- b:
		return len(p), nil
	case <-c.closed:
		return 0, io.ErrClosedPipe
	}
}

// Close ends both directions.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// LocalAddr is no address of any network.
func (c *conn) LocalAddr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unixgram"} }

// RemoteAddr is no address of any network.
func (c *conn) RemoteAddr() net.Addr { return c.LocalAddr() }

// SetDeadline is not needed by the library and does nothing.
func (c *conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is not needed by the library and does nothing.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is not needed by the library and does nothing.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
