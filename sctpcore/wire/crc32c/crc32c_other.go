//go:build !amd64 || noasm

package crc32c

func canFold() bool { return false }

func foldUpdate(crc uint32, p []byte) uint32 { return hashUpdate(crc, p) }

func foldPacket(_ uint32, p []byte) uint32 { return hashPacket(p) }
