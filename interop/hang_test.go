//go:build linux && cgo

package interop

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// usrsctp 0.9.5 sometimes forgets its T3 timer when a path dies on a busy machine: it has
// unacknowledged data, never retransmits it, and drops our window probes behind it. RFC 9260,
// section 6.3.2, has the timer run as long as data is unacknowledged. What such a case
// tests of us cannot be seen then, so it is run again: hangsMax times in all.
const hangsMax = 3

// stallTime is how long a usrsctp must stand still to hang where its RTO is not the slow one of a test.
const stallTime = 4 * time.Second

// stallOf is that of a usrsctp with these arguments: it is above any RTO.
func stallOf(args []string) time.Duration {
	longest := 0
	if i := slices.Index(args, "--rto-max"); i >= 0 {
		longest, _ = strconv.Atoi(args[i+1])
	}
	return max(stallTime, 2*time.Duration(longest)*time.Millisecond)
}

// retried is a case that is run again if usrsctp hangs in it. No fault of ours leads to that: a wrong message fails the
// case, and so does a SACK that acknowledges what it says is missing, with which the sender might have nothing to
// wait for (see startCapture).
type retried struct {
	peers     []*peer
	transfers sync.WaitGroup

	mu    sync.Mutex
	hung  bool
	wrong []string // what is, beside
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

// again runs a case, and once more each time that usrsctp hung in it and nothing else was wrong.
func again(t *testing.T, name string, run func(t *testing.T)) {
	for n := 1; ; n++ {
		c := &retried{}
		passed := t.Run(name, func(t *testing.T) {
			casesMu.Lock()
			cases[t.Name()] = c
			casesMu.Unlock()
			run(t)
		})
		if !passed || !c.hung {
			return
		}
		if faults := c.faults(); len(faults) > 0 {
			t.Errorf("%s: usrsctp hung, and beside: %v", name, faults)
			return
		}
		if n == hangsMax {
			t.Errorf("%s: usrsctp hung %d times", name, n)
			return
		}
	}
}

// background runs a transfer, and returns where its error is told.
func background(t testing.TB, transfer func() error) <-chan error {
	c, result := caseOf(t), make(chan error, 1)
	if c == nil {
		c = &retried{} // nobody asks it
	}
	c.transfers.Go(func() {
		err := transfer()
		c.note(err)
		result <- err
	})
	return result
}

// note keeps what is wrong. Once usrsctp has hung the case ends, and transfers with it: then only wrong messages are.
func (c *retried) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && (!c.hung || errors.Is(err, errWrong)) {
		c.wrong = append(c.wrong, err.Error())
	}
}

// faults is what our transfers and the peers found wrong in a case that is over.
func (c *retried) faults() []string {
	c.transfers.Wait()
	for _, p := range c.peers {
		p.count(func(l line) bool {
			if _, failed := l.values["FAIL"]; failed && l.key == "RESULT" {
				c.wrong = append(c.wrong, l.text)
			}
			return false
		})
	}
	return c.wrong
}

// look ends the case that t is if usrsctp hangs in it. Whoever waits calls it, in the
// test's goroutine.
func look(t testing.TB) {
	t.Helper()
	c := caseOf(t)
	if c == nil || c.hung {
		return
	}
	for _, p := range c.peers {
		if why := p.hangs(); why != "" {
			c.mu.Lock()
			c.hung = true
			c.mu.Unlock()
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

// hangs tells of an association that has unacknowledged data, while for its stall
// nothing was sent and nothing acknowledged, nor did a timer expire. What the other end does
// or leaves can make it so only with a SACK that contradicts itself.
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
	if time.Since(w.asked) >= p.stall {
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

// TestAHangHidesNothing: what transfers and peers found wrong counts, but for how transfers end because the case does.
func TestAHangHidesNothing(t *testing.T) {
	wrong := newChecker(plan{streams: 1}).take([]byte("short"), dataplane.Message{PPID: planPPID, SSN: 1})
	require.ErrorIs(t, wrong, errWrong)
	for _, c := range []struct {
		before, after error
		said          string
		faults        int
	}{
		{nil, io.EOF, "STATS", 0}, {io.EOF, nil, "STATS", 1}, {wrong, nil, "STATS", 1}, {nil, wrong, "STATS", 1},
		{nil, nil, "RESULT FAIL reason=stream_1_differs", 1}, {nil, nil, "RESULT OK", 0},
	} {
		r := &retried{peers: []*peer{{lines: make(chan line, 1)}}}
		r.peers[0].read(strings.NewReader(c.said + "\n"))
		r.note(c.before)
		r.hung = true
		r.note(c.after)
		require.Len(t, r.faults(), c.faults, "%+v", c)
	}
}
