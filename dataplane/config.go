package dataplane

import (
	"log/slog"
	"net/netip"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// PortConfig gives a nic.Port its place in the network.
type PortConfig struct {
	Port  nic.Port
	Addrs []netip.Prefix // our addresses on this port, each with the length of its subnet
	VLAN  uint16         // 802.1Q tag of everything in and out, 0 is untagged
	MTU   int            // bytes of IP packet; 0 is the port's
}

// RouteConfig is a static route.
type RouteConfig struct {
	Dst  netip.Prefix
	Via  netip.Addr // the next hop, on one of the port's subnets
	Port string     // nic.Info.Name of the port it leaves by
	// Metric orders routes to the same prefix: the lowest whose link is up is used.
	Metric int
}

// Config is what New needs.
type Config struct {
	Ports  []PortConfig
	Routes []RouteConfig
	// CPUs has one entry per worker: the processor its thread is pinned to, or
	// -1 for none. Empty is one worker, not pinned.
	CPUs []int
	// Timers and Limits go to every worker's sctpcore.Endpoint; zero values are
	// sctpcore.RFC9260Timers and sctpcore.DefaultLimits.
	Timers sctpcore.Timers
	Limits sctpcore.Limits
	// Clock is nil for the machine's monotonic clock.
	Clock nic.Clock
	// Seed is nil for one from crypto/rand.
	Seed *[32]byte
	// Logger takes what happens on the slow path; nil is silence.
	Logger *slog.Logger
}
