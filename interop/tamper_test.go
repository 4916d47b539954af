//go:build linux && cgo

package interop

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Where things are in the lab's IPv4 frames.
const (
	ipAt   = 14
	sctpAt = ipAt + 20
)

// tamper is a port whose IPv4 SCTP packets a test sees, changes or loses, one by
// one and for a reason, where nic/fault does it at random. The hooks run on
// the worker's thread; they return false to lose the packet. A packet that the
// device refuses meets its hook again.
type tamper struct {
	nic.Port
	tx, rx atomic.Pointer[func(*nic.Packet) bool]
}

// tampering makes ports of a dataplane tampered with, by the same hooks.
type tampering struct{ ports []*tamper }

func (all *tampering) wrap(port nic.Port) nic.Port {
	p := &tamper{Port: port}
	all.ports = append(all.ports, p)
	return p
}

// onTx and onRx set the hook of a direction; nil takes it away.
func (all *tampering) onTx(hook func(*nic.Packet) bool) {
	for _, p := range all.ports {
		set(&p.tx, hook)
	}
}

func (all *tampering) onRx(hook func(*nic.Packet) bool) {
	for _, p := range all.ports {
		set(&p.rx, hook)
	}
}

func set(to *atomic.Pointer[func(*nic.Packet) bool], hook func(*nic.Packet) bool) {
	if hook == nil {
		to.Store(nil)
	} else {
		to.Store(&hook)
	}
}

func (p *tamper) TxBurst(queue int, pkts []*nic.Packet) int {
	hook := p.tx.Load()
	if hook == nil {
		return p.Port.TxBurst(queue, pkts)
	}
	for i, pkt := range pkts {
		if isSCTP(pkt) && !(*hook)(pkt) {
			nic.Free(pkts[i : i+1])
		} else if p.Port.TxBurst(queue, pkts[i:i+1]) == 0 {
			return i
		}
	}
	return len(pkts)
}

func (p *tamper) RxBurst(queue int, pkts []*nic.Packet) int {
	n := p.Port.RxBurst(queue, pkts)
	hook := p.rx.Load()
	if hook == nil {
		return n
	}
	kept := 0
	for i, pkt := range pkts[:n] {
		if isSCTP(pkt) && !(*hook)(pkt) {
			nic.Free(pkts[i : i+1])
			continue
		}
		pkts[kept] = pkt
		kept++
	}
	return kept
}

func isSCTP(pkt *nic.Packet) bool {
	b := pkt.Data()
	return len(b) > sctpAt+wire.CommonHeaderLen && b[12] == 8 && b[13] == 0 && b[ipAt] == 0x45 && b[ipAt+9] == 132
}

// chunksOf is an SCTP packet's chunks.
func chunksOf(pkt *nic.Packet) (all []wire.Chunk) {
	b := pkt.Data()
	end := ipAt + int(binary.BigEndian.Uint16(b[ipAt+2:]))
	for rest := b[sctpAt+wire.CommonHeaderLen : end]; len(rest) > 0; {
		c, next, err := wire.NextChunk(rest)
		if err != nil {
			break
		}
		all, rest = append(all, c), next
	}
	return all
}

// dataOf is the DATA chunks of a packet.
func dataOf(pkt *nic.Packet) (all []wire.Data) {
	for _, c := range chunksOf(pkt) {
		if d, err := wire.ParseData(c); err == nil {
			all = append(all, d)
		}
	}
	return all
}

// appendTo puts bytes behind an SCTP packet's last chunk.
func appendTo(pkt *nic.Packet, tail []byte) {
	total := int(binary.BigEndian.Uint16(pkt.Data()[ipAt+2:]))
	pkt.Truncate(ipAt + total) // Ethernet's padding
	copy(pkt.Append(len(tail)), tail)
	seal(pkt)
}

// seal makes lengths and checksums of a changed packet right.
func seal(pkt *nic.Packet) {
	b := pkt.Data()
	header := b[ipAt:sctpAt]
	binary.BigEndian.PutUint16(header[2:], uint16(len(b)-ipAt))
	header[10], header[11] = 0, 0
	sum := uint32(0)
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(header[10:], ^uint16(sum+sum>>16))
	wire.SetChecksum(b[sctpAt:])
}
