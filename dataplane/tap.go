package dataplane

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/tape"
)

// MaxTaps bounds the Taps of a Dataplane. One takes for each worker BufferBytes, rounded up to
// a power of two and to two bursts of whole frames, half as much again, and 256 KiB.
const MaxTaps = 4

const (
	headlessName        = "none"
	headlessDescription = "packets that no port was found for"
)

// ErrTooManyTaps is Tap's error when there are MaxTaps.
var ErrTooManyTaps = errors.New("dataplane: there are too many taps already")

// TapOptions say what a Tap copies.
type TapOptions struct {
	// Match tells whether to copy a frame; nil copies all. Workers call it, several at a
	// time: it must be quick, not allocate, not wait, and keep nothing of the frame.
	Match func(f *Frame) bool
	// SnapLen is how many bytes of a frame are copied; 0 is all.
	SnapLen int
	// BufferBytes is the room for copies that wait for Next, for each worker; 0 is
	// tape.DefaultBuffer, at most tape.MaxBuffer.
	BufferBytes int
}

// Frame is a frame that was received, sent, or dropped on the way out.
type Frame struct {
	Time time.Time // set by Next
	// Data is an Ethernet frame or, of the last of TapPorts, an IP packet. Match sees all
	// of it; Next gives what was copied, with the checksums that it has on the wire.
	Data   []byte
	Length int // bytes it has or had
	Port   int // in TapPorts
	Tx     bool
	// Drops is why it, or a chunk in it, was dropped: the zero value if it was not. Of
	// more than four reasons the first four.
	Drops DropCodes
}

// Tap copies frames as they pass. One goroutine calls Next, any the other methods.
type Tap struct {
	d     *Dataplane
	start time.Time // of the clock
	ports []nic.Info
	lanes []*tapLane // by worker
	merge *tape.Merge
	close sync.Once
}

// TapPorts describes the ports by Frame.Port. Last comes the place, without driver, of
// packets that were dropped before a port was found for them.
func (d *Dataplane) TapPorts() []nic.Info {
	ports := make([]nic.Info, 0, len(d.ports)+1)
	for _, p := range d.ports {
		ports = append(ports, p.info)
	}
	return append(ports, nic.Info{Name: headlessName, Driver: headlessDescription})
}

// Tap copies from now on, until its Close, every frame that the workers receive, with
// what became of it, that ports take to send it, and that is dropped before. It costs
// workers time but never holds them up: what finds the buffer full is not copied but
// counted. While there is a Tap, received packets are handled one by one, to know what
// became of each.
//
// A frame is told of where its fate is known: a packet of another worker's association by
// that worker. Of fragments the last one has the fate of the datagram, except where
// that is another worker's. What a driver drops after it took it is not seen to be dropped.
//
// The errors are for bad options, ErrTooManyTaps, and net.ErrClosed.
func (d *Dataplane) Tap(o TapOptions) (*Tap, error) {
	mtu := 0
	for _, p := range d.ports {
		mtu = max(mtu, p.info.MTU)
	}
	snap, buffer, err := tape.Sizes(o.SnapLen, o.BufferBytes, mtu)
	if err != nil {
		return nil, fmt.Errorf("dataplane: a tap's %w", err)
	}
	if d.taps.Add(1) > MaxTaps {
		d.taps.Add(-1)
		return nil, ErrTooManyTaps
	}
	t := &Tap{d: d, ports: d.TapPorts(), start: time.Now().Add(-time.Duration(d.cfg.Clock()))}
	var lanes []*tape.Lane
	for range d.workers {
		l := &tapLane{match: o.Match, lane: tape.NewLane(snap, buffer), counts: make([]tapCount, len(t.ports))}
		t.lanes, lanes = append(t.lanes, l), append(lanes, l.lane)
	}
	t.merge = tape.NewMerge(lanes...)
	for i, w := range d.workers {
		if err := w.call(func(w *worker) { w.tap.lanes = append(w.tap.lanes, t.lanes[i]) }); err != nil {
			t.Close()
			return nil, err
		}
	}
	return t, nil
}

// Next takes the oldest frame that waits; false if there is none now. Frames of different
// workers may come out of order where one tells late. Data is the caller's until the next call. After Close or the dataplane's end it gives the rest.
func (t *Tap) Next() (f Frame, ok bool) {
	r, data, ok := t.merge.Next()
	if !ok {
		return f, false
	}
	r.Complete(data, t.ports[r.Port].Caps)
	return Frame{Time: t.start.Add(time.Duration(r.Time)), Data: data, Length: r.Length, Port: int(r.Port), Tx: r.Tx,
		Drops: DropCodes(r.Reasons)}, true
}

// TapCount is what a Tap has not copied of a port's frames.
type TapCount struct {
	Filtered uint64 // Match refused them
	Missed   uint64 // they found the buffer full
}

// Count is that of a port of TapPorts.
func (t *Tap) Count(port int) (c TapCount) {
	for _, l := range t.lanes {
		c.Filtered += l.counts[port].filtered.Load()
		c.Missed += l.counts[port].missed.Load()
	}
	return c
}

// Done is closed when the dataplane has stopped: what Next gives from then on is the rest.
func (t *Tap) Done() <-chan struct{} { return t.d.stopped }

// Close ends the copying; it waits for the workers. Again it does nothing.
func (t *Tap) Close() {
	t.close.Do(func() {
		for i, w := range t.d.workers {
			// a stopped worker copies nothing
			_ = w.call(func(w *worker) {
				w.tap.lanes = slices.DeleteFunc(w.tap.lanes, func(l *tapLane) bool { return l == t.lanes[i] })
			})
		}
		t.d.taps.Add(-1)
	})
}

// tapLane is a worker's part of a Tap. All but the ring and the counters is the worker's.
type tapLane struct {
	match  func(*Frame) bool
	lane   *tape.Lane
	upTo   [nic.MaxBurst]int // how many of a burst are staged with and before each frame
	counts []tapCount        // by port
}

// tapCount is a TapCount that another thread reads.
type tapCount struct{ filtered, missed atomic.Uint64 }

// stage adds the i-th frame of a burst if it is wanted.
func (l *tapLane) stage(i int, f *Frame, r *tape.Record) {
	if l.match == nil || l.match(f) {
		l.lane.Stage(*r, f.Data)
	}
	l.upTo[i] = l.lane.Staged()
}

// commit passes on what is wanted of the first n frames of a port's burst.
func (l *tapLane) commit(port uint16, n int) {
	wanted := 0
	if n > 0 {
		wanted = l.upTo[n-1]
	}
	if wanted < n {
		l.counts[port].filtered.Add(uint64(n - wanted))
	}
	if missed := l.lane.Commit(wanted); missed > 0 {
		l.counts[port].missed.Add(uint64(missed))
	}
}
