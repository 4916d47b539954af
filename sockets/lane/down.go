package lane

import (
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// Down is the ring to the program. Positions are bytes since the beginning.
type Down struct {
	ring []byte
	tail *atomic.Uint64 // behind the last record that the program may take
	head *atomic.Uint64 // the program's: position in units, and how much of that record is taken
	full *atomic.Uint32 // the server waits for room
	bell *atomic.Uint32 // a FrameBell is in the program's queue

	at        uint64 // behind the last record
	published uint64 // what tail says
	gone      uint64 // what head said
	slot      []byte
	skip      uint64 // bytes at the ring's end that no record has before slot
}

// headShift is where the position begins in the word of the head: below is how much of
// the first record's payload was read.
const headShift = 17

// Slot gives room for a record of any size, for the frame and its payload: nil if there is
// none now, and then a FramePad comes when half of the ring is free. It is there until Commit, and the
// same until then. The error is ErrCorrupt.
func (d *Down) Slot() ([]byte, error) {
	if d.slot != nil {
		return d.slot, nil
	}
	size := uint64(len(d.ring))
	at, need := d.at%size, uint64(Record)
	if d.skip = 0; size-at < Record {
		d.skip = size - at
		need += d.skip
	}
	if size-(d.at-d.gone) < need {
		d.full.Store(1)
		if err := d.look(); err != nil {
			return nil, err
		}
		if size-(d.at-d.gone) < need {
			return nil, nil
		}
		d.full.Store(0)
	}
	if d.skip > 0 {
		d.ring[at] = byte(proto.FramePad)
		at = 0
	}
	d.slot = d.ring[at:][:Record:Record]
	return d.slot, nil
}

// look takes over how far the program is.
func (d *Down) look() error {
	gone := d.head.Load() >> headShift * proto.LaneUnit
	if gone < d.gone || gone > d.published {
		return ErrCorrupt
	}
	d.gone = gone
	return nil
}

// Commit makes the first n bytes of the slot a record, which Publish shows.
func (d *Down) Commit(n int) {
	d.at += d.skip + uint64(n+proto.LaneUnit-1)/proto.LaneUnit*proto.LaneUnit
	d.slot = nil
}

// Hidden is bytes that were committed and not published.
func (d *Down) Hidden() uint64 { return d.at - d.published }

// Ring tells whether a FrameBell must be written, as it must before Publish: the bell was off, and is on
// now. The program turns it off when it has taken the FrameBell.
func (d *Down) Ring() bool { return d.bell.Load() == 0 && d.bell.Swap(1) == 0 }

// Publish shows the program what was committed. True if a FrameBell must be written: the
// program took the one that was there before it saw that.
func (d *Down) Publish() bool {
	d.published = d.at
	d.tail.Store(d.at)
	return d.Ring()
}

// Unread tells whether records are there that the program has not taken.
func (d *Down) Unread() bool {
	return d.look() == nil && d.gone != d.at
}

// Read is how far the program was when Unread was asked last.
func (d *Down) Read() uint64 { return d.gone }
