package inet

import (
	"bytes"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func frag4(t testing.TB, id uint16, data []byte, from, to int) []byte {
	h := ip4(peer4, our4, layers.IPProtocolSCTP)
	h.Id, h.FragOffset = id, uint16(from/8)
	if to < len(data) {
		h.Flags = layers.IPv4MoreFragments
	}
	return build(t, ether(layers.EthernetTypeIPv4), h, gopacket.Payload(data[from:to]))
}

// frag6 cuts data, which begins with a header of type next.
func frag6(t testing.TB, id uint32, next uint8, data []byte, from, to int) []byte {
	word := uint16(from)
	if to < len(data) {
		word |= 1
	}
	b := []byte{next, 0, byte(word >> 8), byte(word), byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
	return build(t, ether(layers.EthernetTypeIPv6), ip6(peer6, our6, layers.IPProtocolIPv6Fragment), gopacket.Payload(append(b, data[from:to]...)))
}

func TestReassembleEveryOrder(t *testing.T) {
	data := []byte(sctpBytes(3000))
	cuts := []int{0, 1480, 2960, 3000}
	dest := append([]byte{ProtoSCTP, 0, 1, 4, 0, 0, 0, 0}, data...)
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		s := newStack(t)
		for i, k := range order {
			for name, f := range map[string][]byte{
				"4": frag4(t, 7, data, cuts[k], cuts[k+1]),
				"6": frag6(t, 7, 60, dest, cuts[k], min(cuts[k+1]+8*(k/2), len(dest))),
			} {
				v := s.take(f)
				if i < 2 {
					require.Equal(t, Held, v, name)
					continue
				}
				require.Equal(t, SCTP, v, "%s %v", name, s.m.Drop)
				require.True(t, s.m.Reassembled)
				require.True(t, bytes.Equal(data, s.m.Payload))
				require.EqualValues(t, ProtoSCTP, s.m.Proto)
			}
		}
		require.Zero(t, s.drops.Total())
		require.Equal(t, 2, s.frags.InUse())
		s.frags.Recycle()
		require.Zero(t, s.frags.InUse())
	}
}

func TestAtomicFragment(t *testing.T) {
	s := newStack(t)
	require.Equal(t, SCTP, s.take(frag6(t, 1, ProtoSCTP, sctpBytes(40), 0, 40)))
	require.Equal(t, []byte(sctpBytes(40)), s.m.Payload)
	require.False(t, s.m.Reassembled)
	require.Equal(t, 48, s.m.L3Len)
	require.Zero(t, s.frags.InUse())
}

func TestOverlapKillsTheDatagram(t *testing.T) {
	data := []byte(sctpBytes(1000))
	other := append([]byte(nil), data...)
	other[500]++
	for name, c := range map[string]struct {
		frames [][]byte
		want   Drop
	}{
		"partial":         {[][]byte{frag4(t, 1, data, 0, 400), frag4(t, 1, data, 392, 800)}, DropFragmentOverlap},
		"same, other":     {[][]byte{frag4(t, 1, data, 400, 800), frag4(t, 1, other, 400, 800)}, DropFragmentOverlap},
		"two ends":        {[][]byte{frag4(t, 1, data, 800, 1000), frag4(t, 1, data[:900], 800, 900)}, DropFragmentOverlap},
		"behind the end":  {[][]byte{frag4(t, 1, data[:800], 400, 800), frag4(t, 1, data, 800, 960)}, DropFragmentOverlap},
		"end before high": {[][]byte{frag4(t, 1, data, 400, 800), frag4(t, 1, data[:240], 80, 240)}, DropFragmentOverlap},
		"teardrop":        {[][]byte{frag4(t, 1, data, 0, 400), frag4(t, 1, data[:48], 24, 48)}, DropFragmentOverlap},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			require.Equal(t, Held, s.take(c.frames[0]))
			require.Equal(t, Dropped, s.take(c.frames[1]))
			require.Equal(t, c.want, s.m.Drop)
			// What of it is still to come is swallowed: nothing is ever made of it.
			for _, r := range [][2]int{{0, 400}, {400, 800}, {800, 1000}} {
				require.Equal(t, Dropped, s.take(frag4(t, 1, data, r[0], r[1])))
			}
			s.now += 30 * Second
			s.frags.Expire(s.now)
			require.Zero(t, s.frags.InUse())
			require.Zero(t, s.drops[DropFragmentTimeout], "counted already")
		})
	}
}

func TestRepeatIsHarmless(t *testing.T) {
	s := newStack(t)
	data := []byte(sctpBytes(1000))
	require.Equal(t, Held, s.take(frag4(t, 1, data, 0, 400)))
	require.Equal(t, Dropped, s.take(frag4(t, 1, data, 0, 400)))
	require.EqualValues(t, 1, s.drops[DropFragmentRepeat])
	require.Equal(t, SCTP, s.take(frag4(t, 1, data, 400, 1000)))
	require.True(t, bytes.Equal(data, s.m.Payload))

	// A last fragment shorter than a block counts once too.
	data = data[:403]
	for range 3 {
		require.NotEqual(t, SCTP, s.take(frag4(t, 2, data, 400, 403)))
	}
	require.EqualValues(t, 3, s.drops[DropFragmentRepeat])
	require.Equal(t, SCTP, s.take(frag4(t, 2, data, 0, 400)))
	require.True(t, bytes.Equal(data, s.m.Payload))
}

func TestFragmentBounds(t *testing.T) {
	data := []byte(sctpBytes(1000))
	s := newStack(t) // 4 slots, 2 per source
	for id := range 100 {
		require.Equal(t, Held, s.take(frag4(t, uint16(id), data, 0, 400)))
		s.now++
	}
	require.Equal(t, 2, s.frags.InUse())
	require.EqualValues(t, 98, s.drops[DropFragmentEvicted])
	require.Equal(t, SCTP, s.take(frag4(t, 99, data, 400, 1000)), "the newest is still there")

	// What is handed out is not overwritten before Recycle.
	whole := s.m.Payload
	for id := 200; id < 300; id++ {
		s.take(frag6(t, uint32(id), ProtoSCTP, bytes.Repeat([]byte{0xee}, 1000), 0, 400))
	}
	require.True(t, bytes.Equal(data, whole))

	// The rest times out.
	s.frags.Recycle()
	before := s.frags.InUse()
	require.NotZero(t, before)
	s.now += 30 * Second
	s.frags.Expire(s.now)
	require.Zero(t, s.frags.InUse())
	require.EqualValues(t, before, s.drops[DropFragmentTimeout])

	// All slots handed out: there is no room until Recycle.
	for id := range 4 {
		s.take(frag4(t, uint16(id), data, 0, 400))
		require.Equal(t, SCTP, s.take(frag4(t, uint16(id), data, 400, 1000)))
	}
	require.Equal(t, Dropped, s.take(frag4(t, 9, data, 0, 400)))
	require.EqualValues(t, 1, s.drops[DropFragmentNoMemory])
	s.frags.Recycle()
	require.Equal(t, Held, s.take(frag4(t, 9, data, 0, 400)))
}

func TestFragmentTooLargeForSlot(t *testing.T) {
	s := newStack(t)
	r, err := NewReassembler(ReassemblyConfig{Slots: 1, Size: 600}, s.drops)
	require.NoError(t, err)
	s.p.frags = r
	require.Equal(t, Dropped, s.take(frag4(t, 1, sctpBytes(1000), 400, 1000)))
	require.EqualValues(t, 1, s.drops[DropFragmentSize])
	require.Equal(t, SCTP, func() Verdict {
		s.take(frag4(t, 2, sctpBytes(600), 0, 400))
		return s.take(frag4(t, 2, sctpBytes(600), 400, 600))
	}())
}

func TestReassemblerRefuses(t *testing.T) {
	for _, c := range []ReassemblyConfig{{Slots: -1}, {Slots: 5000}, {Size: 100}, {Size: 65536}, {PerSource: -1}, {Timeout: -1}} {
		_, err := NewReassembler(c, new(Drops))
		require.Error(t, err)
	}
}

// fragModel is one datagram, byte by byte.
type fragModel struct {
	there [512]bool
	data  [512]byte
	total int // -1 unknown
	dead  bool
}

// add is what Reassembler.add must do.
func (m *fragModel) add(from int, more bool, data []byte) Drop {
	have, high, same, end := 0, 0, true, from+len(data)
	for i, x := range m.there {
		if x {
			high = i + 1
		}
	}
	for i := from; i < end; i++ {
		if m.there[i] {
			have++
			same = same && m.data[i] == data[i-from]
		}
	}
	beyond := m.total >= 0 && end > m.total
	disagree := !more && (m.total >= 0 && end != m.total || m.total < 0 && end < high)
	switch {
	case m.dead, beyond, disagree, have > 0 && have < len(data), have > 0 && !same:
		m.dead = true
		return DropFragmentOverlap
	case have > 0:
		return DropFragmentRepeat
	}
	for i := from; i < end; i++ {
		m.there[i], m.data[i] = true, data[i-from]
	}
	if !more {
		m.total = end
	}
	return DropNone
}

func (m *fragModel) complete() bool {
	n := 0
	for _, x := range m.there {
		if x {
			n++
		}
	}
	return n == m.total
}

// TestReassemblyModel compares the bitmap with the model, over arbitrary
// fragments of a few datagrams.
func TestReassemblyModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, err := NewReassembler(ReassemblyConfig{Slots: 8, PerSource: 8, Size: 1024}, new(Drops))
		require.NoError(t, err)
		models := map[uint32]*fragModel{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := rapid.Uint32Range(0, 2).Draw(t, "id")
			from := rapid.IntRange(0, 8).Draw(t, "from") * 8
			more := rapid.IntRange(0, 3).Draw(t, "last") > 0
			n := rapid.IntRange(1, 32).Draw(t, "n")
			if more {
				n = (n + 7) / 8 * 8
			}
			data := append([]byte(nil), sctpBytes(from + n)[from:]...)
			if rapid.IntRange(0, 20).Draw(t, "damage") == 0 {
				data[rapid.IntRange(0, n-1).Draw(t, "at")] ^= 1
			}
			m := models[id]
			if m == nil {
				m = &fragModel{total: -1}
				models[id] = m
			}
			whole, d := r.add(&fragment{src: peer4, dst: our4, id: id, offset: from, more: more, proto: ProtoSCTP, data: data}, 0)
			if want := m.add(from, more, data); d != want {
				t.Fatalf("id %d [%d,%d) more %v: %v, want %v", id, from, from+n, more, d, want)
			}
			if done := d == DropNone && m.complete(); done != (whole != nil) {
				t.Fatalf("complete is %v, want %v", whole != nil, done)
			} else if done {
				if !bytes.Equal(whole, m.data[:m.total]) {
					t.Fatal("datagram differs")
				}
				delete(models, id)
				r.Recycle()
			}
		}
		if r.InUse() != len(models) {
			t.Fatalf("%d slots in use, want %d", r.InUse(), len(models))
		}
	})
}
