package e2e

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
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
	return t
}()

// networks join the two nodes of a world, each with a port of both.
const networks = 2

// world is two nodes, a and b, at 10.1.0.1 and .2 of one network and 10.2.0.1
// and .2 of the other.
type world struct {
	t    *testing.T
	a, b *node
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
	for i := range networks {
		x, y := mem.NewPair(mem.Options{})
		for side, end := range []*mem.Port{x, y} {
			n := []*node{w.a, w.b}[side]
			n.ports = append(n.ports, fault.Wrap(end, fault.Config{}))
			n.ips = append(n.ips, netip.AddrFrom4([4]byte{10, byte(i + 1), 0, byte(side + 1)}).String())
		}
	}
	w.a.start(t, timers)
	w.b.start(t, timers)
	return w
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
