//go:build !noasm

package crc32c

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// overX is c divided by x: the polynomial has the term 1, so x has an inverse.
func overX(c uint32) uint32 {
	if c&(1<<31) != 0 { // an odd polynomial: the modulus makes it divisible
		return (c^0x82f63b78)<<1 | 1
	}
	return c << 1
}

// powerOfX is x^n modulo the polynomial, as the tables have it.
func powerOfX(n int) uint64 {
	c := uint32(1) << 31
	for ; n > 0; n-- {
		c = timesX(c)
	}
	for ; n < 0; n++ {
		c = overX(c)
	}
	return uint64(c) << 32
}

func TestConstants(t *testing.T) {
	const blockBits, laneBits = 512, 128
	for i, row := range rows {
		for lane := range 4 {
			n := (len(rows)-1-i)*blockBits + (3-lane)*laneBits
			require.Equal(t, powerOfX(n+63), row[2*lane], "row %d, lane %d, first half", i, lane)
			require.Equal(t, powerOfX(n-1), row[2*lane+1], "row %d, lane %d, second half", i, lane)
		}
	}
	for zeros, pair := range pads {
		require.Equal(t, powerOfX(63-8*zeros), pair[0], "%d zeros, first half", zeros)
		require.Equal(t, powerOfX(-1-8*zeros), pair[1], "%d zeros, second half", zeros)
	}
	// What the loop uses of rows: 256 bytes on.
	require.Equal(t, powerOfX(2048+63), rows[3][6])
	require.Equal(t, powerOfX(2048-1), rows[3][7])

	for n := -200; n < 200; n++ {
		c := uint32(powerOfX(n) >> 32)
		require.Equal(t, c, timesX(overX(c)))
		require.Equal(t, c, overX(timesX(c)))
	}
}
