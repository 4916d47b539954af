package lane

import (
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// Up is the ring from the program. Positions are bytes since the beginning.
type Up struct {
	ring []byte
	tail *atomic.Uint64 // the program's: behind the last record
	head *atomic.Uint64 // of the first record; ours is at

	taken, open, shut, full, sleeping *atomic.Uint32

	at      uint64 // what head says
	seen    uint64 // what tail said
	front   uint64 // bytes of the record that Next gave
	last    bool   // tail counts no more
	counted uint32 // what taken says
}

// Next gives the first record: its header in f, its payload as it lies in the memory. It is
// there until Take. ok is false if there is none. The error is ErrCorrupt, or one of proto's.
func (u *Up) Next(f *proto.Frame) (payload []byte, ok bool, err error) {
	for range 2 { // the second after a record that has the ring begin again
		if !u.Waiting() {
			return nil, false, nil
		}
		if u.seen-u.at > uint64(len(u.ring)) || u.seen%proto.LaneUnit != 0 {
			return nil, false, ErrCorrupt
		}
		rest := u.ring[u.at%uint64(len(u.ring)):]
		rest = rest[:min(uint64(len(rest)), u.seen-u.at)]
		if proto.FrameKind(rest[0]) == proto.FramePad {
			if uint64(len(rest)) != uint64(len(u.ring))-u.at%uint64(len(u.ring)) {
				return nil, false, ErrCorrupt
			}
			u.advance(uint64(len(rest)))
			continue
		}
		if len(rest) < proto.FrameSize {
			return nil, false, ErrCorrupt
		}
		var header [proto.FrameSize]byte
		copy(header[:], rest)
		if err := f.DecodeHeader(header[:]); err != nil {
			return nil, false, err
		}
		size := uint64(proto.FrameSize) + uint64(f.Length)
		u.front = (size + proto.LaneUnit - 1) / proto.LaneUnit * proto.LaneUnit
		if u.front > uint64(len(rest)) {
			return nil, false, ErrCorrupt
		}
		return rest[proto.FrameSize:size:size], true, nil
	}
	return nil, false, ErrCorrupt
}

// Take frees the record that Next gave.
func (u *Up) Take() {
	u.advance(u.front)
	u.front = 0
}

func (u *Up) advance(n uint64) {
	u.at += n
	u.head.Store(u.at)
}

// Waiting tells whether there are records.
func (u *Up) Waiting() bool {
	if u.seen == u.at && !u.last {
		u.seen = u.tail.Load()
	}
	return u.seen != u.at
}

// Awake tells the program that it need not wake anybody. Sleep tells it that it must; false
// if there is something meanwhile, and the server is still awake.
func (u *Up) Awake() { u.sleeping.Store(0) }

// Sleep is described with Awake.
func (u *Up) Sleep() bool {
	u.sleeping.Store(1)
	if u.Waiting() {
		u.sleeping.Store(0)
		return false
	}
	return true
}

// Lift tells whether the program waits for room and now half of the ring is free: once.
func (u *Up) Lift() bool {
	return u.full.Load() != 0 && u.tail.Load()-u.at <= uint64(len(u.ring))/2 && u.full.Swap(0) != 0
}

// Open lets the program use the ring: all that it wrote before was read. Shut has it write
// to the data connection.
func (u *Up) Open() { u.open.Store(1) }

// Shut is described with Open.
func (u *Up) Shut() { u.shut.Store(1) }

// Counted notes that a frame of the data connection was dealt with that has FlagCounted.
func (u *Up) Counted() {
	u.counted++
	u.taken.Store(u.counted)
}

// End has what is in the ring now be the last, for nobody is left who may write; and tells
// whether there is something.
func (u *Up) End() bool {
	if !u.last {
		u.seen, u.last = u.tail.Load(), true
	}
	return u.seen != u.at
}
