package dataplane

import (
	"errors"
	"slices"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Pace of a worker that has nothing to do under IdleAdaptive.
const (
	// idleSpin is how long it polls on after it last had something to do: about
	// what it costs to be woken, so that waiting costs at most twice what the
	// best choice would have.
	idleSpin = 20 * sctpcore.Microsecond
	// idleFirst is its first sleep where something must be polled; each is
	// idleGrowth times the one before, up to Config.IdleSleep.
	idleFirst  = 20 * sctpcore.Microsecond
	idleGrowth = 4
	// idleShortest: what is due sooner is polled for.
	idleShortest = sctpcore.Microsecond
	// idleNap is the longest sleep with a processor of the Go runtime in hand, and
	// how long it sleeps so before it lets the runtime park it: to be woken then
	// takes two thread switches more, but nothing runs at all meanwhile, sysmon
	// included, which costs more than the worker.
	idleNap = 2 * sctpcore.Millisecond
	// idlePressed bounds sleeps while something waits that nothing tells of: a tx
	// queue is full, all pools are empty, or the worker is being stopped.
	idlePressed = 100 * sctpcore.Microsecond
)

// Bounds of Config.IdleSleep.
const (
	// DefaultIdleSleep is that between two looks at a link under load: news that
	// nobody tells is known within a millisecond.
	DefaultIdleSleep = time.Duration(linkInterval)
	MinIdleSleep     = 10 * time.Microsecond
	MaxIdleSleep     = 100 * time.Millisecond // above the shortest RTO it would cost retransmissions
)

// idler puts a worker to sleep until there is something to do. What wakes it is
// a frame, a change of a link, another thread that rings the worker's bell, or
// the next deadline. A port that cannot wake it, or whose link must be asked
// for, bounds its sleep. It is the worker's thread's alone.
type idler struct {
	since sctpcore.Time // the last poll that had something to do
	step  sctpcore.Time // the next sleep where something must be polled
	armed bool          // the bells are; what came before has been polled for
	stale bool          // descriptors may have changed with a link
	// refused: a queue that can wake us could not be armed this time.
	refused bool
	polled  bool // there is a queue that never wakes us
	links   bool // there is a link that never wakes us, or the bell of whose port we have not
	wakers  []rxQueue
	epoll   epoll
}

// rest follows every poll: busy tells whether it did anything.
func (w *worker) rest(busy bool) {
	i := &w.idle
	switch {
	case busy:
		i.since, i.step = w.now, idleFirst
		if i.armed {
			w.arm(false)
		}
	case w.now-i.since < idleSpin:
	case !i.armed:
		w.arm(true) // what came before wakes nobody: poll once more
	default:
		w.sleep()
	}
}

// sleep waits until something wakes the worker, or something is due.
func (w *worker) sleep() {
	i := &w.idle
	d := min(w.due()-w.now, w.longest())
	if d < idleShortest {
		return
	}
	if i.polled || i.refused {
		i.step = min(idleGrowth*i.step, sctpcore.Time(w.d.cfg.IdleSleep))
	}
	before := sctpcore.Time(w.d.cfg.Clock())
	var woken bool
	if d <= idleNap || before-i.since < idleNap {
		woken = i.epoll.nap(time.Duration(min(d, idleNap)))
	} else {
		woken = i.epoll.park(time.Duration(d))
	}
	now := sctpcore.Time(w.d.cfg.Clock())
	w.polling.slept(before, now, woken)
	if woken {
		i.since = now // tap tells of frames a moment before they can be received
		w.linkAt = 0
	}
	if woken || i.refused {
		w.arm(false)
	}
}

// longest is how long the worker may sleep with nothing due.
func (w *worker) longest() sctpcore.Time {
	i := &w.idle
	d := sctpcore.Never
	switch {
	case i.polled || i.refused:
		d = i.step
	case i.links:
		d = sctpcore.Time(w.d.cfg.IdleSleep)
	}
	if w.tx.waiting || w.tx.have == 0 || w.stop.Load() != running {
		d = min(d, idlePressed)
	}
	return d
}

// due is when the worker has something to do of itself, links apart.
func (w *worker) due() sctpcore.Time {
	if len(w.again) > 0 {
		return w.now
	}
	t := min(w.coreAt, w.slowAt)
	if w.probes.at != 0 {
		t = min(t, w.probes.at)
	}
	for i := range w.ports {
		t = min(t, sctpcore.Time(w.ports[i].neighbours.NextDeadline()))
	}
	return t
}

// arm has whatever comes from now on end a sleep, or lets it be.
func (w *worker) arm(on bool) {
	i := &w.idle
	if on && i.stale {
		w.watch()
	}
	i.armed, i.refused = on, false
	if on {
		w.linkAt = 0 // a change of a link from now on wakes us: look for one of before
	}
	w.bell.Arm(on)
	for _, q := range i.wakers {
		if err := q.port.nic.ArmWake(q.queue, on); err != nil && on {
			i.refused = true
		}
	}
}

// watch opens what the worker sleeps on, anew if it was open. What cannot be had
// is polled.
func (w *worker) watch() {
	i := &w.idle
	i.epoll.close()
	i.stale, i.polled, i.links, i.wakers = false, false, false, i.wakers[:0]
	err := i.epoll.open()
	if err == nil {
		var fd int
		if fd, err = w.bell.FD(); err == nil {
			err = i.epoll.add(fd)
		}
	}
	for j := range w.rxq {
		q := w.rxq[j]
		fds, e := q.port.nic.WakeFDs(q.queue, nil)
		if e == nil {
			i.wakers = append(i.wakers, q)
			e = i.epoll.add(fds...)
		}
		if e != nil {
			i.polled = true
			if !errors.Is(e, nic.ErrNotSupported) {
				err = errors.Join(err, e)
			}
		}
	}
	for j := range w.ports {
		p := &w.ports[j]
		heard := p.info.Caps.LinkInterrupt && slices.ContainsFunc(i.wakers, func(q rxQueue) bool { return q.port == p })
		i.links = i.links || !heard
	}
	if err != nil {
		i.polled = true
		if w.log != nil {
			w.log.Warn("worker cannot be woken, polls", "worker", w.number, "error", err)
		}
	}
}

// unwatch closes what watch opened.
func (w *worker) unwatch() {
	w.idle.epoll.close()
	w.bell.Close()
}
