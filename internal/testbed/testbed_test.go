package testbed

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/demo"
)

// TestConfigurationsAreGood: Trunkline takes the files that nodes get.
func TestConfigurationsAreGood(t *testing.T) {
	for _, v := range Variants {
		top := newTopology(v, "/run/x")
		for _, n := range []*node{top.a, top.b} {
			f, err := config.Parse(n.name, []byte(n.config), config.Options{})
			require.NoError(t, err, n.config)
			require.Equal(t, n.onNetworks, f.Ports[len(f.Ports)-1].Device == "af_packet:198.18.2.0/24", n.config)
		}
	}
}

// TestEngineLeavesOurAddressesAlone: what an engine gives interfaces is none of the nodes'.
func TestEngineLeavesOurAddressesAlone(t *testing.T) {
	for _, s := range subnets {
		r, gateway := engineRange(s)
		require.True(t, r.Contains(gateway))
		for _, n := range []byte{numberA, numberB, numberPeer} {
			require.True(t, s.Contains(host(s, n)))
			require.False(t, r.Contains(host(s, n)))
		}
	}
}

// TestEveryFaultFailsTheResult: whatever is wrong is a reason.
func TestEveryFaultFailsTheResult(t *testing.T) {
	good := func() *Result {
		return &Result{Variant: AFPacket, Engine: "nothing", PeerMessages: 7,
			Probe: demo.ProbeResult{Failovers: 1, Pass: true, Tally: demo.Tally{Sent: 3, Received: 3}},
			Cuts:  []Cut{{What: "a cut", Pause: 20 * time.Millisecond, Returned: time.Second}}}
	}
	r := good()
	r.judge()
	require.True(t, r.Pass())
	var out bytes.Buffer
	r.Write(&out)
	require.Contains(t, out.String(), "a cut: nothing came for 20.0 ms, used again 1000 ms after it was mended\nPASS\n")
	for want, change := range map[string]func(*Result){
		"1 messages lost":     func(r *Result) { r.Probe.Pass, r.Probe.Reasons = false, []string{"1 messages lost"} },
		"gave no result":      func(r *Result) { r.Probe.Pass = false },
		"no failover":         func(r *Result) { r.Probe.Failovers = 0 },
		"peer had no message": func(r *Result) { r.PeerMessages = 0 },
		"exit code 1":         func(r *Result) { r.Reasons = []string{"b ended with exit code 1"} },
	} {
		r := good()
		change(r)
		r.judge()
		require.False(t, r.Pass(), want)
		out.Reset()
		r.Write(&out)
		require.Contains(t, out.String(), want)
		require.NotContains(t, out.String(), "PASS")
	}
}

// TestPeersFailureIsSeen: the peer says itself what is wrong with what came.
func TestPeersFailureIsSeen(t *testing.T) {
	_, err := says("STATS")("RESULT FAIL reason=stream_1_differs ms=3")
	require.ErrorIs(t, err, errPeerFailed)
	ok, err := says("EVENT", "path=198.18.1.2", "state=available")("EVENT path=198.18.1.2 state=available error=0 ms=4")
	require.True(t, ok)
	require.NoError(t, err)
	ok, _ = says("EVENT", "path=198.18.1.2")("EVENT path=198.18.1.21 state=available error=0 ms=4")
	require.False(t, ok)
}

// TestAProgramThatFailsIsExplained: with the last that it said.
func TestAProgramThatFailsIsExplained(t *testing.T) {
	p, err := start("sh", exec.Command("sh", "-c", "cat; echo broken >&2; exit 3"), nil)
	require.NoError(t, err)
	require.NoError(t, p.feed("hello\n"))
	require.NoError(t, p.await(t.Context(), "hello", has("hello")))
	err = p.await(t.Context(), "more", has("more"))
	require.ErrorContains(t, err, "sh: ended (exit status 3) without: more; it last said:\n")
	require.ErrorContains(t, err, "\n  hello") // the two streams are read apart, in any order
	require.ErrorContains(t, err, "\n  broken")
	code, err := p.wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, code)
	p.stop()
}

// TestAHangIsPlayedAgainOnlyIfNodeAIsContent: what it misses is no hang of the peer's.
func TestAHangIsPlayedAgainOnlyIfNodeAIsContent(t *testing.T) {
	for result, again := range map[string]bool{`"pass":true`: true, `"pass":false,"reasons":["1 messages lost"]`: false} {
		cmd := exec.Command("sh", "-c", `trap 'echo "$0"; exit' INT; echo ready; while :; do sleep 0.01; done`, `{"type":"result","data":{`+result+`}}`)
		a, err := start("a", cmd, func(s syscall.Signal) error { return cmd.Process.Signal(s) })
		require.NoError(t, err)
		t.Cleanup(a.stop)
		require.NoError(t, a.await(t.Context(), "ready", has("ready")))
		err = (&scenario{a: a, res: &Result{}}).hung(t.Context(), errLate)
		require.ErrorIs(t, err, errLate)
		require.Equal(t, again, errors.Is(err, errPeerHung), err)
		if !again {
			require.ErrorContains(t, err, "1 messages lost")
		}
	}
}

// system runs every variant on an engine, as `make testbed` does.
func system(t *testing.T, engine string) {
	if os.Getenv("TRUNKLINE_SYSTEM") == "" {
		t.Skip("TRUNKLINE_SYSTEM=1 runs it, as root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	var out bytes.Buffer
	o := Options{Variants: Variants, Engine: engine, Root: "../..", Out: &out, Debootstrap: os.Getenv("TRUNKLINE_DEBOOTSTRAP") != ""}
	results, err := Run(ctx, o)
	t.Log(out.String())
	require.NoError(t, err)
	require.Len(t, results, len(Variants))
	for _, r := range results {
		require.True(t, r.Pass(), r.Reasons)
	}
}

func TestSystemTestbedNamespaces(t *testing.T) { system(t, "namespaces") }

// TestSystemTestbedDocker builds the images, too; with TRUNKLINE_DEBOOTSTRAP=1 in what debootstrap makes.
func TestSystemTestbedDocker(t *testing.T) { system(t, "docker") }

// TestWithoutAnyEngineItSaysWhatIsMissing: each engine says why it cannot be had, and auto tries all.
func TestWithoutAnyEngineItSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var said bytes.Buffer
	_, err := Run(t.Context(), Options{Variants: Variants, Engine: "auto", Root: "../..", Out: &said})
	require.ErrorIs(t, err, errUnavailable)
	require.ErrorContains(t, err, "there is no docker command")
	require.ErrorContains(t, err, "network namespaces: not available here")
	require.Contains(t, said.String(), "there is no docker command")
}

// TestBuilderNamesAMissingPackage: of a machine that lacks one no builder is made.
func TestBuilderNamesAMissingPackage(t *testing.T) {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		t.Skip("this is no Debian")
	}
	_, err := command(t.Context(), "../../"+builderScript, "libc6", "no-such-package")
	require.ErrorContains(t, err, "no-such-package is not installed")
}

// TestDockerfileSaysWhatItIsBuiltIn: the testbed reads that there.
func TestDockerfileSaysWhatItIsBuiltIn(t *testing.T) {
	text, err := os.ReadFile("../../" + dockerfile)
	require.NoError(t, err)
	require.NotNil(t, builderArg.FindSubmatch(text))
	require.Contains(t, string(packagesArg.FindSubmatch(text)[1]), "libdpdk-dev")
}
