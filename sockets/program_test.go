package sockets

import (
	"encoding/binary"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// within is how long anything may take on a slow machine.
const within = 60 * time.Second

// newServer serves on a dataplane of its own, over the loopback.
func newServer(t testing.TB, change ...func(*Config)) *Server {
	t.Helper()
	d, err := dataplane.New(dataplane.Config{Loopback: true})
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	cfg := Config{Path: filepath.Join(t.TempDir(), "sock")}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Listen(d, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// program is a client of a server, as the library in a program is.
type program struct {
	t    testing.TB
	conn *net.UnixConn
	seq  uint32
}

func newProgram(t testing.TB, s *Server) *program {
	t.Helper()
	p := rawProgram(t, s)
	r := p.ask(proto.Request{Op: proto.OpHello, Level: proto.Version}, nil)
	require.Zero(t, r.Error)
	return p
}

func rawProgram(t testing.TB, s *Server) *program {
	t.Helper()
	c, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Net: "unixpacket", Name: s.cfg.Load().Path})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return &program{t: t, conn: c}
}

// answer is a reply with what came along.
type answer struct {
	proto.Reply
	body []byte
	fds  []int
}

func (p *program) ask(q proto.Request, body []byte, fds ...int) answer {
	p.t.Helper()
	a, err := p.tryAsk(q, body, fds...)
	require.NoError(p.t, err)
	return a
}

func (p *program) tryAsk(q proto.Request, body []byte, fds ...int) (a answer, err error) {
	p.seq++
	q.Seq, q.Length = p.seq, uint32(len(body))
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_ = p.conn.SetDeadline(time.Now().Add(within))
	if _, _, err = p.conn.WriteMsgUnix(append(proto.AppendRequest(nil, &q), body...), oob, nil); err != nil {
		return a, err
	}
	buf, back := make([]byte, proto.ReplySize+proto.ControlMax), make([]byte, 64)
	n, oobn, _, _, err := p.conn.ReadMsgUnix(buf, back)
	if err != nil {
		return a, err
	}
	a.fds = descriptorsIn(back[:oobn])
	a.body, err = a.Reply.Decode(buf[:n])
	if err == nil {
		require.Equal(p.t, q.Seq, a.Reply.Seq)
		require.Equal(p.t, q.Op, a.Reply.Op)
	}
	return a, err
}

// sock is a socket of a program.
type sock struct {
	p  *program
	id uint64
	fd int
}

func (p *program) socket(domain, typ uint32) *sock {
	p.t.Helper()
	r := p.ask(proto.Request{Op: proto.OpCreate, Level: domain, Name: typ, Size: solSCTP}, nil)
	require.Zero(p.t, r.Error, "%v", unix.Errno(r.Error))
	require.Len(p.t, r.fds, 1)
	return p.hold(r.Socket.ID, r.fds[0])
}

func (p *program) hold(id uint64, fd int) *sock {
	k := &sock{p, id, fd}
	require.NoError(p.t, unix.SetNonblock(fd, true))
	p.t.Cleanup(k.close)
	return k
}

func (k *sock) close() {
	if k.fd >= 0 {
		unix.Close(k.fd)
		k.fd = -1
	}
}

// do is a request that must succeed.
func (k *sock) do(op proto.Op, level, name uint32, body []byte) answer {
	k.p.t.Helper()
	a := k.try(op, level, name, body)
	require.Zero(k.p.t, a.Error, "%v", unix.Errno(a.Error))
	return a
}

func (k *sock) try(op proto.Op, level, name uint32, body []byte) answer {
	k.p.t.Helper()
	return k.p.ask(proto.Request{Op: op, ID: k.id, Level: level, Name: name, Size: uint32(len(body))}, body)
}

func (k *sock) fails(no unix.Errno, op proto.Op, level, name uint32, body []byte) {
	k.p.t.Helper()
	require.Equal(k.p.t, no, unix.Errno(k.try(op, level, name, body).Error))
}

// get is getsockopt with a buffer that holds in.
func (k *sock) get(name uint32, in []byte) []byte {
	k.p.t.Helper()
	return k.do(proto.OpGetOpt, solSCTP, name, in).body
}

func (k *sock) set(name uint32, in []byte) {
	k.p.t.Helper()
	k.do(proto.OpSetOpt, solSCTP, name, in)
}

func (k *sock) status() proto.Status {
	k.p.t.Helper()
	return k.do(proto.OpInfo, 0, 0, nil).Socket
}

// bound makes the address of a socket after bind to the loopback with port 0.
func (k *sock) bound() netip.AddrPort {
	k.p.t.Helper()
	k.do(proto.OpBind, 0, 0, sockaddr("127.0.0.1:0"))
	a, _, err := inet6plain.parse(k.do(proto.OpSockName, 0, 0, nil).body)
	require.NoError(k.p.t, err)
	return a
}

func sockaddr(s string) []byte {
	a := netip.MustParseAddrPort(s)
	return inet6plain.append(nil, a.Addr(), a.Port())
}

func at(a netip.AddrPort) []byte { return sockaddr(a.String()) }

// wait polls until the condition holds.
func (k *sock) wait(events int16) int16 {
	k.p.t.Helper()
	end := time.Now().Add(within)
	for time.Now().Before(end) {
		f := []unix.PollFd{{Fd: int32(k.fd), Events: events}}
		if n, err := unix.Poll(f, 1000); err == nil && n > 0 {
			return f[0].Revents
		}
	}
	require.Fail(k.p.t, "nothing happens", "%s", stacks())
	return 0
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

// received is a frame from the server.
type received struct {
	proto.Frame
	data []byte
	fds  []int
}

// recv waits for a frame; EOF and FrameEnd are Kind 0.
func (k *sock) recv() received {
	k.p.t.Helper()
	k.wait(unix.POLLIN)
	buf, oob := make([]byte, proto.FrameSize+proto.PayloadMax), make([]byte, 64)
	n, oobn, _, _, err := unix.Recvmsg(k.fd, buf, oob, 0)
	require.NoError(k.p.t, err)
	var r received
	if n == 0 {
		return r
	}
	r.data, err = r.Frame.Decode(buf[:n])
	require.NoError(k.p.t, err)
	r.fds = descriptorsIn(oob[:oobn])
	if r.Kind == proto.FrameEnd {
		return received{}
	}
	return r
}

// data is recv of a message.
func (k *sock) data() received {
	k.p.t.Helper()
	r := k.recv()
	require.Equal(k.p.t, proto.FrameData, r.Kind, "%+v", r.Frame)
	return r
}

// write puts a frame into the data connection.
func (k *sock) write(f proto.Frame, data []byte) {
	k.p.t.Helper()
	f.Kind, f.Length = proto.FrameSend, uint32(len(data))
	b := append(proto.AppendFrame(nil, &f), data...)
	for {
		_, err := unix.Write(k.fd, b)
		if err != unix.EAGAIN {
			require.NoError(k.p.t, err)
			return
		}
		k.wait(unix.POLLOUT)
	}
}

// accept takes a connection from the listening queue.
func (k *sock) accept() (*sock, received) {
	k.p.t.Helper()
	r := k.recv()
	require.Equal(k.p.t, proto.FrameAccept, r.Kind)
	require.Len(k.p.t, r.fds, 1)
	var st proto.Status
	require.NoError(k.p.t, st.Decode(r.data))
	require.NotZero(k.p.t, st.State&proto.StateConnected)
	return k.p.hold(st.ID, r.fds[0]), r
}

// connect waits for the connection, on a waiter.
func (k *sock) connect(to []byte) unix.Errno {
	k.p.t.Helper()
	a := k.p.ask(proto.Request{Op: proto.OpConnect, Flags: proto.AskWait, ID: k.id}, to)
	if unix.Errno(a.Error) != unix.EINPROGRESS {
		return unix.Errno(a.Error)
	}
	require.NotZero(k.p.t, a.Flags&proto.WithWaiter)
	require.Len(k.p.t, a.fds, 1)
	return unix.Errno(await(k.p.t, a.fds[0]).Error)
}

// await reads the final reply on a waiter.
func await(t testing.TB, fd int) (r proto.Reply) {
	t.Helper()
	defer unix.Close(fd)
	w := &sock{p: &program{t: t}, fd: fd}
	w.wait(unix.POLLIN)
	b := make([]byte, proto.ReplySize)
	n, err := unix.Read(fd, b)
	require.NoError(t, err)
	_, err = r.Decode(b[:n])
	require.NoError(t, err)
	return r
}

// pair is two connected one-to-one sockets.
func pair(t testing.TB, p *program) (client, server, listener *sock) {
	t.Helper()
	listener = p.socket(unix.AF_INET, unix.SOCK_STREAM)
	a := listener.bound()
	listener.do(proto.OpListen, 5, 0, nil)
	client = p.socket(unix.AF_INET, unix.SOCK_STREAM)
	require.Zero(t, client.connect(at(a)))
	server, _ = listener.accept()
	return client, server, listener
}

// fill writes messages of 10 000 bytes, numbered, until the socket stays full, and tells how many it took. Enough must go
// before, that a server that is slow to begin is not taken for one that is full.
func (k *sock) fill() (sent int) {
	k.p.t.Helper()
	const enough = 50 // more than wait in the data connections of both sockets
	data := make([]byte, 10_000)
	deadline := time.Now().Add(within)
	for full := 0; full < 20 || sent <= enough; {
		binary.LittleEndian.PutUint32(data, uint32(sent))
		f := proto.Frame{Kind: proto.FrameSend, Length: uint32(len(data))}
		if _, err := unix.Write(k.fd, append(proto.AppendFrame(nil, &f), data...)); err == nil {
			sent, full = sent+1, 0
			continue
		} else {
			require.Equal(k.p.t, unix.EAGAIN, err)
		}
		require.True(k.p.t, time.Now().Before(deadline), "it is full after %d messages", sent)
		full++
		unix.Poll(nil, 10)
	}
	return sent
}

func netipPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
