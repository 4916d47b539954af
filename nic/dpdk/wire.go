package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math/bits"
	"sync"
	"unsafe"
)

// wire is what two ring ports have in common. A nil wire is that of any other
// port: nothing.
type wire struct {
	mu    sync.Mutex
	rings []unsafe.Pointer // a to b by queue, then b to a
	ports [2]*Port
	open  int
}

// makeWire makes the rings and two unconfigured devices over them.
func (e *EAL) makeWire(spec *PortSpec) (*wire, [2]C.uint16_t, error) {
	nq := spec.RxQueues
	size := uint32(1) << bits.Len32(uint32(spec.RxDesc)-1)
	w := &wire{rings: make([]unsafe.Pointer, 2*nq)}
	var ids [2]C.uint16_t
	var ce C.struct_tl_error
	n := e.nextSerial()
	a, b := C.CString(fmt.Sprintf("tl%da", n)), C.CString(fmt.Sprintf("tl%db", n))
	defer C.free(unsafe.Pointer(a))
	defer C.free(unsafe.Pointer(b))
	logClear()
	rc := C.tl_ring_pair(a, b, C.uint16_t(nq), C.uint32_t(size), -1, &w.rings[0], &ids[0], &ce)
	if rc == 0 {
		return w, ids, nil
	}
	err := wrap(&ce, "the rings may not fit into DPDK's memory (MemoryMB), or librte-net-ring may not be installed")
	if rc == 1 {
		discard(ids[0])
	}
	w.deleteRings()
	return nil, ids, err
}

// discard removes a device that no Port was made of.
func discard(id C.uint16_t) {
	var ce C.struct_tl_error
	if c := C.tl_port_new(id); c != nil {
		C.tl_port_close(c, &ce)
		C.tl_port_delete(c)
	}
}

// abandon undoes makeWire when port i could not be finished; finish has removed
// its device.
func (w *wire) abandon(ids [2]C.uint16_t, i int) {
	if i == 0 {
		discard(ids[1])
		w.deleteRings()
		return
	}
	w.ports[0].Close() // deletes the rings
}

func (w *wire) deleteRings() {
	C.tl_rings_delete(&w.rings[0], C.uint16_t(len(w.rings)/2))
}

// peerDown tells the other end that p's end is down, or up again.
func (w *wire) peerDown(p *Port, down bool) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.ports {
		if o != nil && o != p && !o.closed.Load() {
			C.tl_link_peer(o.c, C.int(flag(down)))
		}
	}
}

// leave frees the rings when the second end has left.
func (w *wire) leave() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
	if w.open == 0 {
		w.deleteRings()
	}
}
