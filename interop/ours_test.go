//go:build linux && cgo

package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// profile is a named set of timers for our side.
type profile struct {
	name string
	sctpcore.Timers
}

// The profiles: those that a user can choose, and labTimers, with which a dead
// path is noticed within a second or so and yet a busy machine may leave
// a process waiting for some time. With RFC 9260's own only a link that goes
// down is noticed soon.
var (
	rfc9260Timers = profile{"RFC 9260 timers", sctpcore.RFC9260Timers()}
	telecomTimers = profile{"telecom timers", sctpcore.TelecomTimers()}
	labTimers     = profile{"lab timers", func() sctpcore.Timers {
		t := sctpcore.TelecomTimers()
		t.RTOInitial, t.RTOMin, t.RTOMax = 400*sctpcore.Millisecond, 100*sctpcore.Millisecond, 800*sctpcore.Millisecond
		t.HBInterval = 300 * sctpcore.Millisecond
		return t
	}()}
)

// side is our dataplane on the lab's two networks.
type side struct {
	t     testing.TB
	dp    *dataplane.Dataplane
	ports []nic.Port
	macs  []net.HardwareAddr
}

// startOurs opens our ends of the lab and runs a dataplane on them. It is
// closed at the end of the test, before the lab goes.
func (l *lab) startOurs(t testing.TB, timers profile) *side {
	t.Helper()
	return l.startWith(t, timers, sctpcore.Limits{}, func(port nic.Port) nic.Port { return port })
}

// startWith is startOurs with limits of its own (zero: the default) and each port
// wrapped in another.
func (l *lab) startWith(t testing.TB, timers profile, limits sctpcore.Limits, wrap func(nic.Port) nic.Port) *side {
	t.Helper()
	return startSide(t, timers, limits, func(i int) nic.Port { return wrap(openPort(t, l.ours[i], "af_packet:"+l.ours[i])) })
}

// startSide runs a dataplane on ports that open gives, one for each network.
func startSide(t testing.TB, timers profile, limits sctpcore.Limits, open func(network int) nic.Port) *side {
	t.Helper()
	s := &side{t: t}
	var configs []dataplane.PortConfig
	for i := range networks {
		port := open(i)
		s.ports = append(s.ports, port)
		mac := port.Info().MAC
		s.macs = append(s.macs, mac[:])
		configs = append(configs, dataplane.PortConfig{Port: port, Addrs: []netip.Prefix{ipv4.ours[i], ipv6.ours[i]}})
	}
	var err error
	s.dp, err = dataplane.New(dataplane.Config{Ports: configs, Timers: timers.Timers, Limits: limits, Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	if err != nil {
		closePorts(t, s.ports)
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		s.close()
	})
	return s
}

// close stops the dataplane and gives the ports back; a second call does
// nothing.
func (s *side) close() {
	if s.dp == nil {
		return
	}
	if s.t.Failed() {
		s.t.Logf("our counters: %+v", s.dp.Stats())
	}
	if err := s.dp.Close(); err != nil {
		s.t.Errorf("close the dataplane: %v", err)
	}
	s.dp = nil
	closePorts(s.t, s.ports)
}

// testWriter puts the dataplane's log into the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("dataplane: %s", b)
	return len(b), nil
}

// addr makes a transport address of one family's set.
func addr(set [networks]netip.Prefix, port uint16) *dataplane.Addr {
	return &dataplane.Addr{IPs: []netip.Addr{set[0].Addr(), set[1].Addr()}, Port: port}
}

// dial makes an association to the peer.
func (s *side) dial(local, remote *dataplane.Addr) *dataplane.Conn {
	s.t.Helper()
	return s.dialWith(local, remote, nil)
}

func (s *side) dialWith(local, remote *dataplane.Addr, opt *dataplane.AssocOptions) *dataplane.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := s.dp.Dial(ctx, local, remote, opt)
	require.NoError(s.t, err, "dial %v from %v", remote, local)
	return s.bound(conn)
}

// listen waits for the peer on a port; accept returns it when it has come, and
// ends the listening.
func (s *side) listen(local *dataplane.Addr) (accept func() *dataplane.Conn) {
	s.t.Helper()
	return s.listenWith(local, nil)
}

func (s *side) listenWith(local *dataplane.Addr, opt *dataplane.AssocOptions) (accept func() *dataplane.Conn) {
	s.t.Helper()
	listener, err := s.dp.Listen(local, opt)
	require.NoError(s.t, err, "listen on %v", local)
	s.t.Cleanup(func() { listener.Close() })
	type result struct {
		conn *dataplane.Conn
		err  error
	}
	got := make(chan result, 1)
	go func() {
		conn, err := listener.AcceptSCTP()
		got <- result{conn, err}
	}()
	return func() *dataplane.Conn {
		s.t.Helper()
		select {
		case r := <-got:
			require.NoError(s.t, r.err, "accept")
			require.NoError(s.t, listener.Close())
			return s.bound(r.conn)
		case <-time.After(patience):
			require.FailNow(s.t, "nobody came to our listener")
			return nil
		}
	}
}

// bound keeps a test from hanging in a connection's calls. What waits for the peer has
// lost patience before.
func (s *side) bound(conn *dataplane.Conn) *dataplane.Conn {
	s.t.Helper()
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(2*patience)))
	return conn
}

// recvMessage reads one whole message into room, which is long enough.
func recvMessage(conn *dataplane.Conn, room []byte) ([]byte, dataplane.Message, error) {
	var first, part dataplane.Message
	for n := 0; ; {
		if n == len(room) {
			return nil, first, fmt.Errorf("%w: it is longer than any", errWrong)
		}
		got, err := conn.Recv(room[n:], &part)
		if err != nil {
			return nil, first, err
		}
		if n == 0 {
			first = part
		} else if part.Stream != first.Stream || part.SSN != first.SSN {
			return nil, first, fmt.Errorf("%w: part of stream %d message %d inside stream %d message %d", errWrong, part.Stream, part.SSN, first.Stream, first.SSN)
		}
		n += got
		if !part.More {
			return room[:n], first, nil
		}
	}
}

// echo sends every message back until the peer shuts down, and then closes.
// progress has the bytes that came.
func echo(conn *dataplane.Conn, progress *atomic.Uint64) error {
	room := make([]byte, maxMessage+1)
	for {
		message, about, err := recvMessage(conn, room)
		if errors.Is(err, io.EOF) {
			return conn.Close()
		}
		if err != nil {
			return fmt.Errorf("echo receives: %w", err)
		}
		back := dataplane.Message{Stream: about.Stream, PPID: about.PPID, Unordered: about.Unordered}
		if err := conn.Send(message, &back); err != nil {
			return fmt.Errorf("echo sends: %w", err)
		}
		progress.Add(uint64(len(message)))
	}
}

// source sends a plan; half way through it waits for the gate, if there is one,
// to be closed.
func source(conn *dataplane.Conn, p plan, gate <-chan struct{}) error {
	room := make([]byte, maxMessage)
	n, _ := p.messages()
	for i := range n {
		if gate != nil && i == n/2 {
			<-gate
		}
		stream, index := p.place(i)
		message := room[:p.size(stream, index)]
		p.fill(message, stream, index)
		if err := conn.Send(message, p.about(stream, index)); err != nil {
			return fmt.Errorf("send stream %d message %d: %w", stream, index, err)
		}
	}
	return nil
}

// sink receives a plan and checks it.
func sink(conn *dataplane.Conn, p plan, progress *atomic.Uint64) error {
	c := newChecker(p)
	room := make([]byte, maxMessage+1)
	n, total := p.messages()
	for c.messages < n {
		message, about, err := recvMessage(conn, room)
		if err != nil {
			return fmt.Errorf("after %d messages of %d, %d bytes of %d: %w", c.messages, n, c.bytes, total, err)
		}
		if err := c.take(message, about); err != nil {
			return err
		}
		progress.Store(c.bytes)
	}
	return nil
}

// verify sends a plan and checks its echo; gate is as for source.
func verify(conn *dataplane.Conn, p plan, progress *atomic.Uint64, gate <-chan struct{}) error {
	sent := make(chan error, 1)
	go func() { sent <- source(conn, p, gate) }()
	return errors.Join(sink(conn, p, progress), <-sent)
}

// ended waits for an association's end and returns why it ended.
func (s *side) ended(conn *dataplane.Conn) error {
	s.t.Helper()
	eventually(s.t, func() bool {
		select {
		case <-conn.Done():
			return true
		default:
			return false
		}
	}, "our association does not end; state: %s", state{conn})
	return conn.Err()
}

// awaitAcked waits until the peer has acknowledged so many messages, all that were sent.
func awaitAcked(t testing.TB, conn *dataplane.Conn, messages uint64) {
	t.Helper()
	eventually(t, func() bool {
		info, err := conn.Info()
		return err == nil && info.TxMessages == messages && info.SendQueued == 0
	}, "not all is acknowledged; state: %s", state{conn})
}

// still has a peer send no heartbeat by itself, once it knows our addresses to work.
var still = []string{"--heartbeat", "600000"}

// hush waits, when every message has come back, until nothing is on its way between us and a peer that is still, and has
// nothing follow. Out of the blue, a packet of ours would be answered with an ABORT that ends the association (RFC 9260,
// section 8.4).
func hush(t testing.TB, conn *dataplane.Conn, other *peer) {
	t.Helper()
	info, err := conn.Info()
	require.NoError(t, err)
	awaitAcked(t, conn, info.RxMessages)
	other.awaitIdle()
	paths, err := conn.Paths()
	require.NoError(t, err)
	for i, path := range paths {
		dst := path.Dst.Netip()
		p, err := conn.PathParams(dst)
		require.NoError(t, err)
		p.NoHeartbeat = true
		require.NoError(t, conn.SetPathParams(dst, &p))
		answered := func() uint64 {
			paths, err := conn.Paths()
			require.NoError(t, err)
			return paths[i].HeartbeatsAcked
		}
		for range 2 { // the first answer may be to one that was out
			before := answered()
			require.NoError(t, conn.Heartbeat(dst))
			eventually(t, func() bool { return answered() > before }, "%v answers no heartbeat", dst)
		}
	}
}

// state is what we know of an association, for a failing test's log.
type state struct{ *dataplane.Conn }

func (s state) String() string {
	conn := s.Conn
	info, err := conn.Info()
	if err != nil {
		return err.Error()
	}
	paths, err := conn.Paths()
	return fmt.Sprintf("%+v; paths %+v %v", info, paths, err)
}

// watch gathers an association's events until it ends.
func watch(conn *dataplane.Conn) *events {
	e := &events{done: make(chan struct{})}
	in := conn.Events(1024)
	go func() {
		defer close(e.done)
		for event := range in {
			e.add(event)
		}
	}()
	return e
}

// meet makes an association with a new peer in the given mode, over IPv4, for a
// subtest.
func (s *side) meet(t *testing.T, l place, weDial bool, mode string, p plan) (*dataplane.Conn, *peer) {
	t.Helper()
	outer := s.t
	s.t = t
	t.Cleanup(func() { s.t = outer })
	if weDial {
		server := l.peerIn(t, peerArgs("server", mode, list(ipv4.peer), "", peerPort, p)...)
		server.awaitKey("READY")
		conn := s.dial(addr(ipv4.ours, 0), addr(ipv4.peer, peerPort))
		server.awaitKey("ACCEPTED")
		return conn, server
	}
	accept := s.listen(addr(ipv4.ours, ourPort))
	client := l.peerIn(t, peerArgs("client", mode, list(ipv4.peer), list(ipv4.ours), ourPort, p)...)
	conn := accept()
	client.awaitEvent("assoc", "up")
	return conn, client
}

// requireEOF reads the end that a peer's shutdown makes.
func requireEOF(t *testing.T, conn *dataplane.Conn) {
	t.Helper()
	_, err := conn.Recv(make([]byte, 16), &dataplane.Message{})
	require.ErrorIs(t, err, io.EOF)
}

// awaitActive waits until the path to dst is in use or usable again.
func (e *events) awaitActive(t testing.TB, conn *dataplane.Conn, dst netip.Addr) {
	t.Helper()
	eventually(t, func() bool {
		paths, err := conn.Paths()
		require.NoError(t, err)
		for _, path := range paths {
			if path.Dst.Netip() == dst {
				return path.State == sctpcore.Active && !path.LinkDown
			}
		}
		return false
	}, "the path to %v is not active again; events:\n%v", dst, e)
}

// currentNetwork is the network that new data goes over.
func currentNetwork(t testing.TB, conn *dataplane.Conn, f family) int {
	t.Helper()
	paths, err := conn.Paths()
	require.NoError(t, err)
	for _, path := range paths {
		if path.Current && path.Dst.Netip() == f.peer[1].Addr() {
			return 1
		}
	}
	return 0
}

// both takes the first network of one family and the second of another.
func both(a, b [networks]netip.Prefix) [networks]netip.Prefix {
	return [networks]netip.Prefix{a[0], b[1]}
}
