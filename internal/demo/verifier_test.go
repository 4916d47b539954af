package demo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// feed gives a verifier of two streams 100 messages of each, after change has
// had its way with the order of arrival.
func feed(t *testing.T, change func([][2]uint64) [][2]uint64, harm func(i int, b []byte)) Tally {
	t.Helper()
	var order [][2]uint64
	for n := range uint64(100) {
		order = append(order, [2]uint64{0, n}, [2]uint64{1, n})
	}
	if change != nil {
		order = change(order)
	}
	v := NewVerifier(2)
	room := make([]byte, maxLen)
	for i, m := range order {
		b := putMessage(room, uint16(m[0]), m[1])
		if harm != nil {
			harm(i, b)
		}
		v.Check(uint16(m[0]), b)
	}
	return v.Tally([]uint64{100, 100})
}

func TestVerifierPassesOnlyWhatIsWhole(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([][2]uint64) [][2]uint64
		harm   func(i int, b []byte)
		want   Tally
	}{
		{name: "whole", want: Tally{Sent: 200, Received: 200}},
		{
			name:   "one lost",
			change: func(o [][2]uint64) [][2]uint64 { return append(o[:20:20], o[21:]...) },
			want:   Tally{Sent: 200, Received: 199, Lost: 1},
		},
		{
			name:   "the last lost",
			change: func(o [][2]uint64) [][2]uint64 { return o[:199] },
			want:   Tally{Sent: 200, Received: 199, Lost: 1},
		},
		{
			name:   "one twice",
			change: func(o [][2]uint64) [][2]uint64 { return append(o, o[40]) },
			want:   Tally{Sent: 200, Received: 200, Duplicated: 1},
		},
		{
			name: "two swapped within a stream",
			change: func(o [][2]uint64) [][2]uint64 {
				o[10], o[12] = o[12], o[10]
				return o
			},
			want: Tally{Sent: 200, Received: 200, OutOfOrder: 1},
		},
		{
			name: "two swapped between streams",
			change: func(o [][2]uint64) [][2]uint64 {
				o[10], o[11] = o[11], o[10]
				return o
			},
			want: Tally{Sent: 200, Received: 200},
		},
		{
			name: "one late and twice",
			change: func(o [][2]uint64) [][2]uint64 {
				late := o[10]
				return append(append(o[:10:10], o[11:]...), late, late)
			},
			want: Tally{Sent: 200, Received: 200, OutOfOrder: 1, Duplicated: 1},
		},
		{
			name: "one bit flipped",
			harm: func(i int, b []byte) {
				if i == 50 {
					b[len(b)-1] ^= 1
				}
			},
			want: Tally{Sent: 200, Received: 199, Lost: 1, Corrupt: 1},
		},
		{
			name: "stream mixed up",
			harm: func(i int, b []byte) {
				if i == 50 {
					b[9] ^= 1
				}
			},
			want: Tally{Sent: 200, Received: 199, Lost: 1, Corrupt: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := feed(t, c.change, c.harm)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want == Tally{Sent: 200, Received: 200}, got.Clean())
		})
	}
}

func TestVerifierIsNotCleanWithoutMessages(t *testing.T) {
	require.False(t, NewVerifier(1).Tally([]uint64{0}).Clean())
}

func TestVerifierBoundsItsMemory(t *testing.T) {
	v := NewVerifier(1)
	room := make([]byte, maxLen)
	v.Check(0, putMessage(room, 0, 10*maxMissing))
	require.Len(t, v.streams[0].missing, maxMissing)
	require.False(t, v.Tally([]uint64{10*maxMissing + 1}).Clean())
}

func TestMessageRefusesEveryTruncation(t *testing.T) {
	room := make([]byte, maxLen)
	b := putMessage(room, 3, 7)
	n, err := parseMessage(b, 3)
	require.NoError(t, err)
	require.EqualValues(t, 7, n)
	for i := range b {
		_, err := parseMessage(b[:i], 3)
		require.Error(t, err)
	}
}
