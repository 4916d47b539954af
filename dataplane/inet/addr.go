package inet

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// MAC is an Ethernet address.
type MAC [6]byte

// BroadcastMAC is every station on the link.
var BroadcastMAC = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// IsMulticast tells of a group address; broadcast is one.
func (m MAC) IsMulticast() bool { return m[0]&1 != 0 }

// IsZero tells of the MAC that is none.
func (m MAC) IsZero() bool { return m == MAC{} }

// String is the usual form with colons.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// allNodes is ff02::1.
var allNodes = wire.Addr{0: 0xff, 1: 0x02, 15: 1}

// solicitedNode is ff02::1:ffXX:XXXX of a (RFC 4291, section 2.7.1).
func solicitedNode(a wire.Addr) wire.Addr {
	return wire.Addr{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
}

// multicastMAC is the group MAC of an IPv6 multicast address (RFC 2464, section 7).
func multicastMAC(a wire.Addr) MAC { return MAC{0x33, 0x33, a[12], a[13], a[14], a[15]} }

// isLinkLocal6 tells of fe80::/10.
func isLinkLocal6(a wire.Addr) bool { return a[0] == 0xfe && a[1]&0xc0 == 0x80 }

// addrClass sorts addresses by what a packet may use them for.
type addrClass uint8

const (
	classUnicast addrClass = iota
	classMulticast
	classBroadcast
	classUnspecified
	classInvalid // loopback, reserved, IPv4-mapped: never on a wire
)

// class4 sorts an IPv4 address (RFC 1122, section 3.2.1.3; RFC 6890).
func class4(b [4]byte) addrClass {
	switch {
	case b[0]-1 < 126: // 1 to 126, the common case and half of all
		return classUnicast
	case b[0] == 0:
		if b == [4]byte{} {
			return classUnspecified
		}
		return classInvalid
	case b[0] == 127:
		return classInvalid
	case b[0] < 224:
		return classUnicast
	case b[0] < 240:
		return classMulticast
	case b == [4]byte{255, 255, 255, 255}:
		return classBroadcast
	}
	return classInvalid
}

// class6 sorts the address of an IPv6 packet. IPv4-mapped ones are invalid:
// they would pass for IPv4 addresses above.
func class6(a wire.Addr) addrClass {
	if a[0] == 0xff {
		return classMulticast
	}
	if binary.BigEndian.Uint64(a[:8]) != 0 {
		return classUnicast
	}
	switch lo := binary.BigEndian.Uint64(a[8:]); {
	case lo == 0:
		return classUnspecified
	case lo == 1, lo>>32 == 0xffff:
		return classInvalid
	}
	return classUnicast
}

// classOf sorts an address of either family.
func classOf(a wire.Addr) addrClass {
	if a.Is4() {
		return class4(a.As4())
	}
	return class6(a)
}

// isLoopback tells of 127.0.0.0/8 and ::1.
func isLoopback(a wire.Addr) bool {
	return a.Is4() && a[12] == 127 || a == wire.Addr{15: 1}
}

// Prefix is an address with the length of its network. Addr keeps its host
// bits, so that a Prefix is also "our address and its subnet". Make it with
// PrefixFrom; the zero Prefix contains nothing.
type Prefix struct {
	Addr       wire.Addr
	netHi      uint64
	netLo      uint64
	maskHi     uint64
	maskLo     uint64
	bits       uint8 // of 128
	ipv4, used bool
}

// PrefixFrom makes a Prefix; an invalid or IPv4-mapped p gives the zero Prefix.
func PrefixFrom(p netip.Prefix) Prefix {
	if !p.IsValid() || p.Addr().Is4In6() {
		return Prefix{}
	}
	a, bits := wire.AddrFrom(p.Addr()), p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	out := Prefix{Addr: a, bits: uint8(bits), ipv4: a.Is4(), used: true}
	if bits >= 64 {
		out.maskHi, out.maskLo = ^uint64(0), ^uint64(0)<<(128-bits)
	} else {
		out.maskHi = ^uint64(0) << (64 - bits)
	}
	out.netHi = binary.BigEndian.Uint64(a[:8]) & out.maskHi
	out.netLo = binary.BigEndian.Uint64(a[8:]) & out.maskLo
	return out
}

// Contains tells whether a is in the network and of its family.
func (p *Prefix) Contains(a wire.Addr) bool {
	return p.used && binary.BigEndian.Uint64(a[8:])&p.maskLo == p.netLo &&
		binary.BigEndian.Uint64(a[:8])&p.maskHi == p.netHi && a.Is4() == p.ipv4
}

// Bits is the length of the network's prefix, of 32 for IPv4 and 128 for IPv6.
func (p *Prefix) Bits() int {
	if p.ipv4 {
		return int(p.bits) - 96
	}
	return int(p.bits)
}

// Netip is the prefix as the standard library has it, host bits cleared.
func (p *Prefix) Netip() netip.Prefix {
	if !p.used {
		return netip.Prefix{}
	}
	if p.Addr.IsZero() {
		return netip.PrefixFrom(netip.IPv6Unspecified(), p.Bits())
	}
	return netip.PrefixFrom(p.Addr.Netip(), p.Bits()).Masked()
}

// broadcast is the directed broadcast address of an IPv4 network; zero if it
// has none (RFC 3021: a /31 or /32).
func (p *Prefix) broadcast() wire.Addr {
	if !p.ipv4 || p.Bits() > 30 {
		return wire.Addr{}
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(p.netLo|^p.maskLo))
	return wire.AddrFrom4(b)
}
