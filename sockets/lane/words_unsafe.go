package lane

import (
	"sync/atomic"
	"unsafe"
)

// word64 and word32 are words of the mapping: at is a multiple of their size, and the mapping
// stays until Close.

func (l *Lane) word64(at int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&l.mem[at])) }

func (l *Lane) word32(at int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&l.mem[at])) }
