package sockets

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// helloWithin is how long a client may take to say who it is; replyWithin, to take
// a reply. One that keeps to the protocol takes neither.
const (
	helloWithin = 10 * time.Second
	replyWithin = 10 * time.Second
)

// client is a control connection: the requests of one process, each answered at once.
type client struct {
	server *Server
	conn   *net.UnixConn
	raw    syscall.RawConn
	user   *user
	pid    int32
	hello  bool
}

// newClient knows a connection by what the kernel says of the process at its other end.
func newClient(s *Server, conn *net.UnixConn) (*client, error) {
	c := &client{server: s, conn: conn}
	var err error
	if c.raw, err = conn.SyscallConn(); err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	if e := c.raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	c.pid = cred.Pid
	if c.user = s.userOf(cred.Uid); c.user == nil {
		return nil, errors.New("the user has as many clients as it may: raise the limit, or end some")
	}
	return c, nil
}

// end forgets the client. What it created lives on: that is whose data connections
// somebody holds.
func (c *client) end() {
	_ = c.conn.Close()
	c.server.mu.Lock()
	delete(c.server.clients, c)
	c.server.mu.Unlock()
	c.server.release(c.user, aClient, 1)
}

// serve answers requests until the connection ends.
func (c *client) serve() {
	defer c.end()
	_ = c.conn.SetReadDeadline(time.Now().Add(helloWithin))
	for {
		k := call{client: c, pass: -1}
		buf, n, err := c.receive(&k)
		if err != nil {
			return
		}
		if k.body, err = k.ask.Decode((*buf)[:n]); err == nil {
			err = k.answer()
		}
		k.dropDescriptors()
		buffers.Put(buf)
		if err != nil {
			c.server.broken("control connection", uint64(c.pid), err)
			return
		}
		if c.reply(&k) != nil {
			return
		}
	}
}

// receive waits for one message and the descriptor that may come along. The buffer
// is from buffers, the caller's to put back, if there is no error.
func (c *client) receive(k *call) (buf *[]byte, n int, err error) {
	var oob [64]byte // one descriptor takes 24; what is beyond is closed by the kernel
	var oobn, flags int
	e := c.raw.Read(func(fd uintptr) bool {
		buf = buffers.Get().(*[]byte)
		for {
			n, oobn, flags, _, err = unix.Recvmsg(int(fd), *buf, oob[:], unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
			if err != unix.EINTR {
				break
			}
		}
		if err != nil {
			buffers.Put(buf)
		}
		return err != unix.EAGAIN
	})
	switch {
	case e != nil: // before err, which is EAGAIN then
		return nil, 0, e
	case err != nil:
		return nil, 0, err
	}
	k.descriptors = descriptorsIn(oob[:oobn])
	if n == 0 || flags&unix.MSG_TRUNC != 0 {
		k.dropDescriptors()
		buffers.Put(buf)
		return nil, 0, io.EOF
	}
	return buf, n, nil
}

func descriptorsIn(oob []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

// reply sends the answer and the descriptor that goes along, which it closes here.
func (c *client) reply(k *call) error {
	b := append(proto.AppendReply(make([]byte, 0, proto.ReplySize+len(k.out)), &k.rep), k.out...)
	var oob []byte
	if k.pass >= 0 {
		defer unix.Close(k.pass)
		oob = unix.UnixRights(k.pass)
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(replyWithin))
	_, _, err := c.conn.WriteMsgUnix(b, oob, nil)
	return err
}
