package mem

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Defaults of Options.
const (
	DefaultMTU     = 1500
	DefaultBuffers = 4096
	DefaultDepth   = 1024
)

const (
	minMTU        = 68    // RFC 791
	maxMTU        = 65535 // the largest IPv4 packet
	etherLen      = 14
	tagLen        = 4 // one IEEE 802.1Q tag
	maxTags       = 2
	minRoomData   = 2048 // bytes behind the headroom, as common NICs have it
	roomAlignment = 128
)

// Side describes one end of the cable.
type Side struct {
	Name string  // default: unique in the process
	MAC  [6]byte // default: locally administered, unique in the process

	// Caps is what Info announces. The four checksum offloads are really
	// done; RSSSCTP is true of the cable as it stands, LinkInterrupt always.
	Caps nic.Capabilities
}

// Options describe a cable and its two ends. The zero value is a cable without
// delay between two ports with one queue each.
type Options struct {
	A, B Side

	MTU     int // largest L3 packet in bytes, 68 to 65535; 0 is DefaultMTU
	Queues  int // rx and tx queues of each port, default 1
	Buffers int // packets in each port's pool, default DefaultBuffers
	Depth   int // frames under way to one rx queue, rounded up to a power of two, default DefaultDepth

	// Backpressure makes TxBurst take fewer packets when the peer's queue is
	// full, instead of dropping at the receiver.
	Backpressure bool

	// AssumeChecksums makes the checksum offloads free of cost, for
	// benchmarks: nothing is inserted, and every frame that the receiver
	// would check is marked good.
	AssumeChecksums bool

	// Steer chooses the rx queue of a frame, reduced modulo queues. It runs
	// on sending threads, several at a time. nil hashes addresses, protocol
	// and ports of IP packets and sends the rest to queue 0.
	Steer func(frame []byte, queues int) int

	// Clock, if set, makes frames visible only when it reaches their
	// arrival. nil with Latency or BitsPerSecond means nic.Monotonic.
	Clock nic.Clock
	// Latency is the time from the last bit sent to the frame's arrival.
	Latency time.Duration
	// BitsPerSecond is the rate of each direction, with preamble, FCS and
	// gap counted as on Ethernet; 0 is unlimited.
	BitsPerSecond int64
}

var pairs atomic.Uint32

// withDefaults fills what is unset and panics on what cannot be: options are
// written by the programmer.
func (o Options) withDefaults() Options {
	number := pairs.Add(1)
	o.A.fill(number, 0)
	o.B.fill(number, 1)
	setDefault(&o.MTU, DefaultMTU)
	setDefault(&o.Queues, 1)
	setDefault(&o.Buffers, DefaultBuffers)
	setDefault(&o.Depth, DefaultDepth)
	if o.Steer == nil {
		o.Steer = flowQueue
	}
	if o.Clock == nil && (o.Latency > 0 || o.BitsPerSecond > 0) {
		o.Clock = nic.Monotonic
	}
	for name, bad := range map[string]bool{
		"MTU must be 68 to 65535":             o.MTU < minMTU || o.MTU > maxMTU,
		"Queues must be positive":             o.Queues < 1,
		"Buffers must be positive":            o.Buffers < 1,
		"Latency must not be negative":        o.Latency < 0,
		"BitsPerSecond must not be negative":  o.BitsPerSecond < 0,
		"the two ends must differ in name":    o.A.Name == o.B.Name,
		"the two ends must differ in address": o.A.MAC == o.B.MAC,
	} {
		if bad {
			panic("mem: bad Options: " + name)
		}
	}
	return o
}

func (s *Side) fill(pair uint32, end byte) {
	if s.Name == "" {
		s.Name = fmt.Sprintf("mem%d%c", pair, 'a'+end)
	}
	if s.MAC == [6]byte{} {
		s.MAC = [6]byte{0x02, 0x6d, byte(pair >> 16), byte(pair >> 8), byte(pair), end}
	}
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

// roomBytes is the memory of one packet: headroom and a frame of the MTU with
// tags, at least 2048 bytes.
func (o *Options) roomBytes() int {
	data := max(minRoomData, o.MTU+etherLen+maxTags*tagLen)
	return (nic.DefaultHeadroom + data + roomAlignment - 1) &^ (roomAlignment - 1)
}
