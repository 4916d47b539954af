package sockets

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// named makes a frame to an address.
func named(to netip.AddrPort) proto.Frame {
	f := proto.Frame{Flags: proto.FlagNamed | proto.FlagSndRcv}
	setAddr(&f, inet, to)
	return f
}

// check is OpCheck of a message of n bytes.
func (k *sock) check(f proto.Frame, n int) answer {
	k.p.t.Helper()
	f.Kind = proto.FrameSend
	return k.p.ask(proto.Request{Op: proto.OpCheck, ID: k.id, Size: uint32(n)}, proto.AppendFrame(nil, &f))
}

func TestOneToMany(t *testing.T) {
	p := newProgram(t, newServer(t))
	a, b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	at := b.bound()
	b.do(proto.OpListen, 1, 0, nil)

	// a -> INIT … COOKIE ACK, DATA -> b
	f := named(at)
	r := a.check(f, 5)
	require.Zero(t, r.Error)
	require.NotZero(t, r.Socket.AssocID)
	f.Flags |= proto.FlagChecked
	a.write(f, []byte("hello"))
	m := b.data()
	require.Equal(t, "hello", string(m.data))
	from, _, err := inet.parse(m.Addr[:m.AddrLength])
	require.NoError(t, err)

	// b answers by address and by identifier
	b.write(named(from), []byte("one"))
	b.write(proto.Frame{AssocID: m.AssocID, Flags: proto.FlagSndInfo}, []byte("two"))
	require.Equal(t, "one", string(a.data().data))
	require.Equal(t, "two", string(a.data().data))
	require.Equal(t, unix.EPIPE, unix.Errno(b.check(proto.Frame{AssocID: 12345}, 1).Error))
	require.Equal(t, unix.EISCONN, unix.Errno(a.connect(inet.append(nil, at.Addr(), at.Port()))))

	// the identifiers
	ids := b.get(optAssocIDList, make([]byte, 64))
	require.Equal(t, []byte{1, 0, 0, 0}, ids[:4])
	require.EqualValues(t, m.AssocID, binary.LittleEndian.Uint32(ids[4:]))

	// SCTP_EOF ends the association, not the socket
	f = proto.Frame{AssocID: m.AssocID, SinfoFlags: sndEOF, Flags: proto.FlagSndRcv}
	require.Zero(t, b.check(f, 0).Error)
	b.write(f, nil)
	require.Eventually(t, func() bool {
		return binary.LittleEndian.Uint32(b.get(optAssocNumber, make([]byte, 4))) == 0 &&
			binary.LittleEndian.Uint32(a.get(optAssocNumber, make([]byte, 4))) == 0
	}, within, 1e6)
	require.Zero(t, a.connect(inet.append(nil, at.Addr(), at.Port())))
}

func TestPeelOff(t *testing.T) {
	s := newServer(t)
	p := newProgram(t, s)
	a, b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	at := b.bound()
	b.do(proto.OpListen, 1, 0, nil)
	require.Zero(t, a.connect(inet.append(nil, at.Addr(), at.Port())))
	a.write(named(at), []byte("first"))
	m := b.data()

	b.fails(unix.EINVAL, proto.OpPeelOff, 99, 0, nil)
	r := b.do(proto.OpPeelOff, uint32(m.AssocID), 0, nil)
	require.NotZero(t, r.Socket.State&proto.StateConnected)
	require.Equal(t, m.AssocID, r.Socket.AssocID)
	c := p.hold(r.Socket.ID, r.fds[0])
	a.write(named(at), []byte("second"))
	require.Equal(t, "second", string(c.data().data))
	c.write(proto.Frame{}, []byte("third"))
	require.Equal(t, "third", string(a.data().data))
	c.fails(unix.EINVAL, proto.OpPeelOff, uint32(m.AssocID), 0, nil)
	c.fails(unix.EISCONN, proto.OpConnect, 0, 0, inet.append(nil, at.Addr(), at.Port()))
	c.fails(unix.EINVAL, proto.OpListen, 1, 0, nil)
	require.Equal(t, unix.EPIPE, unix.Errno(b.check(proto.Frame{AssocID: m.AssocID}, 1).Error))

	// the listening socket's end is not the peeled-off one's
	b.close()
	c.write(proto.Frame{}, []byte("fourth"))
	require.Equal(t, "fourth", string(a.data().data))
	c.close()
	require.Eventually(t, func() bool { return s.Stats().Associations == 0 }, within, 1e6)
}

// TestLargeMessages: longer than a frame, either way, in order with small ones.
func TestLargeMessages(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, _ := pair(t, p)
	big := make([]byte, 200_000)
	for i := range big {
		big[i] = byte(i * 7 >> 3)
	}
	client.write(proto.Frame{}, []byte("before"))
	go func() { // the queue of the data connection is shorter than this
		for rest := big; ; rest = rest[proto.PayloadMax:] {
			f := proto.Frame{Nonce: 7, Flags: proto.FlagMore}
			if len(rest) <= proto.PayloadMax {
				f.Flags = 0
				client.write(f, rest)
				break
			}
			client.write(f, rest[:proto.PayloadMax])
		}
		client.write(proto.Frame{}, []byte("behind"))
	}()
	require.Equal(t, "before", string(server.data().data))
	var got []byte
	for {
		m := server.data()
		got = append(got, m.data...)
		if m.Flags&proto.FlagEOR != 0 {
			break
		}
		if m.Flags&proto.FlagMore != 0 {
			require.Len(t, m.data, proto.PayloadMax)
		}
	}
	require.Equal(t, big, got)
	require.Equal(t, "behind", string(server.data().data))
}

// TestBackPressure: who does not read has the peer's program wait, and nothing is lost.
func TestBackPressure(t *testing.T) {
	s := newServer(t)
	p := newProgram(t, s)
	client, server, _ := pair(t, p)
	sent := client.fill()
	require.Less(t, sent, 10_000)
	for i := range sent {
		m := server.data()
		require.Len(t, m.data, 10_000)
		require.EqualValues(t, i, binary.LittleEndian.Uint32(m.data))
	}
	client.wait(unix.POLLOUT)
	client.write(proto.Frame{}, []byte("on"))
	require.Equal(t, "on", string(server.data().data))
}

// TestUnreadAssociationIsForgotten: one that ends while the program does not read, and
// then closes.
func TestUnreadAssociationIsForgotten(t *testing.T) {
	s := newServer(t)
	p := newProgram(t, s)
	client, server, _ := pair(t, p)
	client.fill()
	client.do(proto.OpSetOpt, unix.SOL_SOCKET, unix.SO_LINGER, encode(linger{OnOff: 1}))
	client.close()
	require.Eventually(t, func() bool { return s.Stats().Associations == 1 }, within, 1e6)
	server.close()
	require.Eventually(t, func() bool { return s.Stats().Associations == 0 }, within, 1e6, "%s", stacks())
}

// TestCloseThenBind: a port that was given up by close is free for the next request.
func TestCloseThenBind(t *testing.T) {
	p := newProgram(t, newServer(t))
	k := p.socket(unix.AF_INET, unix.SOCK_STREAM)
	a := at(k.bound())
	for range 50 {
		k.do(proto.OpListen, 5, 0, nil)
		k.close()
		k = p.socket(unix.AF_INET, unix.SOCK_STREAM)
		k.do(proto.OpBind, 0, 0, a)
	}
	k.do(proto.OpListen, 5, 0, nil)
	k.close()
	require.Equal(t, unix.ECONNREFUSED, p.socket(unix.AF_INET, unix.SOCK_STREAM).connect(a))
}

// TestAllIsReadBeforeTheEnd: what a program wrote before it closed arrives.
func TestAllIsReadBeforeTheEnd(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, _ := pair(t, p)
	const many = 2000
	go func() {
		for range many {
			client.write(proto.Frame{}, []byte("message"))
		}
		client.close()
	}()
	for range many {
		require.Equal(t, "message", string(server.data().data))
	}
	require.Zero(t, server.recv().Kind)
	require.Zero(t, server.do(proto.OpError, 0, 0, nil).Value)
}

// TestEndFoundByReading: a turn of reading may find that the association has ended before the poller
// tells; no message is taken then that nobody would get.
func TestEndFoundByReading(t *testing.T) {
	s := newServer(t)
	client, server, _ := pair(t, newProgram(t, s))
	own, k := s.socket(client.id), s.socket(server.id)
	own.mu.Lock()
	conn := own.single.conn
	own.mu.Unlock()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	k.mu.Lock() // the poller's word waits
	require.NoError(t, conn.Abort("gone"))
	<-k.single.conn.Done()
	k.queue(k.single)
	k.deliver(*buf)
	k.mu.Unlock()
	require.ErrorIs(t, unix.Send(server.fd, []byte("for nobody"), unix.MSG_NOSIGNAL), unix.EPIPE)
	require.Equal(t, uint64(unix.ECONNRESET), uint64(server.do(proto.OpError, 0, 0, nil).Value))
}

// TestCheckErrors are Linux's of sendmsg.
func TestCheckErrors(t *testing.T) {
	p := newProgram(t, newServer(t))
	one, _, listener := pair(t, p)
	many := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	idle := p.socket(unix.AF_INET, unix.SOCK_STREAM)
	nobody := named(netipPort("127.0.0.1:9"))
	for _, c := range []struct {
		name string
		k    *sock
		f    proto.Frame
		n    int
		want unix.Errno
	}{
		{"listening", listener, proto.Frame{}, 1, unix.EPIPE},
		{"not connected", idle, proto.Frame{}, 1, unix.EPIPE},
		{"no association named", many, proto.Frame{}, 1, unix.EPIPE},
		{"nothing", one, proto.Frame{}, 0, unix.EINVAL},
		{"longer than the buffer", one, proto.Frame{}, 212993, unix.EMSGSIZE},
		{"EOF on one-to-one", one, proto.Frame{SinfoFlags: sndEOF}, 0, unix.EINVAL},
		{"EOF with data", many, proto.Frame{SinfoFlags: sndEOF}, 1, unix.EINVAL},
		{"no such stream", one, proto.Frame{Stream: 10, Flags: proto.FlagSndInfo}, 1, unix.EINVAL},
		{"ADDR_OVER without an address", one, proto.Frame{SinfoFlags: sndAddrOver, Flags: proto.FlagSndInfo}, 1, unix.EINVAL},
		{"another peer", one, nobody, 1, unix.EADDRNOTAVAIL},
		{"no such key", one, proto.Frame{Flags: proto.FlagAuthInfo, KeyNumber: 5}, 1, unix.EINVAL},
		{"to the end of nothing", many, proto.Frame{Flags: nobody.Flags, SinfoFlags: sndEOF, AddrLength: 16, Addr: nobody.Addr}, 0, unix.EINVAL},
		{"fine", one, proto.Frame{}, 212992, 0},
	} {
		require.Equal(t, c.want, unix.Errno(c.k.check(c.f, c.n).Error), c.name)
	}
	one.set(optDisableFragments, i32(1))
	require.Zero(t, one.status().Limit)
	require.Equal(t, unix.EMSGSIZE, unix.Errno(one.check(proto.Frame{}, 100_000).Error))
	require.Zero(t, one.check(proto.Frame{}, 1000).Error)
}

// TestBindErrors are Linux's of bind, sctp_bindx and connect.
func TestBindErrors(t *testing.T) {
	p := newProgram(t, newServer(t))
	k, other := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_STREAM)
	k.fails(unix.EINVAL, proto.OpBind, 0, 0, sockaddr("127.0.0.1:5000")[:10])
	k.fails(unix.EINVAL, proto.OpBind, 0, 0, sockaddr("[::1]:5000"))
	k.fails(unix.EADDRNOTAVAIL, proto.OpBind, 0, 0, sockaddr("192.0.2.1:5000"))
	k.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optBindxAdd, append(sockaddr("127.0.0.1:5000"), sockaddr("127.0.0.2:5001")...))
	k.do(proto.OpBind, 0, 0, sockaddr("127.0.0.1:5000"))
	k.fails(unix.EINVAL, proto.OpBind, 0, 0, sockaddr("127.0.0.1:5001"))
	k.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optBindxAdd, sockaddr("127.0.0.2:5001"))
	k.fails(unix.EINVAL, proto.OpSetOpt, solSCTP, optBindxRemove, sockaddr("127.0.0.1:5000")) // the last one
	other.fails(unix.EADDRINUSE, proto.OpBind, 0, 0, sockaddr("127.0.0.1:5000"))
	other.do(proto.OpBind, 0, 0, sockaddr("127.0.0.2:5000"))
	k.fails(unix.EADDRINUSE, proto.OpSetOpt, solSCTP, optBindxAdd, sockaddr("127.0.0.2:0"))
	k.set(optBindxAdd, sockaddr("127.0.0.3:0"))
	k.set(optBindxRemove, sockaddr("127.0.0.1:5000"))
	b := k.get(optGetLocalAddrs, make([]byte, 100))
	require.Equal(t, string(sockaddr("127.0.0.3:5000")), string(b[8:]))
	k.fails(unix.EOPNOTSUPP, proto.OpConnect, 0, 0, make([]byte, 16)) // AF_UNSPEC
	k.fails(unix.ECONNREFUSED, proto.OpConnect, 0, 0, sockaddr("127.0.0.1:0"))
	k.fails(unix.EINVAL, proto.OpConnect, 0, 0, sockaddr("0.0.0.0:9"))
	k.fails(unix.EINVAL, proto.OpConnect, 0, 0, sockaddr("224.0.0.1:9"))
	k.fails(unix.ENOTCONN, proto.OpShutdown, unix.SHUT_WR, 0, nil)
	k.fails(unix.EINVAL, proto.OpShutdown, 3, 0, nil)
	k.fails(unix.ENOTCONN, proto.OpPeerName, 0, 0, nil)
	k.do(proto.OpListen, 0xffffffff, 0, nil) // -1 is a large backlog
	// all ports 0 are one
	zero := p.socket(unix.AF_INET, unix.SOCK_STREAM)
	zero.set(optBindxAdd, append(sockaddr("127.0.0.4:0"), sockaddr("127.0.0.5:0")...))
	all, err := inet.parseAll(zero.get(optGetLocalAddrs, make([]byte, 100))[8:])
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, all[0].Port(), all[1].Port())
	require.NotZero(t, all[0].Port())
}

// TestSendBeginsAnAssociation: who does not mind waits until it is up, or has failed.
func TestSendBeginsAnAssociation(t *testing.T) {
	p := newProgram(t, newServer(t))
	a, b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	at := b.bound()
	check := func() answer {
		f := named(at)
		f.Kind = proto.FrameSend
		r := p.ask(proto.Request{Op: proto.OpCheck, ID: a.id, Size: 5, Flags: proto.AskWait}, proto.AppendFrame(nil, &f))
		require.Zero(t, r.Error)
		return r
	}
	r := check() // nobody listens
	require.NotZero(t, r.Flags&proto.WithWaiter)
	require.Equal(t, unix.ECONNREFUSED, unix.Errno(await(t, r.fds[0]).Error))

	b.do(proto.OpListen, 1, 0, nil)
	r = check()
	require.NotZero(t, r.Flags&proto.WithWaiter)
	up := await(t, r.fds[0])
	require.Zero(t, up.Error)
	require.Equal(t, r.Socket.AssocID, up.Value)
	require.Zero(t, check().Flags&proto.WithWaiter)
}

// TestListenersPads: what the library writes so that poll never shows a listener
// writable is left there until it listens no more.
func TestListenersPads(t *testing.T) {
	k := newProgram(t, newServer(t)).socket(unix.AF_INET, unix.SOCK_STREAM)
	k.bound()
	k.do(proto.OpListen, 5, 0, nil)
	require.NoError(t, unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 1))
	for range proto.PadsMax {
		if _, err := unix.Write(k.fd, []byte{byte(proto.FramePad)}); err != nil {
			break
		}
	}
	k.status()
	f := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(f, 0)
	require.NoError(t, err)
	require.Zero(t, n)
	k.do(proto.OpShutdown, unix.SHUT_RD, 0, nil)
	k.wait(unix.POLLOUT)
}

// TestPeelOffMovesWhatIsUnread: of that association, and in order; not what is in a lane.
func TestPeelOffMovesWhatIsUnread(t *testing.T) {
	for _, lane := range []bool{false, true} {
		s := newServer(t)
		p := newProgram(t, s)
		one, two, many := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
		to := at(many.bound())
		many.do(proto.OpListen, 1, 0, nil)
		require.Zero(t, one.connect(to))
		require.Zero(t, two.connect(to))
		one.write(proto.Frame{}, []byte("first"))
		m := many.data()
		if lane {
			many.lane()
		}
		queued := func() int { // bytes that wait for the program in its data connection
			k := s.socket(many.id)
			k.mu.Lock()
			defer k.mu.Unlock()
			n, err := unix.IoctlGetInt(k.fd, unix.SIOCOUTQ)
			require.NoError(t, err)
			return n
		}
		for i, from := range []*sock{one, two, one, two} {
			was := queued()
			from.write(proto.Frame{}, []byte{byte(i)})
			require.Eventually(t, func() bool { return queued() > was || lane }, within, 1e6)
		}
		r := p.ask(proto.Request{Op: proto.OpPeelOff, Flags: proto.AskProof, ID: many.id, Level: uint32(m.AssocID)}, nil, many.fd)
		require.Zero(t, r.Error)
		child := p.hold(r.Socket.ID, r.fds[0])
		if lane {
			one.write(proto.Frame{}, []byte("after"))
			for string(child.data().data) != "after" { // what had not got into the lane comes before
			}
			continue
		}
		require.Equal(t, []byte{0}, child.data().data)
		require.Equal(t, []byte{2}, child.data().data)
		require.Equal(t, []byte{1}, many.data().data)
		require.Equal(t, []byte{3}, many.data().data)
	}
}
