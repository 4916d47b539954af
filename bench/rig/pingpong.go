package rig

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
)

// PingPong sends messages of size bytes, at least 9, over association 0 for a
// span, at least one, one after another with a pause between, to an application at the other
// side that sends each back. The times are those of the round trips, from the
// call of Send to the return of Recv.
func (r *Rig) PingPong(size int, pause, span time.Duration) (*Histogram, error) {
	client, server := r.Client[0], r.Server[0]
	if err := client.SetReadDeadline(time.Now().Add(span + stopLimit)); err != nil {
		return nil, err
	}
	echoed := make(chan error, 1)
	go func() { echoed <- echo(server, size) }()
	h, b := new(Histogram), make([]byte, size)
	for end := time.Now().Add(span); h.Count() == 0 || time.Now().Before(end); {
		sent := nic.Monotonic()
		binary.LittleEndian.PutUint64(b, uint64(sent))
		if err := client.Send(b, nil); err != nil {
			return nil, err
		}
		for clear(b); binary.LittleEndian.Uint64(b) != uint64(sent); { // else of what a load left
			if _, err := client.Recv(b, nil); err != nil {
				return nil, err
			}
		}
		h.Record(time.Duration(nic.Monotonic() - sent))
		if pause > 0 {
			time.Sleep(pause)
		}
	}
	if err := client.Send(b[:size-1], nil); err != nil { // the last
		return nil, err
	}
	return h, <-echoed
}

// echo sends back what has size bytes until something has one less.
func echo(c *dataplane.Conn, size int) error {
	b := make([]byte, size)
	for {
		n, err := c.Recv(b, nil)
		if err != nil || n == size-1 {
			return err
		}
		if n != size {
			continue
		}
		if err := c.Send(b, nil); err != nil {
			return err
		}
	}
}

// PollPingPong is PingPong without pause, threads or sleep between application
// and worker: each side's dataplane and application are one loop, in a thread of
// its own on cpus[side]. It is for Options.Manual.
func (r *Rig) PollPingPong(size int, cpus [2]int, span time.Duration) (*Histogram, error) {
	var over atomic.Bool
	var running sync.WaitGroup
	var errs [2]error
	h, end := new(Histogram), nic.Monotonic()+int64(span)
	for side, c := range []*dataplane.Conn{r.Client[0], r.Server[0]} {
		running.Go(func() {
			defer over.Store(true)
			if errs[side] = pin(cpus[side]); errs[side] == nil {
				errs[side] = r.bounce(side, c, size, h, end, &over)
			}
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return h, nil
}

// bounce sends a message whenever one has come, and side A the first; A records until the
// end.
func (r *Rig) bounce(side int, c *dataplane.Conn, size int, h *Histogram, end int64, over *atomic.Bool) error {
	out, in := Batches(1, size), Batches(1, size)
	var sent int64
	for turn := side == A; !over.Load(); {
		if turn {
			now := nic.Monotonic()
			if sent != 0 && side == A {
				if h.Record(time.Duration(now - sent)); now >= end {
					return nil
				}
			}
			sent, turn = now, false
			if n, err := c.TrySendBatch(out); err != nil || n == 0 {
				return fmt.Errorf("rig: %d of 1 messages sent: %w", n, err)
			}
		}
		r.Dataplanes[side].StepWorker(0)
		n, err := c.TryRecvBatch(in)
		if err != nil {
			return err
		}
		turn = n > 0
	}
	return nil
}

// pin makes the calling goroutine's thread its own, on one CPU, until both end.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("rig: pinning to CPU %d: %w", cpu, err)
	}
	return nil
}
