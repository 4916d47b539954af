package nic

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// recorder is a pool that notes the calls of Free.
type recorder struct{ calls [][]uint32 }

func (r *recorder) Free(pkts []*Packet) {
	var indices []uint32
	for _, p := range pkts {
		indices = append(indices, p.Index)
	}
	r.calls = append(r.calls, indices)
}

func TestFreeGoesHomeInRuns(t *testing.T) {
	var a, b recorder
	pkts := make([]*Packet, 6)
	for i, owner := range []Pool{&a, &a, &b, &a, &b, &b} {
		p := MakePacket(owner, nil, uint32(i))
		pkts[i] = &p
	}
	Free(pkts)
	Free(nil)
	require.Equal(t, [][]uint32{{0, 1}, {3}}, a.calls)
	require.Equal(t, [][]uint32{{2}, {4, 5}}, b.calls)
}

// TestPacketAgainstModel holds the window's arithmetic to a plain slice.
func TestPacketAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 400).Draw(t, "room")
		p := MakePacket(&recorder{}, make([]byte, size), 1)
		off, want := min(DefaultHeadroom, size), []byte{}
		amount := rapid.IntRange(-2, 200)
		fill := byte(0)
		write := func(b []byte) []byte {
			for i := range b {
				fill++
				b[i] = fill
			}
			return b
		}
		t.Repeat(map[string]func(*rapid.T){
			"prepend": func(t *rapid.T) {
				n := amount.Draw(t, "n")
				b := p.Prepend(n)
				if n < 0 || n > off {
					require.Nil(t, b)
					return
				}
				require.Len(t, b, n)
				want = append(append([]byte{}, write(b)...), want...)
				off -= n
			},
			"append": func(t *rapid.T) {
				n := amount.Draw(t, "n")
				b := p.Append(n)
				if n < 0 || n > size-off-len(want) {
					require.Nil(t, b)
					return
				}
				require.Len(t, b, n)
				want = append(want, write(b)...)
			},
			"trim": func(t *rapid.T) {
				n := amount.Draw(t, "n")
				p.TrimFront(n)
				n = max(0, min(n, len(want)))
				want, off = want[n:], off+n
			},
			"truncate": func(t *rapid.T) {
				n := amount.Draw(t, "n")
				p.Truncate(n)
				if n >= 0 && n < len(want) {
					want = want[:n]
				}
			},
			"window": func(t *rapid.T) {
				o, n := amount.Draw(t, "off"), amount.Draw(t, "n")
				if o < 0 || n < 0 || o+n > size {
					require.Panics(t, func() { p.SetWindow(o, n) })
					return
				}
				p.SetWindow(o, n)
				off, want = o, append([]byte{}, p.Room()[o:o+n]...)
			},
			"": func(t *rapid.T) {
				require.Equal(t, append([]byte{}, want...), append([]byte{}, p.Data()...))
				require.Equal(t, []int{len(want), off, size - off - len(want), off},
					[]int{p.Len(), p.Headroom(), p.Tailroom(), p.Offset()})
				require.Equal(t, p.Len(), cap(p.Data()), "Data cannot grow over what is behind it")
			},
		})
		p.Flags, p.L2Len, p.L3Len = TxIPv4, 14, 20
		p.Reset()
		fresh := MakePacket(p.Owner(), p.Room(), 1)
		require.Equal(t, fresh, p)
	})
}
