package capture

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/nic/pcap"
)

// patience bounds what must happen; it is no measure of anything.
const patience = 60 * time.Second

// lab is a dataplane whose captures are served, another one at the other end of its port
// "east", and the bare end of a cable to its port "west". It talks to itself, too.
type lab struct {
	t    *testing.T
	d    *dataplane.Dataplane
	peer *dataplane.Dataplane
	west *mem.Port
	srv  *httptest.Server
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t}
	offload := mem.Side{Name: "east", Caps: nic.Capabilities{TxSCTPChecksum: true, TxIPChecksum: true}}
	east, far := mem.NewPair(mem.Options{A: offload, B: mem.Side{Name: "far"}})
	west, bare := mem.NewPair(mem.Options{A: mem.Side{Name: "west"}, B: mem.Side{Name: "bare"}})
	l.west = bare
	var err error
	l.d, err = dataplane.New(dataplane.Config{Loopback: true, Ports: []dataplane.PortConfig{
		{Port: east, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24")}},
		{Port: west, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.2.1/24")}}}})
	require.NoError(t, err)
	l.peer, err = dataplane.New(dataplane.Config{Ports: []dataplane.PortConfig{
		{Port: far, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.2/24")}}}})
	require.NoError(t, err)
	l.srv = httptest.NewServer(Handler(l.d))
	t.Cleanup(func() {
		l.srv.Close()
		require.NoError(t, l.d.Close())
		require.NoError(t, l.peer.Close())
		for _, p := range []*mem.Port{east, far, west, bare} {
			require.NoError(t, p.Close())
		}
	})
	return l
}

// open is what admin.Client.Stream is.
func (l *lab) open(ctx context.Context, path string, v url.Values) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.srv.URL+path+"?"+v.Encode(), nil)
	require.NoError(l.t, err)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("%d: %s", answer.StatusCode, text)
	}
	return answer.Body, nil
}

// listen serves port 7, echoing.
func (l *lab) listen(d *dataplane.Dataplane) {
	ln, err := d.Listen(&dataplane.Addr{Port: 7}, nil)
	require.NoError(l.t, err)
	go func() {
		for {
			c, err := ln.AcceptSCTP()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 4096)
				for n, err := c.Read(b); err == nil; n, err = c.Read(b) {
					if _, err := c.Write(b[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
}

// talk has an association to an address with messages of a size there and back.
func (l *lab) talk(to string, messages, size int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := l.d.Dial(ctx, nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr(to)}, Port: 7}, nil)
	require.NoError(l.t, err)
	b := make([]byte, size)
	for range messages {
		_, err := c.Write(b)
		require.NoError(l.t, err)
		_, err = io.ReadFull(c, b)
		require.NoError(l.t, err)
	}
	require.NoError(l.t, c.Close())
}

// inject sends an SCTP packet to port "west", with a right checksum or not.
func (l *lab) inject(good bool, chunks ...byte) {
	us, them := l.d.TapPorts()[1].MAC, l.west.Info().MAC
	f := serialize(l.t, &layers.Ethernet{SrcMAC: them[:], DstMAC: us[:], EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolSCTP, SrcIP: net.IP{10, 0, 2, 2}, DstIP: net.IP{10, 0, 2, 1}},
		&layers.SCTP{SrcPort: 9, DstPort: 7}, gopacket.Payload(chunks))
	if !good {
		f[14+20+8] ^= 1 // of the checksum
	}
	var one [1]*nic.Packet
	require.Equal(l.t, 1, l.west.Alloc(one[:]))
	copy(one[0].Append(len(f)), f)
	require.Equal(l.t, 1, l.west.TxBurst(0, one[:]))
}

func into(w io.Writer) func() (io.Writer, error) {
	return func() (io.Writer, error) { return w, nil }
}

// begun saves in the background, once the daemon copies frames.
func (l *lab) begun(ctx context.Context, r Request, w io.Writer) (summary func() (Summary, error)) {
	type result struct {
		s   Summary
		err error
	}
	open, done := make(chan struct{}), make(chan result, 1)
	go func() {
		s, err := Save(ctx, l.open, r, func() (io.Writer, error) { close(open); return w, nil })
		done <- result{s, err}
	}()
	select {
	case <-open:
	case r := <-done:
		require.NoError(l.t, r.err)
		l.t.Fatal("it ended at once")
	case <-time.After(patience):
		l.t.Fatal("it did not begin")
	}
	return func() (Summary, error) {
		select {
		case r := <-done:
			return r.s, r.err
		case <-time.After(patience):
			l.t.Fatal("it did not end")
		}
		return Summary{}, nil
	}
}

// TestCaptureInWireshark: tshark finds ports, directions, reasons and right checksums.
func TestCaptureInWireshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: apt-get install tshark")
	}
	l := newLab(t)
	l.listen(l.peer)
	l.listen(l.d)
	file := filepath.Join(t.TempDir(), "all.pcapng")
	f, err := os.Create(file)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	summary := l.begun(ctx, Request{}, f)
	l.talk("10.0.1.2", 20, 3000)
	l.talk("127.0.0.1", 3, 100)
	l.inject(false, 11, 0, 0, 4)
	l.inject(true, 11, 0, 0, 4)
	require.Eventually(t, func() bool { return dropCount(l.d, "sctp_zero_tag") == 1 }, patience, time.Millisecond)
	cancel()
	s, err := summary()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, interrupted, s.Why)
	require.Zero(t, s.Missed+s.Filtered)

	cmd := exec.Command("tshark", "-n", "-r", file, "-o", "sctp.checksum:CRC-32C", "-o", "ip.check_checksum:TRUE",
		"-o", "sctp.ulp_dissection:FALSE", "-o", "sctp.tsn_analysis:FALSE", "-T", "fields", "-E", "separator=;",
		"-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.comment", "-e", "sctp.checksum.status", "-e", "ip.checksum.status", "-e", "_ws.malformed")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &stderr)
	r := csv.NewReader(bytes.NewReader(out))
	r.Comma = ';'
	lines, err := r.ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, int(s.Captured))
	seen := map[string]int{}
	const in, sent, good, bad = "0x00000001", "0x00000002", "1", "0"
	for _, line := range lines {
		require.Empty(t, line[5], "malformed")
		if line[0] == "west" && line[1] == in && line[2] == "dropped: dataplane_sctp_checksum" {
			require.Equal(t, bad, line[3])
		} else if line[3] != "" {
			require.Equal(t, good, line[3], "%v", line)
			require.Contains(t, []string{good, ""}, line[4], "%v: IPv6 has none", line)
		}
		seen[strings.Join(line[:3], " ")]++
	}
	require.Equal(t, 1, seen["west "+in+" dropped: dataplane_sctp_checksum"], "%v", seen)
	require.Equal(t, 1, seen["west "+in+" dropped: sctp_zero_tag"], "%v", seen)
	for _, name := range []string{"east", "loopback"} {
		for _, direction := range []string{in, sent} {
			require.Greater(t, seen[name+" "+direction+" "], 5, "%s %s: %v", name, direction, seen)
		}
	}
}

func dropCount(d *dataplane.Dataplane, name string) uint64 {
	return d.Drops()[dataplane.DropCodeOf(name)-1].Count
}

// readBack is what gopacket reads of a capture.
func readBack(t *testing.T, b []byte) (infos []gopacket.CaptureInfo, r *pcapgo.NgReader) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	require.NoError(t, err)
	for {
		_, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return infos, r
		}
		require.NoError(t, err)
		infos = append(infos, info)
	}
}

// TestCaptureEnds by its bounds, by its reader, and with the daemon, in a valid file that
// tells why.
func TestCaptureEnds(t *testing.T) {
	l := newLab(t)
	l.listen(l.peer)
	for _, c := range []struct {
		request Request
		why     string
	}{
		{Request{Count: 10}, "10 frames are there"},
		{Request{Bytes: 4000, Snap: 60, Filter: "sctp"}, "4000 bytes are there"},
		{Request{Ports: []string{"west", "none"}}, interrupted},
	} {
		var b bytes.Buffer
		ctx, cancel := context.WithCancel(context.Background())
		summary := l.begun(ctx, c.request, &b)
		l.talk("10.0.1.2", 50, 1000)
		if c.why == interrupted {
			cancel()
		}
		s, err := summary()
		cancel()
		require.NoError(t, err)
		require.Equal(t, c.why, s.Why)
		require.Zero(t, s.Missed)
		infos, r := readBack(t, b.Bytes())
		require.Len(t, infos, int(s.Captured))
		require.Equal(t, 4, r.NInterfaces())
		var received, dropped uint64
		for i := range 4 {
			f, err := r.Interface(i)
			require.NoError(t, err)
			received += f.Statistics.PacketsReceived
			dropped += f.Statistics.PacketsDropped
		}
		require.Equal(t, s.Captured+s.Filtered, received)
		require.Zero(t, dropped)
		switch {
		case c.request.Count > 0:
			require.Len(t, infos, 10)
		case c.request.Bytes > 0:
			require.Greater(t, len(infos), 10)
			require.GreaterOrEqual(t, b.Len(), 4000)
			for _, i := range infos {
				require.LessOrEqual(t, i.CaptureLength, 60)
			}
		default:
			require.Empty(t, infos)
			require.Greater(t, s.Filtered, uint64(100))
		}
	}

	s, err := Save(context.Background(), l.open, Request{Time: time.Second}, into(io.Discard))
	require.NoError(t, err)
	require.Equal(t, "1s are over", s.Why)

	var b bytes.Buffer
	summary := l.begun(context.Background(), Request{Filter: "port 7"}, &b)
	l.talk("10.0.1.2", 5, 100)
	require.NoError(t, l.d.Close())
	s, err = summary()
	require.NoError(t, err)
	require.Equal(t, "the daemon ended", s.Why)
	infos, _ := readBack(t, b.Bytes())
	require.Greater(t, len(infos), 10)
	_, err = Save(context.Background(), l.open, Request{}, into(io.Discard))
	require.EqualError(t, err, "503: the dataplane has stopped\n")
}

// TestCutStreams: a daemon that dies leaves a valid file and an error; a reader that ends is no
// error; one that fails is.
func TestCutStreams(t *testing.T) {
	l := newLab(t)
	l.listen(l.peer)
	var b bytes.Buffer
	summary := l.begun(context.Background(), Request{}, &b)
	l.talk("10.0.1.2", 5, 100)
	l.srv.CloseClientConnections()
	s, err := summary()
	require.ErrorContains(t, err, "the daemon ended without a word")
	infos, _ := readBack(t, b.Bytes())
	require.Len(t, infos, int(s.Captured))

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	summary = l.begun(context.Background(), Request{}, w)
	require.NoError(t, r.Close())
	l.talk("10.0.1.2", 5, 100)
	s, err = summary()
	require.NoError(t, err)
	require.Equal(t, "its reader has ended", s.Why)

	summary = l.begun(context.Background(), Request{}, full{})
	_, err = summary()
	require.ErrorIs(t, err, syscall.ENOSPC)
	_, err = Save(context.Background(), l.open, Request{}, func() (io.Writer, error) { return nil, syscall.EACCES })
	require.ErrorIs(t, err, syscall.EACCES)
}

// TestInterruptedHasWhatCameBefore: statistics from before it was told to end are not the last,
// however late they are read.
func TestInterruptedHasWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		f, err := pcap.NewFile(&b, pcap.Interface{Name: "a"})
		require.NoError(t, err)
		frame := pcap.Frame{Data: make([]byte, 60), Length: 60}
		require.NoError(t, f.Statistics(0, &pcap.Statistics{Until: time.Now()}))
		time.Sleep(time.Second)
		require.NoError(t, f.Write(&frame))
		require.NoError(t, f.Statistics(0, &pcap.Statistics{Until: time.Now()}))
		require.NoError(t, f.Write(&frame)) // later
		require.NoError(t, f.Flush())
		ctx, cancel := context.WithCancel(t.Context())
		open := func(context.Context, string, url.Values) (io.ReadCloser, error) { return io.NopCloser(&b), nil }
		s, err := Save(ctx, open, Request{}, func() (io.Writer, error) {
			cancel()
			synctest.Wait()
			return io.Discard, nil
		})
		require.NoError(t, err)
		require.Equal(t, Summary{Captured: 1, Why: interrupted}, s)
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestCapturesAreBounded: beyond MaxTaps there is an error in words, and one that ended makes
// room.
func TestCapturesAreBounded(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(context.Background())
	var ends []func() (Summary, error)
	for range dataplane.MaxTaps {
		ends = append(ends, l.begun(ctx, Request{}, io.Discard))
	}
	_, err := Save(ctx, l.open, Request{}, into(io.Discard))
	require.EqualError(t, err, "503: too many captures are running already; end one of them\n")
	cancel()
	for _, end := range ends {
		s, err := end()
		require.NoError(t, err)
		require.Equal(t, interrupted, s.Why)
	}
	require.Eventually(t, func() bool {
		_, err := Save(context.Background(), l.open, Request{Time: time.Second}, into(io.Discard))
		return err == nil
	}, patience, 10*time.Millisecond)
}

func TestBadRequests(t *testing.T) {
	l := newLab(t)
	for query, want := range map[string]string{
		"count=0":               "count: \"0\" is not a whole number from 1 to 4611686018427387904\n",
		"seconds=x":             "seconds: \"x\" is not a whole number from 1 to 2147483648\n",
		"snap=131073":           "snap: \"131073\" is not a whole number from 1 to 131072\n",
		"bytes=-1":              "bytes: \"-1\" is not a whole number from 1 to 4611686018427387904\n",
		"limit=1":               "there is no parameter \"limit\"; there are port, filter, count, seconds, bytes, snap\n",
		"count=1&count=2":       "count: give it once\n",
		"port=north":            "there is no port \"north\"; there are east, west, loopback, none\n",
		"filter=port+1+or+host": "filter, column 15: \"\" is no IP address, such as 10.0.0.1 or fd00::1\n",
	} {
		answer, err := http.Get(l.srv.URL + "/v1/capture?" + query)
		require.NoError(t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusBadRequest, answer.StatusCode)
		require.Equal(t, want, string(text))
	}
	want := Request{Ports: []string{"a", "b"}, Filter: "tx or rx", Count: 5, Time: time.Minute, Bytes: 7, Snap: 9}
	got, err := parseRequest(want.values())
	require.NoError(t, err)
	require.Equal(t, want, got)
}
