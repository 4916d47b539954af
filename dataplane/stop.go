package dataplane

import (
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Phases of a worker's end.
const (
	running  int32 = iota
	aborting       // Close was called: the associations are to be aborted
	draining       // the ABORTs are sent; packets of other workers may still come
)

// Bounds of a worker's end.
const (
	maxAbortRounds = 1000                       // bursts of ABORTs
	closePatience  = 200 * sctpcore.Millisecond // for the other workers and full tx queues
	closeWait      = 2 * time.Second            // for the workers' threads
)

// Close aborts what is still open, sends the ABORTs, stops the workers and waits
// for them; Send, Recv, Accept and Dial that wait return an error. A worker that
// is stuck in a driver is not waited for for ever. Close again does nothing.
func (d *Dataplane) Close() error {
	d.closing.Do(func() {
		if d.cfg.Manual {
			d.closeManual()
		} else {
			for _, w := range d.workers {
				w.stop.Store(aborting)
				w.bell.Ring()
			}
			d.awaitWorkers()
			addPollers(-len(d.workers))
		}
		if d.loopback != nil {
			_ = d.loopback.nic.Close() // it is memory
		}
		close(d.stopped)
		d.feed.close()
	})
	return nil
}

// awaitWorkers waits for the workers to stop, and frees what one handed to another that
// had stopped already.
func (d *Dataplane) awaitWorkers() {
	patience := time.After(time.Duration(closeWait))
	stopped := d.workers[:0:0]
	for _, w := range d.workers {
		select {
		case <-w.stopped:
			stopped = append(stopped, w)
		case <-patience:
			if d.log != nil {
				d.log.Error("worker does not stop", "worker", w.number)
			}
		}
	}
	for _, w := range stopped {
		w.dropHanded()
	}
}

func (d *Dataplane) closeManual() {
	for _, w := range d.workers {
		w.stepping.Lock()
		defer w.stepping.Unlock()
		w.abortAll()
	}
	for _, w := range d.workers {
		for w.takeHandedTx() {
			w.flush()
		}
		w.cleanUp()
		w.over = true
		close(w.stopped)
	}
}

// wound brings the worker to its end, one step per iteration; true at the end.
func (w *worker) wound() bool {
	if w.stop.Load() == aborting {
		w.abortAll()
		w.stop.Store(draining)
		w.stopAt = w.now + closePatience
		w.d.aborted.Add(1)
		return false
	}
	if w.now < w.stopAt && (int(w.d.aborted.Load()) < len(w.d.workers) || w.tx.waiting) {
		return false
	}
	for w.takeHandedTx() {
		w.flush()
	}
	w.cleanUp()
	return true
}

// abortAll aborts every association and sends the ABORTs.
func (w *worker) abortAll() {
	w.drain()
	for i := len(w.order) - 1; i >= 0; i-- {
		_ = w.core.Abort(w.now, w.order[i].id, []byte("closing down")) // refused only if it has ended
	}
	for range maxAbortRounds {
		w.pollEvents()
		busy := w.transmit()
		w.flush()
		if !busy {
			return
		}
	}
}

// cleanUp frees every packet that the worker holds and wakes those who still
// read from ended associations.
func (w *worker) cleanUp() {
	w.last = w.counts()
	for _, a := range w.order {
		if c := a.conn; c != nil {
			c.in.ended.Store(true)
			c.readable()
		}
	}
	w.dropHanded()
	nic.Free(w.tx.pkts[:w.tx.have])
	w.tx.have = 0
	for i := range w.ports {
		p := &w.ports[i]
		p.neighbours.LinkDown(int64(w.now))
		held := w.tx.held[:]
		for n := p.neighbours.PollFailed(held); n > 0; n = p.neighbours.PollFailed(held) {
			nic.Free(held[:n])
		}
		for n := p.neighbours.PollReady(held); n > 0; n = p.neighbours.PollReady(held) {
			nic.Free(held[:n])
		}
		nic.Free(p.out)
		p.empty(len(p.out))
	}
}

// dropHanded frees the packets that other workers have handed over.
func (w *worker) dropHanded() {
	strays := &w.rx.strays
	for n := w.strays.Pop(strays[:]); n > 0; n = w.strays.Pop(strays[:]) {
		for i := range strays[:n] {
			if pkt := strays[i].pkt; pkt != nil {
				w.discard(pkt)
			}
		}
	}
	tx := &w.tx.handed
	for n := w.txHanded.Pop(tx[:]); n > 0; n = w.txHanded.Pop(tx[:]) {
		for i := range tx[:n] {
			w.discard(tx[i].pkt)
		}
	}
}
