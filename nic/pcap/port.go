package pcap

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/tape"
)

// Options say what is captured and how. The zero value captures whole frames
// in real time.
type Options struct {
	// SnapLen is the number of bytes kept of each frame; 0 is all of them,
	// up to 64 bytes beyond the MTU's frame.
	SnapLen int
	// BufferBytes is the room for frames that wait for the writer, for each
	// queue in each direction, at least two bursts of the largest frames;
	// 0 is tape.DefaultBuffer, at most tape.MaxBuffer.
	BufferBytes int
	// Clock gives the timestamps, read once per burst; nil is nic.Monotonic.
	Clock nic.Clock
	// Start is the wall time of the Clock's zero. The zero Time means that
	// the Clock reads the present time when Wrap is called.
	Start time.Time
}

// Port is a nic.Port that is being captured.
type Port struct {
	nic.Port // the captured one

	clock   nic.Clock
	rx, tx  []*tape.Lane
	dropped atomic.Uint64

	flush    chan chan error
	stop     chan struct{}
	done     chan error
	close    sync.Once
	closeErr error
}

var _ nic.Port = (*Port)(nil)

// Wrap captures p, which is from now on used through the wrapper only, and
// writes the file's header to w. Close closes p as well. An error says which
// option is bad, or is w's.
func Wrap(p nic.Port, w io.Writer, opts Options) (*Port, error) {
	if w == nil {
		return nil, errors.New("pcap: the writer is nil: open a file for the capture")
	}
	info := p.Info()
	var err error
	if opts.SnapLen, opts.BufferBytes, err = tape.Sizes(opts.SnapLen, opts.BufferBytes, info.MTU); err != nil {
		return nil, fmt.Errorf("pcap: %w", err)
	}
	if opts.Clock == nil {
		opts.Clock = nic.Monotonic
	}
	if opts.Start.IsZero() {
		opts.Start = time.Now().Add(-time.Duration(opts.Clock()))
	}
	c := &Port{
		Port:  p,
		clock: opts.Clock,
		rx:    makeLanes(info.RxQueues, opts),
		tx:    makeLanes(info.TxQueues, opts),
		flush: make(chan chan error),
		stop:  make(chan struct{}),
		done:  make(chan error, 1),
	}
	out, err := newWriter(c, w, info, opts)
	if err != nil {
		return nil, fmt.Errorf("pcap: write the header: %w", err)
	}
	go out.run()
	return c, nil
}

func makeLanes(queues int, opts Options) []*tape.Lane {
	lanes := make([]*tape.Lane, queues)
	for i := range lanes {
		lanes[i] = tape.NewLane(opts.SnapLen, opts.BufferBytes)
	}
	return lanes
}

// RxBurst receives from the captured port. One thread per queue; it panics if
// there is no such queue.
func (p *Port) RxBurst(queue int, pkts []*nic.Packet) int {
	l := p.lane(p.rx, "rx", queue)
	n := p.Port.RxBurst(queue, pkts)
	if n > 0 {
		p.stage(l, false, pkts[:n])
		p.dropped.Add(uint64(l.Commit(n)))
	}
	return n
}

// TxBurst sends through the captured port; what it takes is captured, as it
// will be on the wire: checksums that the port inserts are filled in. One
// thread per queue; it panics if there is no such queue.
func (p *Port) TxBurst(queue int, pkts []*nic.Packet) int {
	l := p.lane(p.tx, "tx", queue)
	pkts = pkts[:min(len(pkts), nic.MaxBurst)]
	if len(pkts) == 0 {
		return 0
	}
	p.stage(l, true, pkts) // before the port owns them
	n := p.Port.TxBurst(queue, pkts)
	p.dropped.Add(uint64(l.Commit(n)))
	return n
}

func (p *Port) stage(l *tape.Lane, tx bool, pkts []*nic.Packet) {
	now := p.clock()
	for _, pkt := range pkts {
		l.Stage(tape.Record{Time: now, Tx: tx, Flags: pkt.Flags, L2: pkt.L2Len, L3: pkt.L3Len}, pkt.Data())
	}
}

func (p *Port) lane(lanes []*tape.Lane, kind string, queue int) *tape.Lane {
	if uint(queue) >= uint(len(lanes)) {
		panic(fmt.Sprintf("pcap: %s has no %s queue %d, only 0..%d", p.Info().Name, kind, queue, len(lanes)-1))
	}
	return lanes[queue]
}

// Dropped is how many frames passed that the capture does not have, because
// the writer was too slow or failed. Any thread.
func (p *Port) Dropped() uint64 { return p.dropped.Load() }

// XStats are the captured port's and Dropped as "pcap_dropped". Any thread.
func (p *Port) XStats() []nic.XStat {
	return append(p.Port.XStats(), nic.XStat{Name: "pcap_dropped", Value: p.Dropped()})
}

// Flush waits until what was captured before the call is with the io.Writer,
// and returns the first error that it gave. Any thread that may wait.
func (p *Port) Flush() error {
	answer := make(chan error, 1)
	select {
	case p.flush <- answer:
		return <-answer
	case <-p.stop:
		return nil // Close flushes
	}
}

// Close closes the captured port, writes the rest of the capture, and ends the
// writer goroutine; it waits for the io.Writer. It returns the errors of both.
// Again it does nothing and returns the same.
func (p *Port) Close() error {
	p.close.Do(func() {
		err := p.Port.Close()
		close(p.stop)
		p.closeErr = errors.Join(err, <-p.done)
	})
	return p.closeErr
}
