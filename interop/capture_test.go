//go:build linux && cgo

package interop

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// capture is a running dumpcap on our end of both bridges.
type capture struct {
	t         testing.TB
	namespace string
	file      string
	cmd       *exec.Cmd
	log       *bytes.Buffer
	done      chan struct{} // closed when it has ended
	err       error         // of its end
}

// startCapture returns when packets are being recorded. TRUNKLINE_CAPTURES
// names a directory that keeps the files; otherwise the test removes them.
//
// Where usrsctp hung, tshark must be content before the case is run again.
func (l *lab) startCapture(t testing.TB) *capture {
	t.Helper()
	dir := os.Getenv("TRUNKLINE_CAPTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	c := &capture{t: t, namespace: l.switches, log: &bytes.Buffer{}, done: make(chan struct{}),
		file: filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-")+".pcapng")}
	c.cmd = exec.Command("ip", "netns", "exec", l.switches, "dumpcap", "-q", "-B", "64", "-i", "o0", "-i", "o1", "-w", c.file)
	stderr, err := c.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, startChild(c.cmd))
	t.Cleanup(func() {
		defer func() { c.cmd.Process.Kill(); <-c.done }()
		if again := caseOf(t); again != nil && again.hung {
			require.Empty(t, tsharkFaults(t, c.stop()))
		}
	})
	started := make(chan struct{})
	go func() {
		told := false
		for scan := bufio.NewScanner(stderr); scan.Scan(); {
			fmt.Fprintln(c.log, scan.Text())
			if !told && strings.HasPrefix(scan.Text(), "File:") {
				told = true
				close(started)
			}
		}
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	select {
	case <-started:
	case <-c.done:
		require.FailNow(t, "dumpcap ended", "%v\n%s", c.err, c.log)
	case <-time.After(patience):
		require.FailNow(t, "dumpcap did not start")
	}
	return c
}

// stop ends the capture and returns its file.
func (c *capture) stop() string {
	c.t.Helper()
	c.settle()
	require.NoError(c.t, c.cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-c.done:
		require.NoError(c.t, c.err, "dumpcap: %s", c.log)
	case <-time.After(patience):
		require.FailNow(c.t, "dumpcap did not stop")
	}
	return c.file
}

// files is stop for those who may have several.
func (c *capture) files() []string { return []string{c.stop()} }

// settle waits until a last frame of each network is in the file: dumpcap gets packets in blocks, up to a quarter
// of a second late, and forgets what it has not got when it stops.
func (c *capture) settle() {
	c.t.Helper()
	last := map[string][]byte{"o0": []byte("trunkline: the last frame of network 0"), "o1": []byte("trunkline: the last frame of network 1")}
	longest := len(last["o0"])
	f, err := os.Open(c.file)
	require.NoError(c.t, err)
	defer f.Close()
	var recent []byte
	room := make([]byte, 1<<20)
	deadline := time.Now().Add(patience)
	for next := time.Now(); len(last) > 0; {
		if now := time.Now(); !now.Before(next) {
			require.NoError(c.t, inNamespace(c.namespace, func() error { return sendFrames(last) }))
			next = now.Add(time.Second)
		}
		n, err := f.Read(room)
		recent = append(recent, room[:n]...)
		for name, frame := range last {
			if bytes.Contains(recent, frame) {
				delete(last, name)
			}
		}
		recent = recent[max(0, len(recent)-longest):]
		if !errors.Is(err, io.EOF) {
			require.NoError(c.t, err)
			continue
		}
		require.True(c.t, time.Now().Before(deadline), "dumpcap has not got the last frames")
		select {
		case <-c.done:
			require.FailNow(c.t, "dumpcap ended", "%v\n%s", c.err, c.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// sendFrames sends a broadcast frame out of each of these interfaces of the calling thread's namespace.
func sendFrames(payloads map[string][]byte) (err error) {
	for name, payload := range payloads {
		err = errors.Join(err, sendFrame(name, payload))
	}
	return err
}

// sendFrame sends one of a type that is for experiments.
func sendFrame(name string, payload []byte) error {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const localExperiment = 0x88b5 // IEEE 802
	to := &unix.SockaddrLinklayer{Ifindex: iface.Index, Protocol: localExperiment>>8 | localExperiment&0xff<<8, Halen: 6,
		Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	return unix.Sendto(fd, payload, 0, to)
}

// faulty is what tshark must find nothing of: anything it cannot dissect, any
// SCTP packet whose checksum it did not verify as good (ICMP quotes only parts
// of them), any ICMP message that calls a destination unreachable or
// a protocol unknown, and any SACK that acknowledges the chunk that it says is missing.
const faulty = `_ws.malformed || _ws.expert.group == "Malformed" || (ip && ip.checksum.status == "Bad")` +
	` || (sctp && !icmp && !icmpv6 && (sctp.checksum.status != "Good" || _ws.expert.severity == "Error"))` +
	` || (icmpv6 && icmpv6.checksum.status == "Bad") || (icmp && icmp.checksum.status == "Bad")` +
	` || icmp.type == 3 || icmpv6.type == 1 || icmpv6.type == 4 || sctp.sack_gap_block_start == 1`

// tsharkFaults has tshark read a capture and returns a line for each fault. User
// data is left alone: it is random and would be taken for something else.
func tsharkFaults(t testing.TB, file string) string {
	t.Helper()
	cmd := exec.Command("tshark", "-n", "-r", file, "-o", "sctp.checksum:CRC-32C", "-o", "ip.check_checksum:TRUE",
		"-o", "sctp.ulp_dissection:FALSE", "-o", "sctp.tsn_analysis:FALSE", "-Y", faulty,
		"-T", "fields", "-e", "frame.number", "-e", "eth.src", "-e", "_ws.col.Info", "-e", "sctp.checksum.status", "-e", "_ws.expert.message")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "tshark: %.1000s", &stderr)
	return string(out)
}

// sent is what gopacket found of the packets that came from our side.
type sent struct {
	packets, sctp int
	chunks        map[layers.SCTPChunkType]int
	userBytes     uint64
	longest       int // IP packet
}

// decodeSent reads a capture and decodes every frame that came from one of the
// given MAC addresses, whole; anything that gopacket cannot is an error.
func decodeSent(file string, from []net.HardwareAddr) (sent, error) {
	s := sent{chunks: map[layers.SCTPChunkType]int{}}
	f, err := os.Open(file)
	if err != nil {
		return s, err
	}
	defer f.Close()
	r, err := pcapgo.NewNgReader(bufio.NewReaderSize(f, 1<<20), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		return s, err
	}
	for number := 1; ; number++ {
		data, info, err := r.ZeroCopyReadPacketData()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("frame %d: %w", number, err)
		}
		if !isFrom(data, from) {
			continue
		}
		if info.CaptureLength != info.Length {
			return s, fmt.Errorf("frame %d: captured in part", number)
		}
		if err := s.decode(data); err != nil {
			return s, fmt.Errorf("frame %d: %w", number, err)
		}
	}
}

func isFrom(frame []byte, from []net.HardwareAddr) bool {
	for _, mac := range from {
		if len(frame) >= 12 && bytes.Equal(frame[6:12], mac) {
			return true
		}
	}
	return false
}

// decode takes one frame apart. Its layers must be those of our stack only.
func (s *sent) decode(frame []byte) error {
	s.packets++
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	if fault := packet.ErrorLayer(); fault != nil {
		return fmt.Errorf("gopacket: %w", fault.Error())
	}
	if packet.Metadata().Truncated {
		return errors.New("gopacket: truncated")
	}
	if network := packet.NetworkLayer(); network != nil {
		s.longest = max(s.longest, len(network.LayerContents())+len(network.LayerPayload()))
	}
	sctp, ok := packet.Layer(layers.LayerTypeSCTP).(*layers.SCTP)
	if !ok {
		return nil
	}
	s.sctp++
	if err := checkSum(sctp); err != nil {
		return err
	}
	return s.walk(packet)
}

// checkSum computes the CRC32c once more (RFC 9260, appendix A).
func checkSum(sctp *layers.SCTP) error {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, sctp.Contents[:8])
	sum = crc32.Update(sum, table, []byte{0, 0, 0, 0})
	sum = crc32.Update(sum, table, sctp.LayerPayload())
	if got := binary.LittleEndian.Uint32(sctp.Contents[8:12]); got != sum {
		return fmt.Errorf("CRC32c is %#08x, want %#08x", got, sum)
	}
	return nil
}

// walk counts a packet's chunks and looks at what a dissector lets pass: a
// packet without chunks, padding that is not zero, empty user data.
func (s *sent) walk(packet gopacket.Packet) error {
	all := packet.Layers()
	first := 1 + slices.IndexFunc(all, func(l gopacket.Layer) bool { return l.LayerType() == layers.LayerTypeSCTP })
	if first == len(all) {
		return errors.New("SCTP packet without a chunk")
	}
	for _, layer := range all[first:] {
		chunk := layer.LayerContents()
		s.chunks[layers.SCTPChunkType(chunk[0])]++
		length := int(binary.BigEndian.Uint16(chunk[2:]))
		if padding := chunk[length:]; len(padding) > 3 || len(bytes.TrimLeft(padding, "\x00")) > 0 {
			return fmt.Errorf("%s is padded with %x", layer.LayerType(), padding)
		}
		if data, ok := layer.(*layers.SCTPData); ok {
			if len(data.Payload) == 0 {
				return errors.New("DATA without user data")
			}
			s.userBytes += uint64(len(data.Payload))
		}
	}
	return nil
}

// String lists the counts.
func (s sent) String() string {
	text := fmt.Sprintf("%d packets, %d of SCTP, longest %d bytes, %d bytes of user data;", s.packets, s.sctp, s.longest, s.userBytes)
	for kind := range 256 {
		if n := s.chunks[layers.SCTPChunkType(kind)]; n > 0 {
			text += fmt.Sprintf(" %s %d", layers.SCTPChunkType(kind), n)
		}
	}
	return text
}

// judge stops a capture and holds both oracles against it. It returns what
// gopacket saw of what was sent from our MAC addresses, if any are given.
func (c *capture) judge(macs []net.HardwareAddr) sent {
	c.t.Helper()
	file := c.stop()
	faults := tsharkFaults(c.t, file)
	require.Empty(c.t, faults, "tshark finds faults in %s (frame, sender, info, checksum, expert)", filepath.Base(file))
	s, err := decodeSent(file, macs)
	require.NoError(c.t, err, "gopacket on what we sent, in %s", filepath.Base(file))
	if len(macs) > 0 {
		require.NotZero(c.t, s.sctp, "no packet of ours in the capture")
	}
	require.LessOrEqual(c.t, s.longest, 1500, "an IP packet is longer than the MTU")
	c.t.Logf("%s\nwe sent %s", strings.TrimSpace(c.log.String()), s)
	return s
}

// seen is what tshark found in one packet of a stopped capture.
type seen struct {
	src, dst string
	values   map[string][]string // of the fields asked for
}

// has tells whether ok holds of any value of a field in the packet.
func (s seen) has(field string, ok func(n uint64) bool) bool {
	return slices.ContainsFunc(s.values[field], func(text string) bool {
		n, err := strconv.ParseUint(text, 0, 64)
		return err == nil && ok(n)
	})
}

// look has tshark list the fields of every IPv4 SCTP packet of a stopped capture.
func (c *capture) look(fields ...string) (all []seen) {
	c.t.Helper()
	args := []string{"-n", "-r", c.file, "-o", "sctp.ulp_dissection:FALSE", "-o", "sctp.tsn_analysis:FALSE", "-Y", "ip && sctp && !icmp",
		"-T", "fields", "-e", "ip.src", "-e", "ip.dst"}
	for _, field := range fields {
		args = append(args, "-e", field)
	}
	out, err := exec.Command("tshark", args...).Output()
	require.NoError(c.t, err, "tshark %s", strings.Join(args, " "))
	for row := range strings.Lines(string(out)) {
		columns := strings.Split(strings.TrimSuffix(row, "\n"), "\t")
		s := seen{src: columns[0], dst: columns[1], values: map[string][]string{}}
		for i, field := range fields {
			s.values[field] = strings.Split(columns[i+2], ",")
		}
		all = append(all, s)
	}
	return all
}
