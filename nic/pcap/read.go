package pcap

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// maxBlock bounds a block, in bytes: far above the longest frame and its options.
const maxBlock = 1 << 20

// Block is a whole block of a File.
type Block []byte

// ReadBlock reads the next block of a File that is copied elsewhere, into buf if that is
// long enough. io.EOF is the end between two blocks.
func ReadBlock(r *bufio.Reader, buf []byte) (Block, error) {
	const least = 12
	head, err := r.Peek(least)
	if err != nil {
		if len(head) > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[4:])
	if n < least || n%4 != 0 || n > maxBlock {
		return nil, fmt.Errorf("pcap: a block of %d bytes cannot be", n)
	}
	if uint32(cap(buf)) < n {
		buf = make([]byte, n)
	}
	if _, err = io.ReadFull(r, buf[:n]); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return Block(buf[:n]), err
}

func (b Block) kind() uint32 { return binary.LittleEndian.Uint32(b) }

// IsInterface tells whether it describes one more interface.
func (b Block) IsInterface() bool { return b.kind() == blockInterface }

// IsFrame tells whether it has a frame.
func (b Block) IsFrame() bool { return b.kind() == blockPacket }

// Statistics is what it says of the interface with index i; false if it has none.
func (b Block) Statistics() (i int, s Statistics, ok bool) {
	const options = 20
	if b.kind() != blockStatistics || len(b) < options+4 {
		return 0, s, false
	}
	s.Until = time.Unix(0, int64(binary.LittleEndian.Uint32(b[12:]))<<32|int64(binary.LittleEndian.Uint32(b[16:])))
	for o := b[options : len(b)-4]; len(o) >= 4; {
		code, n := binary.LittleEndian.Uint16(o), int(binary.LittleEndian.Uint16(o[2:]))
		if o = o[4:]; n > len(o) {
			break
		}
		value := o[:n]
		o = o[min(len(o), (n+3)&^3):]
		if code == optComment {
			s.Comment = string(value)
		}
		if to := s.counter(code); to != nil && n == 8 {
			*to = binary.LittleEndian.Uint64(value)
		}
	}
	return int(binary.LittleEndian.Uint32(b[8:])), s, true
}

// counter is where an option's count goes.
func (s *Statistics) counter(code uint16) *uint64 {
	switch code {
	case statisticsReceived:
		return &s.Received
	case statisticsDropped:
		return &s.Dropped
	case statisticsAccepted:
		return &s.Accepted
	case statisticsDelivered:
		return &s.Delivered
	}
	return nil
}
