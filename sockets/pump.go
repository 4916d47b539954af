package sockets

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// pump is one goroutine that moves the messages of many sockets: it waits for
// their data connections with epoll and for their associations with a
// dataplane.Poller that writes to an eventfd in the same epoll.
type pump struct {
	server *Server
	epoll  int
	event  int // eventfd: the poller has something, or more has
	poller *dataplane.Poller
	buf    []byte // a frame; the pump's goroutine's

	mu      sync.Mutex
	more    []*socket // that used up their turn
	spare   []*socket // of which more is made next
	stopped bool
}

// How much one socket may move before others have their turn, in frames.
const turn = 64

func newPump(s *Server) (*pump, error) {
	p := &pump{server: s, buf: newBuffer()}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if p.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(p.epoll)
		return nil, err
	}
	p.poller = dataplane.NewPoller(p.wake)
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.event, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *pump) close() {
	p.poller.Close()
	_ = unix.Close(p.event)
	_ = unix.Close(p.epoll)
}

var one = binary.NativeEndian.AppendUint64(nil, 1)

// wake ends the pump's wait. Any goroutine may call it, a worker's too.
func (p *pump) wake() { _, _ = unix.Write(p.event, one) } // full is as good as written

// stop has run return, or close at once what never ran.
func (p *pump) stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.wake()
}

// again has the socket's turn come once more.
func (p *pump) again(s *socket) {
	if s.again {
		return
	}
	s.again = true
	p.mu.Lock()
	p.more = append(p.more, s)
	first := len(p.more) == 1
	p.mu.Unlock()
	if first {
		p.wake()
	}
}

// takeMore gives the list away; what it gave the last time is used again.
func (p *pump) takeMore() (more []*socket, stopped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.spare[:cap(p.spare)])
	more, p.more = p.more, p.spare[:0]
	p.spare = more
	return more, p.stopped
}

func (p *pump) run() {
	defer p.close()
	events := make([]unix.EpollEvent, 64)
	ready := make([]dataplane.Ready, 64)
	for {
		more, stopped := p.takeMore()
		if stopped {
			return
		}
		for _, s := range more {
			s.takeTurn(p.buf)
		}
		for n := p.poller.Poll(ready); n > 0; n = p.poller.Poll(ready) {
			for i := range ready[:n] {
				p.attend(&ready[i])
			}
			clear(ready[:n])
		}
		n, err := unix.EpollWait(p.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			p.server.cfg.Load().Logger.Error("sockets: epoll", "error", err)
			time.Sleep(time.Second)
		}
		for i := range max(n, 0) {
			p.dispatch(&events[i])
		}
	}
}

// dispatch deals with what epoll said of one descriptor.
func (p *pump) dispatch(e *unix.EpollEvent) {
	id := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
	if id == 0 {
		var b [8]byte
		_, _ = unix.Read(p.event, b[:])
		return
	}
	if s := p.server.socket(id); s != nil {
		s.onEpoll(e.Events, p.buf)
	}
}

// attend deals with a connection or listener that is ready.
func (p *pump) attend(r *dataplane.Ready) {
	if r.Listener != nil {
		s := r.Token.(*socket)
		s.mu.Lock()
		s.acceptMore()
		s.mu.Unlock()
		return
	}
	a := r.Token.(*assoc)
	s := a.lock()
	s.onReady(a, r.Bits, p.buf)
	s.mu.Unlock()
}

// watch has the pump told of a socket's data connection: of every change to
// readable, or to writable if the socket waits for that.
func (p *pump) watch(s *socket, op int, writable bool) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(uint32(s.id)), Pad: int32(uint32(s.id >> 32))}
	if writable {
		e.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(p.epoll, op, s.fd, &e)
}

// buffers are for those who are no pump: a frame or a control message each.
var buffers = sync.Pool{New: func() any { b := newBuffer(); return &b }}

// newBuffer has room for a whole frame or control message and a byte more, which tells of a longer one.
func newBuffer() []byte { return make([]byte, proto.FrameSize+proto.PayloadMax+1) }
