//go:build !noasm

package crc32c

import "golang.org/x/sys/cpu"

// canFold tells whether this CPU can run the assembly and this operating system
// keeps the registers that it uses.
func canFold() bool {
	x := &cpu.X86
	return x.HasSSE42 && x.HasPCLMULQDQ && x.HasAVX2 &&
		x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512VPCLMULQDQ
}

// foldUpdate is Update.
//
//go:noescape
func foldUpdate(crc uint32, p []byte) uint32

// foldPacket is foldUpdate with bytes 8 to 11 of p counted as zero. p has 12 at least.
//
//go:noescape
func foldPacket(crc uint32, p []byte) uint32
