//go:build linux && cgo

package interop

import (
	"sync/atomic"
	"testing"
	"time"
)

// usrsctp 0.9.5 sometimes forgets its T3 timer when a path dies on a busy machine: it has
// unacknowledged data, never retransmits it, and drops our window probes behind it. RFC 9260,
// section 6.3.2, has the timer run as long as data is unacknowledged. What such a case
// tests of us cannot be seen then, so it is run again: hangsMax times in all.
const hangsMax = 3

// stallTime is far above any RTO of these tests.
const stallTime = 10 * time.Second

// again runs a case, and once more each time that usrsctp hung in it.
func again(t *testing.T, name string, run func(t *testing.T)) {
	for n := 1; ; n++ {
		hung := false
		t.Run(name, func(t *testing.T) {
			defer func() { hung = t.Skipped() }()
			run(t)
		})
		if !hung {
			return
		}
		if n == hangsMax {
			t.Errorf("%s: usrsctp hung %d times", name, n)
			return
		}
	}
}

// stall notices that nothing comes from the peer any more, and whether that is since it hangs.
type stall struct {
	peer     *peer
	ask      string // the command for the association's state
	progress *atomic.Uint64
	bytes    uint64
	since    time.Time
	stack    line // of the last look, if asked
	asked    bool
}

// look ends the case if the peer hangs: within stallTime it had unacknowledged data, nothing
// came of it, and its timer did not expire.
func (s *stall) look(t testing.TB) {
	t.Helper()
	if n := s.progress.Load(); n != s.bytes || s.since.IsZero() {
		s.bytes, s.since, s.asked = n, time.Now(), false
		return
	}
	if time.Since(s.since) < stallTime {
		return
	}
	s.peer.command(s.ask)
	stack, status := s.peer.awaitKey("STACK"), s.peer.awaitKey("STATUS")
	s.peer.awaitKey("PATHS")
	if s.peer.cmd != nil && s.asked && status.number("unacked") > 0 && stack.number("t3") == s.stack.number("t3") &&
		stack.number("retransmitted") == s.stack.number("retransmitted") {
		t.Skipf("usrsctp hangs, the case is run again: %s; %s", status.text, stack.text)
	}
	s.stack, s.asked, s.since = stack, true, time.Now()
}

// awaitProgress waits until so many bytes have come.
func awaitProgress(t testing.TB, progress *atomic.Uint64, bytes uint64, failed <-chan error, p *peer) {
	t.Helper()
	s := stall{peer: p, ask: "paths", progress: progress}
	deadline := time.Now().Add(patience)
	for progress.Load() < bytes {
		select {
		case err := <-failed:
			t.Fatalf("transfer ended early, at %d bytes: %v", progress.Load(), err)
		case <-time.After(time.Millisecond):
		}
		s.look(t)
		if time.Now().After(deadline) {
			t.Fatalf("only %d bytes of %d came", progress.Load(), bytes)
		}
	}
}

// awaitResult waits for the end of a transfer.
func awaitResult(t testing.TB, progress *atomic.Uint64, result <-chan error, p *peer) error {
	t.Helper()
	return (&stall{peer: p, ask: "paths", progress: progress}).await(t, result)
}

func (s *stall) await(t testing.TB, result <-chan error) error {
	t.Helper()
	for {
		select {
		case err := <-result:
			return err
		case <-time.After(100 * time.Millisecond):
			s.look(t)
		}
	}
}

// awaitSent is the line in which the peer says what it sent on an association.
func awaitSent(t testing.TB, p *peer, s *stall, port uint16) (sent line) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if p.count(func(l line) bool {
			found := l.key == "SENT" && l.number("port") == uint64(port)
			if found {
				sent = l
			}
			return found
		}) > 0 {
			return sent
		}
		s.look(t)
	}
	t.Fatalf("the peer does not say that all is sent to port %d", port)
	return sent
}
