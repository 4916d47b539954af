package admin

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// limited is a listener that has at most maxConnections at a time: whoever comes then is told so.
type limited struct {
	net.Listener
	open atomic.Int64
}

// busy is the answer to one connection too many.
const busy = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 33\r\n\r\n" +
	"too many connections; try later.\n"

// busyTime is for writing it, which takes that long only if this process is stopped.
const busyTime = time.Second

// Accept is net.Listener's.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= maxConnections {
			return &counted{Conn: c, of: l}, nil
		}
		l.open.Add(-1)
		_ = c.SetWriteDeadline(time.Now().Add(busyTime)) // it fits a new connection's buffer
		_, _ = c.Write([]byte(busy))
		_ = c.Close()
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	of   *limited
	once sync.Once
}

// Close is net.Conn's.
func (c *counted) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}
