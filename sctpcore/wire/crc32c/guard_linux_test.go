package crc32c

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarded is a page whose neighbours on both sides may not be touched.
func guarded(t *testing.T) []byte {
	t.Helper()
	page := os.Getpagesize()
	all, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(all)) })
	require.NoError(t, syscall.Mprotect(all[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(all[2*page:], syscall.PROT_NONE))
	return all[page : 2*page : 2*page]
}

// Not a byte before or behind the slice is read: it would be a fault.
func TestTouchesNothingElse(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		r := random()
		src := guarded(t)
		copy(src, randomBytes(r, len(src)))
		for n := range 600 {
			first, last := within(src, 0, n), within(src, len(src)-n, n)
			require.Equal(t, bitwise(0, first), Update(0, first))
			require.Equal(t, bitwise(0, last), Update(0, last))
			if n >= fieldEnd {
				require.Equal(t, hashPacket(last), Packet(last))
			}
		}
	})
}
