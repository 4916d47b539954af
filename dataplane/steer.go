package dataplane

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Chunk types that steering must tell apart, and their T bit (RFC 9260,
// sections 3.3.7 and 3.3.13).
const (
	chunkAbort            = 6
	chunkShutdownComplete = 14
	chunkFlagT            = 1

	commonHeader = 12
)

// steering finds the worker that a packet is for.
//
// Every tag that a worker's endpoint chooses has the worker's number in its
// uppermost bits, so almost all packets tell by themselves. A packet with tag 0
// (INIT) or with the peer's own tag (T bit) goes to the worker that the
// directory names, and if it names none, by hash: all workers know all
// listeners, so any of them may answer.
type steering struct {
	workers uint64
	bits    uint8
	dir     directory
}

func newSteering(workers int) *steering {
	s := &steering{workers: uint64(workers)}
	for 1<<s.bits < workers {
		s.bits++
	}
	return s
}

// owner is the worker for an SCTP packet from src. A packet too short to tell
// stays with here, whose core counts it.
func (s *steering) owner(src wire.Addr, p []byte, here uint8) uint8 {
	if s.workers == 1 || len(p) < commonHeader+4 {
		return here
	}
	tag := binary.BigEndian.Uint32(p[4:])
	if tag != 0 && !reflectsTag(p[commonHeader:]) {
		if o := sctpcore.OwnerOf(tag, s.bits); uint64(o) < s.workers {
			return o
		}
		return here
	}
	k := directoryKey{peer: src, peerPort: binary.BigEndian.Uint16(p), localPort: binary.BigEndian.Uint16(p[2:])}
	return s.byKey(k)
}

// quoted is the worker for an ICMP error that quotes a packet of ours to dst.
func (s *steering) quoted(dst wire.Addr, p []byte) uint8 {
	if s.workers == 1 {
		return 0
	}
	return s.byKey(directoryKey{peer: dst, localPort: binary.BigEndian.Uint16(p), peerPort: binary.BigEndian.Uint16(p[2:])})
}

func (s *steering) byKey(k directoryKey) uint8 {
	if o, ok := s.dir.lookup(k); ok {
		return o
	}
	return uint8(k.hash() % s.workers)
}

// reflectsTag tells of a first chunk that carries the peer's own tag.
func reflectsTag(chunk []byte) bool {
	return (chunk[0] == chunkAbort || chunk[0] == chunkShutdownComplete) && chunk[1]&chunkFlagT != 0
}
