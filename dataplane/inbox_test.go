package dataplane

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// script reads everything that there is, messages by their length and events by their kind.
func script(t *testing.T, c *Conn) (out []string, err error) {
	t.Helper()
	b := make([]byte, 4000)
	for {
		var next Message
		ahead := c.Next(&next)
		var m Message
		n, ok, err := c.TryRecv(b, &m)
		if !ok {
			return out, err
		}
		require.True(t, ahead)
		require.Equal(t, next.Event, m.Event)
		if m.Event == nil {
			require.NotZero(t, n)
			out = append(out, fmt.Sprint(n))
			continue
		}
		require.Zero(t, n)
		require.Same(t, c, m.Event.Conn)
		out = append(out, kindName[m.Event.Kind])
	}
}

var kindName = map[sctpcore.EventKind]string{
	sctpcore.EventUp: "up", sctpcore.EventDown: "down", sctpcore.EventPeerShutdown: "shutdown", sctpcore.EventSenderDry: "dry",
	sctpcore.EventPathState: "path", sctpcore.EventSendFailed: "failed", sctpcore.EventPeerError: "error",
}

// joinWith makes an association whose both ends have options.
func (s *alone) joinWith(opt *AssocOptions) (client, server *Conn) {
	s.t.Helper()
	ln, err := s.bind(7, "127.0.0.1").Listen(opt, 0)
	require.NoError(s.t, err)
	client, err = s.bind(9, "127.0.0.1").Begin(ln.b.Addr(), opt)
	require.NoError(s.t, err)
	s.until(10, "accept", func() bool { server = ln.TryAccept(); return server != nil })
	s.until(10, "up", func() bool { return isClosed(client.Up()) })
	return client, server
}

func (s *alone) settle() {
	for s.d.Step() <= sctpcore.Time(s.now) {
	}
}

// Events come where they happened: the end of a connection after all that it brought.
func TestEventsAmongMessages(t *testing.T) {
	s := newAlone(t, 1, nil)
	opt := &AssocOptions{ReceiveBuffer: 64 << 10, Events: AllEvents | EventsOf(sctpcore.EventSenderDry)}
	c, srv := s.joinWith(opt)
	for i := range 60 { // more than the ring holds: the rest waits in the core
		ok, err := c.TrySend(make([]byte, 1000+i), nil)
		require.True(t, ok)
		require.NoError(t, err)
	}
	s.settle()
	require.NoError(t, c.Close())
	s.settle()
	var got []string
	s.until(10, "the end", func() bool {
		more, err := script(t, srv)
		got = append(got, more...)
		return err == io.EOF && isClosed(srv.Done())
	})
	more, _ := script(t, srv)
	got = append(got, more...)
	want := []string{"up"}
	for i := range 60 {
		want = append(want, fmt.Sprint(1000+i))
	}
	require.Equal(t, append(want, "shutdown", "down"), got)
	require.Zero(t, s.d.Stats().EventsDropped)
}

// What was not acknowledged comes back, and the peer's ABORT says why.
func TestTakeFailed(t *testing.T) {
	s := newAlone(t, 1, nil)
	opt := &AssocOptions{ReceiveBuffer: 16 << 10, Events: AllEvents}
	c, srv := s.joinWith(opt)
	sent := 0
	for end := s.now + 5e9; s.now < end; s.now = max(s.now, int64(s.d.Step())) {
		ok, err := c.TrySend(make([]byte, 1000+sent), &Message{Context: uint32(sent), PPID: 7, Unordered: sent%2 == 1})
		require.NoError(t, err)
		if ok {
			sent++
		}
	}
	var m Message
	_, ok := c.TakeFailed(nil, &m)
	require.False(t, ok, "it lives")
	require.NoError(t, srv.Abort("enough"))
	s.until(1, "end", func() bool { return isClosed(c.Done()) })
	info := c.Err().(*AssocError)
	require.Equal(t, wire.CauseUserAbort, info.Cause)
	_, err := c.TrySend([]byte("x"), nil)
	require.Error(t, err)
	var last *PathEvent
	var b [3000]byte
	for ok := true; ok; {
		if _, ok, _ = c.TryRecv(b[:], &m); ok {
			last = m.Event
		}
	}
	require.Equal(t, sctpcore.EventDown, last.Kind)
	require.Contains(t, string(last.Data), "enough")

	first, failed, unsent := -1, 0, 0
	for {
		n, ok := c.TakeFailed(b[:600], &m)
		if !ok {
			break
		}
		require.Equal(t, 600, n)
		require.True(t, m.More)
		for m.More {
			k, ok := c.TakeFailed(b[:600], &m)
			require.True(t, ok)
			n += k
		}
		if first < 0 {
			first = int(m.Context)
		}
		i := first + failed
		require.Equal(t, []any{1000 + i, uint32(i), uint32(7), i%2 == 1}, []any{n, m.Context, m.PPID, m.Unordered})
		require.False(t, m.Sent && unsent > 0, "what was sent comes first")
		if !m.Sent {
			unsent++
		}
		failed++
	}
	require.Equal(t, sent, first+failed)
	require.Positive(t, first)
	require.Positive(t, unsent)
	require.Greater(t, failed, unsent)
}

// A message for a stream that the peer does not have comes back whole.
func TestSendFailedHasTheMessage(t *testing.T) {
	s := newAlone(t, 1, nil)
	ln, err := s.bind(7, "127.0.0.1").Listen(&AssocOptions{InStreams: 2}, 0)
	require.NoError(t, err)
	c, err := s.bind(9, "127.0.0.1").Begin(ln.b.Addr(), &AssocOptions{Events: EventsOf(sctpcore.EventSendFailed)})
	require.NoError(t, err)
	for _, stream := range []uint16{1, 5, 0} {
		ok, err := c.TrySend([]byte(strings.Repeat("x", int(stream)+1)), &Message{Stream: stream, Context: 100 + uint32(stream)})
		require.True(t, ok)
		require.NoError(t, err)
	}
	s.until(10, "up", func() bool { return isClosed(c.Up()) })
	var m Message
	_, ok, err := c.TryRecv(nil, &m)
	require.True(t, ok)
	require.NoError(t, err)
	f := m.Event.Failed
	require.Equal(t, &Message{Data: []byte("xxxxxx"), N: 6, Stream: 5, Context: 105}, f)
	require.Equal(t, sctpcore.ReasonNoStream, m.Event.Reason)
}

func TestSenderDry(t *testing.T) {
	s := newAlone(t, 2, nil)
	dry := EventsOf(sctpcore.EventSenderDry)
	c, srv := s.joinWith(nil)
	require.NoError(t, c.SetEvents(dry))
	got, _ := script(t, c)
	require.Equal(t, []string{"dry"}, got, "at once")
	for range 3 {
		_, err := c.TrySend(make([]byte, 5000), nil)
		require.NoError(t, err)
		_, err = c.TrySend(make([]byte, 5000), nil)
		require.NoError(t, err)
		require.NoError(t, c.SetEvents(dry))
		got, _ = script(t, c)
		require.Empty(t, got)
		s.until(1, "acknowledged", func() bool {
			got, _ = script(t, c)
			return len(got) > 0
		})
		require.Equal(t, []string{"dry"}, got)
		end := s.now + 1e9
		s.until(2, "a while", func() bool { return s.now > end })
		got, _ = script(t, c)
		require.Empty(t, got, "once")
	}
	script(t, srv)
}

// An event that nobody takes is dropped at the bound, but for the end.
func TestInboxIsBounded(t *testing.T) {
	s := newAlone(t, 1, nil)
	c, srv := s.joinWith(&AssocOptions{Events: AllEvents})
	w, a := c.w, c.assoc
	for range 2 * maxInbox {
		w.tell(a, &sctpcore.Event{Kind: sctpcore.EventPeerError})
	}
	require.EqualValues(t, maxInbox+1, s.d.Stats().EventsDropped)
	require.NoError(t, srv.Abort("so"))
	s.settle()
	got, err := script(t, c)
	require.Error(t, err)
	require.Len(t, got, maxInbox+1)
	require.Equal(t, []string{"up", "error", "down"}, []string{got[0], got[1], got[maxInbox]})
}
