package inet

import "encoding/binary"

const moreFragments = 0x2000 // of the IPv4 flags and offset word

// PutFragment writes into frame the headers and the part from off on of an SCTP
// packet that is too long for IP packets of mtu bytes, 576 or more, and returns
// the frame's length in bytes and where the part ends. Begin with off 0 and go
// on with the last end until that is the packet's length. frame must have room
// for mtu and MaxTemplateLen bytes. The packet's checksum must be complete; no
// port can fill it in. (RFC 791, section 2.3; RFC 8200, section 4.5)
func (t *Template) PutFragment(frame, packet []byte, off, mtu int) (n, end int) {
	if off == 0 {
		t.id++
	}
	front := int(t.n)
	if t.v6 {
		front += fragLen
	}
	room := (mtu - (front - int(t.l2))) &^ 7
	end = min(off+room, len(packet))
	copy(frame, t.hdr[:t.n])
	copy(frame[front:], packet[off:end])
	h, length := frame[t.l2:], end-off
	if t.v6 {
		binary.BigEndian.PutUint16(h[4:], uint16(fragLen+length))
		h[6] = protoFragment
		f := h[ipv6Len:]
		f[0], f[1] = ProtoSCTP, 0
		word := uint16(off)
		if end < len(packet) {
			word |= 1
		}
		binary.BigEndian.PutUint16(f[2:], word)
		// The label tells this pair of addresses from others.
		binary.BigEndian.PutUint32(f[4:], binary.BigEndian.Uint32(h)<<16|uint32(t.id))
		return front + length, end
	}
	word := uint16(off / 8)
	if end < len(packet) {
		word |= moreFragments
	}
	binary.BigEndian.PutUint16(h[2:], uint16(ipv4Len+length))
	binary.BigEndian.PutUint16(h[4:], t.id)
	binary.BigEndian.PutUint16(h[6:], word)
	clear(h[10:12])
	binary.BigEndian.PutUint16(h[10:], Checksum(h[:ipv4Len]))
	return front + length, end
}
