package dpdk

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

// awaitLinks waits until the links of ports are up or down, after at least so many changes.
func awaitLinks(t testing.TB, up bool, changes uint32, ports ...*Port) {
	t.Helper()
	for _, p := range ports {
		require.True(t, nictest.Poll(2*patience, func() bool { l := p.Link(); return l.Up == up && l.Changes >= changes }),
			"%s: want up %v after %d changes, is %+v", p.Info().Name, up, changes, p.Link())
	}
}

// cross has a frame arrive in each direction, at any queue.
func cross(t testing.TB, a, b *Port, fill byte) {
	t.Helper()
	for _, p := range [][2]*Port{{a, b}, {b, a}} {
		require.Equal(t, 1, p[0].TxBurst(0, []*nic.Packet{one(t, p[0], 60, fill)}))
		came := false
		require.True(t, nictest.Poll(2*patience, func() bool {
			for q := range p[1].Info().RxQueues {
				var pkts [1]*nic.Packet
				if p[1].RxBurst(q, pkts[:]) > 0 {
					came = came || pkts[0].Data()[59] == fill
					nic.Free(pkts[:])
				}
			}
			return came
		}), "%d does not arrive at %s", fill, p[1].Info().Name)
	}
}

// openFiles is how many descriptors the process has. What an earlier test closed may go a little
// later, so there may be fewer than at first; more are too many.
func openFiles(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// await waits for lines that have a text; it gives how many there are.
func (j *journal) await(t testing.TB, text string) int {
	t.Helper()
	require.True(t, nictest.Poll(2*patience, func() bool { return strings.Contains(j.String(), text) }), "no %q in:\n%s", text, j)
	return strings.Count(j.String(), text)
}

// TestInterfaceComesBack: time and again, under the hands of threads that poll. The port has the
// new interface's MAC, goes on counting, and nothing stays behind.
func TestInterfaceComesBack(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 1500)
	var j journal
	spec := PortSpec{RxQueues: 2, TxQueues: 2, Logger: j.logger()}
	a, b := s.open(t, "af_packet:"+va, spec), s.open(t, "af_packet:"+vb, spec)
	closeAtEnd(t, a, b)
	cross(t, a, b, 1)
	files, sent := openFiles(t), a.Stats().TxPackets
	const rounds = 3
	for round := range uint32(rounds) {
		stop := pollOn(t, a, b)
		s.remove(t, va)
		awaitLinks(t, false, 2*round+1, a, b)
		require.ErrorIs(t, a.SetLink(true), errGone)
		s.join(t, va, vb, 1500)
		awaitLinks(t, true, 2*round+2, a, b)
		stop()
		l, err := s.nl.LinkByName(va)
		require.NoError(t, err)
		mac := a.Info().MAC
		require.Equal(t, l.Attrs().HardwareAddr, net.HardwareAddr(mac[:]))
		cross(t, a, b, byte(2+round))
		require.LessOrEqual(t, openFiles(t), files, "round %d", round)
		now := a.Stats().TxPackets
		require.Greater(t, now, sent)
		sent = now
	}
	require.Zero(t, a.Outstanding())
	require.Zero(t, b.Outstanding())
	require.Equal(t, 2*rounds, j.await(t, "interface is gone"))
	require.Equal(t, 2*rounds, j.await(t, "interface is back, port opened again"))
}

// pollOn sends and receives on all queues of ports until stop, which returns when all is freed.
func pollOn(t testing.TB, ports ...*Port) (stop func()) {
	var over atomic.Bool
	var all sync.WaitGroup
	for _, p := range ports {
		for q := range p.Info().RxQueues {
			all.Go(func() {
				var pkts [8]*nic.Packet
				for !over.Load() {
					nic.Free(pkts[:p.RxBurst(q, pkts[:])])
					n := p.Alloc(pkts[:])
					for _, pkt := range pkts[:n] {
						copy(pkt.Append(60), "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb6")
					}
					nic.Free(pkts[p.TxBurst(q, pkts[:n]):n])
					time.Sleep(50 * time.Microsecond) // there are two processors
				}
			})
		}
	}
	return func() { over.Store(true); all.Wait() }
}

// TestInterfaceMovedAwayAndBack: an interface that was in another namespace meanwhile is the same,
// with the same index, but the sockets are on it no more.
func TestInterfaceMovedAwayAndBack(t *testing.T) {
	s, other := newSpace(t), newSpace(t)
	va, vb := s.veth(t, 1500)
	a, b := s.open(t, "af_packet:"+va, PortSpec{}), s.open(t, "af_packet:"+vb, PortSpec{})
	closeAtEnd(t, a, b)
	l, err := s.nl.LinkByName(va)
	require.NoError(t, err)
	mac := a.Info().MAC
	require.NoError(t, s.nl.LinkSetNsFd(l, int(other.ns)))
	awaitLinks(t, false, 1, a)
	away, err := other.nl.LinkByName(va)
	require.NoError(t, err)
	require.NoError(t, other.nl.LinkSetNsFd(away, int(s.ns)))
	s.set(t, va, true)
	awaitLinks(t, true, 2, a, b)
	require.Equal(t, mac, a.Info().MAC)
	cross(t, a, b, 1)
}

// TestInterfaceOnASubnet: a port that names a subnet is opened on the interface that has an address
// there, and again on one of another name, once it has that address, and is up.
func TestInterfaceOnASubnet(t *testing.T) {
	for _, subnet := range []string{"198.51.100.0/24", "2001:db8:7::/64"} {
		s := newSpace(t)
		first, _ := s.veth(t, 1500)
		s.assign(t, first, subnet)
		a := s.open(t, "af_packet:"+subnet, PortSpec{})
		closeAtEnd(t, a)
		s.remove(t, first)
		awaitLinks(t, false, 1, a)
		va, vb := s.veth(t, 1500)
		b := s.open(t, "af_packet:"+vb, PortSpec{})
		closeAtEnd(t, b)
		s.assign(t, va, subnet)
		awaitLinks(t, true, 2, a)
		cross(t, a, b, 1)
		require.NoError(t, a.SetLink(false))
		awaitLinks(t, false, 3, a)
		require.NoError(t, a.SetLink(true))
		awaitLinks(t, true, 4, a)
	}
}

// assign gives an interface an address in a subnet.
func (s *space) assign(t testing.TB, name, subnet string) {
	t.Helper()
	l, err := s.nl.LinkByName(name)
	require.NoError(t, err)
	p := netip.MustParsePrefix(subnet)
	addr, err := netlink.ParseAddr(netip.PrefixFrom(p.Addr().Next(), p.Bits()).String())
	require.NoError(t, err)
	if p.Addr().Is6() {
		s.in(t, func() {
			require.NoError(t, os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("0"), 0))
		})
		addr.Flags = unix.IFA_F_NODAD
	}
	require.NoError(t, s.nl.AddrAdd(l, addr))
}

// TestInterfaceComesBackTooSmall: what keeps a port from being opened again is told once, and
// tried until it works.
func TestInterfaceComesBackTooSmall(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 1500)
	var j journal
	a := s.open(t, "af_packet:"+va, PortSpec{Logger: j.logger()})
	closeAtEnd(t, a)
	s.remove(t, va)
	awaitLinks(t, false, 1, a)
	s.join(t, va, vb, 1400)
	j.await(t, "ip link set dev "+va+" mtu 1500")
	for range 3 {
		a.watch.hub.resync() // calls for it again, as the hub does once a second
	}
	for _, name := range []string{va, vb} {
		l, err := s.nl.LinkByName(name)
		require.NoError(t, err)
		require.NoError(t, s.nl.LinkSetMTU(l, 1500))
	}
	awaitLinks(t, true, 2, a)
	require.Equal(t, 1, j.await(t, "cannot be opened on it"))
	require.Equal(t, 1, j.await(t, "interface is back, port opened again"))
}

// TestAFXDPStaysDown: what cannot be opened again does not seem up on another interface.
func TestAFXDPStaysDown(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 1500)
	var j journal
	a := s.open(t, "af_xdp:"+va, PortSpec{Logger: j.logger()})
	closeAtEnd(t, a)
	s.remove(t, va)
	awaitLinks(t, false, 1, a)
	j.await(t, "until the process starts again")
	s.join(t, va, vb, 1500)
	a.watch.hub.resync()
	index, _ := a.watch.at()
	require.Zero(t, index)
	require.False(t, a.Link().Up)
}

// TestCloseWithoutInterface: a port is closed while its interface is gone, and while it is
// opened again.
func TestCloseWithoutInterface(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 1500)
	files := openFiles(t)
	for i := range 4 {
		a := s.open(t, "af_packet:"+va, PortSpec{})
		s.remove(t, va)
		awaitLinks(t, false, 1, a)
		if i%2 == 1 {
			a.back.call()
		}
		s.join(t, va, vb, 1500)
		require.NoError(t, a.Close())
		require.Zero(t, testEAL.Leaked())
	}
	// The last to go is what told of links.
	require.True(t, nictest.Poll(2*patience, func() bool { return openFiles(t) <= files }))
}

// TestUnplugClosesSockets: also those of a device that never ran.
func TestUnplugClosesSockets(t *testing.T) {
	s := newSpace(t)
	va, _ := s.veth(t, 1500)
	a := s.open(t, "af_packet:"+va, PortSpec{RxQueues: 2, TxQueues: 2})
	closeAtEnd(t, a)
	files := openFiles(t)
	s.in(t, func() {
		for range 2 {
			id, err := probe(&device{kind: kindAFPacket, name: testEAL.freeName(kindAFPacket), args: slices.Clone(a.dev.args)})
			require.NoError(t, err)
			require.NoError(t, unplug(id))
		}
	})
	require.LessOrEqual(t, openFiles(t), files)
}
