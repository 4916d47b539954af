package sockets

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// call is one request while it is answered.
type call struct {
	client      *client
	ask         proto.Request
	body        []byte // behind the request
	descriptors []int  // that came along

	rep  proto.Reply
	out  []byte // behind the reply
	pass int    // the descriptor that goes along; -1 is none
}

func (k *call) dropDescriptors() {
	for _, fd := range k.descriptors {
		_ = unix.Close(fd)
	}
	k.descriptors = nil
}

var errNoHello = errors.New("a request before hello")

// answer does what the request asks for. An error ends the connection: the client
// does not keep to the protocol.
func (k *call) answer() error {
	k.rep.Op, k.rep.Seq = k.ask.Op, k.ask.Seq
	if k.ask.Op == proto.OpHello {
		return k.answerHello()
	}
	if !k.client.hello {
		return errNoHello
	}
	if k.ask.Op == proto.OpCreate {
		k.fail(k.create())
		return nil
	}
	s := k.client.server.socket(k.ask.ID)
	if s == nil {
		k.fail(unix.ESTALE)
		return nil
	}
	if !k.allowed(s) {
		return nil
	}
	if k.ask.Op == proto.OpConnect {
		k.client.server.reap(true)
	}
	if k.on(s) == unix.EADDRINUSE {
		k.client.server.reap(false)
		_ = k.on(s)
	}
	return nil
}

// on does a request about a socket and puts the answer together; it returns the error
// in it.
func (k *call) on(s *socket) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.rep.Error = 0
	if s.closed {
		k.fail(unix.ESTALE)
		return nil
	}
	s.catchUp()
	a, err := k.perform(s)
	k.fail(err)
	if k.rep.Socket.ID == 0 && !s.closed {
		k.rep.Socket = s.status(a)
	}
	return unix.Errno(k.rep.Error)
}

func (k *call) answerHello() error {
	if k.client.hello {
		return errors.New("hello twice")
	}
	if k.ask.Level != proto.Version {
		k.fail(unix.EPROTO)
		return nil
	}
	k.client.hello = true
	k.rep.Value = proto.Version
	return k.client.conn.SetReadDeadline(never)
}

// fail puts an error's number into the reply; nil is success.
func (k *call) fail(err error) {
	if err != nil {
		k.rep.Error = int32(errnoOf(err))
		if k.rep.Error != int32(unix.EINPROGRESS) {
			k.out = nil
		}
	}
	k.rep.Length = uint32(len(k.out))
}

// allowed tells whether the client may speak for the socket: its user made it, or it
// shows the socket's descriptor.
func (k *call) allowed(s *socket) bool {
	uid := k.client.user.uid
	if uid == 0 || uid == s.user.uid {
		return true
	}
	if k.ask.Flags&proto.AskProof == 0 {
		k.rep.Flags |= proto.NeedProof
	} else if len(k.descriptors) == 1 && s.is(k.descriptors[0]) {
		return true
	}
	k.fail(unix.EACCES)
	return false
}

// is tells whether a descriptor is the program's end of the socket's data connection.
func (s *socket) is(fd int) bool {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	return err == nil && cookie == s.cookie
}

// create is socket(2).
func (k *call) create() error {
	if k.ask.Level != unix.AF_INET && k.ask.Level != unix.AF_INET6 {
		return unix.EAFNOSUPPORT
	}
	style := oneToOne
	switch k.ask.Name {
	case unix.SOCK_STREAM:
	case unix.SOCK_SEQPACKET:
		style = oneToMany
	default:
		return unix.ESOCKTNOSUPPORT
	}
	if k.ask.Size != 0 && k.ask.Size != solSCTP {
		return unix.EPROTONOSUPPORT
	}
	s, fd, err := k.client.server.newSocket(k.client.user, uint16(k.ask.Level), style, nil)
	if err != nil {
		return err
	}
	k.pass = fd
	s.mu.Lock()
	k.rep.Socket = s.status(nil)
	s.mu.Unlock()
	return nil
}

// perform does a request about a socket, which is locked. The association is the
// one that the request was about, nil if that is for the socket to say.
func (k *call) perform(s *socket) (*assoc, error) {
	switch k.ask.Op {
	case proto.OpInfo:
		s.acceptMore() // what has come up before can be accepted after
		return nil, nil
	case proto.OpBind:
		return nil, s.bind(k.body)
	case proto.OpConnect:
		return s.connect(k)
	case proto.OpListen:
		return nil, s.listen(int32(k.ask.Level))
	case proto.OpShutdown:
		return nil, s.shutdown(int32(k.ask.Level))
	case proto.OpSockName:
		return nil, k.name(s.sockName())
	case proto.OpPeerName:
		return nil, k.name(s.peerName())
	case proto.OpGetOpt:
		return nil, s.getOption(k)
	case proto.OpSetOpt:
		return nil, s.setOption(k)
	case proto.OpPeelOff:
		return nil, s.peelOff(k)
	case proto.OpCheck:
		return s.check(k)
	case proto.OpError:
		k.rep.Value, s.err = int32(s.err), 0
		return nil, nil
	case proto.OpLinger:
		return nil, s.linger(k)
	case proto.OpMap:
		return nil, s.mapLane(k)
	}
	return nil, unix.EINVAL
}

func (k *call) name(sockaddr []byte, err error) error {
	k.out = sockaddr
	return err
}
