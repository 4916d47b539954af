// Package crc32c is CRC32c (Castagnoli), the checksum of SCTP, at the speed of the
// machine for packets of 28 to 9000 bytes.
//
// There are two ways to the same result, chosen once at start: Go assembly where
// an amd64 CPU and its operating system have AVX-512 (F, BW, VL) and VPCLMULQDQ,
// and hash/crc32 everywhere else and in builds with the tag noasm.
//
// How the assembly does it. A message is a polynomial, its CRC the remainder
// of a division, and a part of the message may be replaced by anything that has
// the same remainder:
//
//	below 64 bytes    the CRC32 instruction, 8 bytes at a time
//	64 to 255 bytes   blocks of 64 bytes, each moved to the end of the message
//	from 256 bytes    four blocks at once, each moved 256 bytes on and added to what
//	                  stands there, until fewer than 256 are left; then as above
//	at last           the sum's four lanes of 16 bytes become one, and the CRC32
//	                  instruction takes that one's remainder
//
// To move is to multiply by x^n modulo the polynomial: two carry-less products per
// lane, with constants from a table. (Folding by carry-less products is Gopal and
// others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction", Intel 2009.)
//
// The last block is filled up with zeros by a masked load, and the zeros are
// divided out of the result: x has an inverse modulo this polynomial. So no length
// costs a loop over single bytes, and no byte outside the slice is touched. In
// the same way the first block's load leaves out a packet's checksum field.
//
// Ownership and threads. Nothing keeps a slice, nothing is shared but constants, and
// nothing blocks or allocates: any thread may call anything on its own bytes. The
// Go scheduler does not interrupt assembly, so a call over many megabytes
// delays a collection; a packet's does not. The race detector does not see what
// assembly reads.
package crc32c
