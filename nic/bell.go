package nic

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Bell wakes a thread that sleeps on a file descriptor. To ring it costs an
// atomic load while nobody sleeps, and a system call, once, when somebody
// does. The zero value is a bell that nobody hears. Any thread may call any
// method.
//
// Whoever sleeps arms the bell and then looks once more whether there is
// anything to do; whoever has put something there to do then rings.
type Bell struct {
	armed atomic.Bool
	mu    sync.Mutex // of event; never taken while nobody sleeps
	event int        // an eventfd; 0 is none
}

// FD is a new descriptor of the bell, the caller's to close: it becomes
// readable when the bell is rung, and is not to be read.
func (b *Bell) FD() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.event == 0 {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return -1, fmt.Errorf("nic: eventfd: %w", err)
		}
		b.event = fd
	}
	return DupFD(b.event)
}

// Arm has the next Ring make a noise, or none any more.
func (b *Bell) Arm(on bool) { b.armed.Store(on) }

// Armed tells whether the next Ring makes a noise.
func (b *Bell) Armed() bool { return b.armed.Load() }

// Ring wakes whoever sleeps, if the bell is armed; it is not armed any more.
func (b *Bell) Ring() {
	if !b.armed.Load() || !b.armed.CompareAndSwap(true, false) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.event != 0 {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		_, _ = unix.Write(b.event, one[:]) // it cannot be full: 2^64-2 rings
	}
}

// Close gives the eventfd back; nobody hears the bell any more.
func (b *Bell) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.event != 0 {
		_ = unix.Close(b.event)
		b.event = 0
	}
}

// DupFD is a new descriptor of what fd is one of, closed on exec.
func DupFD(fd int) (int, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("nic: dup: %w", err)
	}
	return dup, nil
}
