package dataplane

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Addr is an SCTP transport address: a port and every IP address it is at.
type Addr struct {
	IPs  []netip.Addr
	Port uint16
}

// Network is "sctp".
func (a *Addr) Network() string { return "sctp" }

// String is a/b/c:port, IPv6 addresses in brackets.
func (a *Addr) String() string {
	var b strings.Builder
	for i, ip := range a.IPs {
		if i > 0 {
			b.WriteByte('/')
		}
		if ip.Is4() {
			b.WriteString(ip.String())
		} else {
			b.WriteString("[" + ip.String() + "]")
		}
	}
	b.WriteString(":" + strconv.Itoa(int(a.Port)))
	return b.String()
}

func wireAddrs(ips []netip.Addr) []wire.Addr {
	out := make([]wire.Addr, len(ips))
	for i, ip := range ips {
		out[i] = wire.AddrFrom(ip)
	}
	return out
}

func netipAddrs(as []wire.Addr) []netip.Addr {
	out := make([]netip.Addr, len(as))
	for i, a := range as {
		out[i] = a.Netip()
	}
	return out
}
