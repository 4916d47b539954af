package dpdk

/*
#cgo pkg-config: libdpdk
#cgo CFLAGS: -O3 -Wall -DALLOW_EXPERIMENTAL_API
#cgo LDFLAGS: -lrte_net_ring
#include "shim.h"

#cgo noescape tl_rx
#cgo nocallback tl_rx
#cgo noescape tl_tx
#cgo nocallback tl_tx
#cgo noescape tl_alloc
#cgo nocallback tl_alloc
#cgo noescape tl_free
#cgo nocallback tl_free
#cgo noescape tl_spsc_put
#cgo nocallback tl_spsc_put
#cgo noescape tl_spsc_take
#cgo nocallback tl_spsc_take
#cgo noescape tl_wake_arm
#cgo nocallback tl_wake_arm
#cgo noescape tl_link_poll
#cgo nocallback tl_link_poll
*/
import "C"

import (
	"strings"
	"syscall"
)

// descs are the descriptors of a queue: the C side's struct tl_queue.desc.
type descs = [C.TL_BURST]C.struct_tl_desc

// Error is a DPDK call that failed.
type Error struct {
	Step  string        // the DPDK function
	Errno syscall.Errno // what it gave
	Text  string        // DPDK's words for Errno
	Log   string        // what DPDK logged meanwhile; may be empty
	Hint  string        // what to do; may be empty
}

func (e *Error) Error() string {
	s := e.Step + ": " + e.Text
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	if e.Log != "" {
		s += " [DPDK says: " + e.Log + "]"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Errno }

// wrap makes an Error of what the C side left in c.
func wrap(c *C.struct_tl_error, hint string) *Error {
	return &Error{
		Step:  C.GoString(c.step),
		Errno: syscall.Errno(c.err),
		Text:  C.GoString(C.tl_strerror(c.err)),
		Log:   logTail(),
		Hint:  hint,
	}
}

// logTail is the last lines that DPDK logged since logClear, on one line.
func logTail() string {
	var buf [600]byte
	n := C.tl_log_tail((*C.char)(ptr(&buf[0])), C.int(len(buf)))
	lines := strings.Split(strings.TrimSpace(string(buf[:n])), "\n")
	if len(lines) > 4 {
		lines = lines[len(lines)-4:]
	}
	return strings.Join(lines, " / ")
}

// Version is the DPDK release that the process runs on.
func Version() string { return C.GoString(C.tl_version()) }

func logClear() { C.tl_log_clear() }
