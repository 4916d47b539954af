package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/trunkline-sctp/trunkline/nic"
)

const (
	indexBits = C.TL_INDEX_BITS
	indexMask = 1<<indexBits - 1
	noRef     = C.TL_NO_REF
)

// pool is a mempool and the packets over its mbufs: the nic.Pool of a port. Any
// thread may allocate and free.
type pool struct {
	number uint32
	c      *C.struct_tl_pool
	h      C.uintptr_t
	pkts   []nic.Packet // by index
	// lost is how many packets the device does not give back when it is closed:
	// af_xdp forgets its fill ring. It also forgets what its other rings hold, up to
	// doubtful: as it cannot be told whether those are lost or held by somebody,
	// they keep the pool but are not counted as leaked.
	lost, doubtful int
}

var (
	// pools is every pool by number, read on every burst.
	pools  [C.TL_POOLS]atomic.Pointer[pool]
	poolMu sync.Mutex // guards making and deleting
)

// newPool makes a pool of count packets with room bytes each. Of a stack the packet
// that was freed last is the next to be given out.
func newPool(count, room, socket int, stack bool) (*pool, error) {
	poolMu.Lock()
	defer poolMu.Unlock()
	number := 0
	for number < len(pools) && pools[number].Load() != nil {
		number++
	}
	// The last number is never used, so that no reference is noRef.
	if number >= len(pools)-1 {
		return nil, errors.New("dpdk: too many packet pools")
	}
	name := C.CString(fmt.Sprintf("tl_pool_%d", number))
	defer C.free(unsafe.Pointer(name))
	var ce C.struct_tl_error
	logClear()
	c := C.tl_pool_new(name, C.uint32_t(number), C.uint32_t(count), C.uint32_t(room), C.int(socket), C.int(flag(stack)), &ce)
	if c == nil {
		return nil, wrap(&ce, fmt.Sprintf("%d packets of %d bytes do not fit into DPDK's memory; raise MemoryMB or the number of hugepages, or ask for fewer buffers", count, room))
	}
	p := &pool{number: uint32(number), c: c, h: C.uintptr_t(uintptr(unsafe.Pointer(c)))}
	p.pkts = make([]nic.Packet, count)
	rooms := unsafe.Slice(c.rooms, count)
	for i := range p.pkts {
		p.pkts[i] = nic.MakePacket(p, unsafe.Slice((*byte)(rooms[i]), room), uint32(number)<<indexBits|uint32(i))
	}
	pools[number].Store(p)
	return p, nil
}

// out is how many packets are not in the pool, besides those that are lost.
func (p *pool) out() int { return max(0, int(C.tl_pool_out(p.h))-p.lost) }

// delete frees the pool's memory; nobody may hold a packet of it.
func (p *pool) delete() {
	poolMu.Lock()
	defer poolMu.Unlock()
	pools[p.number].Store(nil)
	C.tl_pool_delete(p.c)
}

// packet is the packet that a reference names.
func packet(ref uint32) *nic.Packet {
	return &pools[ref>>indexBits].Load().pkts[ref&indexMask]
}

// alloc fills pkts with empty packets and returns how many it got.
func (p *pool) alloc(pkts []*nic.Packet) int {
	got := 0
	for got < len(pkts) {
		var refs [nic.MaxBurst]C.uint32_t
		want := min(len(pkts)-got, nic.MaxBurst)
		n := int(C.tl_alloc(p.h, &refs[0], C.uint32_t(want)))
		raceAcquire()
		for i, r := range refs[:n] {
			pkt := &p.pkts[r&indexMask]
			pkt.Reset()
			pkts[got+i] = pkt
		}
		got += n
		if n < want {
			break
		}
	}
	return got
}

// Free implements nic.Pool for packets of any pool of this package.
func (p *pool) Free(pkts []*nic.Packet) {
	raceRelease()
	for len(pkts) > 0 {
		var refs [nic.MaxBurst]C.uint32_t
		n := min(len(pkts), nic.MaxBurst)
		for i, pkt := range pkts[:n] {
			refs[i] = C.uint32_t(pkt.Index)
		}
		C.tl_free(&refs[0], C.uint32_t(n))
		pkts = pkts[n:]
	}
}
