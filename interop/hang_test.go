//go:build linux && cgo

package interop

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// usrsctp 0.9.5 sometimes forgets its T3 timer when a path dies on a busy machine: it has
// unacknowledged data, never retransmits it, and drops our window probes behind it. RFC 9260,
// section 6.3.2, has the timer run as long as data is unacknowledged. What such a case
// tests of us cannot be seen then, so it is run again: hangsMax times in all.
const hangsMax = 3

// stallTime is above any RTO of these tests' usrsctp, and so short that a usrsctp at the
// other end sees the hang later: it gives up after probing a closed window 20 times.
const stallTime = 4 * time.Second

// retried is a case that is run again if usrsctp hangs in it.
type retried struct {
	peers []*peer
	hung  bool
}

var (
	casesMu sync.Mutex
	cases   = map[string]*retried{} // those that run, by the name of their test
)

func caseOf(t testing.TB) *retried {
	casesMu.Lock()
	defer casesMu.Unlock()
	return cases[t.Name()]
}

// again runs a case, and once more each time that usrsctp hung in it.
func again(t *testing.T, name string, run func(t *testing.T)) {
	for n := 1; ; n++ {
		c := &retried{}
		t.Run(name, func(t *testing.T) {
			casesMu.Lock()
			cases[t.Name()] = c
			casesMu.Unlock()
			run(t)
		})
		if !c.hung {
			return
		}
		if n == hangsMax {
			t.Errorf("%s: usrsctp hung %d times", name, n)
			return
		}
	}
}

// look ends the case that t is if usrsctp hangs in it. Whoever waits calls it, in the
// test's goroutine.
func look(t testing.TB) {
	t.Helper()
	c := caseOf(t)
	if c == nil {
		return
	}
	for _, p := range c.peers {
		if why := p.hangs(); why != "" {
			c.hung = true
			t.Skipf("usrsctp hangs, the case is run again: %s", why)
		}
	}
}

// signs is what a peer said of its associations, by their ports.
type signs struct {
	asked    time.Time
	said     map[uint64]line // since asked
	saidLast map[uint64]line
}

// hangs tells of an association that has unacknowledged data, while within stallTime
// nothing was sent and nothing acknowledged, nor did a timer expire. Nothing that the other
// end does or leaves can make it so.
func (p *peer) hangs() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &p.signs
	for port, l := range w.said {
		was, ok := w.saidLast[port]
		same := ok && l.number("unacked") > 0 && was.number("unacked") > 0
		for _, name := range []string{"data_out", "retransmitted", "t3", "sacks_in"} {
			same = same && l.values[name] == was.values[name]
		}
		if same {
			return was.text + "; " + l.text
		}
	}
	if time.Since(w.asked) >= stallTime {
		if len(w.said) > 0 {
			w.saidLast = w.said
		}
		w.asked, w.said = time.Now(), map[uint64]line{}
		fmt.Fprintln(p.stdin, "watch") // fails if it is gone
	}
	return ""
}

// eventually waits until ok.
func eventually(t testing.TB, ok func() bool, format string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); <-time.After(time.Millisecond) {
		look(t)
		if time.Now().After(deadline) {
			require.FailNow(t, fmt.Sprintf(format, args...))
		}
	}
}

// awaitProgress waits until so many bytes have come.
func awaitProgress(t testing.TB, progress *atomic.Uint64, bytes uint64, failed <-chan error) {
	t.Helper()
	eventually(t, func() bool {
		select {
		case err := <-failed:
			t.Fatalf("transfer ended early, at %d bytes: %v", progress.Load(), err)
		default:
		}
		return progress.Load() >= bytes
	}, "less than %d bytes came", bytes)
}

// awaitResult waits for the end of a transfer.
func awaitResult(t testing.TB, result <-chan error) error {
	t.Helper()
	for {
		select {
		case err := <-result:
			return err
		case <-time.After(100 * time.Millisecond):
			look(t)
		}
	}
}

// awaitSent is the line in which the peer says what it sent on an association.
func awaitSent(t testing.TB, p *peer, port uint16) (sent line) {
	t.Helper()
	eventually(t, func() bool {
		return p.count(func(l line) bool {
			found := l.key == "SENT" && l.number("port") == uint64(port)
			if found {
				sent = l
			}
			return found
		}) > 0
	}, "the peer does not say that all is sent to port %d", port)
	return sent
}

// TestAHangIsSeen: it is one only if nothing has changed and something is unacknowledged.
func TestAHangIsSeen(t *testing.T) {
	const quiet = "WATCH port=7 unacked=3 data_out=9 retransmitted=2 t3=1 sacks_in=4"
	for _, c := range []struct {
		then string
		hung bool
	}{
		{quiet, true},
		{"WATCH port=8 unacked=3 data_out=9 retransmitted=2 t3=1 sacks_in=4", false},
		{"WATCH port=7 unacked=0 data_out=9 retransmitted=2 t3=1 sacks_in=4", false},
		{"WATCH port=7 unacked=3 data_out=10 retransmitted=2 t3=1 sacks_in=4", false},
		{"WATCH port=7 unacked=3 data_out=9 retransmitted=3 t3=1 sacks_in=4", false},
		{"WATCH port=7 unacked=3 data_out=9 retransmitted=2 t3=2 sacks_in=4", false},
		{"WATCH port=7 unacked=3 data_out=9 retransmitted=2 t3=1 sacks_in=5", false},
	} {
		var asked strings.Builder
		p := &peer{stdin: &asked}
		for _, answer := range []string{quiet, c.then} {
			p.signs.asked = time.Time{}
			require.Empty(t, p.hangs())
			p.read(strings.NewReader(answer + "\n"))
		}
		require.Equal(t, "watch\nwatch\n", asked.String())
		require.Equal(t, c.hung, p.hangs() != "", c.then)
	}
}
