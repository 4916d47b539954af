package crc32c

// timesX is c times x modulo the polynomial 0x1edc6f41, all bit-reflected.
func timesX(c uint32) uint32 { return c>>1 ^ 0x82f63b78&-(c&1) }
