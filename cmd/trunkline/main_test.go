package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asMain in the environment makes the test binary behave as trunkline itself,
// so that each command line has a process of its own: DPDK starts once in one.
const asMain = "TRUNKLINE_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

type outcome struct {
	code     int
	out, err string
}

// patience bounds what must happen; it is no measure of anything.
const patience = 2 * time.Minute

// command is a process that runs one command line.
func command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], args...)
	c.Env = append(os.Environ(), asMain+"=1")
	c.WaitDelay = 5 * time.Second
	return c
}

func trunkline(t *testing.T, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return finish(t, command(ctx, args...))
}

func finish(t *testing.T, c *exec.Cmd) outcome {
	t.Helper()
	var out, errOut bytes.Buffer
	c.Stdout, c.Stderr = &out, &errOut
	err := c.Run()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit, "%s", errOut.String())
	}
	return outcome{c.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// file writes a configuration.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// oneErrorLine holds the form of every error: one line that begins with the program.
func oneErrorLine(t *testing.T, o outcome) {
	t.Helper()
	require.True(t, strings.HasPrefix(o.err, "trunkline: "), "%q", o.err)
	require.Equal(t, 1, strings.Count(o.err, "\n"), "%q", o.err)
	require.NotContains(t, o.err, "goroutine")
}

func TestWrongUsageIsTwo(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{`unknown command "dmeo"`, []string{"dmeo"}},
		{"unknown flag: --divice; see `trunkline demo --help`", []string{"demo", "--divice", "ring"}},
		{"--device: 2 devices", []string{"demo", "--device", "ring,ring"}},
		{`--timers: "slow" is not known; use telecom or rfc9260`, []string{"demo", "--timers", "slow"}},
		{"invalid argument \"x\" for \"--duration\"", []string{"demo", "--duration", "x"}},
		{"name the configuration: `trunkline run -c FILE`", []string{"run"}},
		{"name one configuration file: `trunkline check FILE`", []string{"check"}},
		{"accepts at most 1 arg(s)", []string{"check", "a", "b"}},
		{`--connect "": give ADDR`, []string{"perf", "client"}},
		{`--connect "10.0.0.1:x": "x" is not a port`, []string{"perf", "client", "--connect", "10.0.0.1:x"}},
		{`--length: "long" is not a size`, []string{"perf", "client", "--connect", "10.0.0.1:1", "-l", "long"}},
		{"0 streams are not within", []string{"perf", "client", "--connect", "10.0.0.1:1", "--streams", "0"}},
		{"0 --device and 0 --addr", []string{"perf", "server"}},
		{"1 --device and 0 --addr", []string{"perf", "server", "--device", "af_packet:x"}},
		{"-c and --device exclude each other", []string{"perf", "server", "-c", "f", "--device", "af_packet:x"}},
		{"-c and --timers exclude each other", []string{"perf", "server", "-c", "f", "--timers", "telecom"}},
		{"-c and --hugepages exclude each other", []string{"perf", "server", "-c", "f", "--hugepages", "off"}},
		{`trunkline: --timers: "slow" is not known`, []string{"perf", "server", "--device", "af_packet:x", "--addr", "10.0.0.1/24", "--timers", "slow"}},
		{`trunkline: --hugepages: "some" is not known`, []string{"perf", "server", "--device", "af_packet:x", "--addr", "10.0.0.1/24", "--hugepages", "some"}},
		{"--interval is negative", []string{"perf", "server", "--interval", "-1s"}},
		{`--hugepages: "some" is not known; use auto, off, required`, []string{"demo", "--device", "mem", "--hugepages", "some"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			o := trunkline(t, c.args...)
			require.Equal(t, exitUsage, o.code, o.err)
			require.Contains(t, o.err, c.want)
			oneErrorLine(t, o)
			require.Empty(t, o.out)
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	o := trunkline(t)
	require.Equal(t, exitOK, o.code)
	for _, sub := range []string{"demo", "run", "check", "perf", "version"} {
		require.Contains(t, o.out, "\n  "+sub+" ")
	}
	o = trunkline(t, "version")
	require.Equal(t, exitOK, o.code)
	require.Regexp(t, `^trunkline .+\n(DPDK [\d.]+|no DPDK .+)\ngo\S+ linux/\w+\n$`, o.out)
}

func TestCheckNamesEveryMistake(t *testing.T) {
	path := file(t, "prots: []\nlog: {level: loud}\n")
	o := trunkline(t, "check", path)
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.out, path+`:1:1: unknown key prots; did you mean "ports"?`)
	require.Contains(t, o.out, path+`:2:14: log.level: "loud" is not known; use one of debug, info, warn, error`)
	require.Contains(t, o.out, ">  2 | log: {level: loud}\n")
	require.Empty(t, o.err)

	o = trunkline(t, "check", "-c", filepath.Join(t.TempDir(), "none.yaml"))
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "no such file")
	oneErrorLine(t, o)
}

func TestRunRefusesABadConfiguration(t *testing.T) {
	path := file(t, "prots: []\nlog: {level: loud}\n")
	o := trunkline(t, "run", "-c", path)
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, path+`:1:1: unknown key prots; did you mean "ports"? (and 1 more: run`)
	oneErrorLine(t, o)
}

func TestDemoOnTheMemoryWire(t *testing.T) {
	o := trunkline(t, "demo", "--device", "mem", "--duration", "300ms", "--rate", "2000")
	require.Equal(t, exitOK, o.code, o.out+o.err)
	require.True(t, strings.HasSuffix(o.out, "\nPASS\n"), o.out)
	require.Empty(t, o.err)
}

// TestSignalEndsADemo: a signal is an orderly end with an error, not a crash.
func TestSignalEndsADemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := command(ctx, "demo", "--device", "mem", "--duration", "1h", "--rate", "1000", "--json")
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	var errOut bytes.Buffer
	c.Stderr = &errOut
	require.NoError(t, c.Start())
	var first struct{ Type string }
	require.NoError(t, json.NewDecoder(stdout).Decode(&first))
	require.Equal(t, "event", first.Type)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	err = c.Wait()
	require.Equal(t, exitFailed, c.ProcessState.ExitCode(), "%v", err)
	require.Equal(t, "trunkline: interrupted\n", errOut.String())
}

// serving is a configuration with one memif port.
func serving(dir, role, addr, service string) string {
	return fmt.Sprintf("memory: {hugepages: off, megabytes: 128}\nports: [{name: m0, device: \"memif:role=%s,socket=%s/m\", addresses: [%s]}]\n%s\n",
		role, dir, addr, service)
}
