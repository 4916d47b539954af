package pcap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
	"github.com/trunkline-sctp/trunkline/nic/tape"
)

func TestContract(t *testing.T) {
	nictest.Run(t, func(t *testing.T) (a, b nic.Port) {
		x, y := mem.NewPair(mem.Options{Queues: 2})
		return wrap(t, x, io.Discard, Options{}), wrap(t, y, io.Discard, Options{BufferBytes: 1})
	})
}

func wrap(t testing.TB, p nic.Port, w io.Writer, opts Options) *Port {
	t.Helper()
	c, err := Wrap(p, w, opts)
	require.NoError(t, err)
	return c
}

// packet is what a capture says of a packet.
type packet struct {
	data      []byte
	length    int
	at        time.Time
	direction pcapgo.NgEpbFlag
}

// read takes a capture apart with gopacket.
func read(t testing.TB, capture []byte) (packets []packet, r *pcapgo.NgReader) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(capture), pcapgo.DefaultNgReaderOptions)
	require.NoError(t, err)
	require.Equal(t, layers.LinkTypeEthernet, r.LinkType())
	for {
		data, ci, opts, err := r.ReadPacketDataWithOptions()
		if errors.Is(err, io.EOF) {
			return packets, r
		}
		require.NoError(t, err)
		require.NotNil(t, opts.Flags)
		packets = append(packets, packet{data, ci.Length, ci.Timestamp, opts.Flags.Direction})
	}
}

// frames allocates packets of the given lengths with bytes of their own.
func frames(t testing.TB, p nic.Port, lengths ...int) []*nic.Packet {
	t.Helper()
	pkts := make([]*nic.Packet, len(lengths))
	require.Equal(t, len(pkts), p.Alloc(pkts))
	for i, n := range lengths {
		for j := range pkts[i].Append(n) {
			pkts[i].Data()[j] = byte(i*31 + j)
		}
	}
	return pkts
}

func send(t testing.TB, p nic.Port, pkts []*nic.Packet) (copies [][]byte) {
	t.Helper()
	for _, pkt := range pkts {
		copies = append(copies, bytes.Clone(pkt.Data()))
	}
	require.Equal(t, len(pkts), p.TxBurst(0, pkts))
	return copies
}

func receive(t testing.TB, p nic.Port, want int) {
	t.Helper()
	pkts := make([]*nic.Packet, nic.MaxBurst)
	require.Equal(t, want, p.RxBurst(0, pkts))
	nic.Free(pkts[:want])
}

func TestCaptureReadsBack(t *testing.T) {
	now := int64(0)
	start := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	x, y := mem.NewPair(mem.Options{A: mem.Side{Name: "left"}})
	var file bytes.Buffer
	c := wrap(t, x, &file, Options{Clock: func() int64 { return now }, Start: start})

	now = 1_000_000_007
	sent := send(t, c, frames(t, c, 60, 61, 1514))
	receive(t, y, 3)
	now += 5
	arrived := send(t, y, frames(t, y, 62, 1000))
	receive(t, c, 2)
	require.NoError(t, c.Flush())
	flushed := bytes.Clone(file.Bytes())
	now += 5
	sent = append(sent, send(t, c, frames(t, c, 99))...)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	require.NoError(t, c.Flush(), "after Close there is nothing to do")
	require.NoError(t, y.Close())

	want := []packet{
		{sent[0], 60, start.Add(1_000_000_007), pcapgo.NgEpbFlagDirectionOutbound},
		{sent[1], 61, start.Add(1_000_000_007), pcapgo.NgEpbFlagDirectionOutbound},
		{sent[2], 1514, start.Add(1_000_000_007), pcapgo.NgEpbFlagDirectionOutbound},
		{arrived[0], 62, start.Add(1_000_000_012), pcapgo.NgEpbFlagDirectionInbound},
		{arrived[1], 1000, start.Add(1_000_000_012), pcapgo.NgEpbFlagDirectionInbound},
		{sent[3], 99, start.Add(1_000_000_017), pcapgo.NgEpbFlagDirectionOutbound},
	}
	check := func(capture []byte, want []packet) *pcapgo.NgReader {
		got, r := read(t, capture)
		require.Len(t, got, len(want))
		for i := range want {
			got[i].at = got[i].at.UTC()
			require.Equal(t, want[i], got[i])
		}
		return r
	}
	check(flushed, want[:5])
	i, err := check(file.Bytes(), want).Interface(0)
	require.NoError(t, err)
	require.Equal(t, "left", i.Name)
	require.EqualValues(t, 6, i.Statistics.PacketsReceived)
	require.Zero(t, i.Statistics.PacketsDropped)
}

// TestDirectionsAreMergedByTime: a drain writes what several lanes hold in the
// order of their timestamps.
func TestDirectionsAreMergedByTime(t *testing.T) {
	now := int64(0)
	x, y := mem.NewPair(mem.Options{})
	c, g, release := stalled(t, x, y, Options{Clock: func() int64 { now++; return now }})
	for i := range 300 {
		if i%3 > 0 {
			send(t, c, frames(t, c, 1400))
			receive(t, y, 1)
		} else {
			send(t, y, frames(t, y, 1400))
			receive(t, c, 1)
		}
	}
	release()
	require.NoError(t, c.Close())
	require.NoError(t, y.Close())
	got, _ := read(t, g.Bytes())
	require.Len(t, got, 301)
	for i, p := range got[1:] {
		require.True(t, p.at.After(got[i].at), "packet %d", i)
		require.Equal(t, i%3 > 0, p.direction == pcapgo.NgEpbFlagDirectionOutbound, "packet %d", i)
	}
}

func TestSnapLen(t *testing.T) {
	x, y := mem.NewPair(mem.Options{})
	var file bytes.Buffer
	c := wrap(t, x, &file, Options{SnapLen: 64})
	before := time.Now()
	sent := send(t, c, frames(t, c, 60, 64, 65, 1500))
	require.NoError(t, c.Close())
	require.NoError(t, y.Close())
	got, _ := read(t, file.Bytes())
	require.Len(t, got, 4)
	for i, p := range got {
		require.Equal(t, len(sent[i]), p.length)
		require.Equal(t, sent[i][:min(64, len(sent[i]))], p.data)
		require.WithinRange(t, p.at, before.Add(-time.Minute), before.Add(time.Minute))
	}
}

// TestOnlyWhatWasTaken: a frame that TxBurst refuses is not in the capture.
func TestOnlyWhatWasTaken(t *testing.T) {
	x, y := mem.NewPair(mem.Options{Depth: 2, Backpressure: true})
	var file bytes.Buffer
	c := wrap(t, x, &file, Options{})
	pkts := frames(t, c, 60, 61, 62)
	require.Equal(t, 2, c.TxBurst(0, pkts))
	nic.Free(pkts[2:])
	require.NoError(t, c.Close())
	require.NoError(t, y.Close())
	got, _ := read(t, file.Bytes())
	require.Len(t, got, 2)
}

// TestOffloadedChecksumsAreInTheCapture: the capture has what the wire has.
func TestOffloadedChecksumsAreInTheCapture(t *testing.T) {
	x, y := mem.NewPair(mem.Options{A: mem.Side{Caps: nic.Capabilities{TxSCTPChecksum: true}}})
	var file bytes.Buffer
	c := wrap(t, x, &file, Options{})
	pkts := frames(t, c, 14+20+12+8)
	d := pkts[0].Data()
	copy(d[12:], []byte{0x08, 0x00, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 132})
	pkts[0].Flags, pkts[0].L2Len, pkts[0].L3Len = nic.TxIPv4|nic.TxSCTPChecksum, 14, 20
	asked := send(t, c, pkts)[0]
	require.Equal(t, 1, y.RxBurst(0, pkts))
	onWire := bytes.Clone(pkts[0].Data())
	nic.Free(pkts)
	require.NoError(t, c.Close())
	require.NoError(t, y.Close())
	got, _ := read(t, file.Bytes())
	require.NotEqual(t, asked, onWire)
	require.Equal(t, onWire, got[0].data)
}

// gate is a writer that stands still until it is opened.
type gate struct {
	bytes.Buffer
	shut    bool
	entered chan struct{}
	open    chan struct{}
}

func (g *gate) Write(b []byte) (int, error) {
	if g.shut {
		g.shut = false
		close(g.entered)
		<-g.open
	}
	return g.Buffer.Write(b)
}

// stalled captures x with the writer goroutine inside a Write, after one frame
// from x to y, until release is called.
func stalled(t *testing.T, x, y nic.Port, opts Options) (c *Port, g *gate, release func()) {
	t.Helper()
	g = &gate{entered: make(chan struct{}), open: make(chan struct{})}
	c = wrap(t, x, g, opts)
	g.shut = true // a single frame is not written before Flush
	send(t, c, frames(t, c, 60))
	receive(t, y, 1)
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush() }()
	<-g.entered
	return c, g, func() {
		close(g.open)
		require.NoError(t, <-flushed)
	}
}

// TestSlowWriterCostsTheCaptureNotTheTraffic: with a writer that hangs, frames
// flow on, the ring fills, and the rest is counted.
func TestSlowWriterCostsTheCaptureNotTheTraffic(t *testing.T) {
	x, y := mem.NewPair(mem.Options{})
	c, g, release := stalled(t, x, y, Options{BufferBytes: 1}) // so two bursts
	total := 1
	for range 40 {
		total += len(send(t, c, frames(t, c, 1514, 1514, 1514, 1514, 1514, 1514, 1514, 1514, 1514, 1514)))
		receive(t, y, 10)
	}
	dropped := c.Dropped()
	require.Positive(t, dropped)
	require.EqualValues(t, total, y.Stats().RxPackets, "the traffic saw nothing of it")
	release()
	require.NoError(t, c.Close())
	require.NoError(t, y.Close())
	got, r := read(t, g.Bytes())
	require.EqualValues(t, total, len(got)+int(dropped))
	i, err := r.Interface(0)
	require.NoError(t, err)
	require.Equal(t, dropped, i.Statistics.PacketsDropped)
}

// failing is a writer that fails after some bytes.
type failing struct{ left int }

var errDisk = errors.New("disk full")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func TestFailingWriterIsReported(t *testing.T) {
	x, y := mem.NewPair(mem.Options{})
	_, err := Wrap(x, &failing{}, Options{})
	require.ErrorIs(t, err, errDisk)

	c := wrap(t, x, &failing{left: 1000}, Options{})
	send(t, c, frames(t, c, 1000))
	require.ErrorIs(t, c.Flush(), errDisk)
	send(t, c, frames(t, c, 60, 60))
	require.ErrorIs(t, c.Flush(), errDisk)
	require.EqualValues(t, 2, c.Dropped())
	receive(t, y, 3)
	require.ErrorIs(t, c.Close(), errDisk)
	require.ErrorIs(t, c.Close(), errDisk)
	require.NoError(t, y.Close())
}

func TestBadOptions(t *testing.T) {
	x, _ := mem.NewPair(mem.Options{})
	for _, o := range []Options{{SnapLen: -1}, {BufferBytes: -1}, {BufferBytes: tape.MaxBuffer + 1}} {
		_, err := Wrap(x, io.Discard, o)
		require.Error(t, err)
	}
	_, err := Wrap(x, nil, Options{})
	require.Error(t, err)
}

// TestNoAllocations holds the polling side to none. The counter is the whole
// process's, so the writer goroutine is kept in a Write meanwhile.
func TestNoAllocations(t *testing.T) {
	x, y := mem.NewPair(mem.Options{})
	c, _, release := stalled(t, x, y, Options{BufferBytes: 1})
	pkts := make([]*nic.Packet, 32)
	require.Zero(t, testing.AllocsPerRun(100, func() { turn(c, y, pkts) }))
	release()
	require.NoError(t, c.Close())
	require.NoError(t, y.Close())
}

// turn sends a burst through the captured port and back.
func turn(a, b nic.Port, pkts []*nic.Packet) {
	n := a.Alloc(pkts)
	for _, p := range pkts[:n] {
		p.Append(1400)
	}
	a.TxBurst(0, pkts[:n])
	b.TxBurst(0, pkts[:b.RxBurst(0, pkts)])
	nic.Free(pkts[:a.RxBurst(0, pkts)])
}

// BenchmarkCapture is a burst of 32 frames of 1400 bytes there and back, on a
// plain port and on a captured one, whole and cut; an operation is one packet,
// captured twice. What the writer could not follow is reported as lost.
func BenchmarkCapture(b *testing.B) {
	pkts := make([]*nic.Packet, 32)
	b.Run("unwrapped", func(b *testing.B) {
		x, y := mem.NewPair(mem.Options{})
		for n := 0; n < b.N; n += 32 {
			turn(x, y, pkts)
		}
	})
	for _, snap := range []int{64, 0} {
		b.Run(fmt.Sprintf("snap=%d", snap), func(b *testing.B) {
			x, y := mem.NewPair(mem.Options{})
			c := wrap(b, x, io.Discard, Options{SnapLen: snap})
			b.ResetTimer()
			for n := 0; n < b.N; n += 32 {
				turn(c, y, pkts)
			}
			b.StopTimer()
			require.NoError(b, c.Close())
			b.ReportMetric(float64(c.Dropped())/float64(2*b.N), "lost/op")
		})
	}
}
