package inet

import (
	"encoding/binary"
	"fmt"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// defaultHopLimit is the TTL or hop limit of what we send (RFC 1700).
const defaultHopLimit = 64

// dontFragment is the DF bit in the IPv4 flags and offset word. All but what
// PutFragment writes has it, unless MayBeCut is asked for: the core does path MTU
// discovery (RFC 9260, section 7.3).
const dontFragment = 0x4000

// TemplateConfig says what the headers of a path contain.
type TemplateConfig struct {
	Iface    *Iface
	DstMAC   MAC
	Src, Dst wire.Addr // of one family
	DSCP     uint8     // 0 to 63
	HopLimit uint8     // 0 is 64
	Flow     uint32    // IPv6: the flow label, if HasFlow; else it is made of the addresses
	HasFlow  bool
	MayBeCut bool // IPv4: without DF
	// Flags are ored into every packet's: nic.TxSCTPChecksum and
	// nic.TxIPChecksum as far as the port can do them. With TxIPChecksum the
	// header checksum is left 0 for the port.
	Flags nic.Flags
}

// Template is the prepared Ethernet and IP header of a path, copied in front of
// each of its packets. The zero Template is not usable; Set makes one, again
// and again in place. One thread.
type Template struct {
	hdr   [etherLen + 2*vlanLen + ipv6Len]byte
	n     uint8 // bytes of hdr
	l2    uint8 // of these before the IP header
	v6    bool
	flags nic.Flags
	id    uint16
	sum   uint32 // IPv4: words of the header less length and ID
}

// MaxTemplateLen is the most that a Template puts in front of a packet, in
// bytes; nic.DefaultHeadroom has room for it.
const MaxTemplateLen = etherLen + 2*vlanLen + ipv6Len

// Set prepares the headers. It does not allocate but in case of an error, which
// means that the configuration contradicts itself.
func (t *Template) Set(c *TemplateConfig) error {
	if c.Src.IsZero() || c.Dst.IsZero() || c.Src.Is4() != c.Dst.Is4() {
		return fmt.Errorf("inet: a path needs two addresses of one family, not %v and %v", c.Src, c.Dst)
	}
	if c.DSCP > 63 {
		return fmt.Errorf("inet: DSCP %d is not within 0 to 63", c.DSCP)
	}
	hops := c.HopLimit
	if hops == 0 {
		hops = defaultHopLimit
	}
	*t = Template{v6: !c.Src.Is4(), id: t.id, flags: c.Flags}
	if t.v6 {
		t.l2 = uint8(c.Iface.putLink(t.hdr[:], c.DstMAC, etherIPv6))
		t.n = t.l2 + ipv6Len
		putIPv6(t.hdr[t.l2:], c.Src, c.Dst, c.DSCP<<2, hops, ProtoSCTP, 0)
		label := c.Flow & 0xfffff
		if !c.HasFlow {
			label = flowLabel(c.Src, c.Dst)
		}
		h := t.hdr[t.l2:]
		h[1] |= byte(label >> 16)
		binary.BigEndian.PutUint16(h[2:], uint16(label))
		t.flags |= nic.TxIPv6
		t.flags &^= nic.TxIPChecksum
		return nil
	}
	t.l2 = uint8(c.Iface.putLink(t.hdr[:], c.DstMAC, etherIPv4))
	t.n = t.l2 + ipv4Len
	h := t.hdr[t.l2:t.n]
	putIPv4(h, c.Src, c.Dst, c.DSCP<<2, hops, ProtoSCTP, 0)
	if c.MayBeCut {
		clear(h[6:8])
	}
	clear(h[2:4])
	clear(h[10:12])
	t.sum = uint32(Fold(Sum(0, h)))
	t.flags |= nic.TxIPv4
	return nil
}

// SetMAC changes the destination MAC alone.
func (t *Template) SetMAC(mac MAC) { copy(t.hdr[:], mac[:]) }

// MAC is the destination MAC.
func (t *Template) MAC() MAC { return MAC(t.hdr[:6]) }

// Len is the number of bytes that Write puts in front of a packet; 0 before Set.
func (t *Template) Len() int { return int(t.n) }

// Write puts the headers in front of the SCTP packet that is all of pkt, and
// sets its flags and header lengths. It is false, and pkt unchanged, if the
// headroom is too small or the packet longer than IP can say.
func (t *Template) Write(pkt *nic.Packet) bool {
	length := pkt.Len()
	if length > maxDatagram-ipv4Len || t.n == 0 {
		return false
	}
	b := pkt.Prepend(int(t.n))
	if b == nil {
		return false
	}
	t.Put(b, length)
	pkt.Flags |= t.flags
	pkt.L2Len, pkt.L3Len = t.l2, t.n-t.l2
	return true
}

// Put writes the headers for a payload of length bytes, at most 65515, into b,
// whose length must be Len.
func (t *Template) Put(b []byte, length int) {
	copy(b, t.hdr[:t.n])
	h := b[t.l2:]
	if t.v6 {
		binary.BigEndian.PutUint16(h[4:], uint16(length))
		return
	}
	t.id++ // of no meaning with DF set (RFC 6864), but middleboxes like it to move; without it tells the pieces apart
	total := uint16(ipv4Len + length)
	binary.BigEndian.PutUint16(h[2:], total)
	binary.BigEndian.PutUint16(h[4:], t.id)
	if t.flags&nic.TxIPChecksum == 0 {
		sum := t.sum + uint32(total) + uint32(t.id)
		sum = sum>>16 + sum&0xffff
		sum = sum>>16 + sum&0xffff
		binary.BigEndian.PutUint16(h[10:], ^uint16(sum))
	}
}

// PutHeader writes the IP header of an SCTP packet of length bytes into b, without any of
// what a Template can be told, and returns the header's length. src may be zero.
func PutHeader(b []byte, src, dst wire.Addr, length int) int {
	if dst.Is4() {
		putIPv4(b, src, dst, 0, defaultHopLimit, ProtoSCTP, length)
		return ipv4Len
	}
	putIPv6(b, src, dst, 0, defaultHopLimit, ProtoSCTP, length)
	return ipv6Len
}

// flowLabel is constant per path and never 0 (RFC 6437): routers keep a path's
// packets in order and apart from other paths'.
func flowLabel(src, dst wire.Addr) uint32 {
	h := uint32(2166136261) // FNV-1a
	for _, b := range src {
		h = (h ^ uint32(b)) * 16777619
	}
	for _, b := range dst {
		h = (h ^ uint32(b)) * 16777619
	}
	if h = (h>>20 ^ h) & 0xfffff; h == 0 {
		return 1
	}
	return h
}

// putIPv4 writes a header without options, DF set, with its checksum.
func putIPv4(h []byte, src, dst wire.Addr, tos, ttl, proto uint8, length int) {
	h = h[:ipv4Len]
	clear(h)
	h[0], h[1], h[8], h[9] = 4<<4|ipv4Len/4, tos, ttl, proto
	binary.BigEndian.PutUint16(h[2:], uint16(ipv4Len+length))
	binary.BigEndian.PutUint16(h[6:], dontFragment)
	copy(h[12:], src[12:])
	copy(h[16:], dst[12:])
	binary.BigEndian.PutUint16(h[10:], Checksum(h))
}

// putIPv6 writes a header with flow label 0.
func putIPv6(h []byte, src, dst wire.Addr, class, hops, next uint8, length int) {
	h = h[:ipv6Len]
	clear(h[:4])
	h[0], h[1] = 6<<4|class>>4, class<<4
	binary.BigEndian.PutUint16(h[4:], uint16(length))
	h[6], h[7] = next, hops
	copy(h[8:], src[:])
	copy(h[24:], dst[:])
}
