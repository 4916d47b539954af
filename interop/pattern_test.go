//go:build linux && cgo

package interop

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// plan is the sequence of messages that one end sends: message i goes out on
// stream i mod streams, until bytes have been sent. testdata/peer has
// the same functions.
type plan struct {
	seed    uint64
	bytes   uint64
	streams int
	// unordered has a quarter of the messages go unordered, each with its index in its
	// PPID, counted from unorderedPPID.
	unordered bool
}

// maxMessage is the longest message of a plan, in bytes (200 KiB).
const maxMessage = 204800

// planPPID is the payload protocol identifier of a plan's messages: one that no
// dissector claims.
const planPPID = 4242

// unorderedPPID is that of the first message of a stream if it is unordered.
const unorderedPPID = 1 << 30

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

// isUnordered tells whether the index-th message of a stream goes unordered.
func (p plan) isUnordered(stream int, index uint64) bool {
	return p.unordered && p.key(stream, index)>>62 == 0
}

// about is how the index-th message of a stream is sent.
func (p plan) about(stream int, index uint64) *dataplane.Message {
	if p.isUnordered(stream, index) {
		return &dataplane.Message{Stream: uint16(stream), PPID: unorderedPPID + uint32(index), Unordered: true}
	}
	return &dataplane.Message{Stream: uint16(stream), PPID: planPPID}
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

// overtaking is how far the unordered messages of a stream may overtake each other.
const overtaking = 4096

// checker holds a receiver's place in a plan: every message exactly once, the ordered ones in
// order within their stream.
type checker struct {
	plan
	next            []uint64
	ssn             []uint16
	seen            [][]uint64 // of the last unordered messages of each stream, index + 1
	messages, bytes uint64
}

func newChecker(p plan) *checker {
	c := &checker{plan: p, next: make([]uint64, p.streams), ssn: make([]uint16, p.streams), seen: make([][]uint64, p.streams)}
	for i := range c.seen {
		if p.unordered {
			c.seen[i] = make([]uint64, overtaking)
		}
	}
	return c
}

// errWrong is an error that only a lost, doubled or changed message makes.
var errWrong = errors.New("not the message that must come")

// take judges one received message; its errors are errWrong.
func (c *checker) take(b []byte, m dataplane.Message) error {
	if err := c.judge(b, m); err != nil {
		return fmt.Errorf("%w: %w", errWrong, err)
	}
	return nil
}

func (c *checker) judge(b []byte, m dataplane.Message) error {
	stream := int(m.Stream)
	if stream >= c.streams {
		return fmt.Errorf("message on stream %d, which carries none", stream)
	}
	which := c.ordered
	if m.Unordered {
		which = c.outOfOrder
	}
	index, err := which(stream, m)
	if err != nil {
		return err
	}
	c.messages++
	c.bytes += uint64(len(b))
	return c.check(b, stream, index)
}

// ordered is which ordered message of its stream must have come.
func (c *checker) ordered(stream int, m dataplane.Message) (index uint64, err error) {
	index = c.next[stream]
	for c.isUnordered(stream, index) {
		index++
	}
	c.next[stream] = index + 1
	if m.SSN != c.ssn[stream] {
		return index, fmt.Errorf("stream %d message %d has SSN %d", stream, index, m.SSN)
	}
	c.ssn[stream]++
	if m.PPID != planPPID {
		return index, fmt.Errorf("stream %d message %d has PPID %d", stream, index, m.PPID)
	}
	return index, nil
}

// outOfOrder is which unordered message of its stream has come, once.
func (c *checker) outOfOrder(stream int, m dataplane.Message) (index uint64, err error) {
	index = uint64(m.PPID - unorderedPPID)
	if m.PPID < unorderedPPID || !c.isUnordered(stream, index) {
		return index, fmt.Errorf("stream %d has no unordered message with PPID %d", stream, m.PPID)
	}
	seen := &c.seen[stream][index%overtaking]
	if *seen >= index+1 {
		return index, fmt.Errorf("stream %d unordered message %d came twice or much too late", stream, index)
	}
	*seen = index + 1
	return index, nil
}
