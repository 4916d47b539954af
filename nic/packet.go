package nic

// DefaultHeadroom is the free space, in bytes, that Alloc leaves in front of a
// packet for headers that are prepended later (as RTE_PKTMBUF_HEADROOM).
const DefaultHeadroom = 128

// Flags says what is known (rx) or wanted (tx) of a packet's checksums.
type Flags uint16

// Checksum flags. A driver sets rx flags only when its Capabilities announce
// the check; it reads tx flags only when they announce the offload.
const (
	RxSCTPChecksumGood Flags = 1 << iota // the port verified the CRC32c
	RxSCTPChecksumBad                    // the port found the CRC32c wrong
	RxIPChecksumGood                     // the port verified the IPv4 header checksum
	RxIPChecksumBad                      // the port found the IPv4 header checksum wrong
	TxSCTPChecksum                       // insert the CRC32c; L2Len and L3Len are set
	TxIPChecksum                         // insert the IPv4 header checksum; L2Len and L3Len are set
	TxIPv4                               // the packet is IPv4 (needed with a tx offload)
	TxIPv6                               // the packet is IPv6 (needed with a tx offload)
)

// Pool takes back packets that it made.
type Pool interface {
	// Free returns packets to the pool; all of them must be of this pool's
	// driver. Any thread may call it.
	Free(pkts []*Packet)
}

// Packet is one Ethernet frame in a port's memory: a window [off, off+n) of a
// fixed room of bytes. It is made once with its pool and reused for ever.
type Packet struct {
	room  []byte
	off   int32
	n     int32
	owner Pool

	// Index is the driver's own number of the packet.
	Index uint32
	// Flags carries checksum verdicts (rx) and requests (tx).
	Flags Flags
	// L2Len and L3Len are the lengths of the link and network headers in
	// bytes, set by the sender with TxSCTPChecksum or TxIPChecksum.
	L2Len, L3Len uint8
}

// MakePacket is for drivers: a packet over room, empty, with DefaultHeadroom
// (or the whole room if that is smaller) in front.
func MakePacket(owner Pool, room []byte, index uint32) Packet {
	p := Packet{room: room, owner: owner, Index: index}
	p.Reset()
	return p
}

// Reset empties the packet and restores the headroom.
func (p *Packet) Reset() {
	p.off, p.n = min(DefaultHeadroom, int32(len(p.room))), 0
	p.Flags, p.L2Len, p.L3Len = 0, 0, 0
}

// Data is the frame's bytes. They belong to the packet's owner and are valid
// until the packet is sent or freed.
func (p *Packet) Data() []byte { return p.room[p.off : p.off+p.n : p.off+p.n] }

// Room is the whole memory of the packet, for drivers.
func (p *Packet) Room() []byte { return p.room }

// Len is the frame's length in bytes.
func (p *Packet) Len() int { return int(p.n) }

// Headroom is the number of bytes that Prepend can still take.
func (p *Packet) Headroom() int { return int(p.off) }

// Tailroom is the number of bytes that Append can still take.
func (p *Packet) Tailroom() int { return len(p.room) - int(p.off) - int(p.n) }

// Prepend grows the frame by n bytes at its front and returns them,
// uninitialised; nil if the headroom is smaller than n.
func (p *Packet) Prepend(n int) []byte {
	if n < 0 || n > int(p.off) {
		return nil
	}
	p.off -= int32(n)
	p.n += int32(n)
	return p.room[p.off : int(p.off)+n]
}

// Append grows the frame by n bytes at its end and returns them,
// uninitialised; nil if the tailroom is smaller than n.
func (p *Packet) Append(n int) []byte {
	if n < 0 || n > p.Tailroom() {
		return nil
	}
	end := int(p.off + p.n)
	p.n += int32(n)
	return p.room[end : end+n]
}

// TrimFront cuts n bytes off the frame's front; at most all of them.
func (p *Packet) TrimFront(n int) {
	n = max(0, min(n, int(p.n)))
	p.off += int32(n)
	p.n -= int32(n)
}

// Truncate cuts the frame to its first n bytes; a longer n changes nothing.
func (p *Packet) Truncate(n int) {
	if n >= 0 && n < int(p.n) {
		p.n = int32(n)
	}
}

// SetWindow places the frame at room[off:off+n], for drivers: a received
// frame, or one whose headroom differs from DefaultHeadroom. It panics if the
// window does not lie in the room, since that is a driver's bug.
func (p *Packet) SetWindow(off, n int) {
	if off < 0 || n < 0 || off+n > len(p.room) {
		panic("nic: packet window outside its room")
	}
	p.off, p.n = int32(off), int32(n)
}

// Offset is where in Room the frame begins, for drivers.
func (p *Packet) Offset() int { return int(p.off) }

// Owner is the pool that the packet came from.
func (p *Packet) Owner() Pool { return p.owner }

// Free gives packets back to the pools that made them, in runs of one owner,
// so that a burst of one port costs one call. Any thread may call it; the
// packets may not be used afterwards.
func Free(pkts []*Packet) {
	for len(pkts) > 0 {
		n := 1
		for n < len(pkts) && pkts[n].owner == pkts[0].owner {
			n++
		}
		pkts[0].owner.Free(pkts[:n])
		pkts = pkts[n:]
	}
}
