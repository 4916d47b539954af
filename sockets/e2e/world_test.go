package e2e

import (
	"encoding/binary"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// usual are the timers that RFC 9260 recommends; quick ones notice a dead network
// within a second.
var usual, quick = sctpcore.RFC9260Timers(), func() sctpcore.Timers {
	t := sctpcore.RFC9260Timers()
	t.RTOInitial, t.RTOMin, t.RTOMax = 200*sctpcore.Millisecond, 50*sctpcore.Millisecond, 400*sctpcore.Millisecond
	t.HBInterval, t.PathMaxRetrans = 100*sctpcore.Millisecond, 2
	t.AssocMaxRetrans = 100 // a busy machine ends no association
	return t
}()

// networks join the two nodes of a world, each with a port of both.
const networks = 2

// world is two nodes, a and b, at 10.1.0.1 and .2 of one network and 10.2.0.1
// and .2 of the other.
type world struct {
	t       *testing.T
	a, b    *node
	carried atomic.Int64 // packets with user data, in both networks
	cutAt   atomic.Int64 // the first network is cut when so many were carried
}

// node is a dataplane with a sockets server.
type node struct {
	ips     []string
	ports   []*fault.Port
	dp      *dataplane.Dataplane
	sock    string // where the server listens
	preload string
}

func newWorld(t *testing.T, timers sctpcore.Timers) *world {
	w := &world{t: t, a: &node{}, b: &node{}}
	w.cutAt.Store(math.MaxInt64)
	for i := range networks {
		x, y := mem.NewPair(mem.Options{})
		for side, end := range []nic.Port{x, y} {
			end = &meter{end, w}
			n := []*node{w.a, w.b}[side]
			n.ports = append(n.ports, fault.Wrap(end, fault.Config{}))
			n.ips = append(n.ips, netip.AddrFrom4([4]byte{10, byte(i + 1), 0, byte(side + 1)}).String())
		}
	}
	w.a.start(t, timers)
	w.b.start(t, timers)
	return w
}

// meter counts the packets with user data, and cuts the first network in time.
type meter struct {
	nic.Port
	w *world
}

// TxBurst is the port's.
func (m *meter) TxBurst(queue int, pkts []*nic.Packet) int {
	var data [64]bool // looked at beforehand: what is sent is the port's
	pkts = pkts[:min(len(pkts), len(data))]
	for i, p := range pkts {
		data[i] = carriesData(p.Data())
	}
	n := m.Port.TxBurst(queue, pkts)
	for _, d := range data[:n] {
		if d && m.w.carried.Add(1) == m.w.cutAt.Load() {
			m.w.cut(0)
		}
	}
	return n
}

// carriesData tells whether an Ethernet frame is an IPv4 packet with a DATA chunk (RFC 9260,
// section 3.3.1).
func carriesData(frame []byte) bool {
	const ethernet, common, header, protocol, data = 14, 12, 4, 132, 0
	if len(frame) < ethernet+20 || binary.BigEndian.Uint16(frame[12:]) != 0x0800 || frame[ethernet+9] != protocol {
		return false
	}
	packet := frame[ethernet : ethernet+min(len(frame)-ethernet, int(binary.BigEndian.Uint16(frame[ethernet+2:])))]
	at := int(packet[0]&15)*4 + common
	for at+header <= len(packet) {
		if packet[at] == data {
			return true
		}
		at += max(header, (int(binary.BigEndian.Uint16(packet[at+2:]))+3)&^3)
	}
	return false
}

func (n *node) start(t *testing.T, timers sctpcore.Timers) {
	n.preload = preload(t)
	cfg := dataplane.Config{Loopback: true, Timers: timers}
	for i, p := range n.ports {
		cfg.Ports = append(cfg.Ports, dataplane.PortConfig{Port: p,
			Addrs: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(n.ips[i]), 24)}})
	}
	d, err := dataplane.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	n.dp = d
	n.sock = filepath.Join(shortDir(t), "sockets")
	s, err := sockets.Listen(d, sockets.Config{Path: n.sock, Timers: timers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
}

// command is a program that finds the node's sockets.
func (n *node) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), "LD_PRELOAD="+n.preload, "TRUNKLINE_SOCKET="+n.sock)
	return c
}

// cut makes a network swallow everything, heal ends that.
func (w *world) cut(network int)  { w.a.ports[network].Blackhole(fault.Both) }
func (w *world) heal(network int) { w.a.ports[network].Blackhole(fault.None) }

// prefers waits until the node a sends more bytes over one network than over the
// others, while another 200 messages come back.
func (w *world) prefers(t *testing.T, network int, client *shell) {
	t.Helper()
	sent := func() (n [networks]uint64) {
		for i, p := range w.a.ports {
			n[i] = p.Stats().TxBytes
		}
		return n
	}
	require.Eventually(t, func() bool {
		was := sent()
		moved(t, client)
		is := sent()
		for i := range is {
			if i != network && is[i]-was[i] > (is[network]-was[network])/4 {
				return false
			}
		}
		return true
	}, patience, 1e6)
}
