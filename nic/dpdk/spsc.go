package dpdk

/*
#include "shim.h"
*/
import "C"

import "unsafe"

// spsc is an rte_ring with one producer and one consumer: what package ring is
// measured against, and nothing else.
type spsc struct {
	c unsafe.Pointer
	h C.uintptr_t
}

func newSPSC(size int) *spsc {
	c := C.tl_spsc_new(C.uint32_t(size))
	if c == nil {
		return nil
	}
	return &spsc{c: c, h: C.uintptr_t(uintptr(c))}
}

func (s *spsc) push(v []uint64) int {
	if len(v) == 0 {
		return 0
	}
	return int(C.tl_spsc_put(s.h, (*C.uint64_t)(&v[0]), C.uint32_t(len(v))))
}

func (s *spsc) pop(v []uint64) int {
	if len(v) == 0 {
		return 0
	}
	return int(C.tl_spsc_take(s.h, (*C.uint64_t)(&v[0]), C.uint32_t(len(v))))
}

func (s *spsc) free() { C.tl_spsc_delete(s.c) }
