//go:build linux && cgo

package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/nic/pcap"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// guestPeers is how many peers a guest can run before it starts anew.
const guestPeers = 12

// guest is a Linux kernel in QEMU whose two network cards are plugged into vhost ports of
// ours, and a dataplane on these.
type guest struct {
	t     testing.TB
	dir   string
	wires [networks]*fault.Port
	ours  *side

	cmd     *exec.Cmd
	gone    chan struct{} // closed when QEMU has ended
	control *json.Decoder // of QEMU's monitor, QMP
	ports   []net.Conn    // the guest's serial ports: the monitor's, the console's, the shell's, the peers'
	shell   *bufio.Scanner
	started int // peers, of all boots
	boots   int

	mu      sync.Mutex
	console []string // the last lines
	panics  bool
}

// The connections of a guest, in the order of guest.ports.
const (
	monitorPort = iota
	consolePort
	shellPort
	firstPeer
)

// startGuest makes our ports, a dataplane with these timers, and the guest, which has the
// addresses of ipv4.peer and ipv6.peer.
func startGuest(t testing.TB, timers profile, captured bool) *guest {
	t.Helper()
	return startGuestWith(t, timers, sctpcore.Limits{}, captured, func(p nic.Port) nic.Port { return p })
}

// startGuestWith is startGuest with limits of its own and each port wrapped in another.
func startGuestWith(t testing.TB, timers profile, limits sctpcore.Limits, captured bool, wrap func(nic.Port) nic.Port) *guest {
	t.Helper()
	needGuest(t)
	g := &guest{t: t, gone: make(chan struct{})}
	var err error
	g.dir, err = os.MkdirTemp("", fmt.Sprintf("%s%dguest-", labPrefix, os.Getpid()))
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(g.dir) })
	g.ours = startSide(t, timers, limits, func(i int) nic.Port { return g.openWire(i, captured, wrap) })
	g.run()
	g.awaitReady()
	g.configure()
	return g
}

// openWire makes a vhost port, captured where it meets the wire, with faults in front.
func (g *guest) openWire(i int, captured bool, wrap func(nic.Port) nic.Port) nic.Port {
	name := fmt.Sprintf("n%d", i)
	port := openPort(g.t, name, "vhost:"+filepath.Join(g.dir, name))
	if captured {
		file, err := os.Create(g.captureFile(i))
		require.NoError(g.t, err)
		g.t.Cleanup(func() { file.Close() })
		port, err = pcap.Wrap(port, file, pcap.Options{})
		require.NoError(g.t, err)
	}
	g.wires[i] = fault.Wrap(wrap(port), fault.Config{})
	return g.wires[i]
}

// captureFile is where what passed a network is captured; see startCapture.
func (g *guest) captureFile(i int) string {
	dir := os.Getenv("TRUNKLINE_CAPTURES")
	if dir == "" {
		dir = g.dir
	}
	return filepath.Join(dir, fmt.Sprintf("%s-n%d.pcapng", strings.ReplaceAll(g.t.Name(), "/", "-"), i))
}

// run starts QEMU; it ends with the test.
func (g *guest) run() {
	t := g.t
	t.Helper()
	im, err := buildImage()
	require.NoError(t, err)
	const memory = "512M"
	args := []string{"-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-cpu", "max", "-m", memory,
		"-M", "pc,memory-backend=ram", "-object", "memory-backend-memfd,id=ram,share=on,size=" + memory,
		"-kernel", im.kernel, "-initrd", im.initrd, "-append", "console=ttyS0 quiet panic=0",
		"-mon", "chardev=port0,mode=control", "-serial", "chardev:port1", "-device", "virtio-serial-pci,max_ports=31"}
	var listeners []net.Listener
	for i := range firstPeer + guestPeers {
		path := filepath.Join(g.dir, fmt.Sprintf("port%d", i))
		l, err := net.Listen("unix", path)
		require.NoError(t, err)
		listeners = append(listeners, l)
		args = append(args, "-chardev", fmt.Sprintf("socket,id=port%d,path=%s", i, path))
		if i >= shellPort {
			args = append(args, "-device", fmt.Sprintf("virtserialport,chardev=port%d,nr=%d", i, i))
		}
	}
	for i := range networks {
		// Without vectors=0 QEMU 7.2 crashes with vhost-user and no KVM.
		args = append(args, "-chardev", fmt.Sprintf("socket,id=wire%d,path=%s", i, filepath.Join(g.dir, fmt.Sprintf("n%d", i))),
			"-netdev", fmt.Sprintf("vhost-user,id=n%d,chardev=wire%d", i, i),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=n%d,mac=02:00:00:00:01:%02d,romfile=,vectors=0", i, i))
	}
	g.cmd = exec.Command("qemu-system-x86_64", args...)
	g.cmd.Stderr = testWriter{t}
	require.NoError(t, startChild(g.cmd))
	go func() {
		defer close(g.gone)
		g.cmd.Wait()
	}()
	t.Cleanup(g.stop)
	for _, l := range listeners {
		require.NoError(t, l.(*net.UnixListener).SetDeadline(time.Now().Add(patience)))
		conn, err := l.Accept()
		require.NoError(t, err, "QEMU does not come up")
		l.Close()
		g.ports = append(g.ports, conn)
	}
	go g.watchConsole()
	g.control, g.shell = json.NewDecoder(g.ports[monitorPort]), bufio.NewScanner(g.ports[shellPort])
	g.monitor("qmp_capabilities", nil)
}

// stop ends QEMU.
func (g *guest) stop() {
	g.cmd.Process.Kill()
	<-g.gone
	for _, conn := range g.ports {
		conn.Close()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.panics || g.t.Failed() {
		g.t.Logf("the guest's console:\n%s", strings.Join(g.console, "\n"))
	}
}

// watchConsole keeps the last lines; a kernel that panics ends QEMU, and so whatever waits for it.
func (g *guest) watchConsole() {
	for scan := bufio.NewScanner(g.ports[consolePort]); scan.Scan(); {
		g.mu.Lock()
		g.console = append(g.console[max(0, len(g.console)-199):], scan.Text())
		if strings.Contains(scan.Text(), "end Kernel panic") {
			g.panics = true
			g.t.Errorf("the guest's kernel panics")
			g.cmd.Process.Kill()
		}
		g.mu.Unlock()
	}
}

// monitor has QEMU do something.
func (g *guest) monitor(command string, arguments map[string]any) {
	g.t.Helper()
	conn := g.ports[monitorPort]
	require.NoError(g.t, conn.SetDeadline(time.Now().Add(patience)))
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	require.NoError(g.t, json.NewEncoder(conn).Encode(request))
	for {
		var answer map[string]any
		require.NoError(g.t, g.control.Decode(&answer), "QEMU's answer to %s", command)
		require.NotContains(g.t, answer, "error", "QEMU's answer to %s", command)
		if _, done := answer["return"]; done {
			return
		}
	}
}

// setCable plugs a network's cable in or out at the guest's card.
func (g *guest) setCable(network int, in bool) {
	g.t.Helper()
	g.monitor("set_link", map[string]any{"name": fmt.Sprintf("n%d", network), "up": in})
}

// sh runs a line of the guest's shell and returns what it prints.
func (g *guest) sh(format string, args ...any) string {
	g.t.Helper()
	line := fmt.Sprintf(format, args...)
	out, err := g.try(line)
	require.NoError(g.t, err, "%s\n%s", line, out)
	return out
}

func (g *guest) try(line string) (out string, err error) {
	conn := g.ports[shellPort]
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	for g.shell.Scan() {
		if code, done := strings.CutPrefix(g.shell.Text(), "END "); !done {
			out += g.shell.Text() + "\n"
		} else if code != "0" {
			return out, errors.New("exit code " + code)
		} else {
			return out, nil
		}
	}
	return out, fmt.Errorf("the guest does not answer: %w", errors.Join(g.shell.Err(), io.EOF))
}

// awaitReady waits until the guest has started.
func (g *guest) awaitReady() {
	g.t.Helper()
	require.NoError(g.t, g.ports[shellPort].SetDeadline(time.Now().Add(patience)))
	for g.shell.Scan() {
		if g.shell.Text() == "READY" {
			return
		}
	}
	require.FailNow(g.t, "the guest does not start", "%v", g.shell.Err())
}

// configure gives the guest's cards their addresses.
func (g *guest) configure() {
	g.t.Helper()
	for i := range networks {
		g.sh("ip addr add %v dev eth%d; ip -6 addr add %v dev eth%d; ip link set eth%d up", ipv4.peer[i], i, ipv6.peer[i], i, i)
	}
	for i := range networks {
		require.Eventually(g.t, func() bool { return g.wires[i].Link().Up }, patience, time.Millisecond, "the link of port %d", i)
	}
}

// reset restarts the guest's kernel at once, as the button of a machine does, and waits until
// it has started. Its peers are gone.
func (g *guest) reset() {
	g.t.Helper()
	g.boots++
	g.monitor("system_reset", nil)
	g.awaitReady()
}

// peerIn runs the peer in the guest.
func (g *guest) peerIn(t testing.TB, args ...string) *peer {
	t.Helper()
	require.Less(t, g.started, guestPeers, "too many peers for one guest")
	conn, number, boot := g.ports[firstPeer+g.started], firstPeer+g.started, g.boots
	g.started++
	p := &peer{t: t, name: args[0], stdin: conn}
	p.end = func() {
		if boot == g.boots {
			g.try(fmt.Sprintf("kill -9 $(cat /tmp/%d)", number)) // it may have ended
		}
		conn.Close()
	}
	p.follow(conn, func() {})
	g.sh("start %d '%s'", number, strings.Join(args, "' '"))
	return p
}

// guests is a place that starts a guest with each dataplane.
type guests struct{ *guest }

func (k *guests) startOurs(t testing.TB, timers profile) *side {
	t.Helper()
	return k.startWith(t, timers, sctpcore.Limits{}, func(p nic.Port) nic.Port { return p })
}

func (k *guests) startWith(t testing.TB, timers profile, limits sctpcore.Limits, wrap func(nic.Port) nic.Port) *side {
	t.Helper()
	k.guest = startGuestWith(t, timers, limits, false, wrap)
	return k.ours
}

// within has what fails in a subtest fail there.
func (g *guest) within(t *testing.T) {
	outer := g.t
	g.t, g.ours.t = t, t
	t.Cleanup(func() { g.t, g.ours.t = outer, outer })
}

const (
	// cutPort takes the link of our port down, and the guest sees nothing.
	cutPort cut = "port"
	// cutImpaired loses, repeats, delays and reorders some frames both ways.
	cutImpaired cut = "impaired"
)

// impaired is what cutImpaired does.
var impaired = fault.Impairment{Loss: 0.01, Duplicate: 0.01, Reorder: 0.02, Jitter: time.Millisecond}

// breakNetwork cuts a network: the cable out of the guest's card, everything lost, the guest's
// interface or our port down, or an impairment. heal mends it.
func (g *guest) breakNetwork(t testing.TB, network int, how cut) {
	t.Helper()
	switch how {
	case cutCarrier:
		g.setCable(network, false)
		require.Eventually(t, func() bool { return !g.wires[network].Link().Up }, patience, time.Millisecond)
	case cutSilent:
		g.wires[network].Blackhole(fault.Both)
	case cutPeerCarrier:
		g.sh("ip link set eth%d down", network)
	case cutPort:
		require.NoError(t, g.wires[network].SetLink(false))
	case cutImpaired:
		g.wires[network].Set(fault.Config{Rx: impaired, Tx: impaired, Seed: uint64(g.started)})
	}
}

func (g *guest) heal(t testing.TB, network int, how cut) {
	t.Helper()
	switch how {
	case cutCarrier:
		g.setCable(network, true)
	case cutSilent:
		g.wires[network].Blackhole(fault.None)
	case cutPeerCarrier:
		g.sh("ip link set eth%d up", network)
	case cutPort:
		require.NoError(t, g.wires[network].SetLink(true))
	case cutImpaired:
		g.wires[network].Set(fault.Config{})
	}
}

// judge closes our side and has both oracles read what passed the networks. The return is what
// gopacket saw of what we sent.
func (g *guest) judge(t testing.TB) (both [networks]sent) {
	t.Helper()
	g.stop()
	g.ours.close()
	for i := range networks {
		file := g.captureFile(i)
		require.Empty(t, tsharkFaults(t, file), "tshark finds faults in %s (frame, sender, info, checksum, expert)", filepath.Base(file))
		var err error
		both[i], err = decodeSent(file, g.ours.macs)
		require.NoError(t, err, "gopacket on what we sent, in %s", filepath.Base(file))
		require.NotZero(t, both[i].sctp, "no packet of ours on network %d", i)
		require.LessOrEqual(t, both[i].longest, 1500, "an IP packet is longer than the MTU")
		t.Logf("network %d: we sent %s", i, both[i])
	}
	return both
}
