package dataplane

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// setDefaults fills what is unset and refuses what cannot be, but for what
// concerns ports and routes.
func (c *Config) setDefaults() error {
	if len(c.CPUs) == 0 {
		c.CPUs = []int{-1}
	}
	if len(c.CPUs) > MaxWorkers {
		return fmt.Errorf("dataplane: %d workers: at most %d, shorten CPUs", len(c.CPUs), MaxWorkers)
	}
	for i, cpu := range c.CPUs {
		if cpu < 0 {
			continue
		}
		if cpu > 1023 || !allowedCPU(cpu) {
			return fmt.Errorf("dataplane: worker %d: the process may not run on CPU %d: choose another, or -1 for none", i, cpu)
		}
		for j := range i {
			if c.CPUs[j] == cpu {
				return fmt.Errorf("dataplane: workers %d and %d share CPU %d: give each its own, or -1", j, i, cpu)
			}
		}
	}
	if c.Timers == (sctpcore.Timers{}) {
		c.Timers = sctpcore.RFC9260Timers()
	}
	if c.Limits == (sctpcore.Limits{}) {
		c.Limits = sctpcore.DefaultLimits()
	}
	if c.Backlog == 0 {
		c.Backlog = defaultBacklog
	}
	if c.Backlog < 1 || c.Backlog > 1<<20 {
		return fmt.Errorf("dataplane: a backlog of %d is not within 1 to 1048576", c.Backlog)
	}
	if c.Idle > IdleBusy {
		return fmt.Errorf("dataplane: there is no idle policy %d", c.Idle)
	}
	if c.IdleSleep == 0 {
		c.IdleSleep = DefaultIdleSleep
	}
	if c.IdleSleep < MinIdleSleep || c.IdleSleep > MaxIdleSleep {
		return fmt.Errorf("dataplane: an idle sleep of %v is not within %v to %v", c.IdleSleep, MinIdleSleep, MaxIdleSleep)
	}
	if c.Clock == nil {
		c.Clock = nic.Monotonic
	}
	if c.Seed == nil {
		c.Seed = new([32]byte)
		if _, err := rand.Read(c.Seed[:]); err != nil {
			return fmt.Errorf("dataplane: no seed: %w", err)
		}
	}
	return nil
}

// newPorts checks the ports.
func newPorts(c *Config) ([]*port, error) {
	if len(c.Ports) == 0 {
		return nil, errors.New("dataplane: no ports: give at least one in Config.Ports, or set Config.Loopback")
	}
	names := make(map[string]bool)
	ports := make([]*port, len(c.Ports))
	for i := range c.Ports {
		pc := &c.Ports[i]
		if pc.Port == nil {
			return nil, fmt.Errorf("dataplane: Ports[%d] has no nic.Port", i)
		}
		p := &port{index: i, nic: pc.Port, info: pc.Port.Info(), mtu: pc.MTU}
		if names[p.info.Name] {
			return nil, fmt.Errorf("dataplane: port %s is given twice", p.info.Name)
		}
		names[p.info.Name] = true
		if len(pc.Addrs) == 0 {
			return nil, fmt.Errorf("dataplane: port %s has no address: give it one with its subnet, like 192.0.2.1/24", p.info.Name)
		}
		if err := p.checkSizes(); err != nil {
			return nil, err
		}
		ports[i] = p
	}
	largest := 0
	for _, p := range ports {
		largest = max(largest, p.mtu)
	}
	for _, p := range ports {
		p.fit = p.room >= largest-ipHeader
	}
	return ports, nil
}

// ipHeader is the least that IP takes of an MTU, in bytes.
const ipHeader = 20

// checkSizes checks that the port's MTU can be had and its buffers hold it.
func (p *port) checkSizes() error {
	if p.mtu == 0 {
		p.mtu = p.info.MTU
	}
	if p.mtu > p.info.MTU || p.mtu < sctpcore.MinMTU {
		return fmt.Errorf("dataplane: port %s: an MTU of %d bytes is not within %d and the port's own %d", p.info.Name, p.mtu, sctpcore.MinMTU, p.info.MTU)
	}
	if p.info.RxQueues < 1 || p.info.TxQueues < 1 {
		return fmt.Errorf("dataplane: port %s needs at least one rx and one tx queue", p.info.Name)
	}
	var one [1]*nic.Packet
	if p.nic.Alloc(one[:]) == 0 {
		return fmt.Errorf("dataplane: port %s has no buffers: enlarge its pool", p.info.Name)
	}
	defer nic.Free(one[:])
	p.room = one[0].Tailroom()
	if one[0].Headroom() < inet.MaxTemplateLen || one[0].Tailroom() < p.mtu-ipHeader {
		return fmt.Errorf("dataplane: port %s: buffers with %d bytes of headroom and %d of room are too small for an MTU of %d: enlarge them or lower the MTU",
			p.info.Name, one[0].Headroom(), one[0].Tailroom(), p.mtu)
	}
	return nil
}

// seedFor derives a seed for one purpose from the configured one.
func seedFor(seed *[32]byte, purpose string, number ...int) [32]byte {
	return sha256.Sum256(fmt.Appendf(seed[:len(seed):len(seed)], "%s %v", purpose, number))
}

func seedWord(seed [32]byte, n int) uint64 {
	return binary.LittleEndian.Uint64(seed[8*(n%4):]) + uint64(n)
}
