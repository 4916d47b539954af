package mem

import (
	"encoding/binary"
	"math/bits"
)

const (
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	etherTypeVLAN = 0x8100
	etherTypeQinQ = 0x88a8
)

// flowQueue hashes what receive-side scaling hashes: addresses, protocol and
// the first four bytes of the transport header. Fragments go by the addresses
// alone, so that those of one packet stay together.
func flowQueue(frame []byte, queues int) int {
	at := etherLen
	for range maxTags {
		if len(frame) >= at && isTag(frame[at-2:]) {
			at += tagLen
		}
	}
	if len(frame) < at {
		return 0
	}
	var hash uint64
	switch packet := frame[at:]; binary.BigEndian.Uint16(frame[at-2:]) {
	case etherTypeIPv4:
		if len(packet) < 20 {
			return 0
		}
		hash = mix(binary.BigEndian.Uint64(packet[12:]), uint64(packet[9]))
		header := int(packet[0]&15) * 4
		if binary.BigEndian.Uint16(packet[6:])&0x3fff == 0 && len(packet) >= header+4 {
			hash = mix(hash, uint64(binary.BigEndian.Uint32(packet[header:])))
		}
	case etherTypeIPv6:
		if len(packet) < 40 {
			return 0
		}
		hash = uint64(packet[6])
		for i := 8; i < 40; i += 8 {
			hash = mix(hash, binary.BigEndian.Uint64(packet[i:]))
		}
		if len(packet) >= 44 {
			hash = mix(hash, uint64(binary.BigEndian.Uint32(packet[40:])))
		}
	default:
		return 0
	}
	high, _ := bits.Mul64(hash, uint64(queues))
	return int(high)
}

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1342543de82ef95)
	return high ^ low
}

func isTag(etherType []byte) bool {
	t := binary.BigEndian.Uint16(etherType)
	return t == etherTypeVLAN || t == etherTypeQinQ
}
