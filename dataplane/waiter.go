package dataplane

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// waiter is where an application's goroutines sleep until a worker has done
// something for them. The worker pays one atomic load when nobody sleeps.
type waiter struct {
	asleep atomic.Int32
	wake   chan struct{} // capacity 1: a token outlives the moment between looking and sleeping
}

func newWaiter() waiter { return waiter{wake: make(chan struct{}, 1)} }

// signal wakes one sleeper. Whoever it wakes passes the signal on if there is
// still something left for another.
func (w *waiter) signal() {
	if w.asleep.Load() == 0 {
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// deadline ends waits at a time of the machine's clock, as net.Conn wants it.
type deadline struct {
	past  atomic.Bool
	mu    sync.Mutex
	timer *time.Timer
	gone  chan struct{} // closed when the deadline passes; nil until somebody waits
}

// set moves the deadline to t; the zero time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.past.Load() {
		d.past.Store(false)
		d.gone = nil
	}
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.expire()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer == timer {
			d.expire()
		}
	})
	d.timer = timer
}

func (d *deadline) expire() {
	d.timer = nil
	d.past.Store(true)
	if d.gone == nil {
		d.gone = make(chan struct{})
	}
	close(d.gone)
}

// passed is a channel that is closed when the deadline passes.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone == nil {
		d.gone = make(chan struct{})
	}
	return d.gone
}

func (d *deadline) err() error {
	if d.past.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}
