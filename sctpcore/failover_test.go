package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func telecom(_ int, c *Config) { c.Timers = TelecomTimers() }

// cutNet makes every packet on network n vanish, in both directions.
func (p *pair) cutNet(n byte) {
	p.drop = func(_ int, f *flying) bool { return f.dst.As4()[2] == n }
}

func (p *pair) path(side, i int) *path { return &p.e[side].assoc(p.id[side]).paths[i] }

func (p *pair) failovers(side int) []Event {
	var all []Event
	for _, v := range p.events[side] {
		if v.Kind == EventFailover {
			all = append(all, v)
		}
	}
	return all
}

// trickle sends a message every interval until end and reads what arrives.
func (p *pair) trickle(first int, interval, end Time) (sent int, got [][]byte) {
	for p.now < end {
		p.sendMsg(0, uint16(sent%4), message(first+sent, 200), 0)
		sent++
		p.run(p.now + interval)
		got = append(got, p.receive(1)...)
	}
	return sent, got
}

func TestSecondPathIsConfirmedByHeartbeat(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.connect()
	for side := range 2 {
		a := p.e[side].assoc(p.id[side])
		require.Len(t, a.paths, 2)
		for i := range a.paths {
			require.Equal(t, Active, a.paths[i].state, "side %d path %d", side, i)
		}
	}
}

// An address that no heartbeat was answered from carries no data, even when the
// primary path is dead (RFC 9260, section 5.4).
func TestUnconfirmedCarriesNoData(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.cutNet(1)
	p.connect()
	require.Equal(t, Unconfirmed, p.path(0, 1).state)
	onSecond := 0
	p.drop = func(_ int, f *flying) bool {
		if f.dst.As4()[2] == 1 && describe(f.data) != "HEARTBEAT" {
			onSecond++
		}
		return true
	}
	for i := range 20 {
		p.sendMsg(0, 0, message(i, 100), 0)
	}
	p.run(p.now + Second)
	require.Zero(t, onSecond)
}

func TestSilentLossFailsOverWithinFiftyMilliseconds(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.delay = Millisecond / 4
	p.connect()
	sent, got := p.trickle(0, Millisecond, p.now+Second)
	cut := p.now
	p.cutNet(0)
	n, more := p.trickle(sent, Millisecond, p.now+Second)
	sent, got = sent+n, append(got, more...)
	f := p.failovers(0)
	require.NotEmpty(t, f)
	require.Equal(t, uint8(1), f[0].Path)
	require.LessOrEqual(t, f[0].Switched-cut, 50*Millisecond)
	require.NotZero(t, p.e[0].ctr.T3Retransmits)
	require.LessOrEqual(t, p.e[0].ctr.T3Retransmits, p.e[0].ctr.T3RtxExpireds)
	t.Logf("switched %.1f ms after the cut", float64(f[0].Switched-cut)/float64(Millisecond))
	// Healed: the primary path is used again.
	p.drop = nil
	n, more = p.trickle(sent, Millisecond, p.now+2*Second)
	sent, got = sent+n, append(got, more...)
	require.Equal(t, uint8(0), p.e[0].assoc(p.id[0]).current)
	p.run(p.now + Second)
	got = append(got, p.receive(1)...)
	requireStreams(t, sent, got)
}

// requireStreams checks that messages 0 to n-1, sent round robin on four streams, came
// exactly once and in order within each stream.
func requireStreams(t *testing.T, n int, got [][]byte) {
	t.Helper()
	require.Len(t, got, n)
	number := map[string]int{}
	for i := range n {
		number[string(message(i, 200))] = i
	}
	last := [4]int{-1, -1, -1, -1}
	for _, m := range got {
		i, ok := number[string(m)]
		require.True(t, ok, "a message that was not sent")
		require.Less(t, last[i%4], i)
		last[i%4] = i
	}
}

func TestLinkDownMovesTrafficAtOnce(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.connect()
	sent, got := p.trickle(0, Millisecond, p.now+100*Millisecond)
	p.cutNet(0)
	p.down[[2]int{0, 0}] = true
	for range 5 { // in flight when the link goes
		p.sendMsg(0, uint16(sent%4), message(sent, 200), 0)
		sent++
	}
	p.pump()
	require.NoError(t, p.e[0].SetRoute(p.now, p.id[0], 0, Route{Src: addrOf(1, 0), Egress: 1, Down: true}))
	cut := p.now
	p.pump()
	p.pump()
	f := p.failovers(0)
	require.Len(t, f, 1)
	require.Equal(t, cut, f[0].Switched, "no timer had to expire")
	n, more := p.trickle(sent, Millisecond, p.now+Second)
	sent, got = sent+n, append(got, more...)
	require.Equal(t, uint8(1), p.e[0].assoc(p.id[0]).current)
	// Link up: a heartbeat is answered, and the primary path is used again.
	p.drop = nil
	require.NoError(t, p.e[0].SetRoute(p.now, p.id[0], 0, Route{Src: addrOf(1, 0), Egress: 1}))
	n, more = p.trickle(sent, Millisecond, p.now+Second)
	sent, got = sent+n, append(got, more...)
	require.Equal(t, uint8(0), p.e[0].assoc(p.id[0]).current)
	p.run(p.now + Second)
	got = append(got, p.receive(1)...)
	requireStreams(t, sent, got)
}

// The primary is a hint: ignored while its path is down, honoured again after.
func TestPrimaryIsAHint(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.connect()
	require.NoError(t, p.e[0].SetPrimary(p.now, p.id[0], addrOf(2, 1)))
	require.Equal(t, uint8(1), p.e[0].assoc(p.id[0]).current)
	p.cutNet(1)
	p.trickle(0, Millisecond, p.now+Second)
	require.Equal(t, uint8(0), p.e[0].assoc(p.id[0]).current)
	p.drop = nil
	p.trickle(1000, Millisecond, p.now+2*Second)
	require.Equal(t, uint8(1), p.e[0].assoc(p.id[0]).current)
	require.ErrorIs(t, p.e[0].SetPrimary(p.now, p.id[0], addrOf(9, 1)), ErrAddress)
}

// With every path dead the association ends by Association.Max.Retrans.
func TestAllPathsDead(t *testing.T) {
	p := newPair(t, 2, telecom)
	p.connect()
	p.drop = func(int, *flying) bool { return true }
	p.sendMsg(0, 0, message(1, 100), 0)
	p.run(p.now + 60*Second)
	require.Equal(t, Closed, p.state(0))
	last := p.events[0][len(p.events[0])-1]
	require.Equal(t, EventDown, last.Kind)
	require.Equal(t, ReasonRetransLimit, last.Reason)
	require.Zero(t, p.e[0].Released(p.id[0]), "it was not acknowledged")
	require.NoError(t, p.e[0].Abort(p.now, p.id[0], nil))
	p.e[0].Forget(p.id[0])
	require.ErrorIs(t, p.e[0].Abort(p.now, p.id[0], nil), ErrNoAssociation)
}

// Idle associations notice a dead path by heartbeats alone, and its return.
func TestIdlePathWatchedByHeartbeats(t *testing.T) {
	p := newPair(t, 2, nil)
	p.connect()
	p.cutNet(1)
	p.run(p.now + 10*60*Second)
	require.Equal(t, Inactive, p.path(0, 1).state)
	require.Equal(t, Inactive, p.path(1, 1).state)
	require.Equal(t, Established, p.state(0))
	p.drop = nil
	p.run(p.now + 3*60*Second)
	require.Equal(t, Active, p.path(0, 1).state)
	require.Equal(t, Active, p.path(1, 1).state)
}

// One side knows that a network is dead, the other has nothing to learn it by: its SHUTDOWN ACKs
// go back to where the SHUTDOWNs come from.
func TestShutdownByTheOtherPath(t *testing.T) {
	p := newPair(t, 2, func(_ int, c *Config) {
		c.Timers.RTOInitial, c.Timers.RTOMin, c.Timers.RTOMax = 200*Millisecond, 50*Millisecond, 400*Millisecond
		c.Timers.HBInterval, c.Timers.PathMaxRetrans = 100*Millisecond, 2
	})
	p.connect()
	p.cutNet(0)
	p.sendMsg(0, 0, message(0, 100), 0)
	require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
	p.run(p.now + 10*Second)
	p.requireDown(0, ReasonShutdown)
	p.requireDown(1, ReasonShutdown)
}
