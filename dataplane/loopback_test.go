package dataplane

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// alone is a dataplane with nothing but a loopback, stepped by hand on a virtual clock.
type alone struct {
	t   testing.TB
	d   *Dataplane
	now int64
}

func newAlone(t testing.TB, workers int, tune func(*Config)) *alone {
	s := &alone{t: t, now: 1}
	c := Config{Loopback: true, Manual: true, Clock: func() int64 { return s.now }, Seed: &[32]byte{3}}
	for range workers {
		c.CPUs = append(c.CPUs, -1)
	}
	if tune != nil {
		tune(&c)
	}
	d, err := New(c)
	require.NoError(t, err)
	s.d = d
	t.Cleanup(func() {
		require.NoError(t, d.Close())
		x := d.loopback.nic.XStats()
		require.Equal(t, x[0].Value, x[1].Value, "packets lost from the pool")
	})
	return s
}

// until steps until the condition holds or virtual seconds have passed.
func (s *alone) until(seconds int64, what string, ok func() bool) {
	s.t.Helper()
	for end := s.now + seconds*1e9; !ok(); {
		require.Less(s.t, s.now, end, "%s: not within %d virtual seconds", what, seconds)
		s.now = max(s.now, int64(min(s.d.Step(), sctpcore.Time(end))))
	}
}

func (s *alone) bind(port uint16, ips ...string) *Binding {
	s.t.Helper()
	b, err := s.d.Bind(&Addr{IPs: addrs(ips...), Port: port}, nil)
	require.NoError(s.t, err)
	return b
}

func (s *alone) listen(b *Binding) *Listener {
	s.t.Helper()
	l, err := b.Listen(nil, 0)
	require.NoError(s.t, err)
	return l
}

// join begins an association and accepts it.
func (s *alone) join(from *Binding, ln *Listener, at string) (client, server *Conn) {
	s.t.Helper()
	client, err := from.Begin(&Addr{IPs: addrs(at), Port: ln.b.port}, nil)
	require.NoError(s.t, err)
	s.until(10, "accept", func() bool { server = ln.TryAccept(); return server != nil })
	s.until(10, "up", func() bool { return isClosed(client.Up()) })
	require.NoError(s.t, client.Err())
	return client, server
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (s *alone) says(from, to *Conn, text string) {
	s.t.Helper()
	n, err := from.TrySendBatch([]Message{{Data: []byte(text)}})
	require.NoError(s.t, err)
	require.Equal(s.t, 1, n)
	in := []Message{{Data: make([]byte, 100)}}
	s.until(10, text, func() bool {
		n, err := to.TryRecvBatch(in)
		require.NoError(s.t, err)
		return n == 1
	})
	require.Equal(s.t, text, string(in[0].Data[:in[0].N]))
}

// Two bindings of one dataplane, of the same port, each listening and beginning.
func TestLoopbackBetweenBindings(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			s := newAlone(t, workers, nil)
			a, b := s.bind(7, "127.0.0.1"), s.bind(7, "127.0.0.2")
			la, lb := s.listen(a), s.listen(b)
			c, srv := s.join(a, lb, "127.0.0.2")
			s.says(c, srv, "there")
			s.says(srv, c, "and back")
			require.Same(t, c, a.Lookup(addrs("127.0.0.2")[0], 7))
			require.Same(t, srv, b.Lookup(addrs("127.0.0.1")[0], 7))
			require.Nil(t, b.Lookup(addrs("127.0.0.3")[0], 7))
			_, err := b.Begin(&Addr{IPs: addrs("127.0.0.1"), Port: 7}, nil)
			require.ErrorIs(t, err, sctpcore.ErrExists)
			require.ErrorIs(t, err, syscall.EADDRINUSE)

			// A third one with the port of its own reaches both by one binding.
			m := s.bind(9, "127.0.0.3")
			toA, atA := s.join(m, la, "127.0.0.1")
			toB, atB := s.join(m, lb, "127.0.0.2")
			s.says(toA, atA, "a")
			s.says(atB, toB, "b")
			require.NoError(t, m.Close())
			require.NoError(t, la.Close())
			s.says(atA, toA, "still there")
			require.NoError(t, a.Close())
			require.Error(t, a.Close())
			require.NoError(t, toA.Close())
			require.NoError(t, c.Abort("enough"))
			s.until(10, "end", func() bool { return isClosed(atA.Done()) && isClosed(srv.Done()) })
			require.NoError(t, atA.Err())
			require.ErrorIs(t, srv.Err(), syscall.ECONNRESET)
			s.says(toB, atB, "not concerned")
		})
	}
}

// One peer with one port has associations with two bindings of the same port, which
// only our address tells apart.
func TestSamePortsDifferentAddresses(t *testing.T) {
	s := newAlone(t, 2, nil)
	la, lb := s.listen(s.bind(7, "127.0.0.1")), s.listen(s.bind(7, "::1"))
	both := s.bind(9)
	toA, atA := s.join(both, la, "127.0.0.1")
	toB, atB := s.join(both, lb, "::1")
	s.says(toA, atA, "a")
	s.says(toB, atB, "b")
	require.Equal(t, addrs("127.0.0.1"), atA.LocalAddr().(*Addr).IPs)
	require.Equal(t, addrs("::1"), atB.LocalAddr().(*Addr).IPs)
	require.ElementsMatch(t, addrs("127.0.0.1", "::1"), toA.LocalAddr().(*Addr).IPs)
	require.Equal(t, atA.w, atB.w, "what carries no tag finds both")
	require.NoError(t, toB.Abort(""))
	s.until(10, "end", func() bool { return isClosed(atB.Done()) })
	s.says(atA, toA, "not concerned")
}

// A binding that begins an association with itself hears what it says.
func TestBindingWithItself(t *testing.T) {
	for _, workers := range []int{1, 2} {
		s := newAlone(t, workers, nil)
		b := s.bind(0, "127.0.0.1")
		c, err := b.Begin(b.Addr(), nil)
		require.NoError(t, err)
		s.until(10, "up", func() bool { return isClosed(c.Up()) })
		s.says(c, c, "echo")
		require.NoError(t, c.Close())
		s.until(10, "end", func() bool { return isClosed(c.Done()) })
		require.NoError(t, c.Err())
	}
}

// Addresses come and go while a binding listens, all or none.
func TestBindingAddresses(t *testing.T) {
	s := newAlone(t, 2, nil)
	b, other := s.bind(7, "127.0.0.1", "127.0.0.2"), s.bind(7, "127.0.0.4")
	ln := s.listen(b)
	_, err := b.Listen(nil, 0)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	ip := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	require.ErrorIs(t, b.Add(ip("127.0.0.3"), ip("127.0.0.4")), syscall.EADDRINUSE)
	require.ErrorIs(t, b.Add(ip("127.0.0.3"), ip("192.0.2.1")), syscall.EADDRNOTAVAIL)
	require.ErrorIs(t, b.Add(ip("127.0.0.3"), ip("127.0.0.3")), syscall.EINVAL)
	require.Equal(t, addrs("127.0.0.1", "127.0.0.2"), b.Addr().IPs)
	require.NoError(t, b.Add(ip("127.0.0.3"), ip("::ffff:127.0.0.5")))
	require.NoError(t, b.Remove(ip("127.0.0.1"), ip("127.0.0.2")))
	require.ErrorIs(t, b.Remove(ip("127.0.0.3"), ip("127.0.0.5")), sctpcore.ErrLastAddress)
	require.ErrorIs(t, b.Remove(ip("127.0.0.1")), syscall.EINVAL)
	require.Equal(t, addrs("127.0.0.3", "127.0.0.5"), ln.Addr().(*Addr).IPs)
	c, srv := s.join(other, ln, "127.0.0.5")
	require.ElementsMatch(t, addrs("127.0.0.3", "127.0.0.5"), c.RemoteAddr().(*Addr).IPs)
	s.says(srv, c, "hello")
	refused, err := other.Begin(&Addr{IPs: addrs("127.0.0.1"), Port: 7}, nil)
	require.NoError(t, err)
	s.until(10, "refusal", func() bool { return isClosed(refused.Done()) })
	require.ErrorIs(t, refused.Err(), syscall.ECONNRESET)
	require.NoError(t, b.Close())
	require.ErrorIs(t, b.Add(ip("127.0.0.1")), net.ErrClosed)
}

// What a listener gives changes for those that it accepts afterwards.
func TestListenerOptions(t *testing.T) {
	s := newAlone(t, 2, nil)
	ln := s.listen(s.bind(7, "127.0.0.1"))
	from := s.bind(9)
	require.ErrorIs(t, ln.SetOptions(&AssocOptions{Extensions: &sctpcore.Extensions{Auth: &sctpcore.AuthParams{ActiveKey: 4}}}), sctpcore.ErrKey)
	require.NoError(t, ln.SetOptions(&AssocOptions{InStreams: 3}))
	c, srv := s.join(from, ln, "127.0.0.1")
	for _, x := range []*Conn{c, srv} {
		info, err := x.Info()
		require.NoError(t, err)
		require.Equal(t, 3, map[*Conn]int{c: info.OutStreams, srv: info.InStreams}[x])
	}
}

func TestBindRefuses(t *testing.T) {
	s := newAlone(t, 1, nil)
	for want, ips := range map[error][]netip.Addr{
		syscall.EADDRNOTAVAIL: addrs("192.0.2.1"),
		syscall.EINVAL:        addrs("127.0.0.1", "0.0.0.0"),
	} {
		_, err := s.d.Bind(&Addr{IPs: ips}, nil)
		require.ErrorIs(t, err, want)
	}
	b, err := s.d.Bind(&Addr{IPs: addrs("::")}, nil)
	require.NoError(t, err)
	require.Equal(t, addrs("::1"), b.Addr().IPs)
	for want, remote := range map[error]*Addr{
		syscall.EINVAL:       {IPs: addrs("224.0.0.1"), Port: 1},
		syscall.EHOSTUNREACH: {IPs: addrs("127.0.0.1"), Port: 1},
	} {
		_, err = b.Begin(remote, nil)
		require.ErrorIs(t, err, want)
	}
	require.Empty(t, s.d.book.begun)
}

// Beside other ports: our own addresses are reached by the loopback, also when the link
// of their port is down, and nobody else is told of 127.0.0.1.
func TestLoopbackBesidePorts(t *testing.T) {
	l := newLab(t, labOptions{cables: 2, tune: func(_ int, c *Config) { c.Loopback = true }})
	require.Equal(t, addrs("10.0.1.1", "10.0.2.1", "127.0.0.1", "::1"), l.a.Addrs())
	c, s := l.connect(nil)
	require.Equal(t, addrs("10.0.1.1", "10.0.2.1"), s.RemoteAddr().(*Addr).IPs)
	pump(t, c, s, 100, 3000)
	require.NoError(t, l.wires[0][0].SetLink(false))
	ln, err := l.a.Listen(&Addr{Port: 5000}, nil)
	require.NoError(t, err)
	for _, at := range addrs("10.0.1.1", "127.0.0.1", "::1") {
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		c, err := l.a.Dial(ctx, nil, &Addr{IPs: []netip.Addr{at}, Port: 5000}, nil)
		cancel()
		require.NoError(t, err)
		s, err := ln.AcceptSCTP()
		require.NoError(t, err)
		pump(t, c, s, 100, 3000)
		require.Equal(t, at.IsLoopback(), slices.Contains(s.RemoteAddr().(*Addr).IPs, addrs("127.0.0.1")[0]))
		paths, err := c.Paths()
		require.NoError(t, err)
		require.Len(t, paths, len(s.LocalAddr().(*Addr).IPs))
		for i := range paths {
			require.Equal(t, "loopback", paths[i].Port)
		}
		require.NoError(t, c.Close())
	}
}

// A peer from outside that has an address which is also ours cannot have us talk to
// ourselves in its place.
func TestPeerWithAnAddressOfOurs(t *testing.T) {
	twice := netip.MustParsePrefix("10.0.9.9/24")
	s := newSimulationWith(t, 1, fault.Impairment{}, func(_ int, c *Config) {
		c.Loopback = true
		c.Ports[1].Addrs = []netip.Prefix{twice}
	})
	ln, err := s.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	c, err := s.a.Begin(&Addr{IPs: addrs("10.0.1.1")}, &Addr{IPs: addrs("10.0.1.2"), Port: 7}, nil)
	require.NoError(t, err)
	s.until(10, "accept", func() bool { return ln.TryAccept() != nil })
	end := s.now + 10e9 // a hundred heartbeat intervals
	s.until(20, "a while", func() bool { return s.now > end })
	paths, err := c.Paths()
	require.NoError(t, err)
	require.Equal(t, []string{"a0", ""}, []string{paths[0].Port, paths[1].Port})
	require.Equal(t, twice.Addr(), paths[1].Dst.Netip())
	require.Zero(t, s.a.Stats().Core.OutOfBlues)
}

// BenchmarkLoopback sends messages from one goroutine to another through the whole
// dataplane; an operation is a message.
func BenchmarkLoopback(b *testing.B) {
	for _, size := range []int{100, 1400, 16 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			d, err := New(Config{Loopback: true})
			require.NoError(b, err)
			defer func() { _ = d.Close() }()
			ln, err := d.Listen(&Addr{Port: 7}, nil)
			require.NoError(b, err)
			c, err := d.Dial(context.Background(), nil, &Addr{IPs: addrs("127.0.0.1"), Port: 7}, nil)
			require.NoError(b, err)
			s, err := ln.AcceptSCTP()
			require.NoError(b, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				in := make([]Message, 64)
				for i := range in {
					in[i].Data = make([]byte, size)
				}
				for got := 0; got < b.N; {
					n, err := s.RecvBatch(in)
					if err != nil {
						b.Error(err)
						return
					}
					for i := range in[:n] {
						if !in[i].More {
							got++
						}
					}
				}
			}()
			out := make([]Message, 64)
			for i := range out {
				out[i].Data = make([]byte, size)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for sent := 0; sent < b.N; {
				n, err := c.SendBatch(out[:min(len(out), b.N-sent)])
				require.NoError(b, err)
				sent += n
			}
			<-done
		})
	}
}
