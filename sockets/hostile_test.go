package sockets

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// holdings is what a process holds that could be left behind.
type holdings struct{ sockets, goroutines int }

func held(t testing.TB) holdings {
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	h := holdings{goroutines: runtime.NumGoroutine()}
	for _, e := range all {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			h.sockets++
		}
	}
	return h
}

// nothingLeft waits until the server holds nothing and this process no more than
// before.
func nothingLeft(t testing.TB, s *Server, before holdings) {
	t.Helper()
	end := time.Now().Add(within)
	for {
		now, st := held(t), s.Stats()
		s.mu.Lock()
		users := len(s.users)
		s.mu.Unlock()
		if now.sockets <= before.sockets && now.goroutines <= before.goroutines &&
			st.Clients == 0 && st.Sockets == 0 && st.Associations == 0 && users == 0 {
			return
		}
		require.True(t, time.Now().Before(end), "%+v, before it was %+v, %+v, %d users\n%s", now, before, st, users, stacks())
		time.Sleep(time.Millisecond)
	}
}

// bystander is a pair of connected sockets that must go on working.
type bystander struct{ a, b *sock }

func newBystander(t testing.TB, s *Server) bystander {
	a, b, l := pair(t, newProgram(t, s))
	l.close()
	return bystander{a, b}
}

func (y bystander) isWell(t testing.TB) {
	t.Helper()
	y.a.write(proto.Frame{}, []byte("well?"))
	require.Equal(t, "well?", string(y.b.data().data))
}

func (y bystander) leave() {
	y.a.close()
	y.b.close()
	y.a.p.conn.Close()
}

// TestKilledClientsLeaveNothing: clients that vanish at every step of their life.
func TestKilledClientsLeaveNothing(t *testing.T) {
	s := newServer(t)
	before := held(t)
	y := newBystander(t, s)
	steps := []func(p *program){
		func(p *program) {},
		func(p *program) { p.socket(unix.AF_INET, unix.SOCK_STREAM) },
		func(p *program) { p.socket(unix.AF_INET, unix.SOCK_STREAM).bound() },
		func(p *program) { // listening
			k := p.socket(unix.AF_INET, unix.SOCK_STREAM)
			k.bound()
			k.do(proto.OpListen, 5, 0, nil)
		},
		func(p *program) { // connecting to nobody
			k := p.socket(unix.AF_INET, unix.SOCK_STREAM)
			k.do(proto.OpBind, 0, 0, sockaddr("127.0.0.1:0"))
			k.fails(unix.EINPROGRESS, proto.OpConnect, 0, 0, sockaddr("127.0.0.9:9"))
			k.write(proto.Frame{}, []byte("too early"))
		},
		func(p *program) { pair(t, p) },
		func(p *program) { // unaccepted, more than the queue holds
			l := p.socket(unix.AF_INET, unix.SOCK_STREAM)
			to := at(l.bound())
			l.do(proto.OpListen, 50, 0, nil)
			for range 20 {
				require.Zero(t, p.socket(unix.AF_INET, unix.SOCK_STREAM).connect(to))
			}
		},
		func(p *program) { // data nobody reads, either way
			a, b, _ := pair(t, p)
			for range 300 {
				f := proto.Frame{Kind: proto.FrameSend, Length: 10_000}
				b1 := append(proto.AppendFrame(nil, &f), make([]byte, 10_000)...)
				_, _ = unix.Write(a.fd, b1)
				_, _ = unix.Write(b.fd, b1)
			}
		},
		func(p *program) { // a message of which the rest never comes
			a, _, _ := pair(t, p)
			a.write(proto.Frame{Nonce: 1, Flags: proto.FlagMore}, make([]byte, proto.PayloadMax))
		},
		func(p *program) { // the peer has shut down
			a, b, _ := pair(t, p)
			a.close()
			require.Zero(t, b.recv().Kind)
		},
		func(p *program) { // both have, and something is unread
			a, b, _ := pair(t, p)
			a.write(proto.Frame{}, []byte("unread"))
			b.do(proto.OpShutdown, unix.SHUT_WR, 0, nil)
			a.try(proto.OpShutdown, unix.SHUT_WR, 0, nil)
		},
		func(p *program) { // one-to-many, with waiters
			b := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
			to := b.bound()
			b.do(proto.OpListen, 1, 0, nil)
			a := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
			require.Zero(t, a.connect(inet.append(nil, to.Addr(), to.Port())))
			r := p.ask(proto.Request{Op: proto.OpConnect, Flags: proto.AskWait, ID: a.id}, sockaddr("127.0.0.9:9"))
			require.Equal(t, unix.EINPROGRESS, unix.Errno(r.Error))
			unix.Close(r.fds[0])
			r = p.ask(proto.Request{Op: proto.OpLinger, ID: a.id}, nil)
			require.Equal(t, unix.EINPROGRESS, unix.Errno(r.Error))
			unix.Close(r.fds[0])
		},
		func(p *program) { // a request without its reply
			_, _ = p.conn.Write(proto.AppendRequest(nil, &proto.Request{Op: proto.OpCreate, Level: unix.AF_INET, Name: unix.SOCK_STREAM}))
		},
	}
	for i, step := range steps {
		t.Run(string(rune('a'+i)), func(t *testing.T) { // whose cleanup closes all
			p := newProgram(t, s)
			p.t = t
			step(p)
		})
		y.isWell(t)
	}
	y.leave()
	nothingLeft(t, s, before)
}

// TestNoise: a control connection and data connections full of random bytes, and of
// well-formed requests with random contents, and descriptors where none belong.
func TestNoise(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	s := newServer(t)
	before := held(t)
	y := newBystander(t, s)
	random := func(most int) []byte {
		b := make([]byte, r.IntN(most))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	rounds := 50
	if testing.Short() {
		rounds = 8
	}
	for range rounds { // noise ends a control connection
		p := rawProgram(t, s)
		_, _, _ = p.conn.WriteMsgUnix(append(random(100), 1), unix.UnixRights(0, 1, 2), nil)
		p.conn.Close()
	}
	for range rounds { // requests that are none
		p := newProgram(t, s)
		var socks []*sock
		for range 2 {
			socks = append(socks, p.socket([]uint32{unix.AF_INET, unix.AF_INET6}[r.IntN(2)], []uint32{unix.SOCK_STREAM, unix.SOCK_SEQPACKET}[r.IntN(2)]))
		}
		for range 100 {
			k := socks[r.IntN(len(socks))]
			q := proto.Request{Op: proto.Op(r.IntN(17)), Flags: proto.RequestFlags(r.IntN(16)), ID: k.id, Level: []uint32{132, 1, 0, 41, r.Uint32()}[r.IntN(5)], Name: uint32(r.IntN(135)), Size: uint32(r.IntN(300))}
			if q.Op == proto.OpHello {
				continue
			}
			var fds []int
			if r.IntN(10) == 0 {
				fds = []int{k.fd}
			}
			a, err := p.tryAsk(q, random(300), fds...)
			require.NoError(t, err, "%+v\n%s", q, stacks())
			for _, fd := range a.fds {
				unix.Close(fd)
			}
		}
		for _, k := range socks {
			k.close()
		}
		p.conn.Close()
	}
	for range rounds { // frames that are none
		p := newProgram(t, s)
		k := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
		f := proto.Frame{Kind: proto.FrameKind(r.IntN(7)), Flags: proto.FrameFlags(r.Uint32()), Nonce: r.Uint64(), AssocID: int32(r.IntN(5)),
			SinfoFlags: uint16(r.Uint32()), AddrLength: uint16([]int{0, 16, 28, 7}[r.IntN(4)])}
		copy(f.Addr[:], random(28))
		payload := random(2000)
		f.Length = uint32(len(payload))
		if r.IntN(4) == 0 {
			f.Length = r.Uint32()
		}
		b := append(proto.AppendFrame(nil, &f), payload...)
		_, _ = unix.Write(k.fd, b)
		_ = unix.Sendmsg(k.fd, b, unix.UnixRights(0, 1, 2), nil, 0)
		_, _ = unix.Write(k.fd, random(200))
		_, _ = unix.Write(k.fd, nil)
		k.close()
		p.conn.Close()
	}
	y.isWell(t)
	y.leave()
	nothingLeft(t, s, before)
	require.NotZero(t, s.Stats().Broken)
}

// TestBrokenFrameEndsTheSocket: what breaks the protocol ends that socket alone.
func TestBrokenFrameEndsTheSocket(t *testing.T) {
	s := newServer(t)
	a, b, _ := pair(t, newProgram(t, s))
	f := proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameSend, Length: 5})
	_, err := unix.Write(a.fd, f)
	require.NoError(t, err)
	a.wait(unix.POLLIN)
	a.fails(unix.ESTALE, proto.OpInfo, 0, 0, nil)
	require.Zero(t, b.recv().Kind)
	require.EqualValues(t, unix.ECONNRESET, b.do(proto.OpError, 0, 0, nil).Value)
	require.Zero(t, b.do(proto.OpError, 0, 0, nil).Value)
}

// TestJoinsAreBounded: messages in parts that never end are not kept for ever.
func TestJoinsAreBounded(t *testing.T) {
	for name, nonces := range map[string]uint64{"one long": 1, "many": 1000} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			a, _, _ := pair(t, newProgram(t, s))
			part := append(proto.AppendFrame(nil, &proto.Frame{}), make([]byte, proto.PayloadMax)...)
			ended := false
			for i := 0; i < 200 && !ended; i++ {
				f := proto.Frame{Kind: proto.FrameSend, Flags: proto.FlagMore, Nonce: uint64(i) % nonces, Length: proto.PayloadMax}
				proto.AppendFrame(part[:0], &f)
				_, err := unix.Write(a.fd, part)
				if err == unix.EAGAIN {
					a.wait(unix.POLLOUT)
					continue
				}
				ended = err != nil
			}
			require.True(t, ended)
		})
	}
}

// TestLimits: each refuses, and lets others have what is theirs.
func TestLimits(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Limits = Limits{Clients: 2, Sockets: 4, Associations: 2} })
	p := newProgram(t, s)
	q := newProgram(t, s)
	third := rawProgram(t, s)
	_, err := third.tryAsk(proto.Request{Op: proto.OpHello, Level: proto.Version}, nil)
	require.Error(t, err)
	q.conn.Close()

	client, server, _ := pair(t, p) // 3 sockets, 2 associations
	client.write(proto.Frame{}, []byte("x"))
	server.data()
	k := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	require.Equal(t, unix.ENFILE, unix.Errno(p.ask(proto.Request{Op: proto.OpCreate, Level: unix.AF_INET, Name: unix.SOCK_STREAM}, nil).Error))
	k.fails(unix.ENOBUFS, proto.OpConnect, 0, 0, sockaddr("127.0.0.1:7"))
	client.close()
	require.Eventually(t, func() bool { return s.Stats().Associations == 0 }, within, time.Millisecond)
	k.fails(unix.EINPROGRESS, proto.OpConnect, 0, 0, sockaddr("127.0.0.9:7"))
}

// TestServerClose: the programs' sockets end, and so do the associations.
func TestServerClose(t *testing.T) {
	before := held(t)
	d, err := dataplane.New(dataplane.Config{Loopback: true})
	require.NoError(t, err)
	s, err := Listen(d, Config{Path: t.TempDir() + "/sock"})
	require.NoError(t, err)
	p := newProgram(t, s)
	a, b, l := pair(t, p)
	require.NoError(t, s.Close())
	require.Error(t, s.Close())
	for _, k := range []*sock{a, b, l} {
		require.Zero(t, k.recv().Kind)
		k.close()
	}
	_, err = p.tryAsk(proto.Request{Op: proto.OpInfo}, nil)
	require.Error(t, err)
	p.conn.Close()
	require.Eventually(t, func() bool { return len(d.Conns()) == 0 }, within, time.Millisecond)
	require.NoError(t, d.Close())
	nothingLeft(t, s, before)
}

// TestSocketFile: the mode, and what a dead server leaves behind.
func TestSocketFile(t *testing.T) {
	path := t.TempDir() + "/sock"
	d, err := dataplane.New(dataplane.Config{Loopback: true})
	require.NoError(t, err)
	defer d.Close()
	s, err := Listen(d, Config{Path: path, Mode: 0o660})
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o660, st.Mode())
	_, err = Listen(d, Config{Path: path})
	require.ErrorIs(t, err, unix.EADDRINUSE)
	require.NoError(t, s.Close())
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist)

	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0) // bound, and dead
	require.NoError(t, err)
	require.NoError(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	require.NoError(t, unix.Close(fd))
	s, err = Listen(d, Config{Path: path})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	require.NoError(t, os.WriteFile(path, nil, 0o600)) // not a socket: stays
	_, err = Listen(d, Config{Path: path})
	require.ErrorIs(t, err, unix.EADDRINUSE)
}

// TestProof: another user may speak for a socket whose descriptor it holds.
func TestProof(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Mode = 0o666 })
	p := newProgram(t, s)
	k, other := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_STREAM)
	s.mu.Lock()
	for c := range s.clients { // as if it were somebody else
		c.user = &user{uid: 12345, clients: 1}
	}
	s.mu.Unlock()
	r := k.try(proto.OpInfo, 0, 0, nil)
	require.Equal(t, unix.EACCES, unix.Errno(r.Error))
	require.NotZero(t, r.Flags&proto.NeedProof)
	require.Zero(t, r.Socket)
	r = p.ask(proto.Request{Op: proto.OpInfo, Flags: proto.AskProof, ID: k.id}, nil, other.fd)
	require.Equal(t, unix.EACCES, unix.Errno(r.Error))
	r = p.ask(proto.Request{Op: proto.OpInfo, Flags: proto.AskProof, ID: k.id}, nil, k.fd)
	require.Zero(t, r.Error)
	require.Equal(t, k.id, r.Socket.ID)
}

// TestManySockets: hundreds of them, connected, cost no goroutine each.
func TestManySockets(t *testing.T) {
	s := newServer(t)
	p := newProgram(t, s)
	listener := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	to := listener.bound()
	listener.do(proto.OpListen, 1, 0, nil)
	before := runtime.NumGoroutine()
	many := 500
	if testing.Short() {
		many = 50
	}
	var all []*sock
	for range many {
		k := p.socket(unix.AF_INET, unix.SOCK_STREAM)
		require.Zero(t, k.connect(at(to)))
		all = append(all, k)
	}
	for end := time.Now().Add(within); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "%s", stacks())
	}
	for i, k := range all {
		k.write(proto.Frame{PPID: uint32(i), Flags: proto.FlagSndInfo}, []byte("to many"))
	}
	seen := map[uint32]int32{}
	for range all {
		m := listener.data()
		seen[m.PPID] = m.AssocID
		listener.write(proto.Frame{AssocID: m.AssocID, PPID: m.PPID, Flags: proto.FlagSndInfo}, []byte("back"))
	}
	require.Len(t, seen, many)
	for i, k := range all {
		require.EqualValues(t, i, k.data().PPID)
	}
	listener.close()
	for _, k := range all {
		require.Zero(t, k.recv().Kind)
	}
	require.Eventually(t, func() bool { return s.Stats().Associations == 0 }, within, time.Millisecond)
}

// TestChange: who may connect changes with the file, limits count at once, and what cannot be
// leaves all as it was.
func TestChange(t *testing.T) {
	s := newServer(t)
	p := newProgram(t, s)
	p.socket(unix.AF_INET, unix.SOCK_STREAM)
	path := s.cfg.Load().Path
	mode := func() os.FileMode {
		st, err := os.Stat(path)
		require.NoError(t, err)
		return st.Mode().Perm()
	}
	cfg := *s.cfg.Load()
	cfg.Mode, cfg.Limits.Sockets = 0o640, 1
	require.NoError(t, s.Change(cfg))
	require.EqualValues(t, 0o640, mode())
	require.Equal(t, unix.ENFILE, unix.Errno(p.ask(proto.Request{Op: proto.OpCreate, Level: unix.AF_INET, Name: unix.SOCK_STREAM}, nil).Error))

	moved := cfg
	moved.Path += "2"
	require.ErrorIs(t, s.Change(moved), unix.EINVAL)
	none := -7
	moved = cfg
	moved.Mode, moved.Owner = 0o666, &none
	require.NoError(t, os.Remove(path))
	require.ErrorIs(t, s.Change(moved), os.ErrNotExist)
	require.EqualValues(t, 0o640, s.cfg.Load().Mode)
}
