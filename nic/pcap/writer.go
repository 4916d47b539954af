package pcap

import (
	"bufio"
	"io"
	"runtime"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/internal/offload"
)

const (
	// pause is the writer's sleep between two looks at the lanes. It is what
	// DefaultBufferBytes has to cover.
	pause = 2 * time.Millisecond
	// chunk is what is taken off a lane at once, at least one record.
	chunk = 256 << 10
	// outBytes is the size of one write to the io.Writer.
	outBytes = 64 << 10
)

var (
	inbound  = pcapgo.NgPacketOptions{Flags: &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionInbound}}
	outbound = pcapgo.NgPacketOptions{Flags: &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}}
)

// source is a lane as the writer sees it.
type source struct {
	lane    *lane
	tx      bool
	buffer  []byte
	pending []byte // of buffer: taken off the lane, not written yet
}

// next is the oldest record of the source; false if there is none.
func (s *source) next() (r record, ok bool) {
	if !s.whole() {
		n := copy(s.buffer, s.pending)
		n += s.lane.ring.Pop(s.buffer[n:])
		s.pending = s.buffer[:n]
		if !s.whole() {
			return record{}, false
		}
	}
	return parse(s.pending), true
}

// whole tells whether pending begins with a whole record.
func (s *source) whole() bool {
	return len(s.pending) >= headerLen && len(s.pending) >= headerLen+parse(s.pending).kept
}

// writer is the goroutine behind a Port.
type writer struct {
	port    *Port
	out     *pcapgo.NgWriter
	caps    nic.Capabilities
	start   time.Time
	sources []*source
	written uint64 // packets
	err     error  // the first one; later packets are dropped
}

func newWriter(p *Port, w io.Writer, info nic.Info, opts Options) (*writer, error) {
	out, err := pcapgo.NewNgWriterInterface(bufio.NewWriterSize(w, outBytes), pcapgo.NgInterface{
		Name:                info.Name,
		Description:         info.Driver,
		LinkType:            layers.LinkTypeEthernet,
		SnapLength:          uint32(opts.SnapLen),
		OS:                  runtime.GOOS,
		TimestampResolution: 9,
	}, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{
		Hardware: runtime.GOARCH, OS: runtime.GOOS, Application: "trunkline",
	}})
	if err != nil {
		return nil, err
	}
	if err := out.Flush(); err != nil {
		return nil, err
	}
	c := &writer{port: p, out: out, caps: info.Caps, start: opts.Start}
	for i, lanes := range [2][]lane{p.rx, p.tx} {
		for q := range lanes {
			c.sources = append(c.sources, &source{
				lane: &lanes[q], tx: i == 1,
				buffer: make([]byte, max(chunk, headerLen+opts.SnapLen)),
			})
		}
	}
	return c, nil
}

// run writes until Close.
func (w *writer) run() {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.drain()
		case answer := <-w.port.flush:
			w.drain()
			w.failed(w.out.Flush())
			answer <- w.err
		case <-w.port.stop:
			w.drain()
			w.failed(w.out.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{
				LastUpdate:      w.wall(w.port.clock()),
				PacketsReceived: w.written + w.port.dropped.Load(),
				PacketsDropped:  w.port.dropped.Load(),
			}))
			w.failed(w.out.Flush())
			w.port.done <- w.err
			return
		}
	}
}

func (w *writer) wall(clock int64) time.Time { return w.start.Add(time.Duration(clock)) }

// failed keeps the first error.
func (w *writer) failed(err error) {
	if w.err == nil {
		w.err = err
	}
}

// drain writes as much as waits at the moment, in the order of time as far as
// the lanes show it.
func (w *writer) drain() {
	waiting := 0
	for _, s := range w.sources {
		waiting += s.lane.ring.Len() + len(s.pending)
	}
	for waiting > 0 {
		var first *source
		var oldest record
		for _, s := range w.sources {
			if r, ok := s.next(); ok && (first == nil || r.timestamp < oldest.timestamp) {
				first, oldest = s, r
			}
		}
		if first == nil {
			return
		}
		end := headerLen + oldest.kept
		w.write(first, oldest, first.pending[headerLen:end])
		first.pending = first.pending[end:]
		waiting -= end
	}
}

func (w *writer) write(s *source, r record, frame []byte) {
	options := inbound
	if s.tx {
		options = outbound
		if r.kept == r.length {
			offload.Fill(frame, r.flags, r.l2, r.l3, w.caps)
		}
	}
	if w.err == nil {
		w.failed(w.out.WritePacketWithOptions(gopacket.CaptureInfo{
			Timestamp:     w.wall(r.timestamp),
			CaptureLength: r.kept,
			Length:        r.length,
		}, frame, options))
	}
	if w.err != nil {
		w.port.dropped.Add(1)
		return
	}
	w.written++
}
