package inet

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// maxDatagram is the largest datagram that IP can carry in fragments, in bytes
// behind the IP header.
const maxDatagram = 65535

// ReassemblyConfig bounds a Reassembler. Its memory is Slots × (Size + 1 KiB),
// allocated at once.
type ReassemblyConfig struct {
	Slots int // datagrams in the making at once, 1 to 4096; 0 is 16
	// Size bounds one datagram, in bytes behind the IP header, 576 to 65535; 0
	// is 65535. A larger one is dropped.
	Size int
	// PerSource bounds the slots of one source address; 0 is half of Slots.
	PerSource int
	// Timeout is how long a datagram may take from its first fragment, in
	// nanoseconds; 0 is 30 s, as Linux has it.
	Timeout int64
}

// Reassembler puts IPv4 and IPv6 datagrams together from fragments, in memory
// of fixed size. A datagram with overlapping fragments is dropped whole, with
// what of it is still to come (RFC 5722, RFC 8200, section 4.5). When slots run
// out the oldest datagram is given up. One thread.
type Reassembler struct {
	slots     []slot
	drops     *Drops
	timeout   int64
	perSource int
	used      int // slots that are not free
}

type slotState uint8

const (
	slotFree    slotState = iota
	slotFilling           // fragments are missing
	slotDead              // overlapped; swallows the datagram's other fragments until its time is up
	slotDone              // handed out until Recycle
)

// slot is one datagram in the making.
type slot struct {
	src, dst wire.Addr
	born     int64
	id       uint32
	state    slotState
	proto    uint8 // of the first fragment; part of the key for IPv4
	total    int   // bytes of the datagram; -1 until its last fragment is there
	high     int   // end of the highest fragment
	have     int   // bytes received
	buf      []byte
	blocks   []uint64 // one bit per 8 bytes of buf that are there
}

// fragment is one piece of a datagram as the parser found it.
type fragment struct {
	src, dst wire.Addr
	id       uint32
	offset   int // bytes, a multiple of 8
	more     bool
	proto    uint8
	data     []byte
}

// NewReassembler allocates all memory that it will ever use.
func NewReassembler(cfg ReassemblyConfig, drops *Drops) (*Reassembler, error) {
	if cfg.Slots == 0 {
		cfg.Slots = 16
	}
	if cfg.Size == 0 {
		cfg.Size = maxDatagram
	}
	if cfg.PerSource == 0 {
		cfg.PerSource = max(1, cfg.Slots/2)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * Second
	}
	switch {
	case cfg.Slots < 1 || cfg.Slots > 4096:
		return nil, fmt.Errorf("inet: %d reassembly slots is not within 1 to 4096", cfg.Slots)
	case cfg.Size < 576 || cfg.Size > maxDatagram:
		return nil, fmt.Errorf("inet: reassembly size of %d bytes is not within 576 to %d", cfg.Size, maxDatagram)
	case cfg.PerSource < 1 || cfg.Timeout < 0:
		return nil, fmt.Errorf("inet: reassembly slots per source and timeout must be above 0")
	}
	r := &Reassembler{
		slots: make([]slot, cfg.Slots), drops: drops,
		timeout: cfg.Timeout, perSource: cfg.PerSource,
	}
	words := (cfg.Size + 511) / 512
	for i := range r.slots {
		r.slots[i].buf = make([]byte, cfg.Size)
		r.slots[i].blocks = make([]uint64, words)
	}
	return r, nil
}

// Recycle takes back the datagrams that Parse gave out: their Payloads are
// invalid from now on. Call it once per burst, when the burst is dealt with.
func (r *Reassembler) Recycle() {
	if r.used == 0 {
		return
	}
	for i := range r.slots {
		if r.slots[i].state == slotDone {
			r.free(&r.slots[i])
		}
	}
}

// Expire gives up datagrams that took too long. Call it a few times per
// second; nothing breaks if it is late.
func (r *Reassembler) Expire(now int64) {
	if r.used == 0 {
		return
	}
	for i := range r.slots {
		s := &r.slots[i]
		if s.state == slotFree || s.state == slotDone || now-s.born < r.timeout {
			continue
		}
		if s.state == slotFilling {
			r.drops[DropFragmentTimeout]++
		}
		r.free(s)
	}
}

// InUse is the number of slots that are not free.
func (r *Reassembler) InUse() int { return r.used }

// add takes one fragment. It returns the datagram if it is complete, with
// f.proto that of its first fragment; nil and DropNone if more is
// to come; else the reason why the fragment was dropped.
func (r *Reassembler) add(f *fragment, now int64) ([]byte, Drop) {
	end := f.offset + len(f.data)
	if len(f.data) == 0 || f.more && len(f.data)%8 != 0 || end > maxDatagram {
		return nil, DropFragmentHeader
	}
	s, d := r.slotFor(f, now)
	if d != DropNone {
		return nil, d
	}
	if end > len(s.buf) {
		s.state = slotDead
		return nil, DropFragmentSize
	}
	if s.state == slotDead || !s.fits(f, end) {
		s.state = slotDead
		return nil, DropFragmentOverlap
	}
	switch s.present(f.offset, end) {
	case someBlocks:
		s.state = slotDead
		return nil, DropFragmentOverlap
	case allBlocks:
		if !bytes.Equal(s.buf[f.offset:end], f.data) {
			s.state = slotDead
			return nil, DropFragmentOverlap
		}
		return nil, DropFragmentRepeat
	}
	s.take(f, end)
	if s.have != s.total {
		return nil, DropNone
	}
	s.state = slotDone
	f.proto = s.proto
	return s.buf[:s.total:s.total], DropNone
}

// slotFor finds the slot of the fragment's datagram, or makes one, at the cost
// of the oldest datagram (of this source, if it has its share already).
func (r *Reassembler) slotFor(f *fragment, now int64) (*slot, Drop) {
	var free, oldest, oldestOfSource *slot
	ofSource := 0
	for i := range r.slots {
		s := &r.slots[i]
		if s.state != slotFree && s.state != slotDone && now-s.born >= r.timeout {
			if s.state == slotFilling {
				r.drops[DropFragmentTimeout]++
			}
			r.free(s)
		}
		switch s.state {
		case slotFree:
			free = s
			continue
		case slotDone:
			continue
		}
		if s.matches(f) {
			return s, DropNone
		}
		if s.src == f.src {
			ofSource++
			oldestOfSource = older(oldestOfSource, s)
		}
		oldest = older(oldest, s)
	}
	switch {
	case ofSource >= r.perSource:
		free = r.evict(oldestOfSource)
	case free == nil && oldest == nil:
		return nil, DropFragmentNoMemory
	case free == nil:
		free = r.evict(oldest)
	}
	free.begin(f, now)
	r.used++
	return free, DropNone
}

func older(a, b *slot) *slot {
	if a == nil || b.born < a.born {
		return b
	}
	return a
}

func (r *Reassembler) evict(s *slot) *slot {
	if s.state == slotFilling {
		r.drops[DropFragmentEvicted]++
	}
	r.free(s)
	return s
}

func (r *Reassembler) free(s *slot) {
	s.state = slotFree
	r.used--
}

func (s *slot) matches(f *fragment) bool {
	return s.id == f.id && s.src == f.src && s.dst == f.dst && (!f.src.Is4() || s.proto == f.proto)
}

func (s *slot) begin(f *fragment, now int64) {
	s.src, s.dst, s.id, s.born = f.src, f.dst, f.id, now
	s.state, s.proto = slotFilling, f.proto
	s.total, s.high, s.have = -1, 0, 0
	clear(s.blocks)
}

// fits tells whether a fragment agrees with the datagram's end as it is known.
func (s *slot) fits(f *fragment, end int) bool {
	if f.more {
		return s.total < 0 || end <= s.total
	}
	return s.total < 0 && end >= s.high || s.total == end
}

const (
	noBlocks = iota
	someBlocks
	allBlocks
)

// present tells how much of [from, to) is there already.
func (s *slot) present(from, to int) int {
	lo, hi := from/8, (to+7)/8
	n := 0
	for b := lo; b < hi; {
		w, mask, step := blockMask(b, hi)
		n += bits.OnesCount64(s.blocks[w] & mask)
		b += step
	}
	switch n {
	case 0:
		return noBlocks
	case hi - lo:
		return allBlocks
	}
	return someBlocks
}

func (s *slot) take(f *fragment, end int) {
	copy(s.buf[f.offset:end], f.data)
	hi := (end + 7) / 8
	for b := f.offset / 8; b < hi; {
		w, mask, step := blockMask(b, hi)
		s.blocks[w] |= mask
		b += step
	}
	s.have += len(f.data)
	s.high = max(s.high, end)
	if !f.more {
		s.total = end
	}
	if f.offset == 0 {
		s.proto = f.proto
	}
}

// blockMask is the word of block b, the bits in it up to block hi, and how many.
func blockMask(b, hi int) (word int, mask uint64, n int) {
	n = min(64-b%64, hi-b)
	return b / 64, ^uint64(0) >> (64 - n) << (b % 64), n
}
