package wire

import "net/netip"

// Addr is an IP address of 16 bytes; an IPv4 address is held as ::ffff:a.b.c.d.
// It holds no pointer and compares with ==. The zero Addr is no address.
type Addr [16]byte

// AddrFrom makes an Addr of a netip.Addr; IPv4-mapped IPv6 becomes IPv4 and a
// zone is dropped.
func AddrFrom(a netip.Addr) Addr {
	if !a.IsValid() {
		return Addr{}
	}
	return Addr(a.As16())
}

// AddrFrom4 makes an Addr of the four bytes of an IPv4 address.
func AddrFrom4(b [4]byte) Addr {
	return Addr{10: 0xff, 11: 0xff, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}
}

// Netip is the address in package netip's form.
func (a Addr) Netip() netip.Addr {
	if a == (Addr{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(a).Unmap()
}

// Is4 tells whether the address is IPv4.
func (a Addr) Is4() bool {
	return [12]byte(a[:12]) == [12]byte{10: 0xff, 11: 0xff}
}

// As4 is the four bytes of an IPv4 address.
func (a Addr) As4() [4]byte { return [4]byte(a[12:]) }

// IsZero tells whether it is no address.
func (a Addr) IsZero() bool { return a == Addr{} }

// IsWildcard tells whether it is 0.0.0.0 or ::, which in ASCONF stands for the address
// that the packet comes from; the zero Addr counts as ::.
func (a Addr) IsWildcard() bool { return a.IsZero() || a == AddrFrom4([4]byte{}) }

// String is the address in its usual notation.
func (a Addr) String() string { return a.Netip().String() }
