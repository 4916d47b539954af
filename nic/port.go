package nic

import "errors"

// MaxBurst is the largest burst, in packets, that any caller passes to
// RxBurst, TxBurst or Alloc; drivers may size their scratch memory by it.
const MaxBurst = 64

// ErrNotSupported is returned for what a driver or device cannot do.
var ErrNotSupported = errors.New("nic: not supported by this port")

// Clock is monotonic time in nanoseconds from an arbitrary origin. Drivers
// that need time take it from one of these, so that a simulation can own it.
type Clock func() int64

// Capabilities are the offloads a port really has, after negotiation with its
// device. What is not set here is never done by the port.
type Capabilities struct {
	RxSCTPChecksum bool // verifies CRC32c on receive
	TxSCTPChecksum bool // inserts CRC32c on transmit
	RxIPChecksum   bool // verifies the IPv4 header checksum on receive
	TxIPChecksum   bool // inserts the IPv4 header checksum on transmit
	RSSSCTP        bool // spreads SCTP packets over its rx queues
	LinkInterrupt  bool // learns of link changes by interrupt, not by polling
}

// Info describes a port; it does not change while the port is open, but for the MAC.
type Info struct {
	Name     string  // as configured, unique in the process
	Driver   string  // e.g. "net_ring", "net_af_packet", "mem"
	MAC      [6]byte // may be another one after the link was down
	MTU      int     // largest L3 packet in bytes
	RxQueues int
	TxQueues int
	Socket   int // NUMA node, -1 if unknown
	Caps     Capabilities
}

// Link is a port's link state.
type Link struct {
	Up        bool
	SpeedMbps uint32 // 0 if unknown
	// Changes counts the ups and downs since the port was opened, so that a
	// poller sees even a flap that was over before it looked.
	Changes uint32
}

// Stats are a port's totals since it was opened, in packets and bytes of
// Ethernet frames without FCS.
type Stats struct {
	RxPackets, TxPackets uint64
	RxBytes, TxBytes     uint64
	RxMissed             uint64 // dropped by the device: queue full
	RxErrors, TxErrors   uint64
	RxNoBuffer           uint64 // dropped: pool empty
}

// XStat is one extended statistic under the driver's own name.
type XStat struct {
	Name  string
	Value uint64
}

// Port is one network interface that is polled.
type Port interface {
	Pool

	// Info describes the port. Any thread.
	Info() Info

	// Link is the link state as last learnt. It costs tens of nanoseconds at
	// most and never blocks; poll it about once a millisecond. Any thread.
	Link() Link

	// SetLink takes the link administratively down or up; ErrNotSupported if
	// the device cannot. A port whose link is down receives nothing and
	// drops what is sent, counting TxErrors. Any thread.
	SetLink(up bool) error

	// Alloc fills pkts with empty packets (see Packet.Reset) from the port's
	// pool and returns how many it got, 0 when the pool is empty. Any thread.
	Alloc(pkts []*Packet) int

	// RxBurst fills pkts with received frames, at most min(len(pkts),
	// MaxBurst), and returns how many; the caller owns them. It never
	// blocks. One thread per queue.
	RxBurst(queue int, pkts []*Packet) int

	// TxBurst queues frames for transmission and returns how many it took,
	// from the front; the rest stay the caller's. Packets may come from any
	// pool of any port: a driver that cannot send foreign memory copies it.
	// A frame that the driver took and could not send is freed and counted in
	// TxErrors. It never blocks. One thread per queue.
	TxBurst(queue int, pkts []*Packet) int

	// WakeFDs appends to fds new descriptors of what wakes a thread that sleeps
	// on an rx queue; the caller closes them and reads none. To epoll, one of
	// them has an edge (EPOLLIN|EPOLLET) when the queue, being armed, has got a
	// frame, or the link has changed where Capabilities.LinkInterrupt is set.
	// There may be edges without reason. A change of the link may be one of
	// devices: ask again after it. ErrNotSupported if the queue can only be
	// polled. Any thread.
	WakeFDs(queue int, fds []int) ([]int, error)

	// ArmWake asks for those edges, or for no more. Frames that were there
	// before make none: poll once more after it, then sleep. ErrNotSupported
	// if the queue must be polled for now. The queue's thread.
	ArmWake(queue int, on bool) error

	// Stats and XStats are the port's counters. Any thread; XStats may
	// allocate and take microseconds.
	Stats() Stats
	XStats() []XStat

	// Close stops the port and releases it. No thread may be inside, and none
	// may come afterwards; packets that others still hold must be freed
	// first, or their memory stays until the process ends.
	Close() error
}
