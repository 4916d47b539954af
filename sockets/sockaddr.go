package sockets

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Lengths of the addresses that SCTP has.
const (
	sizeIn  = 16 // sockaddr_in
	sizeIn6 = 28 // sockaddr_in6
)

// family says which addresses a socket takes and how it shows them.
type family struct {
	domain uint16 // AF_INET or AF_INET6
	v6only bool   // IPV6_V6ONLY
	mapped bool   // SCTP_I_WANT_MAPPED_V4_ADDR: IPv4 is shown as ::ffff:a.b.c.d
}

// takes tells whether an address of ip's family can be the socket's or a peer's.
func (f family) takes(ip netip.Addr) bool {
	if f.domain == unix.AF_INET {
		return ip.Is4()
	}
	return ip.Is6() || !f.v6only
}

// parse reads the sockaddr at the beginning of b; rest is what follows it. IPv4 in
// IPv6 form comes out as IPv4. EINVAL: too short, or no address for this socket.
func (f family) parse(b []byte) (a netip.AddrPort, rest []byte, err error) {
	if len(b) < sizeIn {
		return a, nil, unix.EINVAL
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_INET:
		a, rest = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port), b[sizeIn:]
	case unix.AF_INET6:
		if len(b) < sizeIn6 || f.domain != unix.AF_INET6 {
			return a, nil, unix.EINVAL
		}
		a, rest = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), port), b[sizeIn6:]
	default:
		return a, nil, unix.EINVAL
	}
	if !f.takes(a.Addr()) {
		return a, nil, unix.EINVAL
	}
	return a, rest, nil
}

// parseAll reads addresses packed one behind the other (sctp_bindx, sctp_connectx).
func (f family) parseAll(b []byte) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for len(b) > 0 {
		a, rest, err := f.parse(b)
		if err != nil {
			return nil, err
		}
		all, b = append(all, a), rest
	}
	if all == nil {
		return nil, unix.EINVAL
	}
	return all, nil
}

// parseAny reads a sockaddr_storage that may name nothing: zero, of another
// family, or the unspecified address; then the result is not valid.
func (f family) parseAny(b *storage) netip.AddrPort {
	a, _, err := f.parse(b[:])
	if err != nil || a.Addr().IsUnspecified() {
		return netip.AddrPort{}
	}
	return a
}

// append shows an address to the program: 16 or 28 bytes.
func (f family) append(b []byte, ip netip.Addr, port uint16) []byte {
	if ip = ip.Unmap(); ip.Is4() && f.domain == unix.AF_INET6 && f.mapped {
		ip = netip.AddrFrom16(ip.As16())
	}
	if ip.Is4() {
		b = binary.NativeEndian.AppendUint16(b, unix.AF_INET)
		b = binary.BigEndian.AppendUint16(b, port)
		v4 := ip.As4()
		return append(append(b, v4[:]...), 0, 0, 0, 0, 0, 0, 0, 0)
	}
	b = binary.NativeEndian.AppendUint16(b, unix.AF_INET6)
	b = binary.BigEndian.AppendUint16(b, port)
	b = append(b, 0, 0, 0, 0) // flow label
	v6 := ip.As16()
	return append(append(b, v6[:]...), 0, 0, 0, 0) // scope
}

// store is append into a sockaddr_storage.
func (f family) store(ip netip.Addr, port uint16) (s storage) {
	if ip.IsValid() {
		copy(s[:], f.append(nil, ip, port))
	}
	return s
}

// unspecified is the wildcard address of the socket's family.
func (f family) unspecified() netip.Addr {
	if f.domain == unix.AF_INET {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// wildcard is what binding to the unspecified address ip covers: with IPv6, IPv4
// too unless the socket is for IPv6 only.
func (f family) wildcard(ip netip.Addr) []netip.Addr {
	if ip.Is6() && !f.v6only {
		return []netip.Addr{netip.IPv4Unspecified(), ip}
	}
	return []netip.Addr{ip}
}
