package rig

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// hand moves one association's messages without waiting.
type hand struct {
	client, server *dataplane.Conn
	out, in        []dataplane.Message
}

func (r *Rig) hand(i, size int) hand {
	return hand{client: r.Client[i], server: r.Server[i], out: Batches(Batch, size), in: Batches(Batch, size)}
}

// receive takes what is there and counts the messages that are complete.
func (h *hand) receive() (whole int, err error) {
	for n := Batch; n == Batch; {
		if n, err = h.server.TryRecvBatch(h.in); err != nil {
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
		n, err := h.client.TrySendBatch(h.out[:min(Batch, count-sent)])
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

// DriveWorkers drives worker i of both sides, and the applications of every
// association whose number is i modulo the workers, from a thread of its own on
// cpus[i], and counts the messages of a span of time after a warm-up. It is for
// Options.Manual with as many workers on both sides as there are CPUs.
func (r *Rig) DriveWorkers(size int, cpus []int, warm, span time.Duration) (Sample, error) {
	var over atomic.Bool
	var running sync.WaitGroup
	counts := make([]struct {
		n   atomic.Uint64
		err error
		_   [128]byte
	}, len(cpus))
	for i, cpu := range cpus {
		running.Go(func() {
			c := &counts[i]
			c.err = r.driveWorker(i, len(cpus), cpu, size, &over, &c.n)
		})
	}
	total := func() (n uint64) {
		for i := range counts {
			n += counts[i].n.Load()
		}
		return n
	}
	time.Sleep(warm)
	messages, cpu, begun := total(), CPUTime(), time.Now()
	time.Sleep(span)
	s := Sample{Messages: total() - messages, Wall: time.Since(begun), CPU: CPUTime() - cpu}
	s.Bytes = s.Messages * uint64(size)
	over.Store(true)
	running.Wait()
	var errs []error
	for i := range counts {
		errs = append(errs, counts[i].err)
	}
	if s.Messages == 0 {
		errs = append(errs, fmt.Errorf("rig: no message arrived within %v", span))
	}
	return s, errors.Join(errs...)
}

func (r *Rig) driveWorker(i, workers, cpu, size int, over *atomic.Bool, count *atomic.Uint64) error {
	if err := pin(cpu); err != nil {
		return err
	}
	var hands []hand
	for k := i; k < len(r.Client); k += workers {
		hands = append(hands, r.hand(k, size))
	}
	for !over.Load() {
		for k := range hands {
			if _, err := hands[k].client.TrySendBatch(hands[k].out); err != nil {
				return err
			}
		}
		r.Dataplanes[A].StepWorker(i)
		r.Dataplanes[B].StepWorker(i)
		for k := range hands {
			n, err := hands[k].receive()
			if err != nil {
				return err
			}
			count.Add(uint64(n))
		}
	}
	return nil
}
