package dataplane

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Sizes of a worker.
const (
	handOverRing = 1024 // packets from other workers: 16 bursts
	eventBatch   = 64
	transmitTurn = 4 // bursts sent before packets are received again

	// linkInterval is the time between two looks at the ports' links: a change
	// must be known well within a millisecond.
	linkInterval = 500 * sctpcore.Microsecond
	// slowInterval is that of what is in no hurry.
	slowInterval = 250 * sctpcore.Millisecond
)

// worker is one thread of the dataplane: it polls its queues, owns associations
// and shares nothing on the data path but lock-free rings. Its methods are its
// thread's alone, except call.
type worker struct {
	d      *Dataplane
	number uint8
	cpu    int
	log    *slog.Logger
	core   *sctpcore.Endpoint
	now    sctpcore.Time
	// Of the core's defaults: 5 × RTO.Max, and bytes.
	patience      sctpcore.Time
	receiveBuffer int

	ports []workerPort // by port index
	rxq   []rxQueue

	strays   *ring.MPSC[stray]
	txHanded *ring.MPSC[handedTx]
	commands *ring.MPSC[command]
	stopped  chan struct{}
	_        linePad
	kicks    kickList // with the bell what other threads write here
	bell     nic.Bell // to be rung after anything was put before the worker
	_        linePad
	stepping sync.Mutex // Config.Manual: instead of the worker's thread
	over     bool       // Config.Manual: it has stopped
	asked    asked
	stop     atomic.Int32 // running, aborting, draining
	stopAt   sctpcore.Time
	draining bool // it takes no more associations

	assocs    map[sctpcore.AssocID]*assoc
	order     []*assoc // the same, in an order that a simulation can repeat
	listeners map[listenKey]listening
	again     []*assoc
	doing     []*assoc // again's twin
	lingering []*assoc // closed: those that have not begun to shut down, and some that have

	frags     *inet.Reassembler
	routes    *inet.Routes
	egress    egressTable
	transient answerCache
	probes    prober
	relinking relinking

	rx rxBatch
	tx txBatch

	idle    idler
	polling polling

	linkAt, slowAt sctpcore.Time
	coreAt         sctpcore.Time // the core's deadline after the last poll that gave it anything

	events   [eventBatch]sctpcore.Event
	pathInfo []sctpcore.PathInfo
	scratch  [64 << 10]byte

	drops     [numDrops]uint64
	inetDrops inet.Drops
	starved   uint64
	voice     voice
	noPort    pathCount // paths that map to none
	plights   [NumPlights]places
	failovers Failovers
	last      counts // when it has stopped
	tap       tapping
}

// workerPort is what a worker keeps of a port.
type workerPort struct {
	*port
	iface      *inet.Iface // of the worker's network
	parser     *inet.Parser
	neighbours *inet.Neighbours
	responder  *inet.Responder
	link       nic.Link
	downs      uint32 // how often the link went down
	announces  bool   // of the workers, this one announces our addresses here

	txQueue int     // -1: the queue is txVia's
	txVia   *worker // nil if txQueue is ours
	out     []*nic.Packet
	count   Traffic // sent

	paths pathCount // that map to it
}

// rxQueue is a queue that the worker polls.
type rxQueue struct {
	port  *workerPort
	queue int
	count Traffic // received
}

// run polls until the dataplane stops.
func (w *worker) run() {
	defer close(w.stopped)
	adaptive := w.d.cfg.Idle == IdleAdaptive
	defer w.settle(!adaptive)()
	if adaptive {
		w.watch()
		defer w.unwatch()
	}
	for {
		now := sctpcore.Time(w.d.cfg.Clock())
		w.polling.begin(now)
		busy := w.poll(now)
		if w.stop.Load() != running && w.wound() {
			return
		}
		if adaptive {
			w.rest(busy)
		}
	}
}

// settle gives the worker its thread and its processor, to itself if it is to be
// alone there; leave gives them back.
func (w *worker) settle(alone bool) (leave func()) {
	err := pinThread(w.cpu)
	if err != nil || w.cpu < 0 {
		if err != nil && w.log != nil {
			w.log.Warn("worker not pinned", "worker", w.number, "cpu", w.cpu, "error", err)
		}
		return func() {}
	}
	tid := stayPinned()
	if !alone {
		return func() { forgetPinned(tid) }
	}
	if err := takeCPU(w.cpu); err != nil && w.log != nil {
		w.log.Warn("worker shares its processor", "worker", w.number, "cpu", w.cpu, "error", err)
	}
	return func() { releaseCPU(w.cpu); forgetPinned(tid) }
}

// poll is one iteration; it tells whether there was anything to do.
func (w *worker) poll(now sctpcore.Time) (busy bool) {
	w.now = max(w.now, now)
	for i := range w.rxq {
		if w.receiveBurst(&w.rxq[i]) {
			busy = true
		}
	}
	busy = w.takeStrays() || busy
	busy = w.takeHandedTx() || busy
	busy = w.obey() || busy
	busy = w.attendAll() || busy
	if w.now >= w.coreAt {
		w.core.HandleTimeout(w.now)
		busy = true
	}
	busy = w.followLinks() || busy
	if w.now >= w.linkAt {
		busy = w.lookAtLinks() || busy
	}
	if w.probes.at != 0 && w.now >= w.probes.at {
		w.probe()
		busy = true
	}
	w.pollNeighbours()
	busy = w.pollEvents() || busy
	busy = w.transmit() || busy
	w.flush()
	if busy {
		w.coreAt = w.core.NextDeadline()
	}
	return busy
}

// stepAt is one iteration at the hands of Config.Manual's driver.
func (w *worker) stepAt(now sctpcore.Time) (next sctpcore.Time) {
	w.stepping.Lock()
	defer w.stepping.Unlock()
	switch {
	case w.over:
		return sctpcore.Never
	case w.poll(now):
		return now
	}
	return w.next()
}

// next is when poll has something to do of itself.
func (w *worker) next() sctpcore.Time { return min(w.due(), w.linkAt) }

// attendAll turns to the connections that want it.
func (w *worker) attendAll() (busy bool) {
	for c := w.kicks.take(); c != nil; {
		next := c.nextKick // attend lets it be pushed again
		w.attend(c)
		c, busy = next, true
	}
	if len(w.again) == 0 {
		return busy
	}
	w.doing, w.again = w.again, w.doing[:0]
	for i, a := range w.doing {
		w.doing[i] = nil
		a.again = false
		if w.assocs[a.id] == a {
			w.send(a)
			w.receive(a)
		}
	}
	return true
}

func (w *worker) pollEvents() (busy bool) {
	for {
		n := w.core.PollEvents(w.events[:])
		for i := range w.events[:n] {
			w.event(&w.events[i])
		}
		busy = busy || n > 0
		if n < len(w.events) {
			return busy
		}
	}
}
