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

// Not a byte before or behind the slices is read or written: it would be a fault.
func TestTouchesNothingElse(t *testing.T) {
	bothWays(t, func(t *testing.T) {
		r := random()
		src, dst := guarded(t), guarded(t)
		copy(src, randomBytes(r, len(src)))
		for n := range 600 {
			first, last := within(src, 0, n), within(src, len(src)-n, n)
			require.Equal(t, bitwise(0, first), Update(0, first))
			require.Equal(t, bitwise(0, last), Update(0, last))
			require.Equal(t, bitwise(0, first), CopyUpdate(0, within(dst, len(dst)-n, n), first))
			require.Equal(t, first, within(dst, len(dst)-n, n))
			require.Equal(t, bitwise(0, last), CopyUpdate(0, within(dst, 0, n), last))
			require.Equal(t, last, within(dst, 0, n))
			if n >= fieldEnd {
				require.Equal(t, hashPacket(last), Packet(last))
			}
		}
	})
}
