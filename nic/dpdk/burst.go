package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"math/bits"

	"github.com/trunkline-sctp/trunkline/nic"
)

// queue is Go's side of a struct tl_queue: the handle that C is given, and the
// descriptors that both fill. Its thread owns it.
type queue struct {
	h C.uintptr_t
	d *descs
	// foreign is scratch for packets of other drivers.
	foreign [nic.MaxBurst]*nic.Packet
	_       [128]byte // the neighbour belongs to another thread
}

// The smallest frame worth sending: an Ethernet header.
const minFrame = 14

// RxBurst implements nic.Port. An unknown queue receives nothing.
func (p *Port) RxBurst(q int, pkts []*nic.Packet) int {
	if uint(q) >= uint(len(p.rx)) || len(pkts) == 0 {
		return 0
	}
	r := &p.rx[q]
	n := int(C.tl_rx(r.h, C.uint32_t(min(len(pkts), nic.MaxBurst))))
	if n == 0 {
		return 0
	}
	raceAcquire()
	d := r.d[:n]
	out := pkts[:n]
	for i := range d {
		pkt := packet(uint32(d[i].ref))
		pkt.SetWindow(int(d[i].off), int(d[i].len))
		pkt.Flags = nic.Flags(d[i].flags)
		out[i] = pkt
	}
	return n
}

// TxBurst implements nic.Port. Frames longer than MTU+18 (Ethernet header
// and a VLAN tag) or shorter than an Ethernet header are dropped and counted
// in TxErrors. An unknown queue takes nothing.
func (p *Port) TxBurst(q int, pkts []*nic.Packet) int {
	if uint(q) >= uint(len(p.tx)) || len(pkts) == 0 {
		return 0
	}
	t := &p.tx[q]
	pkts = pkts[:min(len(pkts), nic.MaxBurst)]
	var foreign uint64
	span := p.maxFrame - minFrame
	for i, pkt := range pkts {
		d := &t.d[i]
		n := pkt.Len()
		d.ref = C.uint32_t(pkt.Index)
		d.off = C.uint16_t(pkt.Offset())
		d.len = C.uint32_t(n)
		d.flags = C.uint16_t(pkt.Flags)
		d.l2, d.l3 = C.uint8_t(pkt.L2Len), C.uint8_t(pkt.L3Len)
		if uint(n-minFrame) > uint(span) {
			d.flags = C.TL_TX_DROP
		}
		if _, ours := pkt.Owner().(*pool); !ours {
			foreign |= 1 << i
		}
	}
	if foreign != 0 {
		p.copyForeign(t, pkts, foreign)
	}
	raceRelease()
	taken := int(C.tl_tx(t.h, C.uint32_t(len(pkts))))
	if foreign != 0 {
		p.settleForeign(t, pkts, foreign, taken)
	}
	return taken
}

// copyForeign puts copies of the foreign packets into the descriptors. What is
// too long, or finds the pool empty, is marked to be dropped.
func (p *Port) copyForeign(t *queue, pkts []*nic.Packet, foreign uint64) {
	var copies [nic.MaxBurst]*nic.Packet
	got := copies[:p.pool.alloc(copies[:bits.OnesCount64(foreign)])]
	for f := foreign; f != 0; f &= f - 1 {
		i := bits.TrailingZeros64(f)
		d := &t.d[i]
		d.ref = noRef
		if d.flags&C.TL_TX_DROP != 0 || len(got) == 0 {
			d.flags = C.TL_TX_DROP
			continue
		}
		c := got[0]
		got = got[1:]
		copy(c.Append(pkts[i].Len()), pkts[i].Data())
		d.ref = C.uint32_t(c.Index)
		d.off = C.uint16_t(c.Offset())
	}
	if len(got) > 0 {
		p.pool.Free(got)
	}
}

// settleForeign frees the originals of what was taken and the copies of what
// was not.
func (p *Port) settleForeign(t *queue, pkts []*nic.Packet, foreign uint64, taken int) {
	var back [nic.MaxBurst]*nic.Packet
	gone := &t.foreign
	nGone, nBack := 0, 0
	for f := foreign; f != 0; f &= f - 1 {
		i := bits.TrailingZeros64(f)
		if i < taken {
			gone[nGone] = pkts[i]
			nGone++
		} else if t.d[i].ref != noRef {
			back[nBack] = packet(uint32(t.d[i].ref))
			nBack++
		}
	}
	nic.Free(gone[:nGone])
	clear(gone[:nGone])
	if nBack > 0 {
		p.pool.Free(back[:nBack])
	}
}
