package sctp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// TestMain serves the tests' sockets from a dataplane of their own, with nothing
// but a loopback.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sctp")
	must(err)
	d, err := dataplane.New(dataplane.Config{Loopback: true})
	must(err)
	path := filepath.Join(dir, "sockets")
	s, err := sockets.Listen(d, sockets.Config{Path: path})
	must(err)
	must(os.Setenv("TRUNKLINE_SOCKET", path))
	code := m.Run()
	must(s.Close())
	must(d.Close())
	must(os.RemoveAll(dir))
	os.Exit(code)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// patience bounds what must happen; nothing is said of how long it takes.
const patience = 60 * time.Second

// listen listens at an ephemeral port of the loopback.
func listen(t *testing.T, cfg *SocketConfig) *SCTPListener {
	t.Helper()
	a, err := ResolveSCTPAddr("sctp", "127.0.0.1:0")
	check(t, err)
	ln, err := cfg.Listen("sctp", a)
	check(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pair is the two ends of an association.
func pair(t *testing.T, client, server *SocketConfig) (c, s *SCTPConn) {
	t.Helper()
	ln := listen(t, server)
	c, err := client.Dial("sctp", nil, ln.Addr().(*SCTPAddr))
	check(t, err)
	s, err = ln.AcceptSCTP()
	check(t, err)
	for _, x := range []*SCTPConn{c, s} {
		check(t, x.SetDeadline(time.Now().Add(patience)))
		t.Cleanup(func() { _ = x.Close() })
	}
	return c, s
}

func TestAddrAsText(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:5000":               "127.0.0.1:5000",
		"10.0.0.1/10.0.0.2:5000":       "10.0.0.1/10.0.0.2:5000",
		"[::1]:1":                      "[::1]:1",
		"10.0.0.1/[fe80::1%lo]/[::]:7": "10.0.0.1/[fe80::1%lo]/[::]:7",
		":9":                           ":9",
	} {
		a, err := ResolveSCTPAddr("sctp", text)
		check(t, err)
		if a.String() != want {
			t.Errorf("%s became %s", text, a)
		}
		if len(a.IPAddrs) == 0 {
			continue
		}
		b, err := parseSockaddrs(a.ToRawSockAddrBuf(), len(a.IPAddrs))
		check(t, err)
		if b.String() != want {
			t.Errorf("%s is %s after going through sockaddrs", text, b)
		}
	}
	for _, none := range []SCTPAddr{{Port: 9}, {IPAddrs: []net.IPAddr{{}}, Port: 9}} {
		if b, err := parseSockaddrs(none.ToRawSockAddrBuf(), 1); err != nil || b.String() != "0.0.0.0:9" {
			t.Errorf("%v as a sockaddr is %v, %v", none, b, err)
		}
	}
	for _, bad := range []string{"nowhere", "10.0.0.1:port"} {
		if a, err := ResolveSCTPAddr("sctp", bad); err == nil {
			t.Errorf("%q became %v", bad, a)
		}
	}
	if _, err := ResolveSCTPAddr("tcp", "127.0.0.1:1"); err == nil {
		t.Error("tcp is no network of this package")
	}
}

func TestListenerHasAName(t *testing.T) {
	ln := listen(t, &SocketConfig{})
	a := ln.Addr().(*SCTPAddr)
	if a.Port == 0 || len(a.IPAddrs) != 1 || !a.IPAddrs[0].IP.Equal(net.IPv4(127, 0, 0, 1)) {
		t.Errorf("it listens at %v", a)
	}
	if _, err := ListenSCTP("sctp", a); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the same again: %v", err)
	}
}

func TestMessagesOnStreams(t *testing.T) {
	const streams, each = 8, 50
	ln := listen(t, &SocketConfig{InitMsg: InitMsg{NumOstreams: streams, MaxInstreams: streams}})
	go func() {
		for {
			s, err := ln.AcceptSCTP()
			if err != nil {
				return
			}
			go echo(NewSCTPSndRcvInfoWrappedConn(s))
		}
	}()
	c, err := DialSCTPExt("sctp", nil, ln.Addr().(*SCTPAddr), InitMsg{NumOstreams: streams, MaxInstreams: streams})
	check(t, err)
	defer c.Close()
	check(t, c.SetDeadline(time.Now().Add(patience)))
	check(t, c.SubscribeEvents(SCTP_EVENT_DATA_IO))
	b := make([]byte, 300_000)
	for i := range each * streams {
		text := bytes.Repeat([]byte{byte(i)}, 1+i*500)
		stream, ppid := uint16(i%streams), uint32(46+i)
		n, err := c.SCTPWrite(text, &SndRcvInfo{Stream: stream, PPID: ppid})
		check(t, err)
		if n != len(text) {
			t.Fatalf("%d of %d bytes were written", n, len(text))
		}
		got := 0
		for got < len(text) {
			n, info, err := c.SCTPRead(b[got:])
			check(t, err)
			if info == nil || info.Stream != stream || info.PPID != ppid {
				t.Fatalf("message %d came with %+v", i, info)
			}
			got += n
		}
		if !bytes.Equal(b[:got], text) {
			t.Fatalf("message %d came back changed", i)
		}
	}
}

func echo(c net.Conn) {
	defer c.Close()
	b := make([]byte, sndRcvInfoSize+400_000)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		if _, err := c.Write(b[:n]); err != nil {
			return
		}
	}
}

func TestManyAcceptAtOnce(t *testing.T) {
	const clients = 32
	ln := listen(t, &SocketConfig{})
	var accepted sync.WaitGroup
	for range clients {
		accepted.Go(func() {
			s, err := ln.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = s.Write([]byte("welcome"))
			_, _ = s.Read(make([]byte, 1)) // until the client is done
			_ = s.Close()
		})
	}
	var called sync.WaitGroup
	for range clients {
		called.Go(func() {
			c, err := DialSCTP("sctp", nil, ln.Addr().(*SCTPAddr))
			if err != nil {
				t.Error(err)
				return
			}
			b := make([]byte, 32)
			if n, err := c.Read(b); err != nil || string(b[:n]) != "welcome" {
				t.Errorf("%q %v", b[:n], err)
			}
			_ = c.Close()
		})
	}
	called.Wait()
	accepted.Wait()
}

func TestRefusal(t *testing.T) {
	ln := listen(t, &SocketConfig{})
	a := ln.Addr().(*SCTPAddr)
	check(t, ln.Close())
	if _, err := DialSCTP("sctp", nil, a); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling where nobody listens: %v", err)
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	c, s := pair(t, &SocketConfig{}, &SocketConfig{})
	done := make(chan error)
	go func() {
		_, err := s.Read(make([]byte, 10))
		done <- err
	}()
	check(t, s.Close())
	if err := <-done; err != io.EOF && err != syscall.EBADF {
		t.Errorf("a closed connection's read ended with %v", err)
	}
	if _, err := c.Read(make([]byte, 10)); err != io.EOF {
		t.Errorf("the other end read %v", err)
	}
	if err := s.Close(); err != syscall.EBADF {
		t.Errorf("closed twice: %v", err)
	}
	ln := listen(t, &SocketConfig{})
	go func() {
		_, err := ln.Accept()
		done <- err
	}()
	check(t, ln.Close())
	if err := <-done; err != syscall.EBADF {
		t.Errorf("a closed listener's accept ended with %v", err)
	}
}

func TestWhatWasWrittenBeforeCloseArrives(t *testing.T) {
	c, s := pair(t, &SocketConfig{}, &SocketConfig{})
	for i := range 100 {
		_, err := fmt.Fprintf(c, "message %d", i)
		check(t, err)
	}
	check(t, c.Close())
	b := make([]byte, 64)
	for i := range 100 {
		n, err := s.Read(b)
		check(t, err)
		if want := fmt.Sprintf("message %d", i); string(b[:n]) != want {
			t.Fatalf("want %s, got %s", want, b[:n])
		}
	}
	if _, err := s.Read(b); err != io.EOF {
		t.Errorf("after all: %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	c, s := pair(t, &SocketConfig{}, &SocketConfig{})
	check(t, s.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	b := make([]byte, 16)
	if _, err := s.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a read past its deadline: %v", err)
	}
	_, err := c.Write(make([]byte, 60_000)) // one goes, however slow the machine is
	check(t, err)
	check(t, c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	for {
		if _, err := c.Write(make([]byte, 60_000)); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("a write that nobody reads: %v", err)
			}
			break
		}
	}
	check(t, s.SetReadDeadline(time.Now().Add(patience)))
	if n, err := s.Read(make([]byte, 60_000)); n != 60_000 {
		t.Errorf("it reads on: %d, %v", n, err)
	}
}

func TestLongMessageInParts(t *testing.T) {
	c, s := pair(t, &SocketConfig{}, &SocketConfig{})
	want := bytes.Repeat([]byte("0123456789"), 15_000)
	_, err := c.Write(want)
	check(t, err)
	var got []byte
	for len(got) < len(want) {
		b := make([]byte, 7000)
		n, err := s.Read(b)
		check(t, err)
		got = append(got, b[:n]...)
	}
	if !bytes.Equal(got, want) {
		t.Error("it came back changed")
	}
}

func TestNotifications(t *testing.T) {
	seen := make(chan SCTPNotificationType, 16)
	handler := func(b []byte) error {
		if len(b) >= 2 {
			seen <- SCTPNotificationType(b[0]) | SCTPNotificationType(b[1])<<8
		}
		return nil
	}
	c, s := pair(t, &SocketConfig{NotificationHandler: handler}, &SocketConfig{})
	check(t, c.SubscribeEvents(SCTP_EVENT_ASSOCIATION|SCTP_EVENT_SHUTDOWN))
	flags, err := c.SubscribedEvents()
	check(t, err)
	if flags != SCTP_EVENT_ASSOCIATION|SCTP_EVENT_SHUTDOWN {
		t.Errorf("subscribed to %#x", flags)
	}
	check(t, s.Close())
	if _, err := c.Read(make([]byte, 16)); err != io.EOF {
		t.Fatal(err)
	}
	if got := <-seen; got != SCTP_SHUTDOWN_EVENT {
		t.Errorf("the first notification is %#x", int(got))
	}

	refuse := errors.New("not wanted")
	c, s = pair(t, &SocketConfig{NotificationHandler: func([]byte) error { return refuse }}, &SocketConfig{})
	check(t, c.SubscribeEvents(SCTP_EVENT_SHUTDOWN))
	check(t, s.Close())
	if _, err := c.Read(make([]byte, 16)); err != refuse {
		t.Errorf("the handler's error is the read's: %v", err)
	}
}

func TestStatusAndOptions(t *testing.T) {
	c, s := pair(t, &SocketConfig{InitMsg: InitMsg{NumOstreams: 12}}, &SocketConfig{InitMsg: InitMsg{MaxInstreams: 5}})
	st, err := c.GetStatus()
	check(t, err)
	if st.Ostreams != 5 || st.RWND == 0 || st.FragmentationPoint == 0 {
		t.Errorf("status %+v", st)
	}
	if _, err := c.SCTPWrite([]byte("x"), &SndRcvInfo{Stream: st.Ostreams - 1}); err != nil {
		t.Error(err)
	}
	if _, err := c.SCTPWrite([]byte("x"), &SndRcvInfo{Stream: st.Ostreams}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a stream too many: %v", err)
	}
	check(t, c.SetSackTimer(&SackTimer{SackDelay: 77, SackFrequency: 3}))
	timer, err := c.GetSackTimer()
	check(t, err)
	if timer.SackDelay != 77 || timer.SackFrequency != 3 {
		t.Errorf("SACK timer %+v", timer)
	}
	check(t, c.SetDefaultSentParam(&SndRcvInfo{Stream: 3, PPID: 9}))
	def, err := c.GetDefaultSentParam()
	check(t, err)
	if def.Stream != 3 || def.PPID != 9 {
		t.Errorf("default %+v", def)
	}
	primary, err := c.SCTPGetPrimaryPeerAddr()
	check(t, err)
	if primary.String() != s.LocalAddr().String() {
		t.Errorf("primary %v, the server's address %v", primary, s.LocalAddr())
	}
	if c.LocalAddr().String() != s.RemoteAddr().String() {
		t.Errorf("our address %v is to the peer %v", c.LocalAddr(), s.RemoteAddr())
	}
	check(t, c.SetWriteBuffer(100_000))
	if n, err := c.GetWriteBuffer(); err != nil || n < 100_000 {
		t.Errorf("write buffer %d, %v", n, err)
	}
}

func TestDescriptors(t *testing.T) {
	ln := listen(t, &SocketConfig{})
	raw, err := ln.SyscallConn()
	check(t, err)
	var file *os.File
	check(t, raw.Control(func(fd uintptr) {
		own, err := syscall.Dup(int(fd))
		check(t, err)
		file = os.NewFile(uintptr(own), "listener")
	}))
	defer file.Close()
	again, err := FileListener(file)
	check(t, err)
	defer again.Close()
	if again.Addr().String() != ln.Addr().String() {
		t.Errorf("%v and %v", again.Addr(), ln.Addr())
	}
	c, err := DialSCTP("sctp", nil, ln.Addr().(*SCTPAddr))
	check(t, err)
	defer c.Close()
	s, err := again.AcceptSCTP()
	check(t, err)
	defer s.Close()

	bad := NewSCTPConn(-1, nil)
	if _, err := bad.Write([]byte("x")); err == nil {
		t.Error("a descriptor that is none was taken")
	}
	pipe, _, err := os.Pipe()
	check(t, err)
	defer pipe.Close()
	if err := SCTPBind(int(pipe.Fd()), &SCTPAddr{}, SCTP_BINDX_ADD_ADDR); err == nil {
		t.Error("a pipe was bound")
	}
}

func TestControlComesBeforeBind(t *testing.T) {
	called := ""
	cfg := &SocketConfig{Control: func(network, address string, c syscall.RawConn) error {
		called = network + " " + address
		return c.Control(func(uintptr) {})
	}}
	listen(t, cfg)
	if called != "sctp 127.0.0.1:0" {
		t.Errorf("called with %q", called)
	}
	cfg.Control = func(string, string, syscall.RawConn) error { return syscall.EPERM }
	if _, err := cfg.Listen("sctp", nil); !errors.Is(err, syscall.EPERM) {
		t.Errorf("its error: %v", err)
	}
}
