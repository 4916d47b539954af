package watch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // what is drawn must not depend on where
	os.Exit(m.Run())
}

// sampleLook is sample() with a course of rates.
func sampleLook() *look {
	l := &look{state: sample()}
	l.state.Workers = []observe.Worker{{WorstGap: 0.31}, {Number: 1, WorstGap: 0.2}}
	for i := range 30 {
		in := float64(i%10) * 1e9
		l.points = append(l.points, observe.Point{Time: l.state.Time.Add(time.Duration(i-30) * time.Second), RxBits: in, TxBits: 4e9, RxPackets: in / 8000, TxPackets: 5e5,
			RxMessages: 7, Retransmits: 2, Drops: 1.5, Ports: []observe.Rate{{Name: "p0", Up: true, RxBits: 1.25e9, TxBits: 2.5e9}, {Name: "p1", RxBits: 1e3}}})
	}
	return l
}

func sampleEvents() []observe.Event {
	at := func(ms int) time.Time {
		return time.Date(2026, 11, 23, 18, 59, 58, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	}
	return []observe.Event{
		{Seq: 1, Time: at(0), Kind: observe.KindUp, Assoc: "0.17", Peer: "10.0.1.2:7", LocalPort: 40000, Why: "we began it"},
		{Seq: 2, Time: at(100), Kind: observe.KindLink, Port: "p1", From: "up", To: "down"},
		{Seq: 3, Time: at(100), Kind: observe.KindPathState, Assoc: "0.17", Peer: "10.0.1.2:7", Path: "10.0.2.2", Port: "p1", From: "ACTIVE", To: "INACTIVE", Why: "link down"},
		{Seq: 4, Time: at(101), Kind: observe.KindFailover, Assoc: "0.17", Peer: "10.0.1.2:7", From: "10.0.2.2", To: "10.0.1.2", Port: "p0", OldPort: "p1", Why: "link down", Detected: 0.3, Switched: 0.04},
		{Seq: 5, Time: at(102), Kind: observe.KindResumed, Assoc: "0.17", Peer: "10.0.1.2:7", To: "10.0.1.2", Port: "p0", Standstill: 1.234},
		{Seq: 6, Time: at(200), Kind: observe.KindAddress, Path: "10.0.3.1", Port: "p0", Why: "add of ours"},
		{Seq: 7, Time: at(300), Kind: observe.KindDown, Assoc: "0.17", Peer: "10.0.1.2:7", Why: "shutdown"},
		{Time: at(400), Kind: observe.KindMissed, Count: 12},
	}
}

func TestEventLines(t *testing.T) {
	require.Equal(t, "a → b by p1: timeout; known after 137 ms, switched at once",
		story(&observe.Event{Kind: observe.KindFailover, From: "a", To: "b", Port: "p1", Why: "timeout", Detected: 137}))
	var got []string
	for _, e := range sampleEvents() {
		got = append(got, eventLine(&e, false))
	}
	require.Equal(t, `
18:59:58.000  up          0.17 10.0.1.2:7  at our port 40000: we began it
18:59:58.100  link        p1: up → down
18:59:58.100  path_state  0.17 10.0.1.2:7  10.0.2.2 by p1: ACTIVE → INACTIVE: link down
18:59:58.101  failover    0.17 10.0.1.2:7  10.0.2.2 → 10.0.1.2 by p0 (was p1): link down; known after 0.3 ms, switched in 0.04 ms
18:59:58.102  resumed     0.17 10.0.1.2:7  stood still for 1.23 ms, goes on to 10.0.1.2 by p0
18:59:58.200  address     10.0.3.1 p0: add of ours
18:59:58.300  down        0.17 10.0.1.2:7  shutdown
18:59:58.400  missed      12 events came faster than they were read
`, "\n"+strings.Join(got, "\n")+"\n")
}

// screenOf is what a model draws, without styles, and a bar at the end of each line's room.
func screenOf(m *model) string {
	var b strings.Builder
	for line := range strings.SplitSeq(m.View().Content, "\n") {
		fmt.Fprintln(&b, strings.TrimRight(bare(line), " "))
	}
	return "\n" + b.String()
}

// bare is a text without its styles.
func bare(s string) string {
	var b strings.Builder
	in := false
	for _, r := range s {
		switch {
		case r == '\x1b':
			in = true
		case in:
			in = r != 'm'
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// told is a model that has seen a look, another one, and events.
func told(t *testing.T) *model {
	t.Helper()
	m := newModel(func(int) (*look, error) { return nil, errors.New("not asked here") })
	l := sampleLook()
	m.Update(lookMsg{l})
	l = sampleLook()
	l.state.Time = l.state.Time.Add(time.Second)
	l.state.Drops[0].Count += 30
	m.Update(lookMsg{l})
	for _, e := range sampleEvents() {
		m.Update(e)
	}
	return m
}

func TestTopAtEighty(t *testing.T) {
	m := told(t)
	require.Equal(t, `
east  up 1d01h  2 workers, worst gap 0.31 ms                    19:00:01  ? help
2 associations  messages in 7/s out 0/s  resent 2/s  drops 1.50/s
in   9.00 Gbit/s     1.12M pkt/s                   ▁▂▃▄▅▆▇██ ▁▂▃▄▅▆▇██ ▁▂▃▄▅▆▇██
out  4.00 Gbit/s      500k pkt/s                  ██████████████████████████████

PORT  LINK     PATHS           IN                        OUT
p0    up 2.5G      1  1.25 Gbit/s  ██████······  2.50 Gbit/s  ████████████
p1    down         1  1.00 kbit/s  █···········      0 bit/s  ············

PATHS by trouble: 1 INACTIVE, 1 UNCONFIRMED, 1 ACTIVE
ASSOC     TO        PORT  STATE          RTO      SRTT      CWND  ERRORS
0.17      10.0.2.2  none  INACTIVE     1.6 s   12.4 ms  1.46 KiB       5
1.3    *  fd00::2   p1    UNCONFIRMED    1 s         -  4.28 KiB       0
0.17   *  10.0.1.2  p0    ACTIVE       20 ms  0.213 ms  4.28 KiB       0

EVENTS
18:59:58.100  link        p1: up → down
18:59:58.100  path_state  0.17  10.0.2.2 by p1: ACTIVE → INACTIVE: link down
18:59:58.101  failover    0.17  10.0.2.2 → 10.0.1.2 by p0 (was p1): link down; …
18:59:58.102  resumed     0.17  stood still for 1.23 ms, goes on to 10.0.1.2 by…
18:59:58.200  address     10.0.3.1 p0: add of ours
18:59:58.300  down        0.17  shutdown
18:59:58.400  missed      12 events came faster than they were read
drops: inet_no_route 30/s  there is no route to the destination
`, screenOf(m))
}

// TestTopSaysWhatItHides: what is not among the associations that it has is in its totals, and said to
// be missing.
func TestTopSaysWhatItHides(t *testing.T) {
	m := told(t)
	st := m.look.state
	st.Associations, st.Hidden = 100_002, observe.Hidden{Associations: 100_000}
	st.PathCounts = append(st.PathCounts, observe.PathCount{Port: "p1", State: "ACTIVE", Count: 200_000}, observe.PathCount{Port: "p1", State: "PF", Count: 3})
	require.Contains(t, screenOf(m), `
PATHS by trouble: 1 INACTIVE, 3 PF, 1 UNCONFIRMED, 200001 ACTIVE
these are the worst 2 of 100002 associations
ASSOC `)
	st.Hidden.Troubled = 7
	require.Contains(t, screenOf(m), "these are the worst 2 of 100002 associations; 7 of those that are not shown are…\n")
	m.width = 100
	require.Contains(t, screenOf(m), "associations; 7 of those that are not shown are in trouble, too\n")
	st.Assocs, st.PathCounts, st.Hidden = nil, nil, observe.Hidden{}
	require.Contains(t, screenOf(m), "\nPATHS by trouble: none\n\nEVENTS\n")
}

func TestTopFitsEveryTerminal(t *testing.T) {
	m := told(t)
	for _, about := range []bool{false, true} {
		m.about = about
		for w := 1; w < 200; w += 3 {
			for h := 1; h < 60; h += 2 {
				m.Update(tea.WindowSizeMsg{Width: w, Height: h})
				lines := strings.Split(m.draw(), "\n")
				require.LessOrEqual(t, len(lines), h)
				for _, line := range lines {
					require.LessOrEqual(t, len([]rune(bare(line))), w)
				}
			}
		}
	}
}

func press(m *model, k tea.Key) tea.Cmd {
	_, cmd := m.Update(tea.KeyPressMsg(k))
	return cmd
}

func TestTopKeys(t *testing.T) {
	m := told(t)
	require.Equal(t, byTrouble, m.sort)
	press(m, tea.Key{Code: tea.KeyRight})
	require.Equal(t, byAssoc, m.sort)
	press(m, tea.Key{Code: tea.KeyLeft})
	press(m, tea.Key{Code: tea.KeyLeft})
	require.Equal(t, byFlight, m.sort)
	press(m, tea.Key{Code: tea.KeyDown})
	require.Contains(t, screenOf(m), "PATHS by flight")
	require.Equal(t, 1, m.first)
	press(m, tea.Key{Code: tea.KeyPgDown})
	screenOf(m)
	require.Equal(t, 2, m.first, "the last of three paths stays")
	press(m, tea.Key{Code: tea.KeyHome})
	press(m, tea.Key{Code: tea.KeyUp})
	require.Equal(t, 0, m.first)
	press(m, tea.Key{Code: '?', Text: "?"})
	require.Contains(t, screenOf(m), "this help")
	require.Nil(t, press(m, tea.Key{Code: tea.KeyEscape}))
	require.NotContains(t, screenOf(m), "this help")
	require.IsType(t, tea.QuitMsg{}, press(m, tea.Key{Code: 'q', Text: "q"})())
	require.IsType(t, tea.QuitMsg{}, press(m, tea.Key{Code: 'c', Mod: tea.ModCtrl})())
}

func TestTopPauses(t *testing.T) {
	m := told(t)
	press(m, tea.Key{Code: 'p', Text: "p"})
	require.Contains(t, screenOf(m), "paused")
	l := sampleLook()
	l.state.Node = "other"
	m.Update(lookMsg{l})
	require.NotContains(t, screenOf(m), "other")
	press(m, tea.Key{Code: 'p', Text: "p"})
	m.Update(lookMsg{l})
	require.Contains(t, screenOf(m), "other")
}

// TestTopSeesTheDaemonGoAndCome: a daemon that is gone is said to be, and one that was
// started anew is another one, with events of its own.
func TestTopSeesTheDaemonGoAndCome(t *testing.T) {
	m := newModel(func(int) (*look, error) { return nil, errors.New("gone") })
	require.Contains(t, screenOf(m), "asking the daemon")
	require.Equal(t, failedMsg{errors.New("gone")}, m.Init()())
	m.Update(failedMsg{errors.New("no daemon")})
	require.Contains(t, screenOf(m), "no daemon")
	require.Contains(t, screenOf(m), "trying again")
	m = told(t)
	m.Update(failedMsg{errors.New("no daemon serves it")})
	require.Contains(t, screenOf(m), "no answer: no daemon serves it")
	require.Contains(t, screenOf(m), "10.0.2.2", "what was known stays")
	l := sampleLook()
	l.state.Started = time.Now()
	_, cmd := m.Update(lookMsg{l})
	require.NotNil(t, cmd)
	require.Contains(t, screenOf(m), "the daemon was started anew")
	require.Contains(t, screenOf(m), "none yet")
	require.NotContains(t, screenOf(m), "no answer")
}

func TestBlocks(t *testing.T) {
	require.Equal(t, ' ', block(0, 1))
	require.Equal(t, '▁', block(1e-9, 1))
	require.Equal(t, '█', block(1, 1))
	require.Equal(t, "████", gauge(3, 4))
	require.Equal(t, "█···", gauge(1e-9, 4))
	require.Equal(t, "····", gauge(0, 4))
	require.Equal(t, "ab…\x1b[0m", clip("abcd", 3))
	require.Equal(t, "\x1b[1mabc\x1b[0m", clip("\x1b[1mabc\x1b[0m", 3))
}
