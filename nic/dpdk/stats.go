package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Stats implements nic.Port. Packets and bytes are counted here, the same way
// for every device; losses are the device's and ours together: RxErrors has
// frames of several buffers that do not fit into one, TxErrors has frames that
// are too long or too short, could not be copied, or met a link that is down.
func (p *Port) Stats() nic.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return p.last
	}
	return p.stats()
}

func (p *Port) stats() nic.Stats {
	var d C.struct_tl_stats
	C.tl_port_stats(p.c, &d)
	s := nic.Stats{
		RxMissed:   uint64(p.past.imissed+d.imissed) + p.sockets.missed(),
		RxErrors:   uint64(p.past.ierrors + d.ierrors),
		RxNoBuffer: uint64(p.past.rx_nombuf + d.rx_nombuf),
	}
	for i := range p.rx {
		q := &unsafe.Slice(p.c.rx, len(p.rx))[i]
		s.RxPackets += load(&q.packets)
		s.RxBytes += load(&q.bytes)
		s.RxErrors += load(&q.errors)
	}
	for i := range p.tx {
		q := &unsafe.Slice(p.c.tx, len(p.tx))[i]
		s.TxPackets += load(&q.packets)
		s.TxBytes += load(&q.bytes)
		s.TxErrors += load(&q.errors)
	}
	if lost := uint64(p.past.oerrors + d.oerrors); p.dev.kind.countsFailed && lost <= s.TxPackets {
		s.TxErrors += lost
		s.TxPackets -= lost
	}
	return s
}

func load(c *C.uint64_t) uint64 { return atomic.LoadUint64((*uint64)(unsafe.Pointer(c))) }

// XStats implements nic.Port: the PMD's own counters. nil if it has none.
func (p *Port) XStats() []nic.XStat {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return nil
	}
	n := int(C.tl_port_xstats(p.c, nil, 0))
	if n <= 0 || n > C.TL_MAX_XSTATS {
		return nil
	}
	raw := make([]C.struct_tl_xstat, n)
	n = min(n, int(C.tl_port_xstats(p.c, &raw[0], C.int(n))))
	out := make([]nic.XStat, 0, max(n, 0))
	for i := range max(n, 0) {
		name := unsafe.Slice((*byte)(unsafe.Pointer(&raw[i].name)), len(raw[i].name))
		s, _, _ := strings.Cut(string(name), "\x00")
		out = append(out, nic.XStat{Name: s, Value: uint64(raw[i].value)})
	}
	return out
}
