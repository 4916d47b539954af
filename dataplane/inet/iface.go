package inet

import (
	"fmt"
	"net/netip"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// MaxVLAN is the largest usable VLAN identifier (IEEE 802.1Q, 9.6).
const MaxVLAN = 4094

// IfaceConfig is what a port is on its link.
type IfaceConfig struct {
	MAC  MAC
	VLAN uint16 // 802.1Q tag of everything in and out; 0 is untagged
	// OuterVLAN is a second tag outside VLAN (802.1ad); 0 is none.
	OuterVLAN uint16
	// Addrs are our addresses on this link, each with the length of its subnet.
	Addrs []netip.Prefix
	// Also are addresses that packets received here may be for although they
	// are another port's (the weak host model of RFC 1122, section 3.3.4.2).
	// They are not announced and ARP and ND are not answered for them.
	Also []netip.Addr
	// Loopback is for the port whose frames come back to it: all that it hears is our
	// own, whatever addresses it is from, 127.0.0.0/8 and ::1 among them.
	Loopback bool
}

// Iface is a port's place on its link, ready for lookups. It does not change
// after NewIface, so any number of threads may read it.
type Iface struct {
	MAC       MAC
	VLAN      uint16
	OuterVLAN uint16
	Loopback  bool
	nets      []Prefix
	also      []wire.Addr
	bcast     []wire.Addr
}

// NewIface checks a configuration and prepares it; the error says what to change.
func NewIface(cfg IfaceConfig) (*Iface, error) {
	f := &Iface{MAC: cfg.MAC, VLAN: cfg.VLAN, OuterVLAN: cfg.OuterVLAN, Loopback: cfg.Loopback}
	switch {
	case cfg.MAC.IsZero() || cfg.MAC.IsMulticast():
		return nil, fmt.Errorf("inet: %v cannot be a port's MAC: give it a unicast one", cfg.MAC)
	case cfg.VLAN > MaxVLAN || cfg.OuterVLAN > MaxVLAN:
		return nil, fmt.Errorf("inet: VLAN must be within 1 to %d, or 0 for none", MaxVLAN)
	case cfg.OuterVLAN != 0 && cfg.VLAN == 0:
		return nil, fmt.Errorf("inet: an outer VLAN needs an inner one: set VLAN too")
	}
	for _, p := range cfg.Addrs {
		n := PrefixFrom(p)
		if !n.used || classOf(n.Addr) != classUnicast && !f.within(n.Addr) || n.Addr == n.broadcast() {
			return nil, fmt.Errorf("inet: %v is not a unicast address with a subnet: write it like 192.0.2.1/24", p)
		}
		if f.Owns(n.Addr) {
			return nil, fmt.Errorf("inet: address %v is given twice", p.Addr())
		}
		f.nets = append(f.nets, n)
		if b := n.broadcast(); !b.IsZero() {
			f.bcast = append(f.bcast, b)
		}
	}
	for _, a := range cfg.Also {
		f.also = append(f.also, wire.AddrFrom(a))
	}
	return f, nil
}

// WithMAC is the same place with another MAC, unicast.
func (f *Iface) WithMAC(mac MAC) *Iface {
	if f.MAC == mac {
		return f
	}
	other := *f
	other.MAC = mac
	return &other
}

// Owns tells whether a is one of our addresses on this link.
func (f *Iface) Owns(a wire.Addr) bool {
	for i := range f.nets {
		if f.nets[i].Addr == a {
			return true
		}
	}
	return false
}

// within tells whether a never leaves the host and this is the loopback.
func (f *Iface) within(a wire.Addr) bool { return f.Loopback && isLoopback(a) }

// Accepts tells whether packets for a are ours.
func (f *Iface) Accepts(a wire.Addr) bool {
	if f.Owns(a) || f.within(a) {
		return true
	}
	for i := range f.also {
		if f.also[i] == a {
			return true
		}
	}
	return false
}

// OnLink tells whether a is on a connected subnet, or IPv6 link-local.
func (f *Iface) OnLink(a wire.Addr) bool {
	for i := range f.nets {
		if f.nets[i].Contains(a) {
			return true
		}
	}
	return isLinkLocal6(a)
}

// Addrs appends our addresses on this link to dst.
func (f *Iface) Addrs(dst []wire.Addr) []wire.Addr {
	for i := range f.nets {
		dst = append(dst, f.nets[i].Addr)
	}
	return dst
}

// SourceFor is our address on this link with which to talk to a neighbour: the
// one whose subnet has it, else the first of its family, else zero.
func (f *Iface) SourceFor(neighbour wire.Addr) wire.Addr {
	var first wire.Addr
	for i := range f.nets {
		n := &f.nets[i]
		if n.Contains(neighbour) {
			return n.Addr
		}
		if first.IsZero() && n.ipv4 == neighbour.Is4() {
			first = n.Addr
		}
	}
	return first
}

// isBroadcast tells of the directed broadcast address of a connected subnet.
func (f *Iface) isBroadcast(a wire.Addr) bool {
	for i := range f.bcast {
		if f.bcast[i] == a {
			return true
		}
	}
	return false
}

// hears tells whether an IPv6 multicast address is all-nodes or the
// solicited-node address of one of ours.
func (f *Iface) hears(group wire.Addr) bool {
	if group == allNodes {
		return true
	}
	for i := range f.nets {
		if !f.nets[i].ipv4 && solicitedNode(f.nets[i].Addr) == group {
			return true
		}
	}
	return false
}

// putLink writes our link header into b and returns its length, 14 to 22 bytes.
func (f *Iface) putLink(b []byte, dst MAC, etherType uint16) int {
	copy(b, dst[:])
	copy(b[6:], f.MAC[:])
	n := 12
	if f.OuterVLAN != 0 {
		n += putTag(b[n:], etherQinQ, f.OuterVLAN)
	}
	if f.VLAN != 0 {
		n += putTag(b[n:], etherVLAN, f.VLAN)
	}
	b[n], b[n+1] = byte(etherType>>8), byte(etherType)
	return n + 2
}

func putTag(b []byte, etherType, vid uint16) int {
	b[0], b[1], b[2], b[3] = byte(etherType>>8), byte(etherType), byte(vid>>8), byte(vid)
	return vlanLen
}
