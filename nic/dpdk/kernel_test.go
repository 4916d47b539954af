package dpdk

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

// space is a network namespace of a test's own; it goes with the test.
type space struct {
	ns netns.NsHandle
	nl *netlink.Handle
}

func newSpace(t testing.TB) *space {
	t.Helper()
	var s space
	var err error
	if !onThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		// The kernel's own packets would only disturb.
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
		if s.ns, err = netns.Get(); err == nil {
			s.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		}
	}) || errors.Is(err, unix.EPERM) {
		t.Skipf("a network namespace cannot be made (root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, are needed): %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		s.nl.Close()
		s.ns.Close()
	})
	return &s
}

// onThread runs f on a thread that ends with it.
func onThread(f func()) bool {
	done := make(chan bool)
	go func() {
		ok := false
		defer func() { done <- ok }()
		runtime.LockOSThread()
		f()
		ok = true
	}()
	return <-done
}

// in runs f in the namespace.
func (s *space) in(t testing.TB, f func()) {
	t.Helper()
	var err error
	require.True(t, onThread(func() {
		if err = netns.Set(s.ns); err == nil {
			f()
		}
	}))
	require.NoError(t, err)
}

// veth makes a veth pair, both ends up and known to be.
func (s *space) veth(t testing.TB, mtu int) (a, b string) {
	t.Helper()
	a, b = uniqueName("tva"), uniqueName("tvb")
	s.join(t, a, b, mtu)
	return a, b
}

// join is veth with names that are given.
func (s *space) join(t testing.TB, a, b string, mtu int) {
	t.Helper()
	la := netlink.NewLinkAttrs()
	la.Name, la.MTU = a, mtu
	require.NoError(t, s.nl.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: b}))
	for _, n := range []string{a, b} {
		l, err := s.nl.LinkByName(n)
		require.NoError(t, err)
		require.NoError(t, s.nl.LinkSetMTU(l, mtu))
		require.NoError(t, s.nl.LinkSetUp(l))
	}
	for _, n := range []string{a, b} {
		require.True(t, nictest.Poll(patience, func() bool { // the kernel has a thread for it
			l, err := s.nl.LinkByName(n)
			require.NoError(t, err)
			return l.Attrs().RawFlags&unix.IFF_RUNNING != 0
		}))
	}
}

// remove takes an interface away, a veth with its other end.
func (s *space) remove(t testing.TB, name string) {
	t.Helper()
	l, err := s.nl.LinkByName(name)
	require.NoError(t, err)
	require.NoError(t, s.nl.LinkDel(l))
}

func (s *space) set(t testing.TB, name string, up bool) {
	t.Helper()
	l, err := s.nl.LinkByName(name)
	require.NoError(t, err)
	if up {
		require.NoError(t, s.nl.LinkSetUp(l))
	} else {
		require.NoError(t, s.nl.LinkSetDown(l))
	}
}

// open opens device in the namespace. It skips the test only where the kernel or
// the process lacks what no set-up can install: anything else is a bug.
func (s *space) open(t testing.TB, device string, spec PortSpec) *Port {
	t.Helper()
	d, err := ParseDevice(device)
	require.NoError(t, err)
	spec.Device, spec.Name = d.Device, uniqueName("k")
	if spec.Buffers == 0 {
		spec.Buffers = 4096
	}
	var p *Port
	lacking := ""
	s.in(t, func() {
		if lacking = lacks(kindOf(d.Device)); lacking == "" {
			p, err = testEAL.Open(spec)
		}
	})
	if lacking != "" {
		t.Skipf("%s cannot work here: %s", device, lacking)
	}
	require.NoError(t, err)
	return p
}

// lacks names what a kind of device needs of the kernel and does not have, "" if
// all is there.
func lacks(k *kind) string {
	families := map[*kind]int{kindAFPacket: unix.AF_PACKET, kindAFXDP: unix.AF_XDP}
	if family, ok := families[k]; ok {
		fd, err := unix.Socket(family, unix.SOCK_RAW, 0)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPERM) {
			return fmt.Sprintf("no socket of family %d: %v", family, err)
		}
		unix.Close(fd)
	}
	if _, err := os.Stat("/dev/net/tun"); k == kindTap && err != nil {
		return err.Error()
	}
	return ""
}

// verdict is a test that notes how it ended.
type verdict struct {
	testing.TB
	failed, skipped bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Errorf(string, ...any) { v.failed = true }
func (v *verdict) FailNow()              { v.failed = true; runtime.Goexit() }
func (v *verdict) Skipf(string, ...any)  { v.skipped = true; runtime.Goexit() }

func TestADeviceThatDoesNotOpenFailsItsTest(t *testing.T) {
	s := newSpace(t)
	v := &verdict{TB: t}
	onThread(func() { s.open(v, "af_packet:nosuchif0", PortSpec{}) })
	require.Equal(t, []bool{true, false}, []bool{v.failed, v.skipped})
}

// TestPacketGroupTaken: another program has the number that the PMD makes of the
// process and the interface. The port gets another one, for all its queues: each
// frame comes to one of them.
func TestPacketGroupTaken(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 1500)
	s.in(t, func() {
		a, err := net.InterfaceByName(va)
		require.NoError(t, err)
		b, err := net.InterfaceByName(vb)
		require.NoError(t, err)
		const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network order
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, all)
		require.NoError(t, err)
		t.Cleanup(func() { unix.Close(fd) })
		require.NoError(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: b.Index}))
		require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT, (os.Getpid()^a.Index)&0xffff))
	})
	pa := s.open(t, "af_packet:"+va, PortSpec{RxQueues: 2, TxQueues: 2})
	closeAtEnd(t, pa)
	pb := s.open(t, "af_packet:"+vb, PortSpec{})
	closeAtEnd(t, pb)
	const frames = 32
	out := make([]*nic.Packet, frames)
	require.Equal(t, frames, pb.Alloc(out))
	for i, p := range out {
		f := p.Append(64)
		clear(f)
		copy(f, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5, byte(i)}) // an EtherType for experiments
	}
	require.Equal(t, frames, pb.TxBurst(0, out))
	// Each frame once, and nothing behind the last.
	var seen [frames]int
	in := make([]*nic.Packet, nic.MaxBurst)
	for n, quiet, end := 0, 0, time.Now().Add(patience); (n < frames || quiet < 1000) && time.Now().Before(end); quiet++ {
		for q := range 2 {
			got := in[:pa.RxBurst(q, in)]
			for _, p := range got {
				if d := p.Data(); d[12] == 0x88 && d[13] == 0xb5 {
					seen[d[14]]++
					n, quiet = n+1, 0
				}
			}
			nic.Free(got)
		}
	}
	for i, n := range seen {
		require.Equal(t, 1, n, "frame %d", i)
	}
}

func vethPair(driver string, spec PortSpec) func(testing.TB) (a, b *Port) {
	return func(t testing.TB) (a, b *Port) {
		s := newSpace(t)
		va, vb := s.veth(t, 1500)
		a = s.open(t, driver+":"+va, spec)
		closeAtEnd(t, a)
		b = s.open(t, driver+":"+vb, spec)
		closeAtEnd(t, b)
		return a, b
	}
}

// tapPair is a tap port, and af_packet on its kernel interface for the other end.
func tapPair(t testing.TB) (a, b *Port) {
	s := newSpace(t)
	name := uniqueName("ttap")
	a = s.open(t, "tap:"+name, PortSpec{})
	closeAtEnd(t, a)
	s.set(t, name, true)
	b = s.open(t, "af_packet:"+name, PortSpec{})
	closeAtEnd(t, b)
	return a, b
}

// TestAFPacketContract: a port whose interface was deleted and made again is as good as a new one:
// the other end of each pair, in turns.
func TestAFPacketContract(t *testing.T) {
	turn := false
	contract(t, func(t testing.TB) (a, b *Port) {
		s := newSpace(t)
		va, vb := s.veth(t, 1500)
		old := s.open(t, "af_packet:"+va, PortSpec{})
		closeAtEnd(t, old)
		s.remove(t, va)
		awaitLinks(t, false, 1, old)
		s.join(t, va, vb, 1500)
		fresh := s.open(t, "af_packet:"+vb, PortSpec{})
		closeAtEnd(t, fresh)
		awaitLinks(t, true, 2, old)
		if turn = !turn; turn {
			return old, fresh
		}
		return fresh, old
	})
}

func TestAFXDPContract(t *testing.T) {
	contract(t, vethPair("af_xdp", PortSpec{}), nictest.UncountedLoss)
}

func TestTapContract(t *testing.T) { contract(t, tapPair, nictest.UncountedLoss) }

// TestCarrierByNetlink: a port on a kernel interface sees the far end go down
// and come back, and its own interface deleted.
func TestCarrierByNetlink(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 1500)
	a := s.open(t, "af_packet:"+va, PortSpec{})
	closeAtEnd(t, a)
	wait := func(want func(nic.Link) bool) {
		t.Helper()
		require.True(t, nictest.Poll(patience, func() bool { return want(a.Link()) }), "link is %+v", a.Link())
	}
	require.Equal(t, nic.Link{Up: true}, a.Link())
	require.True(t, a.Info().Caps.LinkInterrupt)
	s.set(t, vb, false)
	wait(func(l nic.Link) bool { return !l.Up && l.Changes == 1 })
	s.set(t, vb, true)
	wait(func(l nic.Link) bool { return l.Up && l.Changes == 2 })
	s.remove(t, va)
	wait(func(l nic.Link) bool { return !l.Up && l.Changes == 3 })
	require.Error(t, a.SetLink(true), "the interface is gone")
}

func TestOpenExplains(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/file", nil, 0o600))
	for _, c := range []struct{ device, says string }{
		{"af_packet:nosuchif0", "there is no interface nosuchif0"},
		{"af_xdp:nosuchif0", "there is no interface nosuchif0"},
		{"af_packet:0.0.0.0/32", "no interface in this network namespace has an address in 0.0.0.0/32"},
		{"virtio-user:" + dir + "/none", "start the vhost side first"},
		{"virtio-user:" + dir + "/file", "is no socket"},
		{"vhost:" + dir + "/no/dir", "there is no directory"},
		{"vhost:" + dir + "/file", "a file of another kind"},
		{"memif:role=server,socket=" + dir + "/file", "a file of another kind"},
		{"pcap:rx=" + dir + "/none", "capture to replay"},
		{"pci:0000:01:00.0", "set Options.PCI"},
		{"ring", "OpenRingPair"},
		{"vdev:net_nosuch0", "rte_dev_probe"},
	} {
		d, err := ParseDevice(c.device)
		require.NoError(t, err)
		_, err = testEAL.Open(d)
		require.ErrorContains(t, err, c.says, c.device)
	}
	for _, spec := range []PortSpec{{RxQueues: 33}, {TxQueues: -1}, {MTU: 100}, {Buffers: 1}, {RxDesc: 1}} {
		spec.Device = "net_null"
		_, err := testEAL.Open(spec)
		require.ErrorContains(t, err, "want", fmt.Sprintf("%+v", spec))
	}
	require.Empty(t, testEAL.ports)
}

func TestMTUAboveTheInterface(t *testing.T) {
	s := newSpace(t)
	va, _ := s.veth(t, 1500)
	var err error
	s.in(t, func() { _, err = testEAL.Open(PortSpec{Device: "net_af_packet,iface=" + va, MTU: 9000}) })
	require.ErrorContains(t, err, "ip link set dev "+va+" mtu 9000")
}

func TestJumboOverVeth(t *testing.T) {
	s := newSpace(t)
	va, vb := s.veth(t, 9000)
	a, b := s.open(t, "af_packet:"+va, PortSpec{}), s.open(t, "af_packet:"+vb, PortSpec{})
	closeAtEnd(t, a, b)
	require.Equal(t, 9000, a.Info().MTU)
	size := 9000 + 14
	for i := range byte(10) {
		pkt := one(t, a, size, i)
		require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{pkt}))
		got := receive(t, b)
		require.Equal(t, size, got.Len())
		require.Equal(t, i, got.Data()[size-1])
		nic.Free([]*nic.Packet{got})
	}
}

// TestTapSeesItsInterface: the PMD learns of its interface's changes by interrupt
// and passes none on.
func TestTapSeesItsInterface(t *testing.T) {
	s := newSpace(t)
	name := uniqueName("ttap")
	p := s.open(t, "tap:"+name, PortSpec{})
	closeAtEnd(t, p)
	for range 3 {
		for _, up := range []bool{true, false} {
			s.set(t, name, up)
			require.True(t, nictest.Poll(patience, func() bool { return p.Link().Up == up }), "want up: %v", up)
		}
	}
}
