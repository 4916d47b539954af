//go:build cgo

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

func TestCaptureUsageAndNoDaemon(t *testing.T) {
	for want, args := range map[string][]string{
		"name the file to write":   {"capture", "tx"},
		"cannot be negative":       {"capture", "-w", "x", "-c", "-1"},
		"--control or --config":    {"capture", "-w", "x", "--control", "a", "--config", "b"},
		"unknown shorthand flag:":  {"capture", "-w", "x", "-n", "port 7"},
		`invalid argument "x" for`: {"capture", "-w", "x", "-s", "x"},
	} {
		o := trunkline(t, args...)
		require.Equal(t, exitUsage, o.code, o.err)
		require.Contains(t, o.err, want)
		oneErrorLine(t, o)
	}
	path := filepath.Join(t.TempDir(), "f")
	o := trunkline(t, "capture", "-w", path, "--control", path+".sock")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.err, "no daemon serves "+path+".sock")
	require.NoFileExists(t, path, "the file is for captures")
	require.Contains(t, trunkline(t, "capture", "--help").out, "verification tag")
}

// TestCaptureOfADaemon while it serves another process, until SIGINT and until a bound.
func TestCaptureOfADaemon(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "control")
	stop := start(t, "echo on 10.0.0.1:", "run", "-c", file(t, serving(dir, "server", "10.0.0.1/24",
		"service: {kind: echo, port: 7777}\nnode: n\ncontrol: {path: "+socket+"}")))
	probe := func() {
		o := trunkline(t, "probe", "--connect", "10.0.0.1:7777", "-t", "200ms", "--rate", "200",
			"-c", file(t, serving(dir, "client", "10.0.0.2/24", "")))
		require.Equal(t, exitOK, o.code, o.out+o.err)
	}
	path := filepath.Join(dir, "out.pcapng")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := command(ctx, "capture", "-w", path, "--control", socket, "-s", "200", "port", "7777", "and", "not", "chunk", "abort")
	var messages strings.Builder
	c.Stderr = &messages
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool { st, err := os.Stat(path); return err == nil && st.Size() > 0 }, patience, 10*time.Millisecond)
	probe()
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.NoError(t, c.Wait(), messages.String())
	said := regexp.MustCompile(`^capturing; Ctrl-C ends it\n(\d+) frames captured, (\d+) left out by the filter, 0 missed; ended: interrupted\n$`).FindStringSubmatch(messages.String())
	require.NotNil(t, said, messages.String())
	captured, err := strconv.Atoi(said[1])
	require.NoError(t, err)
	require.Greater(t, captured, 8, "the beginning and the end of an association, and a message at least")
	require.NotEqual(t, "0", said[2], "ARP")
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	r, err := pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	require.NoError(t, err)
	n := 0
	for _, _, err = r.ReadPacketData(); err == nil; _, _, err = r.ReadPacketData() {
		n++
	}
	require.Equal(t, captured, n)

	o := trunkline(t, "capture", "-w", "-", "--control", socket, "--seconds", "1", "arp")
	require.Equal(t, exitOK, o.code, o.err)
	require.Equal(t, "\n\r\r\n", o.out[:4], "pcapng")
	require.Contains(t, o.err, "ended: 1s are over")
	o = trunkline(t, "capture", "-w", path, "--control", socket, "port", "x")
	require.Equal(t, exitFailed, o.code)
	require.Equal(t, fmt.Sprintln(`trunkline: filter, column 6: "x" is not an SCTP port, which is a number from 0 to 65535`), o.err)
	require.Equal(t, exitOK, stop())
}
