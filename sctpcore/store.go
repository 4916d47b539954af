package sctpcore

import "encoding/binary"

// store keeps received DATA chunks until they are read: blocks of a few
// sizes cut from slabs, never more than limit bytes in all. A slab serves one
// size as long as a block of it is in use; after that any size may have it. An
// association is charged the size of its blocks, not of its data, so that small
// chunks cannot take more memory than the receive buffer says (RFC 9260, section 6.2).
type store struct {
	limit int
	taken int // bytes of slabs
	slabs []slab
	empty []uint32                  // slabs without a block in use
	open  [len(blockSizes)][]uint32 // slabs of each class with room
}

// slab is cut from its beginning, as blocks are asked for; those given back are
// linked through their first bytes.
type slab struct {
	memory []byte
	class  uint8
	place  int32 // in its class's open list, -1 if it has no room
	used   int32
	cut    int32 // bytes cut so far
	free   int32 // offset of the first block given back, -1 for none
}

// block names room in the store.
type block struct {
	slab  uint32
	off   uint16
	class uint8
}

// blockSizes covers small signalling messages, one Ethernet packet, a jumbo
// frame, and the largest chunk there is.
var blockSizes = [...]int{128, 512, 1536, 9216, 65536}

const slabSize = 64 << 10

// blockClass is the smallest class that holds n bytes.
func blockClass(n int) uint8 {
	for c, size := range blockSizes {
		if n <= size {
			return uint8(c)
		}
	}
	panic("sctpcore: chunk larger than a packet can be")
}

// has tells whether there is room for a block of class c.
func (s *store) has(c uint8) bool {
	return len(s.open[c]) > 0 || len(s.empty) > 0 || s.taken+slabSize <= s.limit
}

// put copies data into a block of class c, for which there is room (has).
func (s *store) put(c uint8, data []byte) block {
	if len(s.open[c]) == 0 {
		s.openSlab(c)
	}
	open := s.open[c]
	i := open[len(open)-1]
	l := &s.slabs[i]
	size := int32(blockSizes[c])
	off := l.free
	if off >= 0 {
		l.free = int32(binary.NativeEndian.Uint32(l.memory[off:]))
	} else {
		off = l.cut
		l.cut += size
	}
	l.used++
	if l.free < 0 && l.cut+size > slabSize {
		l.place = -1
		s.open[c] = open[:len(open)-1]
	}
	copy(l.memory[off:], data)
	return block{slab: i, off: uint16(off), class: c}
}

// openSlab gives an unused slab, or a new one, to class c.
func (s *store) openSlab(c uint8) {
	var i uint32
	if n := len(s.empty); n > 0 {
		i = s.empty[n-1]
		s.empty = s.empty[:n-1]
	} else {
		i = uint32(len(s.slabs))
		s.slabs = append(s.slabs, slab{memory: make([]byte, slabSize)})
		s.taken += slabSize
	}
	l := &s.slabs[i]
	l.class, l.cut, l.free = c, 0, -1
	l.place = int32(len(s.open[c]))
	s.open[c] = append(s.open[c], i)
}

// data is the first n bytes of a block.
func (s *store) data(b block, n int) []byte { return s.slabs[b.slab].memory[b.off:][:n] }

func (s *store) release(b block) {
	l := &s.slabs[b.slab]
	l.used--
	binary.NativeEndian.PutUint32(l.memory[b.off:], uint32(l.free))
	l.free = int32(b.off)
	open := s.open[b.class]
	switch {
	case l.used > 0 && l.place < 0:
		l.place = int32(len(open))
		s.open[b.class] = append(open, b.slab)
	case l.used == 0:
		if l.place >= 0 {
			last := open[len(open)-1]
			open[l.place] = last
			s.slabs[last].place = l.place
			s.open[b.class] = open[:len(open)-1]
		}
		l.place = -1
		s.empty = append(s.empty, b.slab)
	}
}
