package sctp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// defaultSocket is where a server listens unless TRUNKLINE_SOCKET says otherwise.
const defaultSocket = "/run/trunkline/sockets"

// control is the process's connection for requests: one at a time.
var control client

type client struct {
	mu   sync.Mutex
	conn *net.UnixConn
	seq  uint32
	out  []byte
	in   []byte
	oob  []byte
}

// answer is a reply, with what came along.
type answer struct {
	proto.Reply
	payload []byte
	file    int // a descriptor, -1 if there was none
}

// call makes a request. An error that the server reports is a syscall.Errno; the
// answer counts even then. A broken connection is made anew at the next call.
func (c *client) call(q proto.Request, payload []byte, proof int) (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, err := c.exchange(&q, payload, -1)
	if err == nil && a.Flags&proto.NeedProof != 0 && proof >= 0 {
		q.Flags |= proto.AskProof
		a, err = c.exchange(&q, payload, proof)
	}
	switch {
	case err != nil:
		return answer{file: -1}, err
	case a.Error == int32(syscall.ESTALE):
		return a, syscall.ECONNRESET
	case a.Error != 0:
		return a, syscall.Errno(a.Error)
	}
	return a, nil
}

func (c *client) exchange(q *proto.Request, payload []byte, file int) (answer, error) {
	if c.conn == nil {
		if err := c.connect(); err != nil {
			return answer{file: -1}, err
		}
	}
	a, err := c.roundTrip(q, payload, file)
	if err != nil {
		_ = c.conn.Close()
		c.conn = nil
		return a, fmt.Errorf("sctp: the sockets server has gone: %w (%w)", syscall.ECONNRESET, err)
	}
	return a, nil
}

func (c *client) connect() error {
	path := os.Getenv("TRUNKLINE_SOCKET")
	if path == "" {
		path = defaultSocket
	}
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return fmt.Errorf("sctp: no sockets server at %s: run trunkline run, or name its socket in TRUNKLINE_SOCKET: %w", path, errors.Join(syscall.ENETDOWN, err))
	}
	c.conn = conn
	a, err := c.roundTrip(&proto.Request{Op: proto.OpHello, Level: proto.Version, Name: uint32(os.Getpid())}, nil, -1)
	if err == nil && a.Error != 0 {
		err = syscall.Errno(a.Error)
	}
	if err != nil {
		_ = conn.Close()
		c.conn = nil
		return fmt.Errorf("sctp: the sockets server at %s does not speak this protocol: %w", path, err)
	}
	return nil
}

func (c *client) roundTrip(q *proto.Request, payload []byte, file int) (answer, error) {
	c.seq++
	q.Seq, q.Length = c.seq, uint32(len(payload))
	c.out = append(proto.AppendRequest(c.out[:0], q), payload...)
	var rights []byte
	if file >= 0 {
		rights = syscall.UnixRights(file)
	}
	if _, _, err := c.conn.WriteMsgUnix(c.out, rights, nil); err != nil {
		return answer{file: -1}, err
	}
	if c.in == nil {
		c.in, c.oob = make([]byte, proto.ReplySize+proto.ControlMax), make([]byte, syscall.CmsgSpace(4))
	}
	a, err := readReply(c.conn, c.in, c.oob)
	if err == nil && a.Seq != q.Seq {
		err = fmt.Errorf("reply %d to request %d", a.Seq, q.Seq)
	}
	a.payload = append([]byte(nil), a.payload...)
	return a, err
}

// readReply reads one reply into in, which its payload stays in.
func readReply(conn *net.UnixConn, in, oob []byte) (answer, error) {
	a := answer{file: -1}
	n, oobn, _, _, err := conn.ReadMsgUnix(in, oob)
	if err != nil {
		return a, err
	}
	a.file = descriptor(oob[:oobn])
	a.payload, err = a.Decode(in[:n])
	if err != nil && a.file >= 0 {
		_ = syscall.Close(a.file)
		a.file = -1
	}
	return a, err
}

// descriptor is what a control message carries, -1 if nothing.
func descriptor(oob []byte) int {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	for i := range messages {
		if fds, err := syscall.ParseUnixRights(&messages[i]); err == nil && len(fds) > 0 {
			syscall.CloseOnExec(fds[0])
			return fds[0]
		}
	}
	return -1
}

// int32s is the raw form of structures made of such.
func int32s(v ...uint32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.NativeEndian.AppendUint32(b, x)
	}
	return b
}
