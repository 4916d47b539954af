//go:build linux && cgo

package interop

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(atExit) - 1; i >= 0; i-- {
		atExit[i]()
	}
	os.Exit(code)
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

// TestHarness proves the lab and the peer without our dataplane: usrsctp
// against usrsctp, over both networks, with the primary cut in the middle.
func TestHarness(t *testing.T) {
	for _, f := range []family{ipv4, ipv6} {
		t.Run(f.name, func(t *testing.T) {
			l := newLab(t, false)
			p := plan{seed: 20260101, bytes: 12 << 20, streams: 8}
			server := startPeer(t, l.peer, peerArgs("server", "echo", list(f.peer), "", 5001, p)...)
			server.awaitKey("READY")
			client := startPeer(t, l.other, peerArgs("client", "verify", list(f.others), list(f.peer), 5001, p)...)
			client.awaitEvent("assoc", "up")
			client.awaitRx(p.bytes / 3)
			l.breakNetwork(t, 0, cutSilent)
			stats := client.awaitOK()
			server.awaitOK()
			t.Logf("%s", stats.text)
		})
	}
}
