package dataplane

import (
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// poll takes everything that is ready, by token.
func poll(p *Poller) map[any]ReadyBits {
	out := map[any]ReadyBits{}
	var r [2]Ready
	for n := p.Poll(r[:]); n > 0; n = p.Poll(r[:]) {
		for _, x := range r[:n] {
			out[x.Token] |= x.Bits
		}
	}
	return out
}

// The life of two connections as a program sees it that has nothing but a Poller.
func TestPoller(t *testing.T) {
	s := newAlone(t, 2, nil)
	wakes := 0
	p := NewPoller(func() { wakes++ })
	ln := s.listen(s.bind(7, "127.0.0.1"))
	ln.Watch(p, "listener")
	require.Empty(t, poll(p))
	small := &AssocOptions{SendBuffer: 1, ReceiveBuffer: 16 << 10}
	c, err := s.bind(9, "127.0.0.1").Begin(ln.b.Addr(), small)
	require.NoError(t, err)
	c.Watch(p, "client")
	s.until(10, "accept", func() bool { return wakes > 0 })
	require.Equal(t, 1, wakes, "once")
	got := poll(p)
	s.until(10, "up", func() bool { return isClosed(c.Up()) })
	for k, v := range poll(p) {
		got[k] |= v
	}
	require.Equal(t, map[any]ReadyBits{"listener": ReadyAccept, "client": ReadyUp | ReadyWritable}, got)
	srv := ln.TryAccept()
	require.Nil(t, ln.TryAccept())
	srv.Watch(p, "server")
	require.Equal(t, map[any]ReadyBits{"server": ReadyUp | ReadyWritable}, poll(p), "what was before counts")

	ok, err := c.TrySend([]byte("one"), &Message{PPID: 5})
	require.True(t, ok)
	require.NoError(t, err)
	s.until(10, "readable", func() bool { return poll(p)["server"] == ReadyReadable })
	var m Message
	require.True(t, srv.Next(&m))
	require.Equal(t, Message{N: 3, PPID: 5, TSN: m.TSN, CumTSN: m.TSN}, m)
	b := make([]byte, 2)
	n, ok, err := srv.TryRecv(b, &m)
	require.Equal(t, []any{2, true, nil, true}, []any{n, ok, err, m.More})
	require.True(t, srv.Next(&m))
	require.Equal(t, 1, m.N)
	n, ok, err = srv.TryRecv(b, &m)
	require.Equal(t, []any{1, true, nil, false}, []any{n, ok, err, m.More})
	require.False(t, srv.Next(&m))
	_, ok, err = srv.TryRecv(b, &m)
	require.False(t, ok)
	require.NoError(t, err)

	// The peer does not read: buffers fill, and are writable again when it does.
	sent, read := 0, 0
	fill := func() bool {
		for {
			ok, err := c.TrySend(make([]byte, 1000), nil)
			require.NoError(t, err)
			if !ok {
				return true
			}
			sent++
		}
	}
	end := s.now + 1e9
	s.until(2, "full", func() bool { return fill() && s.now > end })
	poll(p)
	end = s.now + 1e9
	s.until(2, "still full", func() bool { return s.now > end })
	require.Zero(t, poll(p)["client"]&ReadyWritable)
	buf := make([]byte, 1000)
	s.until(20, "writable", func() bool {
		for {
			_, ok, err := srv.TryRecv(buf, nil)
			require.NoError(t, err)
			if !ok {
				return poll(p)["client"]&ReadyWritable != 0
			}
			read++
		}
	})
	require.Positive(t, read)

	// The client finishes, and still hears what the server says.
	require.NoError(t, c.CloseWrite())
	require.Error(t, c.CloseWrite())
	_, err = c.TrySend(buf, nil)
	require.Error(t, err)
	ok, err = srv.TrySend([]byte("last words"), nil)
	require.NoError(t, err)
	require.True(t, ok)
	s.until(20, "the rest", func() bool {
		for {
			_, ok, err := srv.TryRecv(buf, nil)
			if err == io.EOF {
				return true
			}
			require.NoError(t, err)
			if !ok {
				return false
			}
			read++
		}
	})
	require.Equal(t, sent, read)
	got = map[any]ReadyBits{}
	s.until(20, "end", func() bool {
		for k, v := range poll(p) {
			got[k] |= v
		}
		return got["client"]&ReadyEnded != 0 && got["server"]&ReadyEnded != 0
	})
	require.NotZero(t, got["server"]&ReadyRefusing)
	n, ok, err = c.TryRecv(buf, nil)
	require.NoError(t, err)
	require.Equal(t, "last words", string(buf[:n]))
	require.True(t, ok)
	require.NoError(t, err)
	_, _, err = c.TryRecv(buf, nil)
	require.Equal(t, io.EOF, err)
}

// One who is watched by another poller now is told to it, and to nobody in between.
func TestPollerChanges(t *testing.T) {
	s := newAlone(t, 1, nil)
	p, q := NewPoller(nil), NewPoller(nil)
	ln := s.listen(s.bind(7, "127.0.0.1"))
	c, srv := s.join(s.bind(9, "127.0.0.1"), ln, "127.0.0.1")
	c.Watch(p, 1)
	c.Watch(q, 2) // it is in p's list
	require.Empty(t, poll(p))
	require.NotEmpty(t, poll(q)[2])
	srv.Watch(p, 3)
	srv.Watch(nil, nil)
	require.Empty(t, poll(p))
	require.NoError(t, c.Abort("so"))
	s.until(1, "end", func() bool { return isClosed(srv.Done()) })
	require.Empty(t, poll(p))
	srv.Watch(q, 4)
	require.Equal(t, ReadyUp|ReadyWritable|ReadyReadable|ReadyEnded, poll(q)[4])
	_, _, err := srv.TryRecv(make([]byte, 1), nil)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	var r [1]Ready
	q.Wake()
	require.Zero(t, q.Wait(r[:]))
	q.Close()
	require.Zero(t, q.Wait(r[:]))
	require.Zero(t, q.Wait(r[:]))
}

// Many producers, one consumer: nothing that was raised is lost, and nothing allocates.
func TestPollerLosesNothing(t *testing.T) {
	const things, rounds = 8, 2000
	p := NewPoller(nil)
	var conns [things]Conn
	var done [things]atomic.Uint64
	for i := range conns {
		conns[i].watched.conn = &conns[i]
		conns[i].Watch(p, i)
	}
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() {
			for range rounds {
				done[i].Add(1)
				conns[i].watched.raise(ReadyReadable)
			}
		})
	}
	var seen [things]uint64
	var r [4]Ready
	for left := things; left > 0; {
		for _, x := range r[:p.Wait(r[:])] {
			i := x.Token.(int)
			if now := done[i].Load(); now > seen[i] {
				if seen[i] = now; now == rounds {
					left--
				}
			}
		}
	}
	wg.Wait()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		conns[0].watched.raise(ReadyReadable)
		p.Poll(r[:])
	}))
}

func BenchmarkPoller(b *testing.B) {
	p := NewPoller(nil)
	var c Conn
	c.watched.conn = &c
	c.Watch(p, nil)
	var r [16]Ready
	b.Run("told already", func(b *testing.B) {
		c.watched.raise(ReadyReadable)
		for range b.N {
			c.watched.raise(ReadyReadable)
		}
	})
	b.Run("told and asked", func(b *testing.B) {
		for range b.N {
			c.watched.raise(ReadyReadable)
			p.Poll(r[:])
		}
	})
}
