package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Port is a DPDK port: a nic.Port. RxBurst and TxBurst belong to one thread
// per queue; everything else any thread may call.
type Port struct {
	rx, tx   []queue
	maxFrame int
	pool     *pool
	c        *C.struct_tl_port
	h        C.uintptr_t
	link     *uint64 // in C's struct: speed, changes, up
	polled   bool    // the device must be asked for its link

	eal     *EAL
	dev     *device
	spec    PortSpec
	info    atomic.Pointer[nic.Info]
	wire    *wire         // of a ring port
	watch   *watch        // of a port on a kernel interface
	sockets kernelSockets // of an af_packet or af_xdp port
	tend    *tend         // of a memif client
	back    *comeback     // of an af_packet port

	closed atomic.Bool
	mu     sync.Mutex        // control: SetLink, Stats, Close
	past   C.struct_tl_stats // of devices that the port was on before
	last   nic.Stats         // once closed
}

var _ nic.Port = (*Port)(nil)

// Info implements nic.Port.
func (p *Port) Info() nic.Info { return *p.info.Load() }

// Alloc implements nic.Port. Threads that poll allocate from a cache of their
// own, others from the pool itself.
func (p *Port) Alloc(pkts []*nic.Packet) int { return p.pool.alloc(pkts) }

// Free implements nic.Pool.
func (p *Port) Free(pkts []*nic.Packet) { p.pool.Free(pkts) }

// Outstanding is how many of the port's packets are not in its pool: held by
// the program, by the device's queues, or by rings. It takes microseconds.
func (p *Port) Outstanding() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return 0
	}
	return p.pool.out()
}

// Close implements nic.Port. Packets that others still hold keep the pool's
// memory until they are freed; EAL.Leaked counts them.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed.Load() {
		p.mu.Unlock()
		return nil
	}
	p.last = p.stats()
	p.closed.Store(true)
	p.mu.Unlock()

	p.stopTending()
	p.back.end()
	p.wire.peerDown(p, true)
	var err error
	p.watch.inNamespace(func() {
		var ce C.struct_tl_error
		logClear()
		if C.tl_port_close(p.c, &ce) != 0 {
			err = fmt.Errorf("dpdk: port %s: %w", p.spec.Name, wrap(&ce, "the device may need a restart of the process"))
		}
	})
	p.unwatch()
	C.tl_link_carrier(p.c, 0, 0)
	p.wire.leave()
	p.eal.forget(p)
	return err
}

// forget takes the port off the list and its pool out of use.
func (e *EAL) forget(p *Port) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ports = slices.DeleteFunc(e.ports, func(o *Port) bool { return o == p })
	e.retired = append(e.retired, p.pool)
	e.sweep()
}

// inClosingOrder puts virtio-user ports first: each must go before the vhost
// port that it is connected to.
func inClosingOrder(ports []*Port) []*Port {
	slices.SortStableFunc(ports, func(a, b *Port) int {
		rank := func(p *Port) int {
			if p.dev.kind == kindVirtio {
				return 0
			}
			return 1
		}
		return rank(a) - rank(b)
	})
	return ports
}
