package lane

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// ErrCorrupt: what the program wrote is impossible.
var ErrCorrupt = errors.New("the shared memory is corrupt")

// Record is the most that one record takes.
const Record = (proto.FrameSize + proto.PayloadMax + proto.LaneUnit - 1) / proto.LaneUnit * proto.LaneUnit

// Lane is two rings in one shared memory.
type Lane struct {
	Up   Up
	Down Down
	mem  []byte
	file int
}

// New makes a lane of two rings of size bytes each, a power of two of at least 512 KiB: half of it
// must have room for a record wherever it begins.
// All its memory is taken at once, so that none is lacking later.
func New(size int) (*Lane, error) {
	if size < 4*Record || size&(size-1) != 0 {
		return nil, fmt.Errorf("lane: rings of %d bytes", size)
	}
	file, err := unix.MemfdCreate("trunkline", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	total := proto.LaneHeader + 2*size
	l := &Lane{file: file}
	if err = unix.Fallocate(file, 0, 0, int64(total)); err == nil {
		// Who could make it smaller could have the server fault.
		_, err = unix.FcntlInt(uintptr(file), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err == nil {
		l.mem, err = unix.Mmap(file, 0, total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		_ = unix.Close(file)
		return nil, err
	}
	l.Up = Up{ring: l.mem[proto.LaneHeader:][:size:size], tail: l.word64(proto.LaneUpTail), head: l.word64(proto.LaneUpHead),
		taken: l.word32(proto.LaneUpTaken), open: l.word32(proto.LaneUpOpen), shut: l.word32(proto.LaneUpShut),
		full: l.word32(proto.LaneUpFull), sleeping: l.word32(proto.LaneUpSleeping)}
	l.Down = Down{ring: l.mem[proto.LaneHeader+size:], tail: l.word64(proto.LaneDownTail), head: l.word64(proto.LaneDownHead),
		full: l.word32(proto.LaneDownFull), bell: l.word32(proto.LaneBell)}
	l.Up.sleeping.Store(1)
	return l, nil
}

// File is the memory's descriptor, the lane's own.
func (l *Lane) File() int { return l.file }

// Size is bytes of one ring.
func (l *Lane) Size() int { return len(l.Up.ring) }

// Close gives the memory up; programs that have it find it shut.
func (l *Lane) Close() {
	l.Up.Shut()
	_ = unix.Munmap(l.mem)
	_ = unix.Close(l.file)
}
