package dataplane

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// The loopback is a port of the dataplane's own: a cable in memory whose ends are one
// port. It is polled, filled and mapped to like any other, but the way to all our own
// addresses goes by it, no neighbour is asked for, and frames are steered to the worker
// whose they are.

const (
	loopbackName = "loopback"
	// loopbackMTU is for a dataplane that has no other port: the longest chunk for
	// which the core's store has blocks of its size. Above that every chunk is charged
	// 64 KiB of the receive buffer.
	loopbackMTU = 9000
	// loopbackBuffers bound what is under way, beside what each worker has in its hands.
	loopbackBuffers = 1024
	loopbackDepth   = 512 // frames under way to one worker; then its senders wait
)

var loopbackAddrs = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}

// newLoopback makes the port and its place. It must not need longer buffers than the
// other ports, which then could not take its packets.
func newLoopback(c *Config, s *steering) (PortConfig, error) {
	mtu, largest := c.LoopbackMTU, 0
	for i := range c.Ports {
		if p := &c.Ports[i]; p.Port != nil {
			largest = max(largest, p.Port.Info().MTU)
		}
	}
	switch {
	case largest == 0:
		largest = 65535
		if mtu == 0 {
			mtu = loopbackMTU
		}
	case mtu == 0:
		mtu = largest
	}
	if mtu < sctpcore.MinMTU || mtu > largest {
		return PortConfig{}, fmt.Errorf("dataplane: a loopback MTU of %d bytes is not within %d and %d", mtu, sctpcore.MinMTU, largest)
	}
	p := mem.NewLoop(mem.Options{
		A: mem.Side{Name: loopbackName, Caps: nic.Capabilities{
			RxSCTPChecksum: true, TxSCTPChecksum: true, RxIPChecksum: true, TxIPChecksum: true, RSSSCTP: true, LinkInterrupt: true}},
		MTU: mtu, Queues: int(s.workers), Buffers: loopbackBuffers + int(s.workers)*2*nic.MaxBurst, Depth: loopbackDepth,
		Backpressure: true, AssumeChecksums: true, Steer: s.inward,
	})
	return PortConfig{Port: p, Addrs: loopbackAddrs, loopback: true}, nil
}

// inward is the queue, and so the worker, for a frame on the loopback. Fragments go to
// one worker, which puts them together.
func (s *steering) inward(frame []byte, _ int) int {
	switch version, packet := sctpInside(frame); version {
	case 4:
		return int(s.owner(wire.AddrFrom4([4]byte(frame[etherLen+12:])), packet, 0))
	case 6:
		return int(s.owner(wire.Addr(frame[etherLen+8:etherLen+24]), packet, 0))
	}
	return 0
}

const etherLen = 14

// sctpInside is the SCTP packet in a frame on the loopback and the version of its IP, 0
// if it has none or a part of one.
func sctpInside(frame []byte) (version int, packet []byte) {
	const ip4, ip6 = 20, 40
	switch p := frame[etherLen:]; binary.BigEndian.Uint16(frame[etherLen-2:]) {
	case 0x0800:
		if p[9] == inet.ProtoSCTP && binary.BigEndian.Uint16(p[6:])&0x3fff == 0 {
			return 4, p[ip4:]
		}
	case 0x86dd:
		if p[6] == inet.ProtoSCTP {
			return 6, p[ip6:]
		}
	}
	return 0, nil
}
