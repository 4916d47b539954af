package rig

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// hand moves one association's messages one way without waiting.
type hand struct {
	from, to *dataplane.Conn
	out, in  []dataplane.Message
}

func (r *Rig) hand(i, size int) hand {
	return hand{from: r.Client[i], to: r.Server[i], out: Batches(Batch, size), in: Batches(Batch, size)}
}

// receive takes what is there and counts the messages that are complete.
func (h *hand) receive() (whole int, err error) {
	for n := Batch; n == Batch; {
		if n, err = h.to.TryRecvBatch(h.in); err != nil {
			return whole, err
		}
		for i := range h.in[:n] {
			if !h.in[i].More {
				whole++
			}
		}
	}
	return whole, nil
}

// Drive sends count messages through association 0 by hand, without any other
// thread; it is for Options.Manual.
func (r *Rig) Drive(size, count int) error {
	h := r.hand(0, size)
	for sent, got := 0, 0; got < count; {
		n, err := h.from.TrySendBatch(h.out[:min(Batch, count-sent)])
		if err != nil {
			return err
		}
		sent += n
		r.Step()
		if n, err = h.receive(); err != nil {
			return err
		}
		got += n
	}
	return nil
}

// lane is what one thread drives: workers, and the applications of associations.
type lane struct {
	workers   []func()
	send      []hand // whose client's application is here
	receive   []hand // whose server's application is here
	cpu       int
	delivered atomic.Uint64 // messages
	err       error
	_         [128]byte // the neighbour is another thread's
}

// DriveWorkers drives worker i of both sides, and the applications of every
// association whose number is i modulo the workers, from a thread of its own on
// cpus[i], and counts what happens in a span of time after a warm-up. It is for
// Options.Manual with as many workers on both sides as there are CPUs.
func (r *Rig) DriveWorkers(size int, cpus []int, warm, span time.Duration) (Sample, error) {
	lanes := make([]lane, len(cpus))
	for i, cpu := range cpus {
		l := &lanes[i]
		l.cpu = cpu
		for _, d := range r.Dataplanes {
			l.workers = append(l.workers, func() { d.StepWorker(i) })
		}
		for k := i; k < len(r.Client); k += len(cpus) {
			h := r.hand(k, size)
			l.send, l.receive = append(l.send, h), append(l.receive, h)
		}
	}
	return r.drive(lanes, size, warm, span)
}

// DriveSides drives each side, its workers and applications, from a thread of its
// own on cpus[side], with messages both ways, and counts what happens in a span of
// time after a warm-up: a core does what a forwarder's does, and SCTP besides. It
// is for Options.Manual.
func (r *Rig) DriveSides(size int, cpus [2]int, warm, span time.Duration) (Sample, error) {
	lanes := make([]lane, len(cpus))
	for side, cpu := range cpus {
		lanes[side].cpu = cpu
		lanes[side].workers = []func(){func() { r.Dataplanes[side].Step() }}
	}
	for k := range r.Client {
		there, back := r.hand(k, size), r.hand(k, size)
		back.from, back.to = back.to, back.from
		lanes[A].send, lanes[B].receive = append(lanes[A].send, there), append(lanes[B].receive, there)
		lanes[B].send, lanes[A].receive = append(lanes[B].send, back), append(lanes[A].receive, back)
	}
	return r.drive(lanes, size, warm, span)
}

func (r *Rig) drive(lanes []lane, size int, warm, span time.Duration) (Sample, error) {
	var over atomic.Bool
	var running sync.WaitGroup
	for i := range lanes {
		l := &lanes[i]
		running.Go(func() { l.err = l.run(&over) })
	}
	total := func() (n uint64) {
		for i := range lanes {
			n += lanes[i].delivered.Load()
		}
		return n
	}
	time.Sleep(warm)
	m := r.begin(total)
	s, err := m.over(span, size)
	over.Store(true)
	running.Wait()
	for i := range lanes {
		err = errors.Join(err, lanes[i].err)
	}
	return s, err
}

func (l *lane) run(over *atomic.Bool) error {
	if err := pin(l.cpu); err != nil {
		return err
	}
	for !over.Load() {
		for k := range l.send {
			if _, err := l.send[k].from.TrySendBatch(l.send[k].out); err != nil {
				return err
			}
		}
		for _, step := range l.workers {
			step()
		}
		for k := range l.receive {
			n, err := l.receive[k].receive()
			if err != nil {
				return err
			}
			l.delivered.Add(uint64(n))
		}
	}
	return nil
}
