package dpdk

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

var testEAL *EAL

// TestMain starts DPDK once for all tests, without hugepages unless
// TRUNKLINE_HUGEPAGES says otherwise, and holds every test to freeing what it took.
func TestMain(m *testing.M) {
	if sock := os.Getenv(echoServer); sock != "" {
		echo(sock)
	}
	mode := Off
	if s := os.Getenv("TRUNKLINE_HUGEPAGES"); s != "" {
		var err error
		if mode, err = ParseHugeMode(s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	var err error
	testEAL, err = Init(Options{HugePages: mode, MemoryMB: 512, LogLevel: os.Getenv("TRUNKLINE_DPDK_LOG")})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	code := m.Run()
	if err := testEAL.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "at the end:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

var testSerial atomic.Int64

func uniqueName(base string) string { return fmt.Sprintf("%s%d", base, testSerial.Add(1)) }

func ringPair(t testing.TB) (a, b *Port) {
	t.Helper()
	a, b, err := testEAL.OpenRingPair(uniqueName("a"), uniqueName("b"), PortSpec{Buffers: 4096})
	require.NoError(t, err)
	closeAtEnd(t, a, b)
	return a, b
}

func closeAtEnd(t testing.TB, ports ...*Port) {
	t.Cleanup(func() {
		for _, p := range inClosingOrder(ports) {
			require.NoError(t, p.Close())
		}
		require.Zero(t, testEAL.Leaked(), "packets not freed")
	})
}

func open(t testing.TB, device string, spec PortSpec) *Port {
	t.Helper()
	d, err := ParseDevice(device)
	require.NoError(t, err)
	spec.Device = d.Device
	spec.Name = uniqueName(kindOf(d.Device).name)
	if spec.Buffers == 0 {
		spec.Buffers = 4096
	}
	p, err := testEAL.Open(spec)
	require.NoError(t, err)
	return p
}

func memifPair(t testing.TB) (a, b *Port) {
	t.Helper()
	sock := filepath.Join(t.TempDir(), "m.sock")
	a = open(t, "memif:role=server,socket="+sock, PortSpec{})
	b = open(t, "memif:role=client,socket="+sock, PortSpec{})
	closeAtEnd(t, a, b)
	return a, b
}

// vhostPorts opens n vhost ports. DPDK looks for connections to new ones once
// a second, so that n opened together cost no more than one.
func vhostPorts(t testing.TB, n int) (ports []*Port, sockets []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		sockets = append(sockets, filepath.Join(dir, fmt.Sprint(i)))
		ports = append(ports, open(t, "vhost:"+sockets[i], PortSpec{Buffers: 2048}))
	}
	return ports, sockets
}

func virtioPair(t testing.TB) (a, b *Port) {
	t.Helper()
	ports, sockets := vhostPorts(t, 1)
	a, b = ports[0], open(t, "virtio-user:"+sockets[0], PortSpec{})
	closeAtEnd(t, a, b)
	return a, b
}

func contract(t *testing.T, pair func(testing.TB) (a, b *Port), quirks ...nictest.Quirk) {
	nictest.Run(t, func(t *testing.T) (nic.Port, nic.Port) {
		a, b := pair(t)
		return a, b
	}, quirks...)
}

func TestRingContract(t *testing.T)  { contract(t, ringPair) }
func TestMemifContract(t *testing.T) { contract(t, memifPair) }

func TestVirtioContract(t *testing.T) {
	ports, sockets := vhostPorts(t, 18)
	closeAtEnd(t, ports...)
	contract(t, func(t testing.TB) (a, b *Port) {
		if len(ports) == 0 {
			return virtioPair(t)
		}
		a, b = ports[0], open(t, "virtio-user:"+sockets[0], PortSpec{})
		ports, sockets = ports[1:], sockets[1:]
		closeAtEnd(t, a, b)
		return a, b
	})
}
