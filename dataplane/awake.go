package dataplane

import (
	"context"
	"sync"
	"time"
)

// asked is the question to a worker whether it still polls. The next one is put when it
// has been answered, so that a worker that is stuck is not asked without end.
type asked struct {
	mu     sync.Mutex
	answer chan struct{} // of the last one
}

// askPause is the time until a worker whose command ring is full is asked again.
const askPause = time.Millisecond

// Stuck gives the workers, by number, that have not come round to answer until ctx is done. One
// that sleeps is woken and answers; one that polls does so between two bursts. Workers of a
// dataplane that was closed answer no more.
func (d *Dataplane) Stuck(ctx context.Context) (stuck []int) {
	answers := make([]<-chan struct{}, len(d.workers))
	for i, w := range d.workers {
		answers[i] = w.question() // all at once
	}
	for i, w := range d.workers {
		if !w.answers(ctx, answers[i]) {
			stuck = append(stuck, i)
		}
	}
	return stuck
}

// answers waits for the answer to a question, or for room to put it if there is none yet.
func (w *worker) answers(ctx context.Context, answer <-chan struct{}) bool {
	for answer == nil {
		select {
		case <-time.After(askPause):
			answer = w.question()
		case <-w.stopped:
			return false
		case <-ctx.Done():
			return false
		}
	}
	select {
	case <-answer:
		return true
	default:
	}
	select {
	case <-answer:
		return true
	case <-w.stopped:
	case <-ctx.Done():
	}
	return false
}

// question gives what is closed by the answer to the question that is open, or to a new one; nil if
// the command ring is full.
func (w *worker) question() <-chan struct{} {
	w.asked.mu.Lock()
	defer w.asked.mu.Unlock()
	if w.d.cfg.Manual {
		w.asked.answer = make(chan struct{})
		_ = w.call(func(*worker) { close(w.asked.answer) })
		return w.asked.answer
	}
	open := w.asked.answer != nil
	if open {
		select {
		case <-w.asked.answer:
			open = false
		default:
		}
	}
	if !open {
		c := [1]command{{do: func(*worker) {}, done: make(chan struct{})}}
		if w.commands.Push(c[:]) == 0 {
			return nil
		}
		w.asked.answer = c[0].done
	}
	w.bell.Ring()
	return w.asked.answer
}
