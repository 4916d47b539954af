package pcap

import (
	"io"
	"slices"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/tape"
)

// pause is the writer's sleep between two looks at the lanes. It is what
// tape.DefaultBuffer has to cover.
const pause = 2 * time.Millisecond

// writer is the goroutine behind a Port.
type writer struct {
	port    *Port
	out     *File
	caps    nic.Capabilities
	start   time.Time
	lanes   *tape.Merge
	written uint64 // packets
	err     error  // the first one; later packets are dropped
}

func newWriter(p *Port, w io.Writer, info nic.Info, opts Options) (*writer, error) {
	out, err := NewFile(w, Interface{Name: info.Name, Description: info.Driver, SnapLen: opts.SnapLen})
	if err != nil {
		return nil, err
	}
	return &writer{port: p, out: out, caps: info.Caps, start: opts.Start,
		lanes: tape.NewMerge(slices.Concat(p.rx, p.tx)...)}, nil
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
			dropped := w.port.dropped.Load()
			all := w.written + dropped
			w.failed(w.out.Statistics(0, &Statistics{Until: w.wall(w.port.clock()), Received: all, Accepted: all, Dropped: dropped, Delivered: w.written}))
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

// drain writes as much as waits at the moment.
func (w *writer) drain() {
	for waiting := w.lanes.Waiting(); waiting > 0; {
		r, frame, ok := w.lanes.Next()
		if !ok {
			return
		}
		waiting -= tape.HeaderLen + r.Kept
		w.write(&r, frame)
	}
}

func (w *writer) write(r *tape.Record, frame []byte) {
	r.Complete(frame, w.caps)
	if w.err == nil {
		w.failed(w.out.Write(&Frame{Time: w.wall(r.Time), Data: frame, Length: r.Length, Tx: r.Tx}))
	}
	if w.err != nil {
		w.port.dropped.Add(1)
		return
	}
	w.written++
}
