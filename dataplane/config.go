package dataplane

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// MaxWorkers is how many workers a dataplane can have: their number takes bits
// of the verification tag, and the more it takes the easier a tag is guessed.
const MaxWorkers = 16

// PortConfig gives a nic.Port its place in the network.
type PortConfig struct {
	Port  nic.Port
	Addrs []netip.Prefix // our addresses on this port, each with the length of its subnet
	VLAN  uint16         // 802.1Q tag of everything in and out, 0 is untagged
	MTU   int            // bytes of IP packet; 0 is the port's

	loopback bool
}

// RouteConfig is a static route.
type RouteConfig struct {
	Dst  netip.Prefix
	Via  netip.Addr // the next hop, on one of the port's subnets
	Port string     // nic.Info.Name of the port it leaves by
	// Metric orders routes to the same prefix: the lowest whose link is up is used.
	Metric int
}

// IdlePolicy is what a worker does when there is nothing to do.
type IdlePolicy uint8

// The policies.
const (
	// IdleAdaptive polls on for 20 µs, then sleeps until a frame, a link, an
	// application or a timer wakes it. Ports that cannot wake it are polled, at
	// intervals that grow from 20 µs to Config.IdleSleep.
	IdleAdaptive IdlePolicy = iota
	// IdleBusy polls without pause: the lowest latency, at a whole processor
	// per worker. The process's other threads leave the processors of such
	// workers, and come back when the dataplane closes, unless they would have
	// none left; threads with a set of processors of their own stay.
	IdleBusy
)

// Config is what New needs.
type Config struct {
	Ports  []PortConfig
	Routes []RouteConfig
	// Loopback adds a port "loopback" at 127.0.0.1 and ::1, by which the dataplane
	// talks to itself: to these addresses and to those of Ports, which may then be
	// empty.
	Loopback bool
	// LoopbackMTU is in bytes of IP packet, at most the largest of Ports, which is
	// what 0 means; without Ports 0 is 9000.
	LoopbackMTU int
	// CPUs has one entry per worker, at most MaxWorkers: the processor its
	// thread is pinned to, or -1 for none. Empty is one worker, not pinned.
	CPUs []int
	// Timers and Limits go to every worker's sctpcore.Endpoint; zero values are
	// sctpcore.RFC9260Timers and sctpcore.DefaultLimits. The limits are each
	// worker's, not those of all together.
	Timers sctpcore.Timers
	Limits sctpcore.Limits
	// Backlog is how many associations may wait for Accept at each listener;
	// more are aborted and counted. 0 is 1024.
	Backlog int
	// Idle is what workers do when there is nothing to do.
	Idle IdlePolicy
	// IdleSleep bounds the sleep of a worker with IdleAdaptive that polls a port
	// which cannot wake it (see nic.Port.WakeFDs), or whose link must be asked
	// for (Capabilities.LinkInterrupt): a frame that ends a pause, or the news
	// that a link is down, may wait that long. MinIdleSleep to MaxIdleSleep; 0 is
	// DefaultIdleSleep.
	IdleSleep time.Duration
	// Manual starts no threads: the caller drives all workers with Step, as a
	// simulation does on a virtual Clock.
	Manual bool
	// Clock is nil for the machine's monotonic clock.
	Clock nic.Clock
	// Seed is nil for one from crypto/rand.
	Seed *[32]byte
	// Logger takes what happens on the slow path; nil is silence.
	Logger *slog.Logger
}
