package dpdk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

const patience = 60 * time.Second

// testType is IEEE 802's EtherType for local experiments.
const testType = 0x88b5

// one is a broadcast frame of size bytes whose payload is fill.
func one(t testing.TB, p *Port, size int, fill byte) *nic.Packet {
	t.Helper()
	var pkts [1]*nic.Packet
	require.Equal(t, 1, p.Alloc(pkts[:]))
	frame := pkts[0].Append(size)
	for i := range frame {
		frame[i] = fill
	}
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01")
	binary.BigEndian.PutUint16(frame[12:], testType)
	return pkts[0]
}

// receive waits for one of our frames and frees all others.
func receive(t testing.TB, p *Port) (got *nic.Packet) {
	t.Helper()
	var pkts [1]*nic.Packet
	require.True(t, nictest.Poll(patience, func() bool {
		if p.RxBurst(0, pkts[:]) == 0 {
			return false
		}
		if d := pkts[0].Data(); len(d) >= 14 && binary.BigEndian.Uint16(d[12:]) == testType {
			got = pkts[0]
			return true
		}
		nic.Free(pkts[:])
		return false
	}), "nothing arrived at %s", p.Info().Name)
	return got
}

// TestRingPairIsACable: either end's going down or away takes the other's link
// down, and it counts.
func TestRingPairIsACable(t *testing.T) {
	a, b := ringPair(t)
	require.Equal(t, nic.Link{Up: true, SpeedMbps: a.Link().SpeedMbps}, a.Link())
	require.NoError(t, a.SetLink(false))
	require.False(t, b.Link().Up)
	require.Equal(t, 1, b.TxBurst(0, []*nic.Packet{one(t, b, 60, 1)}))
	require.EqualValues(t, 1, b.Stats().TxErrors)
	require.NoError(t, a.SetLink(true))
	require.True(t, b.Link().Up)
	require.EqualValues(t, 2, b.Link().Changes)
	require.EqualValues(t, 2, a.Link().Changes)
	require.NoError(t, a.Close())
	require.False(t, b.Link().Up)
	require.False(t, a.Link().Up)
	require.EqualValues(t, 3, b.Link().Changes)
	require.Zero(t, a.RxBurst(0, make([]*nic.Packet, 4)))
	require.Error(t, a.SetLink(true))
}

// TestForeignPortsBothWays: packets go by reference from ring to ring, by copy into the
// memory twin and out of it.
func TestForeignPortsBothWays(t *testing.T) {
	a, b := ringPair(t)
	ma, mb := mem.NewPair(mem.Options{})
	defer ma.Close()
	defer mb.Close()
	for i := range byte(100) {
		// a → b by reference, b's packet → mem by copy, mem's packet → b by copy
		require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{one(t, a, 100, i)}))
		got := receive(t, b)
		require.True(t, got.Owner() == a.pool)
		require.Equal(t, 1, ma.TxBurst(0, []*nic.Packet{got}))
		var pkts [1]*nic.Packet
		require.Equal(t, 1, mb.RxBurst(0, pkts[:]))
		require.Equal(t, 1, b.TxBurst(0, pkts[:]))
		back := receive(t, a)
		require.True(t, back.Owner() == a.pool || back.Owner() == b.pool)
		require.Equal(t, i, back.Data()[99])
		nic.Free([]*nic.Packet{back})
	}
	require.Zero(t, a.Outstanding())
	require.Zero(t, b.Outstanding())
}

// TestForeignWithoutBuffers: a copy that finds the pool empty is a counted drop,
// and the original goes home.
func TestForeignWithoutBuffers(t *testing.T) {
	runtime.LockOSThread() // other threads' caches would keep some
	defer runtime.UnlockOSThread()
	a, b := ringPair(t)
	_ = b
	var held []*nic.Packet
	for {
		var pkts [nic.MaxBurst]*nic.Packet
		n := a.Alloc(pkts[:])
		if n == 0 {
			break
		}
		held = append(held, pkts[:n]...)
	}
	require.Len(t, held, 4096)
	h := &countingPool{}
	foreign := nic.MakePacket(h, make([]byte, 512), 0)
	foreign.Append(60)
	require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{&foreign}))
	require.Equal(t, 1, h.freed)
	require.EqualValues(t, 1, a.Stats().TxErrors)
	nic.Free(held)
}

type countingPool struct{ freed int }

func (c *countingPool) Free(pkts []*nic.Packet) { c.freed += len(pkts) }

// TestHeldPacketKeepsThePool: a packet that outlives its port stays valid, and
// its pool goes when it does.
func TestHeldPacketKeepsThePool(t *testing.T) {
	a, _, err := testEAL.OpenRingPair(uniqueName("h"), uniqueName("h"), PortSpec{Buffers: 256})
	require.NoError(t, err)
	b := a.wire.ports[1]
	pkt := one(t, a, 60, 9)
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	require.Equal(t, 1, testEAL.Leaked())
	require.EqualValues(t, 9, pkt.Data()[59])
	nic.Free([]*nic.Packet{pkt})
	require.Zero(t, testEAL.Leaked())
}

// TestOpenAndCloseManyTimes finds names, ports, rings or pools that are not
// given back.
func TestOpenAndCloseManyTimes(t *testing.T) {
	for range 100 {
		a, b, err := testEAL.OpenRingPair("x", "y", PortSpec{Buffers: 512, RxQueues: 2, TxQueues: 2})
		require.NoError(t, err)
		require.Equal(t, 1, a.TxBurst(1, []*nic.Packet{one(t, a, 60, 1)}))
		require.NoError(t, b.Close())
		require.NoError(t, a.Close())
		n, err := testEAL.Open(PortSpec{Name: "x", Device: "net_null7", Buffers: 512})
		require.NoError(t, err)
		_, err = testEAL.Open(PortSpec{Name: "x", Device: "net_null8"})
		require.ErrorContains(t, err, "name is taken")
		_, err = testEAL.Open(PortSpec{Name: "z", Device: "net_null7"})
		require.ErrorContains(t, err, "open already")
		require.NoError(t, n.Close())
	}
	require.Zero(t, testEAL.Leaked())
}

// flap sets p's link down and up while both ends are polled.
func flap(t *testing.T, p, peer *Port, rounds int) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer func() { // before the ports are closed, also when a check fails
		stop.Store(true)
		wg.Wait()
	}()
	for _, end := range []*Port{p, peer} {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var pkts [32]*nic.Packet
			for !stop.Load() {
				n := end.Alloc(pkts[:])
				for _, pkt := range pkts[:n] {
					pkt.Append(100)
				}
				sent := end.TxBurst(0, pkts[:n])
				nic.Free(pkts[sent:n])
				nic.Free(pkts[:end.RxBurst(0, pkts[:])])
				end.Link()
				runtime.Gosched()
			}
		})
	}
	for range rounds {
		require.NoError(t, p.SetLink(false))
		require.False(t, p.Link().Up)
		require.NoError(t, p.SetLink(true))
		require.True(t, nictest.Poll(patience, func() bool { return p.Link().Up && peer.Link().Up }),
			"%s up: %v, %s up: %v", p.Info().Name, p.Link().Up, peer.Info().Name, peer.Link().Up)
	}
}

func TestFlapUnderLoad(t *testing.T) {
	for name, c := range map[string]struct {
		pair   func(testing.TB) (a, b *Port)
		rounds int
	}{
		"ring":      {ringPair, 50},
		"memif":     {memifPair, 3},
		"virtio":    {virtioPair, 10},
		"af_packet": {vethPair("af_packet", PortSpec{}), 5},
		"tap":       {tapPair, 5},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := c.pair(t)
			require.True(t, nictest.Poll(patience, func() bool { return a.Link().Up && b.Link().Up }))
			flap(t, a, b, c.rounds)
			flap(t, b, a, c.rounds)
		})
	}
}

// TestMemifServerDies: a client that starts before its server connects to it,
// outlives its being killed in the middle of a burst, and finds the next one.
func TestMemifServerDies(t *testing.T) {
	sock := t.TempDir() + "/m.sock"
	c := open(t, "memif:role=client,socket="+sock, PortSpec{})
	closeAtEnd(t, c)
	var stop, echoes atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var pkts, back [32]*nic.Packet
		for stop.Load() == 0 {
			echoes.Add(int64(exchange(c, c, &pkts, &back)))
			runtime.Gosched()
		}
	}()
	defer func() { stop.Store(1); <-done }()
	for range 4 {
		require.False(t, c.Link().Up)
		server := exec.Command(os.Args[0], "-test.run=^$")
		server.Env = append(os.Environ(), echoServer+"="+sock)
		var said bytes.Buffer
		server.Stderr = &said
		require.NoError(t, server.Start())
		defer server.Process.Kill()
		if !nictest.Poll(patience, func() bool { return c.Link().Up }) {
			server.Process.Kill()
			server.Wait()
			require.FailNow(t, "no connection", "the server: %s", said.String())
		}
		before := echoes.Load()
		require.True(t, nictest.Poll(patience, func() bool { return echoes.Load() > before+10000 }))
		require.NoError(t, server.Process.Kill())
		server.Wait()
		require.True(t, nictest.Poll(patience, func() bool { return !c.Link().Up }))
	}
}

// TestMemifClientIsGoneAtOnce: the server does not mind peers who are gone before they
// are greeted.
func TestMemifClientIsGoneAtOnce(t *testing.T) {
	sock := t.TempDir() + "/m.sock"
	s := open(t, "memif:role=server,socket="+sock, PortSpec{})
	for range 20 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Connect(fd, &unix.SockaddrUnix{Name: sock}))
		require.NoError(t, unix.Close(fd))
	}
	c := open(t, "memif:role=client,socket="+sock, PortSpec{})
	closeAtEnd(t, s, c)
	require.True(t, nictest.Poll(patience, func() bool { return s.Link().Up && c.Link().Up }))
}

// TestMemifServerAcceptsNobody: a client waits for a server that is too busy to accept, as for
// one that is not there, and holds nobody up.
func TestMemifServerAcceptsNobody(t *testing.T) {
	sock := t.TempDir() + "/m.sock"
	busy, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(busy)
	require.NoError(t, unix.Bind(busy, &unix.SockaddrUnix{Name: sock}))
	require.NoError(t, unix.Listen(busy, 0))
	for full := false; !full; {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: sock}); !errors.Is(err, unix.EAGAIN) {
			require.NoError(t, err)
		} else {
			full = true
		}
	}
	c := open(t, "memif:role=client,socket="+sock, PortSpec{})
	closeAtEnd(t, c)
	require.False(t, c.Link().Up)
	sock += "2"
	s := open(t, "memif:role=server,socket="+sock, PortSpec{})
	other := open(t, "memif:role=client,socket="+sock, PortSpec{})
	closeAtEnd(t, s, other)
	require.True(t, nictest.Poll(patience, func() bool { return s.Link().Up && other.Link().Up }))
}

// TestVirtioUserGoes: a port that is closed closes no descriptor of anybody else, and
// whatever its peer does just then ends nothing.
func TestVirtioUserGoes(t *testing.T) {
	ports, sockets := vhostPorts(t, 16)
	closeAtEnd(t, ports...)
	for i, sock := range sockets {
		u := open(t, "virtio-user:"+sock, PortSpec{Buffers: 1024})
		if i%2 == 1 {
			require.NoError(t, unix.Shutdown(connectedTo(t, sock), unix.SHUT_RDWR))
			for start := time.Now(); time.Since(start) < time.Duration(i)*10*time.Microsecond; {
				u.Link()
			}
		}
		var stop atomic.Bool
		taken := make(chan []int)
		go func() {
			var fds []int
			for !stop.Load() && len(fds) < 4096 {
				if fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC); err == nil {
					fds = append(fds, fd)
				}
			}
			taken <- fds
		}()
		err := u.Close()
		stop.Store(true)
		for _, fd := range <-taken {
			require.NoError(t, unix.Close(fd), "somebody closed %d", fd)
		}
		require.NoError(t, err)
	}
}

// connectedTo is the descriptor of the process that is connected to a socket.
func connectedTo(t *testing.T, path string) int {
	for fd := range 1024 {
		peer, err := unix.Getpeername(fd)
		if un, ok := peer.(*unix.SockaddrUnix); err == nil && ok && un.Name == path {
			return fd
		}
	}
	require.FailNow(t, "nobody is connected", path)
	return -1
}

// echoServer is set for a process that is the server of TestMemifServerDies.
const echoServer = "TRUNKLINE_TEST_ECHO"

// echo sends back what it gets on a memif socket, until it is killed.
func echo(sock string) {
	e, err := Init(Options{HugePages: Off, MemoryMB: 64})
	if err != nil {
		panic(err)
	}
	d, err := ParseDevice("memif:role=server,socket=" + sock)
	if err != nil {
		panic(err)
	}
	d.Buffers = 4096
	p, err := e.Open(d)
	if err != nil {
		panic(err)
	}
	runtime.LockOSThread()
	var pkts [32]*nic.Packet
	for {
		n := p.RxBurst(0, pkts[:])
		nic.Free(pkts[p.TxBurst(0, pkts[:n]):n])
		p.Link()
	}
}

// TestMemifServerAfterClient in one process is what the PMD cannot do.
func TestMemifServerAfterClient(t *testing.T) {
	sock := t.TempDir() + "/m.sock"
	closeAtEnd(t, open(t, "memif:role=client,socket="+sock, PortSpec{}))
	d, err := ParseDevice("memif:role=server,socket=" + sock)
	require.NoError(t, err)
	_, err = testEAL.Open(d)
	require.ErrorContains(t, err, "open the server first")
}

func TestServerSocketBusyOrStale(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "memif:role=server,socket="+dir+"/m", PortSpec{})
	d, err := ParseDevice("vhost:" + dir + "/m")
	require.NoError(t, err)
	_, err = testEAL.Open(d)
	require.ErrorContains(t, err, "another process (or port) listens")
	require.NoError(t, s.Close())
	v := open(t, "vhost:"+dir+"/v", PortSpec{})
	require.NoError(t, v.Close())
	v = open(t, "vhost:"+dir+"/v", PortSpec{})
	require.NoError(t, v.Close())
}

// TestVhostClosedFirst is the order that EAL.Close avoids.
func TestVhostClosedFirst(t *testing.T) {
	ports, sockets := vhostPorts(t, 1)
	u := open(t, "virtio-user:"+sockets[0], PortSpec{})
	require.NoError(t, ports[0].Close())
	require.NoError(t, u.Close())
	require.Zero(t, testEAL.Leaked())
}

func TestNothingIsAllocatedPerBurst(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	a, b := ringPair(t)
	var pkts, back [32]*nic.Packet
	h := &countingPool{}
	foreign := nic.MakePacket(h, make([]byte, 512), 0)
	foreign.Append(60)
	mixed := [...]*nic.Packet{&foreign, &foreign, &foreign}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		exchange(a, b, &pkts, &back)
		a.TxBurst(0, mixed[:])
		nic.Free(back[:b.RxBurst(0, back[:])])
		a.Link()
	}))
	require.Positive(t, h.freed)
}

// exchange sends a burst from a to b and frees it, and returns its size.
func exchange(a, b *Port, pkts, back *[32]*nic.Packet) int {
	n := a.Alloc(pkts[:])
	for _, pkt := range pkts[:n] {
		pkt.Append(1400)
	}
	sent := a.TxBurst(0, pkts[:n])
	if sent < n {
		nic.Free(pkts[sent:n])
	}
	got := b.RxBurst(0, back[:])
	nic.Free(back[:got])
	return got
}
