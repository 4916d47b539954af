//go:build linux && cgo

package interop

import (
	"encoding/binary"
	"fmt"
)

// plan is the sequence of messages that one end sends: message i goes out on
// stream i mod streams, until bytes have been sent. testdata/peer has
// the same functions.
type plan struct {
	seed    uint64
	bytes   uint64
	streams int
}

// maxMessage is the longest message of a plan, in bytes (200 KiB).
const maxMessage = 204800

// planPPID is the payload protocol identifier of a plan's messages: one that no
// dissector claims.
const planPPID = 4242

// step is the golden ratio in 64 bits, which walks through all of them evenly.
const step = 0x9e3779b97f4a7c15

func mix(x uint64) uint64 {
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

func (p plan) key(stream int, index uint64) uint64 {
	return mix(mix(p.seed*step+uint64(stream)) + index*step)
}

// size is the length of the index-th message of a stream. Most messages are
// small, most bytes are in large ones; the two extremes come first.
func (p plan) size(stream int, index uint64) int {
	key := p.key(stream, index)
	span := key >> 8
	switch {
	case index == 0 && stream == 0:
		return 1
	case index == 0 && stream == 1:
		return maxMessage
	case key&15 < 4:
		return 1 + int(span%64)
	case key&15 < 10:
		return 65 + int(span%1436)
	case key&15 < 14:
		return 1501 + int(span%18500)
	}
	return 20001 + int(span%(maxMessage-20000))
}

// fill writes the index-th message of a stream to b, which has its size.
func (p plan) fill(b []byte, stream int, index uint64) {
	key := p.key(stream, index)
	for ; len(b) >= 8; b = b[8:] {
		key += step
		binary.LittleEndian.PutUint64(b, mix(key))
	}
	if len(b) > 0 {
		var tail [8]byte
		binary.LittleEndian.PutUint64(tail[:], mix(key+step))
		copy(b, tail[:])
	}
}

// check compares b with the index-th message of a stream.
func (p plan) check(b []byte, stream int, index uint64) error {
	if want := p.size(stream, index); len(b) != want {
		return fmt.Errorf("stream %d message %d has %d bytes, not %d", stream, index, len(b), want)
	}
	key := p.key(stream, index)
	var word [8]byte
	for at := 0; at < len(b); at += 8 {
		key += step
		binary.LittleEndian.PutUint64(word[:], mix(key))
		n := min(8, len(b)-at)
		if string(b[at:at+n]) != string(word[:n]) {
			return fmt.Errorf("stream %d message %d differs in the 8 bytes from %d", stream, index, at)
		}
	}
	return nil
}

// messages is how many messages the plan has, total how many bytes they hold.
func (p plan) messages() (n, total uint64) {
	for ; total < p.bytes; n++ {
		total += uint64(p.size(p.place(n)))
	}
	return n, total
}

// place is the stream of message i and its index there.
func (p plan) place(i uint64) (stream int, index uint64) {
	return int(i % uint64(p.streams)), i / uint64(p.streams)
}

// checker holds a receiver's place in a plan: every message exactly once and
// in order within its stream.
type checker struct {
	plan
	next            []uint64
	messages, bytes uint64
}

func newChecker(p plan) *checker { return &checker{plan: p, next: make([]uint64, p.streams)} }

// take judges one received message.
func (c *checker) take(b []byte, stream, ssn uint16, ppid uint32) error {
	if int(stream) >= c.streams {
		return fmt.Errorf("message on stream %d, which carries none", stream)
	}
	index := c.next[stream]
	c.next[stream]++
	if ssn != uint16(index) {
		return fmt.Errorf("stream %d message %d has SSN %d", stream, index, ssn)
	}
	if ppid != planPPID {
		return fmt.Errorf("stream %d message %d has PPID %d", stream, index, ppid)
	}
	c.messages++
	c.bytes += uint64(len(b))
	return c.check(b, int(stream), index)
}
