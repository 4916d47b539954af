//go:build linux && cgo

package interop

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/dpdk"
)

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(atExit) - 1; i >= 0; i-- {
		atExit[i]()
	}
	os.Exit(code)
}

// startEAL starts DPDK, once in the test binary. It does without hugepages: veth
// is the bottleneck, and any machine can run it.
var startEAL = sync.OnceValues(func() (*dpdk.EAL, error) {
	return dpdk.Init(dpdk.Options{HugePages: dpdk.Off})
})

// openPort makes a DPDK port, such as one of our end of a network.
func openPort(t testing.TB, name, device string) nic.Port {
	t.Helper()
	eal, err := startEAL()
	require.NoError(t, err, "start DPDK")
	spec, err := dpdk.ParseDevice(device)
	require.NoError(t, err)
	spec.Name = name
	port, err := eal.Open(spec)
	require.NoError(t, err, "open %s", device)
	return port
}

func closePorts(t testing.TB, ports []nic.Port) {
	for _, port := range ports {
		if err := port.Close(); err != nil {
			t.Errorf("close port %s: %v", port.Info().Name, err)
		}
	}
	if eal, err := startEAL(); err == nil && eal.Leaked() != 0 {
		t.Errorf("%d packets were not given back to their ports", eal.Leaked())
	}
}

// peerArgs are a peer's arguments for a plan.
func peerArgs(role, mode, local, remote string, port int, p plan) []string {
	args := []string{role, "--mode", mode, "--local", local, "--port", fmt.Sprint(port),
		"--seed", fmt.Sprint(p.seed), "--bytes", fmt.Sprint(p.bytes), "--streams", fmt.Sprint(p.streams)}
	if remote != "" {
		args = append(args, "--remote", remote)
	}
	return args
}

// TestHarness proves the lab, the peer and the oracles without our dataplane:
// usrsctp against usrsctp, over both networks, with the primary cut in the
// middle: while both wait, since each might hang.
func TestHarness(t *testing.T) {
	for _, f := range []family{ipv4, ipv6} {
		again(t, f.name, func(t *testing.T) {
			l := newLab(t, false)
			capture := l.startCapture(t)
			p := plan{seed: 20260101, bytes: 12 << 20, streams: 8}
			server := startPeer(t, l.peer, peerArgs("server", "echo", list(f.peer), "", 5001, p)...)
			server.awaitKey("READY")
			args := peerArgs("client", "verify", list(f.others), list(f.peer), 5001, p)
			client := startPeer(t, l.other, append(args, "--pause", fmt.Sprint(p.bytes/2))...)
			client.awaitEvent("assoc", "up")
			client.awaitRx(p.bytes / 3)
			client.awaitIdle()
			server.awaitIdle()
			l.breakNetwork(t, 0, cutSilent)
			client.command("go")
			client.awaitOK()
			server.awaitOK()
			capture.judge(nil)
		})
	}
}
