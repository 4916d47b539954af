package proto

// A lane is memory that the server shares with the programs that have a socket: LaneHeader bytes
// of words, then two rings of records. A record is a frame and its payload, from a multiple of LaneUnit on;
// FramePad in the place of a frame says that the ring begins again.
const (
	LaneHeader = 4096
	LaneUnit   = 64
	LaneUsual  = 64 // messages on a socket before its library asks for a lane
)

// Offsets of the words. Each group is written by one side, and has cache lines of its own.
const (
	LaneUpTail = 0  // 64 bits, the program's: bytes written since the beginning
	LaneUpSeen = 8  // 64 bits, the program's: head as it was seen last
	LaneUpLock = 16 // 32 bits, the program's: who writes
	LaneUpSent = 20 // 32 bits, the program's: frames with FlagCounted

	LaneUpHead  = 128 // 64 bits, the server's: bytes taken since the beginning
	LaneUpTaken = 136 // 32 bits, the server's: frames with FlagCounted that it has dealt with
	LaneUpOpen  = 140 // 32 bits, the server's: 1: all that was written before was read
	LaneUpShut  = 144 // 32 bits, the server's: 1: no more is read

	LaneUpSleeping = 256 // 32 bits: 1: the server waits for a FramePad
	LaneUpFull     = 260 // 32 bits: 1: the program waits for room

	LaneDownTail = 384 // 64 bits, the server's: bytes written since the beginning

	LaneDownHead    = 512 // 64 bits, the program's: units taken << 17 | payload taken of the first record
	LaneDownOpen    = 520 // 32 bits, the program's: 1: all that was written before was read
	LaneDownWaiters = 524 // 32 bits, the program's: threads that wait

	LaneBell     = 640 // 32 bits: 1: a FrameBell is in the program's queue, or will be
	LaneDownFull = 644 // 32 bits: 1: the server waits for room, and a FramePad
)
