//go:build linux && cgo

package interop

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// fullSpeedSeconds is how long each case of TestFullSpeed runs where
// TRUNKLINE_INTEROP_SECONDS does not say (make interop says 60).
const fullSpeedSeconds = 4

// The load of TestFullSpeed.
const (
	fullSpeedAssocs  = 4
	fullSpeedStreams = 16
	fullSpeedPort    = 7200 // of our first association
)

// TestFullSpeed runs usrsctp and Trunkline against each other as fast as they
// go: several associations over both networks, IPv4 on one and IPv6 on the
// other, half of them with each as the primary, messages of 1 byte to 200 KiB on
// many streams in both directions at once. Every byte is checked at both ends,
// and both ends' counters and the kernel's must tell the same story.
//
// usrsctp gives its raw sockets 128 KiB, and loses what comes while another of
// its threads has the lock: that makes losses to recover from. With more room
// nothing is lost, and nothing may be sent twice.
func TestFullSpeed(t *testing.T) {
	seconds := fullSpeedSeconds
	if text := os.Getenv("TRUNKLINE_INTEROP_SECONDS"); text != "" {
		var err error
		seconds, err = strconv.Atoi(text)
		require.NoError(t, err, "TRUNKLINE_INTEROP_SECONDS")
	}
	for _, c := range []struct {
		name      string
		rawBuffer int
		seed      uint64
	}{{"usrsctp as it is", 0, 77}, {"usrsctp with roomy sockets", 4 << 20, 78}} {
		again(t, c.name, func(t *testing.T) { runFullSpeed(t, time.Duration(seconds)*time.Second, c.rawBuffer, c.seed) })
	}
}

func runFullSpeed(t *testing.T, length time.Duration, rawBuffer int, seed uint64) {
	t.Logf("seed %d, %v", seed, length)
	l := newLab(t, true)
	ours := l.startOurs(t, labTimers)
	p := plan{seed: seed, streams: fullSpeedStreams}
	args := append(peerArgs("server", "duplex", list(mixed.peer), "", peerPort, p),
		"--count", fmt.Sprint(fullSpeedAssocs), "--raw-buffer", fmt.Sprint(rawBuffer))
	other := startPeer(t, l.peer, args...)
	other.awaitKey("READY")
	var all []*duplex
	for i := range fullSpeedAssocs {
		port := uint16(fullSpeedPort + i)
		conn := ours.dial(addr(mixed.ours, port), addr(mixed.peer, peerPort))
		require.NoError(t, conn.SetDeadline(time.Now().Add(length+patience)))
		other.awaitKey("ACCEPTED")
		other.awaitConfirmed(mixed.ours[0].Addr(), mixed.ours[1].Addr())
		require.NoError(t, conn.SetPrimary(mixed.peer[i%networks].Addr()))
		other.command(fmt.Sprintf("@%d primary %v", port, mixed.ours[i%networks].Addr()))
		all = append(all, startDuplex(t, conn, port, p, false))
	}
	seen := observe(t, all, length)
	for _, d := range all {
		d.stop.Store(true)
	}
	other.command("stop")
	endDuplexes(t, ours, other, all)
	stack := other.awaitKey("STACK")
	other.awaitOK()
	seen.report(t, all, stack)
	compareCounters(t, ours, stack)
	ours.close()
}

// duplex is one association that sends and receives at once.
type duplex struct {
	conn    *dataplane.Conn
	port    uint16
	stop    atomic.Bool
	sent    result // what Send took
	got     result // what came and was right
	wanted  atomic.Uint64
	sending <-chan error
	reading <-chan error
}

// result is one direction's progress.
type result struct {
	messages, bytes atomic.Uint64
	last, gap       int64 // ns, monotonic: of the last message; the longest time between two
}

func (r *result) count(n int) {
	now := time.Since(began).Nanoseconds()
	if r.last != 0 {
		r.gap = max(r.gap, now-r.last)
	}
	r.last = now
	r.messages.Add(1)
	r.bytes.Add(uint64(n))
}

var began = time.Now()

// startDuplex begins both directions. As in testdata/peer, each has the seed of
// the caller's port, that of who was called one more.
func startDuplex(t testing.TB, conn *dataplane.Conn, port uint16, p plan, called bool) *duplex {
	d := &duplex{conn: conn, port: port}
	d.wanted.Store(^uint64(0))
	out, in := p, p
	out.seed += 2 * uint64(port)
	in.seed += 2*uint64(port) + 1
	if called {
		out, in = in, out
	}
	d.sending = background(t, func() error { return d.send(out) })
	d.reading = background(t, func() error { return d.read(in) })
	return d
}

func (d *duplex) send(p plan) error {
	room := make([]byte, maxMessage)
	for i := uint64(0); !d.stop.Load(); i++ {
		stream, index := p.place(i)
		message := room[:p.size(stream, index)]
		p.fill(message, stream, index)
		if err := d.conn.Send(message, p.about(stream, index)); err != nil {
			return fmt.Errorf("port %d: send stream %d message %d: %w", d.port, stream, index, err)
		}
		d.sent.count(len(message))
	}
	return nil
}

// read checks what comes until it is all that was wanted. How much that is may
// turn out while it waits for more; then the read deadline ends it.
func (d *duplex) read(p plan) error {
	c := newChecker(p)
	room := make([]byte, maxMessage+1)
	for d.got.messages.Load() < d.wanted.Load() {
		message, about, err := recvMessage(d.conn, room)
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && d.got.messages.Load() == d.wanted.Load() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("port %d: after %d messages, %d bytes: %w", d.port, c.messages, c.bytes, err)
		}
		if err := c.take(message, about); err != nil {
			return fmt.Errorf("port %d: %w", d.port, err)
		}
		d.got.count(len(message))
	}
	return nil
}

// endDuplexes waits until both ends have everything that the other sent, and
// shuts down.
func endDuplexes(t *testing.T, ours *side, other *peer, all []*duplex) {
	t.Helper()
	byPort := map[uint64]*duplex{}
	for _, d := range all {
		byPort[uint64(d.port)] = d
		require.NoError(t, awaitResult(t, d.sending))
		l := awaitSent(t, other, d.port)
		d.wanted.Store(l.number("messages"))
		eventually(t, func() bool { return d.got.messages.Load() >= d.wanted.Load() || len(d.reading) > 0 },
			"port %d: not all of %s came", d.port, l.text)
		require.NoError(t, d.conn.SetReadDeadline(time.Now()))
		require.NoError(t, <-d.reading)
		require.Equal(t, l.number("messages"), d.got.messages.Load())
		require.Equal(t, l.number("bytes"), d.got.bytes.Load())
	}
	for _, d := range all {
		require.NoError(t, d.conn.Close())
		require.NoError(t, ours.ended(d.conn))
	}
	for range all {
		l := other.awaitKey("STATS")
		d := byPort[l.number("port")]
		require.Equal(t, d.sent.messages.Load(), l.number("rx_messages"), "port %d: messages that the peer got", d.port)
		require.Equal(t, d.sent.bytes.Load(), l.number("rx_bytes"), "port %d: bytes that the peer got", d.port)
		t.Logf("port %d: sent %d messages, %d bytes; got %d messages, %d bytes; longest gap at us %d ms, at the peer %s ms",
			d.port, d.sent.messages.Load(), d.sent.bytes.Load(), d.got.messages.Load(), d.got.bytes.Load(),
			d.got.gap/1e6, l.values["longest_gap_ms"])
	}
}
