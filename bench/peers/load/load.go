package load

import (
	"fmt"
	"syscall"
	"time"
)

// Kind is the sort of work.
type Kind string

// The kinds of work. An operation is a message delivered, a transaction
// completed, an association set up and shut down by both ends, or, for Idle, an
// association that lived one second without data.
const (
	Stream   Kind = "stream"
	Transact Kind = "transact"
	Setup    Kind = "setup"
	Idle     Kind = "idle"
)

// Sizes and buffers that all contestants share.
const (
	MTU          = 1500 // bytes of IP packet, IPv4: SCTP packets of at most 1480 bytes
	IPHeader     = 20
	TransactSize = 100 // bytes, of the request and of the response
	SetupWave    = 64  // associations that are being set up at a time
	sharedBuffer = 64 << 10
	aloneBuffer  = 1 << 20
)

// Spec is one measurement.
type Spec struct {
	Kind     Kind
	Size     int           // bytes of a message; 0 where it has no meaning
	Assocs   int           // associations at a time
	Checksum bool          // CRC32c in software at both ends; else none, as if the port did it
	CPU      time.Duration // process CPU time to spend on it
}

// Name is the spec without its CPU time, without spaces, as in a benchmark's name.
func (s Spec) Name() string {
	sum := "crc"
	if !s.Checksum {
		sum = "offload"
	}
	return fmt.Sprintf("%s/size=%d/assocs=%d/sum=%s", s.Kind, s.Size, s.Assocs, sum)
}

// Buffer is the size, in bytes, of an association's send buffer and of its
// receive buffer: large for one association, and for many at least two messages.
func (s Spec) Buffer() int {
	if s.Assocs == 1 {
		return aloneBuffer
	}
	return max(sharedBuffer, 2*s.Size)
}

// Sample is what one measurement found.
type Sample struct {
	Ops     uint64        // operations completed
	CPU     time.Duration // process CPU time they took
	Wall    time.Duration
	Packets uint64 // SCTP packets sent by both ends; 0 if not counted
	Resent  uint64 // DATA chunks sent again; counted by ours only
	Mallocs uint64 // heap objects of the Go runtime; C's are not counted
	// BytesPerAssoc is the heap that one end of an idle association takes.
	BytesPerAssoc float64
}

// NsPerOp is the CPU time of one operation in nanoseconds.
func (s Sample) NsPerOp() float64 { return float64(s.CPU.Nanoseconds()) / float64(s.Ops) }

// CPUTime is the CPU time, user and system, that the process has used.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // getrusage of oneself has no way to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
