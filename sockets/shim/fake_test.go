package shim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// Ports of the fake world, beside those that a socket listens on.
const (
	portSlow    = 7001 // connects stay in progress until commandDecide
	portRefused = 7002 // refuses at once
	portLate    = 7003 // in progress, refuses on commandDecide
)

// Options of level commandLevel make the fake do things.
const (
	commandLevel  = 9999
	commandDecide = 1 // decide connects in progress
	commandDie    = 2 // close everything without an answer
	commandBurst  = 3 // int32 n: n messages of 10 bytes to this socket, each announcing the next
	commandNotify = 4 // a notification of 20 bytes to this socket
	commandReset  = 5 // the association of this socket ends with ECONNRESET
	commandFrames = 6 // get: frames that came on this socket, then CHECKs of it
	commandEcho   = 7 // get, set: bytes kept
	commandShow   = 8 // get: NeedProof was answered
)

// fake is a server for tests: associations are pairs of its own proto.
type fake struct {
	t        *testing.T
	path     string
	listener int

	mu       sync.Mutex
	next     uint64
	port     uint16
	sockets  map[uint64]*endpoint
	byPort   map[uint16]*endpoint
	controls map[int]bool
	dead     bool
	proofs   int
	prove    bool // every request
	done     sync.WaitGroup
}

// endpoint is one SCTP socket: the server's end of a data connection.
type endpoint struct {
	f       *fake
	id      uint64
	fd      int
	cookie  uint64
	domain  int
	typ     int
	port    uint16
	state   proto.State
	err     unix.Errno
	linger  uint32
	peer    *endpoint           // one-to-one
	peers   map[int32]*endpoint // one-to-many: by association
	inPeer  int32               // the association's number at the peer
	target  uint16              // of a connect in progress
	waiter  int
	frames  uint32
	checks  uint32
	kept    []byte
	lingers []int
	events  int // epoll, to wait for the data connection
}

// startFake serves until the test ends; prove: every request needs the descriptor.
func startFake(t *testing.T, prove bool) *fake {
	path := filepath.Join(t.TempDir(), "server")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	require.NoError(t, unix.Listen(fd, 64))
	f := &fake{t: t, path: path, listener: fd, next: 0xfee1_0000_0000_0000 + uint64(os.Getpid())<<16, port: 40000,
		sockets: map[uint64]*endpoint{}, byPort: map[uint16]*endpoint{}, controls: map[int]bool{}, prove: prove}
	f.done.Add(1)
	go f.accept()
	t.Cleanup(func() {
		f.mu.Lock()
		f.die()
		f.mu.Unlock()
		f.done.Wait()
	})
	return f
}

func (f *fake) accept() {
	defer f.done.Done()
	defer unix.Close(f.listener)
	for {
		fd, _, err := unix.Accept4(f.listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		f.mu.Lock()
		if f.dead {
			f.mu.Unlock()
			unix.Close(fd)
			return
		}
		f.controls[fd] = true
		f.mu.Unlock()
		f.done.Add(1)
		go f.serve(fd)
	}
}

// die ends the server as a crash would.
func (f *fake) die() {
	if f.dead {
		return
	}
	f.dead = true
	os.Remove(f.path)
	unix.Shutdown(f.listener, unix.SHUT_RDWR)
	for _, e := range f.sockets {
		e.close()
	}
	for fd := range f.controls {
		unix.Shutdown(fd, unix.SHUT_RDWR)
	}
}

func (f *fake) serve(fd int) {
	defer f.done.Done()
	b := make([]byte, proto.RequestSize+proto.ControlMax)
	oob := make([]byte, 64)
	for {
		n, oobn, _, _, err := unix.Recvmsg(fd, b, oob, unix.MSG_CMSG_CLOEXEC)
		if n <= 0 || err != nil {
			break
		}
		var q proto.Request
		payload, err := q.Decode(b[:n])
		if err != nil {
			f.t.Errorf("request: %v", err)
			break
		}
		f.mu.Lock()
		f.answer(fd, &q, payload, oob[:oobn])
		f.mu.Unlock()
	}
	f.mu.Lock()
	delete(f.controls, fd)
	f.mu.Unlock()
	unix.Close(fd)
}

// received gives the descriptor of ancillary data, or -1.
func received(oob []byte) int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}

func (f *fake) answer(fd int, q *proto.Request, payload, oob []byte) {
	r := proto.Reply{Op: q.Op, Seq: q.Seq}
	var out []byte
	pass := -1
	e := f.sockets[q.ID]
	proof := received(oob)
	switch {
	case q.Op == proto.OpHello:
		r.Value = proto.Version
	case q.Op == proto.OpCreate:
		var made *endpoint
		made, pass = f.create(int(q.Level), int(q.Name))
		r.Socket = made.status()
	case e == nil:
		r.Error = int32(unix.ESTALE)
	case f.prove && q.Flags&proto.AskProof == 0:
		f.proofs++
		r.Error, r.Flags = int32(unix.EACCES), proto.NeedProof
	default:
		e.drain()
		if f.prove && (proof < 0 || cookie(proof) != e.cookie) {
			f.t.Errorf("wrong proof")
		}
		out, pass = e.answer(q, payload, &r)
		if f.dead {
			return
		}
		if r.Socket.ID == 0 {
			r.Socket = e.status()
		}
	}
	if proof >= 0 {
		unix.Close(proof)
	}
	r.Length = uint32(len(out))
	sendWith(fd, append(proto.AppendReply(nil, &r), out...), pass)
}

// sendWith writes one message, with a descriptor unless that is -1, and closes
// the descriptor.
func sendWith(to int, message []byte, fd int) error {
	var oob []byte
	if fd >= 0 {
		oob = unix.UnixRights(fd)
		defer unix.Close(fd)
	}
	return unix.Sendmsg(to, message, oob, nil, unix.MSG_NOSIGNAL)
}

func cookie(fd int) uint64 {
	c, _ := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	return c
}

// create makes a socket and gives the program's end.
func (f *fake) create(domain, typ int) (*endpoint, int) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	f.next++
	e := &endpoint{f: f, id: f.next, fd: pair[0], cookie: cookie(pair[1]), domain: domain, typ: typ, waiter: -1, peers: map[int32]*endpoint{}}
	name := fmt.Sprintf("@%s%016x", proto.NamePrefix, e.id)
	if err := unix.Bind(pair[1], &unix.SockaddrUnix{Name: name}); err != nil {
		panic(err)
	}
	for _, fd := range pair {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 1<<20)
	}
	unix.SetNonblock(pair[0], true)
	f.sockets[e.id] = e
	e.watch()
	return e, pair[1]
}

// watch reads the data connection whenever there is something.
func (e *endpoint) watch() {
	events, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		panic(err)
	}
	e.events = events
	if err := unix.EpollCtl(events, unix.EPOLL_CTL_ADD, e.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET}); err != nil {
		panic(err)
	}
	e.f.done.Add(1)
	go func() {
		defer e.f.done.Done()
		defer unix.Close(events)
		for {
			var ev [1]unix.EpollEvent
			if _, err := unix.EpollWait(events, ev[:], 100); err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
			e.f.mu.Lock()
			e.drain()
			gone := e.fd < 0
			e.f.mu.Unlock()
			if gone {
				return
			}
		}
	}()
}

func (e *endpoint) status() proto.Status {
	s := proto.Status{ID: e.id, Domain: uint16(e.domain), Type: uint16(e.typ), State: e.state, OutStreams: 10, Limit: 1 << 20, Linger: e.linger}
	if e.typ == unix.SOCK_SEQPACKET {
		s.State |= proto.StateAssociated
	}
	if e.peer != nil {
		s.AssocID = 1
	}
	return s
}

// padded tells whether what the program wrote is left there.
func (e *endpoint) padded() bool {
	return e.state&proto.StateConnecting != 0 || e.state&proto.StateListening != 0 && e.typ == unix.SOCK_STREAM && !hungUp(e.fd)
}

// drain reads what the program wrote.
func (e *endpoint) drain() {
	b := make([]byte, proto.FrameSize+proto.PayloadMax)
	for e.fd >= 0 && !e.padded() {
		n, err := unix.Read(e.fd, b)
		if errors.Is(err, unix.EAGAIN) || n == 0 && e.state&proto.StateEnded != 0 && !hungUp(e.fd) {
			return
		}
		if n <= 0 {
			e.close()
			return
		}
		var h proto.Frame
		payload, err := h.Decode(b[:n])
		if err != nil {
			e.f.t.Errorf("frame: %v", err)
			return
		}
		if h.Kind == proto.FrameSend {
			e.frames++
			e.relay(&h, payload)
		}
	}
}

// hungUp tells whether the program has closed its end.
func hungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	_, err := unix.Poll(p, 0)
	return err == nil && p[0].Revents&unix.POLLHUP != 0
}

// relay makes what one socket sends what the other receives.
func (e *endpoint) relay(h *proto.Frame, payload []byte) {
	to, assoc := e.peer, int32(1)
	if e.typ == unix.SOCK_SEQPACKET {
		if h.Flags&proto.FlagNamed != 0 {
			to, h.AssocID = e.toward(h), e.association(h)
		} else {
			to = e.peers[h.AssocID]
		}
		if to != nil {
			assoc = e.inPeer
		}
	}
	if to == nil {
		return
	}
	d := proto.Frame{Kind: proto.FrameData, Length: h.Length, AssocID: assoc, Stream: h.Stream, SinfoFlags: h.SinfoFlags & 1,
		OutStreams: 10, PPID: h.PPID, Context: h.Context, TSN: e.frames, Flags: h.Flags & proto.FlagMore}
	if d.Flags == 0 {
		d.Flags = proto.FlagEOR
	}
	if to.state&proto.StateSndRcv != 0 {
		d.Flags |= proto.FlagSndRcv
	}
	d.AddrLength = uint16(copy(d.Addr[:], e.sockaddr()))
	to.deliver(&d, payload)
}

// deliver writes to a program, waiting for room.
func (e *endpoint) deliver(h *proto.Frame, payload []byte) {
	message := append(proto.AppendFrame(nil, h), payload...)
	for e.fd >= 0 {
		err := unix.Sendto(e.fd, message, unix.MSG_NOSIGNAL, nil)
		if !errors.Is(err, unix.EAGAIN) {
			return
		}
		p := []unix.PollFd{{Fd: int32(e.fd), Events: unix.POLLOUT}}
		e.f.mu.Unlock()
		unix.Poll(p, 10)
		e.f.mu.Lock()
	}
}

// close ends the socket, for its program or for the server.
func (e *endpoint) close() {
	if e.fd < 0 {
		return
	}
	unix.Close(e.fd)
	e.fd = -1
	delete(e.f.sockets, e.id)
	if e.f.byPort[e.port] == e {
		delete(e.f.byPort, e.port)
	}
	if p := e.peer; p != nil && p.fd >= 0 && !e.f.dead {
		p.end(0)
	}
	for _, fd := range e.lingers {
		r := proto.Reply{Op: proto.OpLinger}
		sendWith(fd, proto.AppendReply(nil, &r), -1)
		unix.Close(fd)
	}
	if e.waiter >= 0 {
		unix.Close(e.waiter)
		e.waiter = -1
	}
}

// end is the end of the association: no more data in either direction.
func (e *endpoint) end(err unix.Errno) {
	e.err = err
	e.state = e.state&^proto.StateConnected | proto.StateEnded
	e.deliver(&proto.Frame{Kind: proto.FrameEnd}, nil)
	unix.Shutdown(e.fd, unix.SHUT_RD)
}

func (e *endpoint) sockaddr() []byte {
	if e.domain == unix.AF_INET6 {
		b := make([]byte, 28)
		binary.LittleEndian.PutUint16(b, unix.AF_INET6)
		binary.BigEndian.PutUint16(b[2:], e.port)
		copy(b[8:], net.IPv6loopback)
		return b
	}
	b := make([]byte, 16)
	binary.LittleEndian.PutUint16(b, unix.AF_INET)
	binary.BigEndian.PutUint16(b[2:], e.port)
	copy(b[4:], []byte{127, 0, 0, 1})
	return b
}

func (e *endpoint) toward(h *proto.Frame) *endpoint {
	return e.f.byPort[binary.BigEndian.Uint16(h.Addr[2:])]
}

// association finds or begins the association with a frame's address: fakes
// number them by the port of the other side.
func (e *endpoint) association(h *proto.Frame) int32 {
	to := e.toward(h)
	if to == nil {
		return 0
	}
	e.autobind()
	e.peers[int32(to.port)], to.peers[int32(e.port)] = to, e
	e.inPeer = int32(e.port)
	return int32(to.port)
}

func (e *endpoint) autobind() {
	if e.port == 0 {
		e.f.port++
		e.port = e.f.port
		e.f.byPort[e.port] = e
	}
}
