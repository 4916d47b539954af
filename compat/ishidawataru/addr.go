package sctp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// Bytes of raw addresses.
const (
	sizeInet4 = 16
	sizeInet6 = 28
)

// SCTPAddr is an SCTP endpoint: addresses and a port. It is a net.Addr.
type SCTPAddr struct {
	IPAddrs []net.IPAddr
	Port    int
}

// Network is "sctp".
func (a *SCTPAddr) Network() string { return "sctp" }

// String lists the addresses, separated by slashes, and the port.
func (a *SCTPAddr) String() string {
	texts := make([]string, 0, len(a.IPAddrs))
	for i := range a.IPAddrs {
		text := a.IPAddrs[i].String()
		if a.IPAddrs[i].IP.To4() == nil && text != "" {
			text = "[" + text + "]"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "/") + ":" + strconv.Itoa(a.Port)
}

// ToRawSockAddrBuf is the addresses as packed sockaddrs: IPv4 ones, the
// IPv4-mapped among them, as sockaddr_in, the others as sockaddr_in6. None, or one of
// no bytes, is 0.0.0.0.
func (a *SCTPAddr) ToRawSockAddrBuf() []byte {
	ips := a.IPAddrs
	if len(ips) == 0 {
		ips = []net.IPAddr{{IP: net.IPv4zero}}
	}
	var b []byte
	for i := range ips {
		b = appendSockaddr(b, &ips[i], a.Port, false)
	}
	return b
}

// appendSockaddr appends a raw address; mapped has IPv4 ones in sockaddr_in6.
func appendSockaddr(b []byte, ip *net.IPAddr, port int, mapped bool) []byte {
	v4 := ip.IP.To4()
	if len(ip.IP) == 0 {
		v4 = net.IPv4zero.To4()
	}
	if v4 != nil && !mapped {
		b = binary.NativeEndian.AppendUint16(b, syscall.AF_INET)
		b = binary.BigEndian.AppendUint16(b, uint16(port))
		b = append(b, v4...)
		return append(b, make([]byte, 8)...)
	}
	v6 := ip.IP.To16()
	if v6 == nil || v6.Equal(net.IPv4zero) {
		v6 = net.IPv6zero
	}
	b = binary.NativeEndian.AppendUint16(b, syscall.AF_INET6)
	b = binary.BigEndian.AppendUint16(b, uint16(port))
	b = append(b, 0, 0, 0, 0) // flow information
	b = append(b, v6...)
	return binary.NativeEndian.AppendUint32(b, zoneIndex(ip.Zone))
}

func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}

func zoneName(index uint32) string {
	if index == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}

var errBadAddress = errors.New("sctp: the server gave an address of unknown form")

// parseSockaddrs reads packed raw addresses, n of them, or all there are if n is negative.
func parseSockaddrs(b []byte, n int) (*SCTPAddr, error) {
	a := &SCTPAddr{}
	for i := 0; i != n && len(b) > 0; i++ {
		size := 0
		if len(b) >= 2 {
			switch binary.NativeEndian.Uint16(b) {
			case syscall.AF_INET:
				size = sizeInet4
			case syscall.AF_INET6:
				size = sizeInet6
			}
		}
		if size == 0 || len(b) < size {
			return nil, errBadAddress
		}
		ip := net.IPAddr{IP: append(net.IP(nil), b[4:8]...)}
		if size == sizeInet6 {
			ip = net.IPAddr{IP: append(net.IP(nil), b[8:24]...), Zone: zoneName(binary.NativeEndian.Uint32(b[24:]))}
		}
		a.Port = int(binary.BigEndian.Uint16(b[2:]))
		a.IPAddrs = append(a.IPAddrs, ip)
		b = b[size:]
	}
	if len(a.IPAddrs) == 0 {
		return nil, errBadAddress
	}
	return a, nil
}

// ResolveSCTPAddr reads "host/host/host:port"; network is sctp, sctp4 or sctp6. With
// no host there are no addresses: any.
func ResolveSCTPAddr(network, addrs string) (*SCTPAddr, error) {
	tcp, ok := map[string]string{"": "tcp", "sctp": "tcp", "sctp4": "tcp4", "sctp6": "tcp6"}[network]
	if !ok {
		return nil, fmt.Errorf("invalid net: %s", network)
	}
	hosts := strings.Split(addrs, "/")
	last := len(hosts) - 1
	a := &SCTPAddr{}
	for i, host := range hosts {
		if i < last {
			host += ":"
		}
		at, err := net.ResolveTCPAddr(tcp, host)
		switch {
		case err != nil:
			return nil, err
		case at.IP != nil:
			a.IPAddrs = append(a.IPAddrs, net.IPAddr{IP: at.IP, Zone: at.Zone})
		case i == last:
			a.IPAddrs = nil
		}
		a.Port = at.Port
	}
	return a, nil
}

// family is what a socket for these addresses must be, and whether for IPv6 only.
func family(network string, addrs ...*SCTPAddr) (af int, only6 bool) {
	switch {
	case strings.HasSuffix(network, "4"):
		return syscall.AF_INET, false
	case strings.HasSuffix(network, "6"):
		return syscall.AF_INET6, true
	}
	any4 := false
	for _, a := range addrs {
		if a == nil {
			continue
		}
		for i := range a.IPAddrs {
			if a.IPAddrs[i].IP.To4() == nil {
				return syscall.AF_INET6, false
			}
			any4 = true
		}
	}
	if any4 {
		return syscall.AF_INET, false
	}
	return syscall.AF_INET6, false
}
