package dataplane

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// within fails the test if f does not return soon: it is for calls that must not
// hang, not for measuring.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatalf("%s: still waiting", what)
	}
}

// pattern fills b with bytes that depend on n and on their place.
func pattern(b []byte, n int) {
	for i := range b {
		b[i] = byte(n + i*7)
	}
	if len(b) >= 4 {
		binary.BigEndian.PutUint32(b, uint32(n))
	}
}

// pump sends count messages of varying sizes and checks that they arrive once,
// in order and intact.
func pump(t testing.TB, from, to *Conn, count, largest int) {
	t.Helper()
	sizes := func(n int) int { return 4 + (n*7919)%(largest-3) }
	sent := make(chan error, 1)
	go func() {
		b := make([]byte, largest)
		for n := range count {
			m := b[:sizes(n)]
			pattern(m, n)
			if err := from.Send(m, &Message{PPID: uint32(n)}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	within(t, "receiving", func() {
		got, want, part := make([]byte, 0, largest), make([]byte, largest), make([]byte, 5000)
		for n := range count {
			got = got[:0]
			m := Message{More: true}
			for m.More {
				k, err := to.Recv(part, &m)
				if !errors.Is(err, nil) {
					t.Errorf("message %d: %v", n, err)
					return
				}
				got = append(got, part[:k]...)
			}
			pattern(want[:sizes(n)], n)
			if string(got) != string(want[:sizes(n)]) || m.PPID != uint32(n) {
				t.Errorf("message %d is not as it was sent: %d bytes, PPID %d", n, len(got), m.PPID)
				return
			}
		}
	})
	require.NoError(t, <-sent)
}

func TestMessagesOfAllSizes(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(&AssocOptions{SendBuffer: 64 << 10, ReceiveBuffer: 64 << 10})
	pump(t, c, s, 2000, 3000)
	pump(t, s, c, 30, 60<<10)
}

func TestMessageLongerThanTheReceiveRing(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(nil)
	pump(t, c, s, 3, 500<<10)
}

func TestSendRefusesWhatCannotGo(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(&AssocOptions{OutStreams: 5, SendBuffer: 64 << 10})
	require.ErrorIs(t, c.Send(nil, nil), sctpcore.ErrEmpty)
	require.ErrorIs(t, c.Send(make([]byte, 64<<10), nil), sctpcore.ErrMessageTooLong)
	require.ErrorIs(t, c.Send([]byte("x"), &Message{Stream: 5}), sctpcore.ErrStream)
	require.NoError(t, c.Send([]byte("x"), &Message{Stream: 4}))
	_, err := s.Recv(nil, nil)
	require.ErrorIs(t, err, io.ErrShortBuffer)
}

func TestGracefulShutdown(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(nil)
	for range 100 {
		require.NoError(t, c.Send(make([]byte, 1000), nil))
	}
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Close(), net.ErrClosed)
	require.ErrorIs(t, c.Send([]byte("x"), nil), net.ErrClosed)
	_, err := c.Recv(make([]byte, 10), nil)
	require.ErrorIs(t, err, net.ErrClosed)
	within(t, "reading to the end", func() {
		b := make([]byte, 2000)
		for range 100 {
			n, err := s.Read(b)
			if err != nil || n != 1000 {
				t.Errorf("got %d bytes, %v", n, err)
				return
			}
		}
		_, err := s.Read(b)
		if !errors.Is(err, io.EOF) {
			t.Errorf("after the last message: %v", err)
		}
	})
	within(t, "ending", func() { <-c.Done(); <-s.Done() })
	require.NoError(t, c.Err())
	require.NoError(t, s.Err())
	require.ErrorIs(t, s.Send([]byte("x"), nil), ErrShutdown)
	_, err = s.Info()
	require.ErrorIs(t, err, ErrShutdown)
	require.Zero(t, l.a.Stats().Associations)
	require.Zero(t, l.b.Stats().Associations)
}

func TestAbort(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(nil)
	require.NoError(t, c.Send([]byte("last words"), nil))
	b := make([]byte, 20)
	n, err := s.Read(b)
	require.NoError(t, err)
	require.Equal(t, "last words", string(b[:n]))
	require.NoError(t, c.Abort("enough"))
	within(t, "ending", func() { <-c.Done(); <-s.Done() })
	var ae *AssocError
	require.ErrorAs(t, s.Err(), &ae)
	require.Equal(t, sctpcore.ReasonPeerAbort, ae.Reason)
	require.ErrorIs(t, s.Err(), syscall.ECONNRESET)
	_, err = s.Read(b)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.ErrorIs(t, s.Send([]byte("x"), nil), syscall.ECONNRESET)
	require.ErrorAs(t, c.Err(), &ae)
	require.Equal(t, sctpcore.ReasonLocalAbort, ae.Reason)
}

func TestDeadlines(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(&AssocOptions{SendBuffer: 16 << 10, ReceiveBuffer: 16 << 10})
	b := make([]byte, 1000)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	within(t, "Recv", func() {
		_, err := c.Recv(b, nil)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Recv: %v", err)
		}
	})
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	_, err := s.Write([]byte("again"))
	require.NoError(t, err)
	within(t, "Recv", func() { _, err = c.Recv(b, nil) })
	require.NoError(t, err, "a deadline that was taken back")

	require.NoError(t, c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	within(t, "Send", func() {
		for err = nil; err == nil; { // nobody reads
			err = c.Send(b, nil)
		}
	})
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	for err = nil; err == nil; { // the worker may have made room since
		waiting := make(chan error, 1)
		require.NoError(t, c.SetWriteDeadline(time.Time{}))
		go func() { waiting <- c.Send(make([]byte, 8000), nil) }()
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(-time.Second)))
		within(t, "Send", func() { err = <-waiting })
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "a deadline that came while it waited")
}

func TestDialFails(t *testing.T) {
	l := newLab(t, labOptions{})
	hasty := sctpcore.TelecomTimers()
	hasty.MaxInitRetrans, hasty.RTOInitial = 1, 20*sctpcore.Millisecond
	ctx := context.Background()
	peer := addrOf(1, 0, false).Addr()
	_, err := l.a.Dial(ctx, nil, &Addr{IPs: []netip.Addr{peer}, Port: 9}, nil)
	require.ErrorIs(t, err, syscall.ECONNRESET, "nobody listens: the peer aborts")
	_, err = l.a.Dial(ctx, nil, &Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.1.77")}, Port: 9}, &AssocOptions{Timers: &hasty})
	require.ErrorIs(t, err, syscall.ETIMEDOUT, "nobody is there")
	_, err = l.a.Dial(ctx, nil, &Addr{IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: 9}, &AssocOptions{Timers: &hasty})
	require.Error(t, err, "no route")
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err = l.a.Dial(short, nil, &Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.1.78")}, Port: 9}, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for _, bad := range []*Addr{nil, {}, {IPs: []netip.Addr{peer}}, {Port: 1}, {IPs: []netip.Addr{{}}, Port: 1},
		{IPs: []netip.Addr{addrOf(0, 0, false).Addr()}, Port: 1}} {
		_, err = l.a.Dial(ctx, nil, bad, nil)
		require.Error(t, err)
	}
	_, err = l.a.Dial(ctx, &Addr{IPs: []netip.Addr{peer}}, &Addr{IPs: []netip.Addr{peer}, Port: 1}, nil)
	require.ErrorContains(t, err, "not an address of this dataplane")
	require.Eventually(t, func() bool {
		l.a.book.mu.Lock()
		defer l.a.book.mu.Unlock()
		return len(l.a.book.bindings) == 0
	}, 60*time.Second, time.Millisecond, "ports of failed dials are free again")
}

func TestPortsInUse(t *testing.T) {
	l := newLab(t, labOptions{})
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	_, err = l.b.Listen(&Addr{Port: 7}, nil)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	ctx := context.Background()
	from, to := &Addr{Port: 8}, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}
	c, err := l.a.Dial(ctx, from, to, nil)
	require.NoError(t, err)
	require.EqualValues(t, 8, c.LocalAddr().(*Addr).Port)
	_, err = l.a.Dial(ctx, from, to, nil)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	any1, err := l.a.Listen(nil, nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, any1.Addr().(*Addr).Port, uint16(firstEphemeral))
	require.NoError(t, any1.Close())
	require.ErrorIs(t, any1.Close(), net.ErrClosed)
	_, err = any1.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, ln.Close())
	_, err = l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err, "a closed listener's port is free")
}

func TestBacklogIsBounded(t *testing.T) {
	l := newLab(t, labOptions{tune: func(_ int, c *Config) { c.Backlog = 2 }})
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	to := &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}
	var conns []*Conn
	for range 3 {
		c, err := l.a.Begin(nil, to, nil)
		require.NoError(t, err)
		within(t, "coming up", func() { <-c.Up() })
		conns = append(conns, c)
	}
	within(t, "the third's abort", func() { <-conns[2].Done() })
	require.ErrorIs(t, conns[2].Err(), syscall.ECONNRESET)
	require.EqualValues(t, 1, dropCount(t, l.b, "dataplane_backlog_full"))
	first, err := ln.AcceptSCTP()
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	within(t, "the unaccepted one's abort", func() { <-conns[1].Done() })
	require.Error(t, conns[1].Err())
	pump(t, conns[0], first, 10, 100)
}

func dropCount(t testing.TB, d *Dataplane, name string) uint64 {
	t.Helper()
	for _, c := range d.Drops() {
		if c.Name == name {
			return c.Count
		}
	}
	t.Fatalf("there is no drop reason %s", name)
	return 0
}

// The local part of the hostile classes: closing while sending, two goroutines
// on one connection, a reader that stops.

func TestCloseWhileSendWaits(t *testing.T) {
	for name, end := range map[string]func(*Conn){
		"close": func(c *Conn) { _ = c.Close() },
		"abort": func(c *Conn) { _ = c.Abort("now") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, labOptions{})
			c, s := l.connect(&AssocOptions{SendBuffer: 16 << 10, ReceiveBuffer: 16 << 10})
			errs := make(chan error, 3)
			for range 2 {
				go func() {
					for {
						if err := c.Send(make([]byte, 4000), nil); err != nil {
							errs <- err
							return
						}
					}
				}()
			}
			go func() {
				_, err := c.Recv(make([]byte, 10), nil)
				errs <- err
			}()
			for full := false; !full; { // until the senders wait
				full = c.out.room.asleep.Load() == 2
				time.Sleep(time.Millisecond)
			}
			end(c)
			for range 3 {
				within(t, "waiting calls", func() {
					if err := <-errs; !errors.Is(err, net.ErrClosed) {
						t.Errorf("waiting call: %v", err)
					}
				})
			}
			if name == "close" { // what was sent is still delivered
				go func() { _, _ = io.Copy(io.Discard, s) }()
			}
			within(t, "ending", func() { <-c.Done(); <-s.Done() })
			if name == "close" {
				require.NoError(t, s.Err())
			}
		})
	}
}

func TestManyGoroutinesOnOneConn(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(&AssocOptions{SendBuffer: 32 << 10})
	const writers, readers, each = 4, 4, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			b := make([]byte, 300)
			for n := range each {
				pattern(b, w*each+n)
				if err := c.Send(b, nil); err != nil {
					t.Errorf("send: %v", err)
				}
			}
		}()
	}
	var mu sync.Mutex
	seen := make(map[uint32]int)
	var rg sync.WaitGroup
	for range readers {
		rg.Add(1)
		go func() {
			defer rg.Done()
			b, want := make([]byte, 400), make([]byte, 300)
			for {
				n, err := s.Recv(b, nil)
				if err != nil {
					if !errors.Is(err, io.EOF) {
						t.Errorf("recv: %v", err)
					}
					return
				}
				id := binary.BigEndian.Uint32(b)
				pattern(want, int(id))
				if string(want) != string(b[:n]) {
					t.Errorf("message %d is mixed up", id)
				}
				mu.Lock()
				seen[id]++
				mu.Unlock()
			}
		}()
	}
	within(t, "writers", wg.Wait)
	require.NoError(t, c.Close())
	within(t, "readers", rg.Wait)
	require.Len(t, seen, writers*each)
	for id, n := range seen {
		require.Equal(t, 1, n, "message %d", id)
	}
}

func TestReaderThatStops(t *testing.T) {
	l := newLab(t, labOptions{})
	stuck, s := l.connect(&AssocOptions{SendBuffer: 64 << 10, ReceiveBuffer: 64 << 10})
	require.NoError(t, stuck.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	sent := 0
	for {
		b := make([]byte, 1000)
		pattern(b, sent)
		if err := stuck.Send(b, nil); err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
		sent++
	}
	// Bounded: two rings of the sender, the core's buffers, two rings of the reader.
	require.Less(t, sent, 8*66, "memory for a reader that stops")
	// Nobody else suffers.
	ln, err := l.b.Listen(&Addr{Port: 6000}, nil)
	require.NoError(t, err)
	c2, err := l.a.Dial(context.Background(), nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 6000}, nil)
	require.NoError(t, err)
	s2, err := ln.AcceptSCTP()
	require.NoError(t, err)
	pump(t, c2, s2, 100, 2000)
	// It goes on when the reader does.
	within(t, "reading", func() {
		b, want := make([]byte, 1000), make([]byte, 1000)
		for n := range sent {
			k, err := s.Read(b)
			pattern(want, n)
			if err != nil || string(b[:k]) != string(want) {
				t.Errorf("message %d: %d bytes, %v", n, k, err)
				return
			}
		}
	})
	// A reader that never comes back can still be closed: unread data is thrown away.
	require.NoError(t, stuck.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	for err = nil; err == nil; {
		err = stuck.Send(make([]byte, 1000), nil)
	}
	require.NoError(t, s.Close())
	require.NoError(t, stuck.Close())
	within(t, "ending", func() { <-s.Done(); <-stuck.Done() })
}

func TestCloseOfTheDataplaneEndsEverything(t *testing.T) {
	l := newLab(t, labOptions{})
	c, s := l.connect(nil)
	ln, err := l.b.Listen(&Addr{Port: 9}, nil)
	require.NoError(t, err)
	errs := make(chan error, 2)
	go func() { _, err := s.Read(make([]byte, 1)); errs <- err }()
	go func() { _, err := ln.Accept(); errs <- err }()
	events := l.b.Subscribe(1).Paths
	require.NoError(t, l.b.Close())
	within(t, "the peer's end", func() { <-c.Done() })
	require.ErrorIs(t, c.Err(), syscall.ECONNRESET, "an ABORT was sent")
	within(t, "local calls", func() {
		for range 2 {
			if err := <-errs; err == nil {
				t.Error("a waiting call returned without an error")
			}
		}
		for range events {
			_ = 0
		}
	})
	_, err = l.b.Dial(context.Background(), nil, &Addr{IPs: []netip.Addr{addrOf(0, 0, false).Addr()}, Port: 9}, nil)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = l.b.Listen(nil, nil)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NotZero(t, l.b.Stats().Core.Aborteds)
}

func TestCloseBeforeItIsUpDeliversWhatWasSent(t *testing.T) {
	s := newSimulation(t, 1, fault.Impairment{})
	ln, err := s.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	c, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	require.NoError(t, c.Send([]byte("in a hurry"), nil))
	require.NoError(t, c.Close())
	in := []Message{{Data: make([]byte, 100)}}
	var srv *Conn
	s.until(10, "message", func() bool {
		if srv == nil {
			srv = ln.TryAccept()
			return false
		}
		n, err := srv.TryRecvBatch(in)
		require.NoError(t, err)
		return n == 1
	})
	require.Equal(t, "in a hurry", string(in[0].Data[:in[0].N]))
	s.until(10, "end", func() bool { return c.ended.Load() && srv.ended.Load() })
	require.NoError(t, c.Err())
	s.until(1, "forgetting", func() bool { return len(c.w.lingering) == 0 })
}

func TestCloseBeforeItIsUp(t *testing.T) {
	l := newLab(t, labOptions{})
	c, err := l.a.Begin(nil, &Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.1.77")}, Port: 9}, nil)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	within(t, "ending", func() { <-c.Done(); <-c.Up() })
	require.Error(t, c.Err())
}

func TestClosedAssociationWithAPeerThatTakesNothingEnds(t *testing.T) {
	s := newSimulation(t, 1, fault.Impairment{})
	ln, err := s.b.Listen(&Addr{Port: 7}, &AssocOptions{ReceiveBuffer: 16 << 10})
	require.NoError(t, err)
	c, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	var srv *Conn
	s.until(10, "accept", func() bool { srv = ln.TryAccept(); return srv != nil })
	for full := false; !full; { // nobody reads
		n, err := c.TrySendBatch([]Message{{Data: make([]byte, 4000)}})
		require.NoError(t, err)
		full = n == 0
		s.step()
	}
	s.until(10, "coming up", func() bool { return c.assoc.up })
	require.NoError(t, c.Close())
	s.step()
	require.Len(t, c.w.lingering, 1)
	s.until(60, "end", func() bool { return c.ended.Load() })
	require.Empty(t, c.w.lingering)
	require.ErrorIs(t, c.Err(), syscall.ECONNABORTED)
	require.EqualValues(t, 1, dropCount(t, s.a, "dataplane_lingering"))
	require.NoError(t, srv.Close())
	s.until(10, "end", func() bool { return srv.ended.Load() })
	require.Zero(t, s.a.Stats().Associations)
	require.Zero(t, s.b.Stats().Associations)
}
