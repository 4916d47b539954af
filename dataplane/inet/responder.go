package inet

import "encoding/binary"

// How much an ICMP error quotes, in bytes of the whole ICMP packet: the minimum
// MTU of the family (RFC 1812, section 4.3.2.3; RFC 4443, section 2.4).
const (
	maxError4 = 576
	maxError6 = 1280
)

// MaxErrorFrame is the room in bytes that Unreachable needs at most.
const MaxErrorFrame = etherLen + 2*vlanLen + maxError6

// Responder answers echo requests and unknown protocols of one port, both
// limited in rate. One thread.
type Responder struct {
	iface  *Iface
	drops  *Drops
	echoes Bucket
	errors Bucket
}

// NewResponder makes a Responder that sends at most so many echo replies and
// errors per second; below 1 is none.
func NewResponder(f *Iface, echoesPerSecond, errorsPerSecond int, drops *Drops) *Responder {
	return &Responder{
		iface: f, drops: drops,
		echoes: NewBucket(echoesPerSecond, max(10, echoesPerSecond/10)),
		errors: NewBucket(errorsPerSecond, max(10, errorsPerSecond/10)),
	}
}

// SetIface has the port's addresses be those of f.
func (r *Responder) SetIface(f *Iface) { r.iface = f }

// EchoReply turns a frame of verdict EchoRequest into its answer, in place, and
// returns the answer's length, at most the frame's; 0 if there is none, counted.
// IP options and extension headers are not returned. The frame goes back to the
// station that it came from.
func (r *Responder) EchoReply(frame []byte, m *Meta, now int64) int {
	if m.Reassembled {
		r.drops[DropICMPNoReply]++
		return 0
	}
	if !r.echoes.Take(now) {
		r.drops[DropICMPRateLimited]++
		return 0
	}
	copy(frame, m.SrcMAC[:])
	copy(frame[6:], r.iface.MAC[:])
	ip, length := frame[m.L2Len:], len(m.Payload)
	class := m.TrafficClass &^ 3 // RFC 1122, section 3.2.2.6: the request's TOS, without its ECN
	sum := binary.BigEndian.Uint16(m.Payload[2:])
	if m.Proto == ProtoICMPv4 {
		copy(ip[ipv4Len:], m.Payload)
		putIPv4(ip, m.Dst, m.Src, class, defaultHopLimit, ProtoICMPv4, length)
		putEcho(ip[ipv4Len:], icmp4EchoReply, Adjust(sum, icmp4Echo<<8, icmp4EchoReply<<8))
		return m.L2Len + ipv4Len + length
	}
	copy(ip[ipv6Len:], m.Payload)
	putIPv6(ip, m.Dst, m.Src, class, defaultHopLimit, ProtoICMPv6, length)
	putEcho(ip[ipv6Len:], icmp6EchoReply, Adjust(sum, icmp6Echo<<8, icmp6EchoReply<<8))
	return m.L2Len + ipv6Len + length
}

func putEcho(b []byte, kind uint8, sum uint16) {
	b[0], b[1] = kind, 0
	binary.BigEndian.PutUint16(b[2:], sum)
}

// Unreachable writes into out the ICMP error that a frame dropped for
// DropUnknownProtocol deserves, and returns its length; 0 if none is due. Parse
// has made sure of RFC 1122, section 3.2.2, and RFC 4443, section 2.4: the frame
// and packet are unicast, the source is one host, and it is no ICMP error.
// Datagrams in fragments are not answered. out must have MaxErrorFrame bytes.
func (r *Responder) Unreachable(frame []byte, m *Meta, now int64, out []byte) int {
	if m.Drop != DropUnknownProtocol || m.Fragment || len(out) < MaxErrorFrame {
		return 0
	}
	if !r.errors.Take(now) {
		r.drops[DropICMPRateLimited]++
		return 0
	}
	quote := frame[m.L2Len : m.L2Len+m.L3Len+len(m.Payload)]
	if m.Src.Is4() {
		quote = quote[:min(len(quote), maxError4-ipv4Len-icmpLen)]
		n := r.iface.putLink(out, m.SrcMAC, etherIPv4)
		length := icmpLen + len(quote)
		putIPv4(out[n:], m.Dst, m.Src, 0, defaultHopLimit, ProtoICMPv4, length)
		b := out[n+ipv4Len : n+ipv4Len+length]
		putError(b, icmp4Unreachable, icmp4CodeProtocol, 0, quote)
		binary.BigEndian.PutUint16(b[2:], Checksum(b))
		return n + ipv4Len + length
	}
	quote = quote[:min(len(quote), maxError6-ipv6Len-icmpLen)]
	n := r.iface.putLink(out, m.SrcMAC, etherIPv6)
	length := icmpLen + len(quote)
	putIPv6(out[n:], m.Dst, m.Src, 0, defaultHopLimit, ProtoICMPv6, length)
	b := out[n+ipv6Len : n+ipv6Len+length]
	putError(b, icmp6ParamProblem, icmp6CodeNextHeader, uint32(m.next), quote)
	binary.BigEndian.PutUint16(b[2:], ^Fold(Sum(pseudo6(m.Dst, m.Src, length, ProtoICMPv6), b)))
	return n + ipv6Len + length
}

func putError(b []byte, kind, code uint8, info uint32, quote []byte) {
	b[0], b[1], b[2], b[3] = kind, code, 0, 0
	binary.BigEndian.PutUint32(b[4:], info)
	copy(b[icmpLen:], quote)
}
