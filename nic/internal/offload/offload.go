package offload

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

const (
	etherLen      = 14
	tagLen        = 4
	maxTags       = 2
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	etherTypeVLAN = 0x8100 // IEEE 802.1Q
	etherTypeQinQ = 0x88a8 // IEEE 802.1ad
	ipv4HeaderLen = 20
	ipv6HeaderLen = 40
	protocolSCTP  = 132
	fragmentBits  = 0x3fff // MF and fragment offset, RFC 791
)

// ipPacket is where the parts of an IP packet lie in its frame.
type ipPacket struct {
	l3, l4, end int
	sctp        bool // whole (no fragment), with SCTP right behind the IP header
	v4          bool
}

// locate finds the IP packet in a frame; ok is false if there is none, or none
// that holds together.
func locate(frame []byte) (ip ipPacket, ok bool) {
	at := etherLen
	for range maxTags + 1 {
		if len(frame) < at {
			return ipPacket{}, false
		}
		switch binary.BigEndian.Uint16(frame[at-2:]) {
		case etherTypeVLAN, etherTypeQinQ:
			at += tagLen
		case etherTypeIPv4:
			return ipv4At(frame, at)
		case etherTypeIPv6:
			return ipv6At(frame, at)
		default:
			return ipPacket{}, false
		}
	}
	return ipPacket{}, false
}

func ipv4At(frame []byte, l3 int) (ip ipPacket, ok bool) {
	if len(frame) < l3+ipv4HeaderLen || frame[l3]>>4 != 4 {
		return ipPacket{}, false
	}
	h := frame[l3:]
	ip = ipPacket{
		l3:  l3,
		l4:  l3 + int(h[0]&15)*4,
		end: l3 + int(binary.BigEndian.Uint16(h[2:])),
		v4:  true,
	}
	ip.sctp = h[9] == protocolSCTP && binary.BigEndian.Uint16(h[6:])&fragmentBits == 0
	return ip, ip.l4 >= l3+ipv4HeaderLen && ip.end >= ip.l4 && ip.end <= len(frame)
}

func ipv6At(frame []byte, l3 int) (ip ipPacket, ok bool) {
	if len(frame) < l3+ipv6HeaderLen || frame[l3]>>4 != 6 {
		return ipPacket{}, false
	}
	h := frame[l3:]
	ip = ipPacket{
		l3:   l3,
		l4:   l3 + ipv6HeaderLen,
		end:  l3 + ipv6HeaderLen + int(binary.BigEndian.Uint16(h[4:])),
		sctp: h[6] == protocolSCTP,
	}
	return ip, ip.end <= len(frame)
}

// Verify checks what caps announce of a received frame and returns the
// verdicts; no flag where there is nothing to check (other protocols,
// fragments, IPv6 extension headers, broken headers).
func Verify(frame []byte, caps nic.Capabilities) nic.Flags {
	ip, ok := locate(frame)
	if !ok {
		return 0
	}
	var flags nic.Flags
	if caps.RxIPChecksum && ip.v4 {
		flags |= nic.RxIPChecksumBad
		if onesComplement(frame[ip.l3:ip.l4]) == 0xffff {
			flags = nic.RxIPChecksumGood
		}
	}
	if caps.RxSCTPChecksum && ip.sctp && ip.end-ip.l4 >= wire.CommonHeaderLen {
		if wire.VerifyChecksum(frame[ip.l4:ip.end]) {
			flags |= nic.RxSCTPChecksumGood
		} else {
			flags |= nic.RxSCTPChecksumBad
		}
	}
	return flags
}

// Insert writes the checksums that the packet's flags ask for; see Fill. It
// leaves the flags as they are and may be repeated.
func Insert(p *nic.Packet, caps nic.Capabilities) bool {
	return Fill(p.Data(), p.Flags, p.L2Len, p.L3Len, caps)
}

// Fill writes the checksums that tx flags ask for into a frame, as far as caps
// announce them, and reports whether it could: the header lengths and the IP
// version must fit the bytes, else the frame is left alone.
func Fill(frame []byte, want nic.Flags, l2, l3 uint8, caps nic.Capabilities) bool {
	if !caps.TxSCTPChecksum {
		want &^= nic.TxSCTPChecksum
	}
	if !caps.TxIPChecksum {
		want &^= nic.TxIPChecksum
	}
	if want&(nic.TxSCTPChecksum|nic.TxIPChecksum) == 0 {
		return true
	}
	var ip ipPacket
	var ok bool
	switch {
	case want&nic.TxIPv4 != 0:
		ip, ok = ipv4At(frame, int(l2))
	case want&nic.TxIPv6 != 0:
		ip, ok = ipv6At(frame, int(l2))
	}
	if !ok {
		return false
	}
	if want&nic.TxSCTPChecksum != 0 {
		l4 := int(l2) + int(l3) // L3Len may span extension headers
		if l4 < ip.l4 || l4+wire.CommonHeaderLen > ip.end {
			return false
		}
		wire.SetChecksum(frame[l4:ip.end])
	}
	if want&nic.TxIPChecksum != 0 && ip.v4 {
		header := frame[ip.l3:ip.l4]
		binary.BigEndian.PutUint16(header[10:], 0)
		binary.BigEndian.PutUint16(header[10:], ^onesComplement(header))
	}
	return true
}

// onesComplement is the Internet sum of b, of even length (RFC 1071).
func onesComplement(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum&0xffff)
}
