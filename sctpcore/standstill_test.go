package sctpcore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// standstill is what happens to a pair with data under way when networks fail.
type standstill struct {
	*pair
	dead  map[byte]bool // networks on which every packet vanishes
	acks  []Time        // when SACKs that did not vanish arrived at A
	after int           // of A's events
}

func newStandstill(t *testing.T, nets int, delay Time) *standstill {
	s := &standstill{pair: newPair(t, nets, telecom), dead: map[byte]bool{}}
	s.delay = delay
	s.drop = func(from int, f *flying) bool {
		gone := s.dead[f.dst.As4()[2]]
		if from == 1 && !gone && strings.Contains(describe(f.data), "SACK") {
			s.acks = append(s.acks, f.at)
		}
		return gone
	}
	s.connect()
	s.trickle(0, Millisecond, s.now+Second)
	s.after = len(s.events[0])
	return s
}

// of is A's events of a kind since traffic began.
func (s *standstill) of(k EventKind) (all []Event) {
	for _, v := range s.events[0][s.after:] {
		if v.Kind == k {
			all = append(all, v)
		}
	}
	return all
}

// lastAck is the last time a SACK arrived up to t, firstAck the first time after it.
func (s *standstill) lastAck(t Time) (last Time) {
	for _, at := range s.acks {
		if at <= t {
			last = at
		}
	}
	return last
}

func (s *standstill) firstAck(t Time) Time {
	for _, at := range s.acks {
		if at > t {
			return at
		}
	}
	return Never
}

// Silent loss with data always under way: it stood still from the last SACK by the dead
// path to the first one of what went by the other.
func TestStandstillOfSilentLoss(t *testing.T) {
	s := newStandstill(t, 2, 3*Millisecond)
	s.dead[0] = true
	cut := s.now
	s.trickle(1000, Millisecond, cut+Second)
	last := s.lastAck(cut + s.delay)
	f := s.of(EventFailover)
	require.Len(t, f, 1)
	require.True(t, f[0].Stalled)
	require.Equal(t, ReasonTimeout, f[0].Reason)
	require.Equal(t, last, f[0].LastAck)
	require.Less(t, last, f[0].Detected)
	require.LessOrEqual(t, f[0].Detected, f[0].Switched)
	r := s.of(EventResumed)
	require.Len(t, r, 1)
	require.Equal(t, []any{uint8(1), last, s.firstAck(f[0].Switched)}, []any{r[0].Path, r[0].LastAck, r[0].At})
	t.Logf("stood still for %.1f ms", float64(r[0].At-r[0].LastAck)/float64(Millisecond))
	// Back to the primary path when it works: nothing stands still.
	s.dead[0] = false
	s.after = len(s.events[0])
	s.trickle(2000, Millisecond, s.now+2*Second)
	f = s.of(EventFailover)
	require.Len(t, f, 1)
	require.Equal(t, []any{uint8(0), false, ReasonHeartbeatAcked}, []any{f[0].Path, f[0].Stalled, f[0].Reason})
	require.Empty(t, s.of(EventResumed))
}

// Where each message is acknowledged before the next one it stands still from the sending
// of the first that was not.
func TestStandstillBeginsWithTheData(t *testing.T) {
	s := newStandstill(t, 2, Millisecond/4)
	s.run(s.now + 100*Millisecond)
	s.dead[0] = true
	cut := s.now
	s.trickle(1000, Millisecond, cut+Second)
	f, r := s.of(EventFailover), s.of(EventResumed)
	require.Len(t, f, 1)
	require.Equal(t, s.lastAck(cut), f[0].LastAck)
	require.Len(t, r, 1)
	require.Equal(t, cut, r[0].LastAck)
	require.Equal(t, s.firstAck(cut), r[0].At)
}

func TestStandstillOfLinkDown(t *testing.T) {
	s := newStandstill(t, 2, 3*Millisecond)
	s.dead[0] = true
	cut := s.now
	s.sendMsg(0, 0, message(1, 200), 0)
	s.pump()
	require.NoError(t, s.e[0].SetRoute(s.now, s.id[0], 0, Route{Src: addrOf(1, 0), Egress: 1, Down: true}))
	s.trickle(1000, Millisecond, cut+100*Millisecond)
	f, r := s.of(EventFailover), s.of(EventResumed)
	require.Len(t, f, 1)
	require.Equal(t, []any{true, ReasonLinkDown, cut, cut}, []any{f[0].Stalled, f[0].Reason, f[0].Detected, f[0].Switched})
	require.Equal(t, s.lastAck(cut), f[0].LastAck)
	require.Len(t, r, 1)
	// The SACKs that were under way still arrive, and acknowledge what has been sent again.
	require.Equal(t, []Time{s.lastAck(cut), s.firstAck(cut)}, []Time{r[0].LastAck, r[0].At})
}

// The same with nothing under way from the peer.
func TestStandstillOfDeadLink(t *testing.T) {
	s := newStandstill(t, 2, 3*Millisecond)
	s.dead[0] = true
	cut := s.now
	s.trickle(1000, Millisecond, cut+10*Millisecond) // the timer has not expired
	require.Empty(t, s.of(EventFailover))
	down := s.now
	require.NoError(t, s.e[0].SetRoute(down, s.id[0], 0, Route{Src: addrOf(1, 0), Egress: 1, Down: true}))
	s.trickle(2000, Millisecond, down+100*Millisecond)
	r := s.of(EventResumed)
	require.Len(t, r, 1)
	require.Equal(t, []Time{s.lastAck(down), down + 2*s.delay}, []Time{r[0].LastAck, r[0].At})
}

// A path that fails while nothing is under way has nothing stand still, however late the
// next message comes.
func TestNoStandstillWhenIdle(t *testing.T) {
	s := newStandstill(t, 2, Millisecond)
	s.run(s.now + 100*Millisecond)
	s.dead[0] = true
	s.run(s.now + 60*Second)
	require.Equal(t, Inactive, s.path(0, 0).state)
	require.Empty(t, s.of(EventFailover), "there was no data to move")
	sent := s.now
	s.trickle(1000, Millisecond, s.now+100*Millisecond)
	f := s.of(EventFailover)
	require.Len(t, f, 1)
	require.Equal(t, []any{false, ReasonTimeout, sent}, []any{f[0].Stalled, f[0].Reason, f[0].Switched})
	require.Less(t, f[0].Detected, sent-30*Second)
	require.Empty(t, s.of(EventResumed))
}

// A second path that fails before anything was acknowledged there makes one standstill
// longer.
func TestStandstillOverTwoFailures(t *testing.T) {
	s := newStandstill(t, 3, 3*Millisecond)
	s.dead[0], s.dead[1] = true, true
	cut := s.now
	s.trickle(1000, Millisecond, cut+2*Second)
	f, r := s.of(EventFailover), s.of(EventResumed)
	require.Len(t, f, 2)
	require.True(t, f[0].Stalled)
	require.True(t, f[1].Stalled)
	require.Len(t, r, 1)
	require.Equal(t, []any{uint8(2), s.lastAck(cut + s.delay), s.firstAck(f[1].Switched)}, []any{r[0].Path, r[0].LastAck, r[0].At})
}

// Who only prefers another path has nothing stand still.
func TestNoStandstillByChoice(t *testing.T) {
	s := newStandstill(t, 2, 3*Millisecond)
	require.NoError(t, s.e[0].SetPrimary(s.now, s.id[0], addrOf(2, 1)))
	s.trickle(1000, Millisecond, s.now+100*Millisecond)
	f := s.of(EventFailover)
	require.Len(t, f, 1)
	require.Equal(t, []any{false, ReasonPrimary, uint8(1)}, []any{f[0].Stalled, f[0].Reason, f[0].Path})
	require.Empty(t, s.of(EventResumed))
}

// A path on which nothing was ever acknowledged gave no sign of life to count from.
func TestFailoverTook(t *testing.T) {
	const s = Second
	for _, c := range []struct {
		e    Event
		want [2]Time
	}{
		{Event{Stalled: true, LastAck: 5 * s, Detected: 7 * s, Switched: 8 * s}, [2]Time{2 * s, s}},
		{Event{Stalled: true, Detected: 7 * s, Switched: 8 * s}, [2]Time{0, s}},
		{Event{LastAck: 5 * s, Detected: 7 * s, Switched: 9 * s}, [2]Time{}},
	} {
		detected, switched := c.e.Took()
		require.Equal(t, c.want, [2]Time{detected, switched})
	}
}
