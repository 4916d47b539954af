package inet

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// The ladders below read: what happens, what the table then sends.

func TestARPResolves(t *testing.T) {
	s := newStack(t)
	mac, state := s.n.Lookup(peer4, s.now) // we want to send
	require.Equal(t, Incomplete, state)
	require.True(t, mac.IsZero())
	require.Equal(t, []string{"ff:ff:ff:ff:ff:ff ARP who has 192.0.2.2 tell 192.0.2.1"}, s.poll())
	require.Empty(t, s.poll(), "asked once")
	gen := s.n.Generation()

	s.take(arpFrame(t, ourMAC, 2, peerMAC, peer4, our4)) // he answers
	require.Empty(t, s.poll())
	mac, state = s.n.Lookup(peer4, s.now)
	require.Equal(t, Reachable, state)
	require.Equal(t, peerMAC, mac)
	require.NotEqual(t, gen, s.n.Generation())
	require.Zero(t, s.drops.Total())

	// He answers again, unasked: counted, nothing changes.
	gen = s.n.Generation()
	s.take(arpFrame(t, ourMAC, 2, evilMAC, peer4, our4))
	f := patch(arpFrame(t, ourMAC, 2, evilMAC, peer4, our4), 6, evilMAC[:]...)
	s.take(f)
	require.EqualValues(t, 1, s.drops[DropARPSpoof])
	require.EqualValues(t, 1, s.drops[DropARPUnsolicited])
	require.Equal(t, gen, s.n.Generation())
}

func TestNDResolves(t *testing.T) {
	s := newStack(t)
	s.n.Lookup(peer6, s.now)
	require.Equal(t, []string{"33:33:ff:00:00:02 NS 2001:db8::1>ff02::1:ff00:2 who has 2001:db8::2"}, s.poll())
	s.take(naFrame(t, our6, peer6, &peerMAC, 0x60))
	mac, state := s.n.Lookup(peer6, s.now)
	require.Equal(t, Reachable, state)
	require.Equal(t, peerMAC, mac)
	require.Zero(t, s.drops.Total())

	// An answer that we did not ask for changes nothing, however late.
	s.now += 10 * Second
	s.take(patch(naFrame(t, our6, peer6, &evilMAC, 0x60), 6, evilMAC[:]...))
	require.EqualValues(t, 1, s.drops[DropNDUnsolicited])
	mac, _ = s.n.Lookup(peer6, s.now)
	require.Equal(t, peerMAC, mac)
}

func TestNobodyAnswers(t *testing.T) {
	for _, a := range []wire.Addr{peer4, peer6} {
		s := newStack(t)
		s.n.Lookup(a, s.now)
		require.Len(t, s.poll(), 1)
		p := packet(256, make([]byte, 60))
		require.Nil(t, s.n.Hold(a, p, s.now))
		for range 2 {
			require.Equal(t, s.now+Second, s.n.NextDeadline())
			s.now = s.n.NextDeadline() - 1
			require.Empty(t, s.poll())
			s.now++
			require.Len(t, s.poll(), 1)
		}
		s.now += Second
		require.Empty(t, s.poll())
		require.Equal(t, Failed, s.state(a))
		require.Equal(t, Never, s.n.NextDeadline())
		var out [4]*nic.Packet
		require.Zero(t, s.n.PollReady(out[:]))
		require.Equal(t, 1, s.n.PollFailed(out[:]))
		require.Same(t, p, out[0])
		require.EqualValues(t, 1, s.drops[DropNeighbourDead])

		// Not asked again at once, but a second later.
		_, state := s.n.Lookup(a, s.now+Second-1)
		require.Equal(t, Failed, state)
		require.Same(t, p, s.n.Hold(a, p, s.now))
		s.now += Second
		_, state = s.n.Lookup(a, s.now)
		require.Equal(t, Incomplete, state)
		require.Len(t, s.poll(), 1)
	}
}

// resolved is a stack that knows peer4 and peer6.
func resolved(t testing.TB) *stack {
	s := newStack(t)
	s.n.Lookup(peer4, s.now)
	s.n.Lookup(peer6, s.now)
	s.poll()
	s.take(arpFrame(t, ourMAC, 2, peerMAC, peer4, our4))
	s.take(naFrame(t, our6, peer6, &peerMAC, 0x60))
	require.Equal(t, Reachable, s.state(peer4))
	require.Equal(t, Reachable, s.state(peer6))
	return s
}

func TestReachableToProbeToReachable(t *testing.T) {
	s := resolved(t)
	gen := s.n.Generation()
	for s.state(peer4) == Reachable || s.state(peer6) == Reachable {
		d := s.n.NextDeadline()
		require.GreaterOrEqual(t, d, s.now)
		require.Less(t, d, 1000*Second+46*Second)
		s.now = d
		require.Empty(t, s.poll())
	}
	require.GreaterOrEqual(t, s.now, 1000*Second+15*Second)
	require.Equal(t, gen+2, s.n.Generation(), "both need a Lookup now")
	require.Equal(t, Never, s.n.NextDeadline(), "nobody uses them: nobody asks")

	mac, state := s.n.Lookup(peer4, s.now)
	require.Equal(t, Delay, state)
	require.Equal(t, peerMAC, mac)
	s.n.Lookup(peer6, s.now)
	s.now += 5 * Second
	s.now = s.n.NextDeadline()
	require.ElementsMatch(t, []string{
		"02:00:00:00:00:02 ARP who has 192.0.2.2 tell 192.0.2.1",
		"02:00:00:00:00:02 NS 2001:db8::1>2001:db8::2 who has 2001:db8::2",
	}, s.poll())
	require.Equal(t, Probe, s.state(peer4))
	s.take(arpFrame(t, ourMAC, 2, peerMAC, peer4, our4))
	require.Equal(t, Reachable, s.state(peer4))

	gen = s.n.Generation()
	for range 3 {
		s.now += Second + neighbourTick
		s.poll()
	}
	require.Equal(t, Failed, s.state(peer6))
	require.NotEqual(t, gen, s.n.Generation())
	require.Zero(t, s.drops.Total())
}

func TestWeAnswer(t *testing.T) {
	s := newStack(t)
	s.take(arpFrame(t, BroadcastMAC, 1, peerMAC, peer4, our4))
	s.take(nsFrame(t, peer6, our6, &peerMAC))
	require.Equal(t, []string{
		"02:00:00:00:00:02 ARP 192.0.2.1 is here for 192.0.2.2",
		"02:00:00:00:00:02 NA 2001:db8::1>2001:db8::2 2001:db8::1 flags 60",
	}, s.poll())
	require.Equal(t, Stale, s.state(peer4), "learnt, not believed for long")
	require.Equal(t, Stale, s.state(peer6))

	// Probes for a duplicate address are answered and teach nothing.
	s = newStack(t)
	s.take(arpFrame(t, BroadcastMAC, 1, peerMAC, addr("0.0.0.0"), our4))
	s.take(nsFrame(t, wire.Addr{}, our6, nil))
	require.Equal(t, []string{
		"02:00:00:00:00:02 ARP 192.0.2.1 is here for 0.0.0.0",
		"33:33:00:00:00:01 NA 2001:db8::1>ff02::1 2001:db8::1 flags 20",
	}, s.poll())
	require.Zero(t, s.n.Len())
	require.Zero(t, s.drops.Total())
}

func TestPacketsHeld(t *testing.T) {
	s := newStack(t)
	var pkts []*nic.Packet
	for i := range 10 {
		p := packet(256, append(make([]byte, 60), byte(i)))
		pkts = append(pkts, p)
		old := s.n.Hold(peer4, p, s.now)
		if i < 8 {
			require.Nil(t, old)
		} else {
			require.Same(t, pkts[i-8], old, "the oldest goes")
		}
	}
	require.EqualValues(t, 2, s.drops[DropNeighbourQueue])
	require.Len(t, s.poll(), 1)
	var out [3]*nic.Packet
	require.Zero(t, s.n.PollReady(out[:]))
	s.take(arpFrame(t, ourMAC, 2, peerMAC, peer4, our4))
	for i := 2; i < 10; {
		n := s.n.PollReady(out[:])
		require.NotZero(t, n)
		for _, p := range out[:n] {
			require.Same(t, pkts[i], p)
			require.Equal(t, peerMAC, MAC(p.Data()[:6]))
			i++
		}
	}
	require.Zero(t, s.n.PollReady(out[:]))
	// Once resolved a packet comes straight back.
	require.Nil(t, s.n.Hold(peer4, pkts[0], s.now))
	require.Equal(t, 1, s.n.PollReady(out[:]))
}

func TestHeldInAllIsBounded(t *testing.T) {
	s := newStack(t) // HoldAll 32
	kept := 0
	for i := range 60 {
		p := packet(256, make([]byte, 60))
		if s.n.Hold(wire.AddrFrom4([4]byte{192, 0, 2, byte(10 + i/4)}), p, s.now) == nil {
			kept++
		}
	}
	require.Equal(t, 32, kept)
	s.n.LinkDown(s.now)
	var out [64]*nic.Packet
	require.Equal(t, 32, s.n.PollFailed(out[:]))
	require.EqualValues(t, 28, s.drops[DropNeighbourQueue])
	require.EqualValues(t, 32, s.drops[DropNeighbourDead])
}

func TestAnnouncementMovesWhatExists(t *testing.T) {
	s := resolved(t)
	moved := func(f []byte) []byte { return patch(f, 6, evilMAC[:]...) }
	garp := moved(arpFrame(t, BroadcastMAC, 1, evilMAC, peer4, peer4))
	una := moved(naFrame(t, allNodes, peer6, &evilMAC, 0x20))
	s.take(garp) // at once: somebody fights for the address
	s.take(una)
	require.EqualValues(t, 1, s.drops[DropARPSpoof])
	require.EqualValues(t, 1, s.drops[DropNDSpoof])
	gen := s.n.Generation()
	s.now += Second
	s.take(garp)
	s.take(una)
	require.Equal(t, gen+2, s.n.Generation())
	for _, a := range []wire.Addr{peer4, peer6} {
		mac, state := s.n.Lookup(a, s.now)
		require.Equal(t, evilMAC, mac)
		require.Equal(t, Delay, state, "to be probed, not believed")
	}
	// Without the override flag an advertisement moves nothing.
	s.now += Second
	s.take(naFrame(t, allNodes, peer6, &peerMAC, 0))
	mac, _ := s.n.Lookup(peer6, s.now)
	require.Equal(t, evilMAC, mac)
}

func TestConflictIsDefendedSeldom(t *testing.T) {
	s := newStack(t)
	for range 100 {
		s.take(arpFrame(t, BroadcastMAC, 1, peerMAC, our4, our4))
	}
	require.Equal(t, []string{"ff:ff:ff:ff:ff:ff ARP who has 192.0.2.1 tell 192.0.2.1"}, s.poll())
	require.EqualValues(t, 100, s.drops[DropARPConflict])
	s.now += 10 * Second
	s.take(naFrame(t, allNodes, our6, &peerMAC, 0x20))
	require.Equal(t, []string{"33:33:00:00:00:01 NA 2001:db8::1>ff02::1 2001:db8::1 flags 20"}, s.poll())
}

func TestAnnounce(t *testing.T) {
	s := newStack(t)
	want := []string{
		"ff:ff:ff:ff:ff:ff ARP who has 192.0.2.1 tell 192.0.2.1",
		"33:33:00:00:00:01 NA 2001:db8::1>ff02::1 2001:db8::1 flags 20",
	}
	s.n.Announce(s.now)
	require.Equal(t, s.now, s.n.NextDeadline())
	require.Equal(t, want, s.poll())
	require.Equal(t, s.now+2*Second, s.n.NextDeadline())
	s.now += 2 * Second
	require.Equal(t, want, s.poll())
	require.Equal(t, Never, s.n.NextDeadline())
}

func TestLinkDownKeepsMACs(t *testing.T) {
	s := resolved(t)
	gen := s.n.Generation()
	s.n.LinkDown(s.now)
	require.NotEqual(t, gen, s.n.Generation())
	mac, state := s.n.Lookup(peer4, s.now)
	require.Equal(t, peerMAC, mac)
	require.Equal(t, Delay, state)
}

// TestFlood has a subnet's worth of strangers ask for us: the table stays within
// its bounds, answers within its rate, and what we use stays in it.
func TestFlood(t *testing.T) {
	s := resolved(t)
	for i := range 5000 {
		var a wire.Addr
		mac := MAC{2, 1, byte(i >> 8), byte(i), 0, 1}
		f := arpFrame(t, BroadcastMAC, 1, mac, wire.AddrFrom4([4]byte{192, 0, 2, byte(3 + i%250)}), our4)
		if i%2 == 1 {
			a = peer6
			binary.BigEndian.PutUint32(a[8:], uint32(i))
			f = nsFrame(t, a, our6, &mac)
		}
		s.take(patch(f, 6, mac[:]...))
		if i%50 == 0 {
			s.n.Lookup(addr(fmt.Sprintf("192.0.2.%d", 100+i/50%50)), s.now)
		}
	}
	require.Equal(t, 64, s.n.Len())
	require.Equal(t, Reachable, s.state(peer4))
	require.Equal(t, Reachable, s.state(peer6))
	require.NotZero(t, s.drops[DropNeighbourRate])
	require.LessOrEqual(t, len(s.poll()), 64+60, "answers queued and our own questions")
	require.Equal(t, 64, len(s.n.Snapshot(nil)))
}

// TestManyQuestionsAreRated looks up a whole table at once.
func TestManyQuestionsAreRated(t *testing.T) {
	s := newStack(t)
	var err error
	s.n, err = NewNeighbours(s.iface, NeighbourConfig{Entries: 1000, SolicitsPerSecond: 100, Seed: 1}, s.drops)
	require.NoError(t, err)
	for i := range 1000 {
		a := peer6
		binary.BigEndian.PutUint16(a[12:], uint16(i))
		s.n.Lookup(a, s.now)
	}
	first := len(s.poll())
	require.Equal(t, 10, first, "the burst")
	sent := 0
	for end := s.now + Second; s.n.NextDeadline() <= end; {
		s.now = max(s.now, s.n.NextDeadline())
		sent += len(s.poll())
	}
	require.InDelta(t, 100, sent, 1)
}

// TestStrangersTakeNoPlace has a table full of neighbours that we asked for.
func TestStrangersTakeNoPlace(t *testing.T) {
	s := newStack(t)
	for i := range 64 {
		s.n.Lookup(wire.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}), s.now)
	}
	s.take(arpFrame(t, BroadcastMAC, 1, peerMAC, peer4, our4))
	require.Equal(t, NeighbourNone, s.state(peer4))
	require.EqualValues(t, 1, s.drops[DropNeighbourFull])
	require.Equal(t, "02:00:00:00:00:02 ARP 192.0.2.1 is here for 192.0.2.2", s.poll()[0], "but they are answered")
	// We ourselves take the place of the least useful.
	_, state := s.n.Lookup(peer4, s.now)
	require.Equal(t, Incomplete, state)
}

// TestChains removes and finds entries that share buckets.
func TestChains(t *testing.T) {
	s := newStack(t)
	var err error
	s.n, err = NewNeighbours(s.iface, NeighbourConfig{Entries: 8, Seed: 3}, s.drops)
	require.NoError(t, err)
	for i := range 500 {
		a := peer6
		binary.BigEndian.PutUint16(a[12:], uint16(i*7))
		s.n.Lookup(a, s.now+int64(i))
		_, state := s.n.Lookup(a, s.now+int64(i))
		require.Equal(t, Incomplete, state)
		require.Equal(t, min(i+1, 8), s.n.Len())
		for _, e := range s.n.Snapshot(nil) {
			require.NotNil(t, s.n.find(e.Addr))
		}
	}
}

func TestNeighboursRefuse(t *testing.T) {
	for _, c := range []NeighbourConfig{{Entries: -1}, {Entries: 1 << 17}, {Hold: 9, HoldAll: 8}, {Solicits: -1}, {Retrans: -1}} {
		_, err := NewNeighbours(testIface(t), c, new(Drops))
		require.Error(t, err)
	}
}
