package sctpcore

// store keeps the user data of received chunks until it is read: blocks of a few
// sizes cut from slabs, never more than limit bytes in all. An association is
// charged the size of its blocks, not of its data, so that small chunks cannot
// take more memory than the receive buffer says (RFC 9260, section 6.2).
type store struct {
	limit int
	taken int // bytes of slabs
	slabs [][]byte
	free  [len(blockSizes)][]block
}

// block names room in the store.
type block struct {
	slab  uint32
	off   uint32
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

// put copies data into a block; ok is false if the store is used up.
func (s *store) put(data []byte) (b block, ok bool) {
	c := blockClass(len(data))
	if len(s.free[c]) == 0 && !s.grow(c) {
		return b, false
	}
	last := len(s.free[c]) - 1
	b = s.free[c][last]
	s.free[c] = s.free[c][:last]
	copy(s.slabs[b.slab][b.off:], data)
	return b, true
}

// grow cuts a new slab into blocks of class c.
func (s *store) grow(c uint8) bool {
	if s.taken+slabSize > s.limit {
		return false
	}
	s.taken += slabSize
	s.slabs = append(s.slabs, make([]byte, slabSize))
	size := blockSizes[c]
	for off := slabSize - slabSize%size - size; off >= 0; off -= size {
		s.free[c] = append(s.free[c], block{slab: uint32(len(s.slabs) - 1), off: uint32(off), class: c})
	}
	return true
}

// data is the first n bytes of a block.
func (s *store) data(b block, n int) []byte { return s.slabs[b.slab][b.off : int(b.off)+n] }

func (s *store) release(b block) { s.free[b.class] = append(s.free[b.class], b) }
