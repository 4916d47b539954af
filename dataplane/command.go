package dataplane

import (
	"net"
	"time"
)

// commandRing is how many commands may wait for one worker.
const commandRing = 256

// command is something that an application wants a worker to do between two
// bursts.
type command struct {
	do   func(*worker)
	done chan struct{}
}

// call has the worker run do and waits for it; net.ErrClosed if the worker has
// stopped, in which case do was not run. Under Config.Manual do runs at once.
func (w *worker) call(do func(*worker)) error {
	if w.d.cfg.Manual {
		w.stepping.Lock()
		defer w.stepping.Unlock()
		if w.over {
			return net.ErrClosed
		}
		do(w)
		w.coreAt = 0 // the core may have a new deadline: the next Step asks
		return nil
	}
	c := [1]command{{do: do, done: make(chan struct{})}}
	for w.commands.Push(c[:]) == 0 {
		select {
		case <-w.stopped:
			return net.ErrClosed
		case <-time.After(50 * time.Microsecond):
		}
	}
	w.bell.Ring()
	select {
	case <-c[0].done:
		return nil
	case <-w.stopped:
	}
	select {
	case <-c[0].done:
		return nil
	default:
		return net.ErrClosed
	}
}

// obey runs the commands that have come.
func (w *worker) obey() (busy bool) {
	var cs [8]command
	for {
		n := w.commands.Pop(cs[:])
		for i := range cs[:n] {
			cs[i].do(w)
			close(cs[i].done)
			cs[i] = command{}
		}
		busy = busy || n > 0
		if n < len(cs) {
			return busy
		}
	}
}
