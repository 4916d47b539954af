package crc32c

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// bitwise is the CRC32c bit by bit, from the polynomial alone.
func bitwise(crc uint32, p []byte) uint32 {
	crc = ^crc
	for _, b := range p {
		crc ^= uint32(b)
		for range 8 {
			crc = timesX(crc)
		}
	}
	return ^crc
}

// bothWays runs test with the assembly, where there is one, and without.
func bothWays(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if canFold() {
		t.Run("fold", test)
	} else {
		t.Log("this machine or build has no use for the assembly: only the fallback is tested")
	}
	t.Run("hash", func(t *testing.T) {
		was := folds
		defer func() { folds = was }()
		folds = false
		test(t)
	})
}

// random has a fixed seed, so that a failure comes back.
func random() *rand.Rand { return rand.New(rand.NewPCG(9260, 3309)) }

func randomBytes(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// within is n bytes of p from at on, alone in memory: nothing of p is around them.
func within(p []byte, at, n int) []byte { return p[at : at+n : at+n] }

// RFC 3720, appendix B.4, the check value of the catalogues of CRCs, and nothing at all.
func TestVectors(t *testing.T) {
	up, down := make([]byte, 32), make([]byte, 32)
	for i := range up {
		up[i], down[i] = byte(i), byte(31-i)
	}
	read, err := hex.DecodeString("01c00000000000000000000000000000140000000000040000000014000000182800000000000000" +
		"0200000000000000")
	require.NoError(t, err)
	bothWays(t, func(t *testing.T) {
		for _, v := range []struct {
			data []byte
			want uint32
		}{
			{nil, 0},
			{[]byte("123456789"), 0xe3069283},
			{make([]byte, 32), 0x8a9136aa},
			{bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43},
			{up, 0x46dd794e},
			{down, 0x113fdb5c},
			{read, 0xd9963a56},
		} {
			require.Equal(t, v.want, Update(0, v.data), "%x", v.data)
		}
	})
}

const longest = 2048

func TestEveryLength(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		r := random()
		p := randomBytes(r, longest+64)
		for n := range longest + 1 {
			for range 3 {
				at, crc := r.IntN(64), r.Uint32()
				src := within(p, at, n)
				want := crc32.Update(crc, castagnoli, src)
				require.Equal(t, bitwise(crc, src), want, "the reference, %d bytes", n)
				require.Equal(t, want, Update(crc, src), "%d bytes from %d on", n, at)
				require.Equal(t, bitwise(0, src), Update(0, src), "%d bytes from %d on", n, at)

				if n < fieldEnd {
					continue
				}
				zeroed := bytes.Clone(src)
				clear(zeroed[fieldOffset:fieldEnd])
				require.Equal(t, bitwise(0, zeroed), Packet(src), "packet of %d bytes from %d on", n, at)
			}
		}
	})
}

// A message in parts has the CRC that it has as one.
func TestSplit(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		r := random()
		p := randomBytes(r, 20000)
		for range 300 {
			want, whole := crc32.Checksum(p, castagnoli), uint32(0)
			for rest := p; len(rest) > 0; {
				n := min(len(rest), r.IntN(1<<r.IntN(14))+1)
				whole = Update(whole, rest[:n])
				rest = rest[n:]
			}
			require.Equal(t, want, whole)
			p[r.IntN(len(p))]++
		}
	})
}

// A caller's slip is seen before a byte is read where it should not be.
func TestMisuse(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		p := make([]byte, 100)
		for n := range fieldEnd {
			require.Panics(t, func() { Packet(p[:n:n]) })
		}
	})
}

func TestNoAllocation(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		src := make([]byte, 9000)
		for _, n := range []int{28, 64, 256, 1452, 9000} {
			require.Zero(t, testing.AllocsPerRun(50, func() {
				binary.LittleEndian.PutUint32(src, Update(Packet(src[:n]), src[:n]))
			}))
		}
	})
}

func FuzzCRC(f *testing.F) {
	f.Add(uint32(0), uint16(3), []byte("123456789"))
	for _, n := range []int{0, 12, 63, 64, 65, 255, 256, 257, 1452} {
		f.Add(uint32(n), uint16(n/3), make([]byte, n))
	}
	f.Fuzz(func(t *testing.T, crc uint32, cut uint16, p []byte) {
		want := bitwise(crc, p)
		at := int(cut) % (len(p) + 1)
		defer func() { folds = canFold() }()
		for _, folds = range []bool{canFold(), false} {
			require.Equal(t, want, Update(crc, p))
			require.Equal(t, want, Update(Update(crc, p[:at]), p[at:]))
			if len(p) >= fieldEnd {
				zeroed := bytes.Clone(p)
				clear(zeroed[fieldOffset:fieldEnd])
				require.Equal(t, bitwise(0, zeroed), Packet(p))
			}
		}
	})
}

var sink uint32

func BenchmarkUpdate(b *testing.B) {
	src := make([]byte, 9000)
	for _, n := range []int{28, 64, 256, 1452, 9000} {
		for _, way := range []struct {
			name string
			run  func()
		}{
			{"ours", func() { sink = Update(0, src[:n]) }},
			{"hash", func() { sink = crc32.Update(0, castagnoli, src[:n]) }},
			{"ours_packet", func() { sink = Packet(src[:n]) }},
			{"hash_packet", func() { sink = hashPacket(src[:n]) }},
		} {
			b.Run(way.name+"/"+strconv.Itoa(n), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					way.run()
				}
			})
		}
	}
}
