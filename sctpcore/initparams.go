package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// initParams is what the variable part of an INIT or INIT ACK says.
type initParams struct {
	addrs    [maxCookieAddrs]wire.Addr
	n        int
	scope    scope // the nearest that is kept
	cookie   []byte
	preserve uint32 // Cookie Preservative, ms
	v4, v6   bool   // address families that the peer supports
	hostName wire.Param
	unknown  []byte // parameters to report, padded, one after the other
	peer     peerOffer
}

// parseInitParams goes through the parameters once; false if they are malformed.
// Addresses are kept if they may have an association, mean the sender, who is at from,
// to us and, together with the sender's own, are at most most; unknown parameters are
// treated as their type's two high bits say (RFC 9260, section 3.2.1).
func (ip *initParams) parse(b []byte, from wire.Addr, most int, scratch []byte) bool {
	ip.scope = scopeOf(from)
	ip.v4, ip.v6 = true, true
	ip.unknown = scratch[:0]
	for len(b) > 0 {
		p, rest, err := wire.NextParam(b)
		if err != nil {
			return false
		}
		b = rest
		switch p.Type() {
		case wire.ParamIPv4, wire.ParamIPv6:
			addr, ok := wire.ParamAddr(p)
			if !ok {
				return false
			}
			ip.addAddr(addr, most)
		case wire.ParamStateCookie:
			ip.cookie = p.Value()
		case wire.ParamCookiePreservative:
			if v, ok := wire.ParseCookiePreservative(p); ok {
				ip.preserve = v
			}
		case wire.ParamSupportedAddrTypes:
			if v4, v6, ok := wire.ParseSupportedAddrTypes(p); ok {
				ip.v4, ip.v6 = v4, v6
			}
		case wire.ParamHostName:
			ip.hostName = p
		case wire.ParamUnrecognized, wire.ParamECN:
			// Known, and nothing to do.
		case wire.ParamRandom, wire.ParamChunkList, wire.ParamRequestedHMAC,
			wire.ParamSupportedExtensions, wire.ParamAdaptationLayer, wire.ParamSetPrimary:
			ip.peer.note(p)
		default:
			if p.Type().ReportUnknown() && len(ip.unknown)+wire.Pad4(len(p)) <= cap(ip.unknown) {
				ip.unknown = wire.AppendParamCopy(ip.unknown, p)
			}
			if p.Type().StopOnUnknown() {
				return true
			}
		}
	}
	return true
}

func (ip *initParams) addAddr(addr wire.Addr, most int) {
	if !usableAddr(addr) || scopeOf(addr) > ip.scope || ip.n >= min(most, len(ip.addrs)) {
		return
	}
	for _, x := range ip.addrs[:ip.n] {
		if x == addr {
			return
		}
	}
	ip.addrs[ip.n] = addr
	ip.n++
}

// usableAddr tells whether an association may have the address: not unspecified,
// not multicast, not the IPv4 broadcast address (RFC 9260, section 8.4, rule 1).
func usableAddr(a wire.Addr) bool {
	n := a.Netip()
	return n.IsValid() && !n.IsUnspecified() && !n.IsMulticast() && a != wire.AddrFrom4([4]byte{255, 255, 255, 255})
}

// families tells which address families locals have.
func families(locals []wire.Addr) (v4, v6 bool) {
	for _, l := range locals {
		if l.Is4() {
			v4 = true
		} else {
			v6 = true
		}
	}
	return v4, v6
}

// sameFamily tells whether an address of either side has the family of one of the other's.
func sameFamily(a, b []wire.Addr) bool {
	a4, a6 := families(a)
	b4, b6 := families(b)
	return a4 && b4 || a6 && b6
}

// appendAddrs lists our addresses of the families that the peer supports. A
// single one is where the packet comes from and need not be listed.
func appendAddrs(b []byte, locals []wire.Addr, v4, v6 bool) []byte {
	if len(locals) < 2 {
		return b
	}
	for _, l := range locals {
		if l.Is4() && v4 || !l.Is4() && v6 {
			b = wire.AppendAddr(b, l)
		}
	}
	return b
}
