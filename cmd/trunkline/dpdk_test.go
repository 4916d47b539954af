//go:build cgo

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// nobody is a user without privilege.
const nobody = 65534

func TestCheckAcceptsTheExamples(t *testing.T) {
	for _, name := range []string{"trunkline", "veth", "memif"} { // baremetal wants four processors
		path := filepath.Join("../../examples", name+".yaml")
		o := trunkline(t, "check", path)
		require.Equal(t, outcome{exitOK, path + ": ok\n", ""}, o)
	}
}

func TestCheckKnowsDevices(t *testing.T) {
	o := trunkline(t, "check", file(t, "ports: [{name: p0, device: \"eth:1\", addresses: [10.0.0.1/24]}]\n"))
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.out, ":1:28: ports[0].device: ")
	require.Contains(t, o.out, "use af_packet:IFACE")
}

func TestDemoOnDPDKRings(t *testing.T) {
	o := trunkline(t, "demo", "--duration", "600ms", "--hugepages", "off")
	require.Equal(t, exitOK, o.code, o.out+o.err)
	require.True(t, strings.HasSuffix(o.out, "\nPASS\n"), o.out)
}

// TestDemoMakesAndRemovesItsInterfaces covers the kinds that stand on the kernel.
func TestDemoMakesAndRemovesItsInterfaces(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to make interfaces")
	}
	for _, kind := range []string{"af_packet", "tap"} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c := command(ctx, "demo", "--device", kind, "--duration", "300ms", "--rate", "5000", "--hugepages", "off")
		o := finish(t, c)
		require.Equal(t, exitOK, o.code, o.out+o.err)
		left, err := filepath.Glob(fmt.Sprintf("/sys/class/net/tl%d*", c.Process.Pid))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

func TestDemoOnFourGivenDevices(t *testing.T) {
	dir := t.TempDir()
	var list []string
	for _, role := range []string{"server", "client"} {
		for n := range 2 {
			list = append(list, fmt.Sprintf("memif:role=%s,socket=%s/m%d", role, dir, n))
		}
	}
	o := trunkline(t, "demo", "--device", strings.Join(list, ","), "--duration", "300ms", "--rate", "5000", "--hugepages", "off")
	require.Equal(t, exitOK, o.code, o.out+o.err)
}

func TestMissingInterfaceSaysSo(t *testing.T) {
	o := trunkline(t, "perf", "server", "--device", "af_packet:tlnone0", "--addr", "10.0.0.1/24", "--hugepages", "off")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "tlnone0")
	oneErrorLine(t, o)
}

func TestMissingDriverSaysSo(t *testing.T) {
	o := trunkline(t, "perf", "server", "--device", "vdev:net_nosuch0", "--addr", "10.0.0.1/24", "--hugepages", "off")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "net_nosuch0")
	oneErrorLine(t, o)
}

func TestNoHugepagesSaysSo(t *testing.T) {
	free, err := filepath.Glob("/sys/kernel/mm/hugepages/*/free_hugepages")
	require.NoError(t, err)
	for _, path := range free {
		if n, err := os.ReadFile(path); err == nil && string(n) != "0\n" {
			t.Skip("this machine has free hugepages")
		}
	}
	o := trunkline(t, "perf", "server", "--device", "memif:role=server,socket="+t.TempDir()+"/m", "--addr", "10.0.0.1/24", "--hugepages", "required")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "hugepages")
	oneErrorLine(t, o)
}

// TestNoPermissionSaysSo runs the demo as a user who may make no interfaces.
func TestNoPermissionSaysSo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become a user without privilege")
	}
	// The test binary may lie where that user cannot go.
	dir, err := os.MkdirTemp("/tmp", "tltest")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	path := filepath.Join(dir, "trunkline")
	require.NoError(t, os.WriteFile(path, binary, 0o755))
	as := func(args ...string) outcome {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c := command(ctx, args...)
		c.Path, c.Dir = path, dir
		c.Env = append(c.Env, "HOME="+dir, "TMPDIR=/tmp")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return finish(t, c)
	}
	o := as("demo", "--device", "af_packet", "--hugepages", "off")
	require.Equal(t, exitFailed, o.code, o.out+o.err)
	require.Contains(t, o.err, "operation not permitted; run as root, or use --device ring, memif or virtio-user")
	oneErrorLine(t, o)

	o = as("demo", "--duration", "300ms") // rings need no privilege
	require.Equal(t, exitOK, o.code, o.out+o.err)
}

// start starts a server and waits until its output says that it listens.
func start(t *testing.T, until string, args ...string) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c := command(ctx, args...)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	c.Stderr = os.Stderr
	require.NoError(t, c.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), until) {
	}
	require.Contains(t, lines.Text(), until)
	ended := false
	stop = func() int {
		if ended {
			return c.ProcessState.ExitCode()
		}
		ended = true
		defer cancel()
		_ = c.Process.Signal(syscall.SIGTERM)
		for lines.Scan() {
		}
		_ = c.Wait()
		return c.ProcessState.ExitCode()
	}
	t.Cleanup(func() { stop() })
	return stop
}

func TestPerfBetweenTwoProcessesOverMemif(t *testing.T) {
	dir := t.TempDir()
	stop := start(t, "Server listening on 10.0.0.1:5001",
		"perf", "server", "-c", file(t, serving(dir, "server", "10.0.0.1/24", "")))
	o := trunkline(t, "perf", "client", "--connect", "10.0.0.1:5001", "-t", "300ms", "--json", "--bidir", "--streams", "4",
		"--hugepages", "off", "--device", "memif:role=client,socket="+dir+"/m", "--addr", "10.0.0.2/24")
	require.Equal(t, exitOK, o.code, o.out+o.err)
	var doc struct {
		Sum []struct {
			Sender, Receiver struct{ Messages uint64 }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(o.out), &doc), o.out)
	require.Len(t, doc.Sum, 2)
	for _, s := range doc.Sum {
		require.Positive(t, s.Sender.Messages)
		require.Equal(t, s.Sender.Messages, s.Receiver.Messages)
	}
	require.Equal(t, exitOK, stop(), "SIGTERM ends the server in order")
}

func TestRunSaysWhatItListensOnAndEndsInOrder(t *testing.T) {
	for _, kind := range []string{"echo", "discard", "chargen"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			stop := start(t, kind+" on 10.0.0.1:", "run", "-c", file(t, serving(dir, "server", "10.0.0.1/24", "service: {kind: "+kind+"}")))
			require.Equal(t, exitOK, stop())
		})
	}
}

// TestBusySocketSaysSo: a second server on the socket of the first is refused
// and leaves the first alone.
func TestBusySocketSaysSo(t *testing.T) {
	dir := t.TempDir()
	path := file(t, serving(dir, "server", "10.0.0.1/24", "service: {kind: discard}"))
	stop := start(t, "discard on", "run", "-c", path)
	o := trunkline(t, "run", "-c", path)
	require.Equal(t, exitFailed, o.code, o.out)
	require.Contains(t, o.err, dir+"/m")
	oneErrorLine(t, o)
	require.Equal(t, exitOK, stop())
}
