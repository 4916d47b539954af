package dataplane

import (
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Dataplane is a set of workers that poll ports and own associations. Any
// goroutine may call any method.
type Dataplane struct {
	cfg   Config
	log   *slog.Logger
	ports []*port
	// loopback is one of ports, nil if there is none.
	loopback *port
	steer    *steering
	book     *portBook
	workers  []*worker
	feed     feed
	taps     atomic.Int32

	network atomic.Pointer[network]
	// moving is held for reading from when somebody looks our addresses up until it is
	// known who has them, so that who changes them forgets nobody.
	moving sync.RWMutex

	nextDial atomic.Uint32
	aborted  atomic.Int32  // workers that have sent their ABORTs
	stopped  chan struct{} // closed when the workers have stopped
	closing  sync.Once
}

// port is a nic.Port and its place in the network, shared by all workers.
type port struct {
	index int
	nic   nic.Port
	info  nic.Info // at the start: a worker's iface has the MAC of now
	mtu   int      // bytes of IP packet
	room  int      // bytes behind the headroom of a buffer
	// fit: a buffer holds a packet for any port, not only for this one.
	fit bool
}

// New checks the configuration whole and starts the workers, or nothing. The
// dataplane polls the ports until Close; it does not close them. It raises
// GOMAXPROCS so that two more goroutines than there are workers can run.
func New(cfg Config) (*Dataplane, error) {
	d, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	if d.cfg.Manual {
		return d, nil
	}
	addPollers(len(d.workers))
	for _, w := range d.workers {
		go w.run()
	}
	return d, nil
}

// prepare makes everything but the threads.
func prepare(cfg Config) (*Dataplane, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	d := &Dataplane{cfg: cfg, log: cfg.Logger, stopped: make(chan struct{})}
	d.steer = newSteering(len(cfg.CPUs))
	var err error
	if cfg.Loopback {
		lo, err := newLoopback(&cfg, d.steer)
		if err != nil {
			return nil, err
		}
		cfg.Ports = slices.Concat(cfg.Ports, []PortConfig{lo})
	}
	if d.ports, err = newPorts(&cfg); err != nil {
		return nil, err
	}
	if cfg.Loopback {
		d.loopback = d.ports[len(d.ports)-1]
	}
	n, err := newNetwork(d.ports, cfg.Ports, cfg.Routes)
	if err != nil {
		return nil, err
	}
	d.network.Store(n)
	d.book = newPortBook(seedFor(cfg.Seed, "ports"))
	for i := range cfg.CPUs {
		w, err := d.newWorker(i, n)
		if err != nil {
			return nil, err
		}
		d.workers = append(d.workers, w)
	}
	for _, w := range d.workers {
		w.assignQueues()
	}
	return d, nil
}

func (d *Dataplane) newWorker(number int, n *network) (*worker, error) {
	w := &worker{
		d: d, number: uint8(number), cpu: d.cfg.CPUs[number], log: d.log, routes: n.routes.Clone(),
		strays:    ring.NewMPSC[stray](handOverRing),
		txHanded:  ring.NewMPSC[handedTx](handOverRing),
		commands:  ring.NewMPSC[command](commandRing),
		stopped:   make(chan struct{}),
		assocs:    make(map[sctpcore.AssocID]*assoc),
		listeners: make(map[listenKey]listening),
		egress:    newEgressTable(),
		patience:  5 * d.cfg.Timers.RTOMax, receiveBuffer: d.cfg.Limits.ReceiveBuffer,
	}
	seed := seedFor(d.cfg.Seed, "worker", number)
	mtu := 0
	for _, p := range d.ports {
		mtu = max(mtu, p.mtu)
	}
	var err error
	if w.core, err = sctpcore.New(sctpcore.Config{
		Seed: seed, Owner: w.number, OwnerBits: d.steer.bits,
		Timers: d.cfg.Timers, Limits: d.cfg.Limits, MTU: mtu,
	}); err != nil {
		return nil, err
	}
	if w.frags, err = inet.NewReassembler(inet.ReassemblyConfig{}, &w.inetDrops); err != nil {
		return nil, err
	}
	w.ports = make([]workerPort, len(d.ports))
	for i, p := range d.ports {
		if err := w.addPort(&w.ports[i], p, n.ifaces[i], seed); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Limits of what a worker answers per second beside SCTP.
const (
	echoesPerSecond = 1000
	errorsPerSecond = 100
)

func (w *worker) addPort(wp *workerPort, p *port, f *inet.Iface, seed [32]byte) (err error) {
	wp.port, wp.iface = p, f
	wp.parser = inet.NewParser(f, w.frags, &w.inetDrops)
	wp.responder = inet.NewResponder(f, echoesPerSecond, errorsPerSecond, &w.inetDrops)
	wp.link = p.nic.Link()
	wp.out = make([]*nic.Packet, 0, outCapacity)
	w.routes.SetPort(p.index, wp.link.Up)
	wp.neighbours, err = inet.NewNeighbours(f, inet.NeighbourConfig{Seed: seedWord(seed, p.index)}, &w.inetDrops)
	return err
}

// assignQueues shares the ports' queues out: with as many queues as workers each
// has its own; the workers of a port with fewer are chosen so that ports spread
// over workers, and the others transmit through them.
func (w *worker) assignQueues() {
	for i := range w.ports {
		p := &w.ports[i]
		for q := range p.info.RxQueues {
			if w.d.queueOwner(i, q, p.info.RxQueues) == w {
				w.rxq = append(w.rxq, rxQueue{port: p, queue: q})
			}
		}
		p.announces = w.d.queueOwner(i, 0, p.info.RxQueues) == w && !p.iface.Loopback
		p.txQueue = int(w.number)
		if p.info.TxQueues >= len(w.d.workers) {
			continue
		}
		p.txQueue = int(w.number) % p.info.TxQueues
		for q := range p.info.TxQueues {
			if w.d.queueOwner(i, q, p.info.TxQueues) == w {
				p.txQueue = q
			}
		}
		if o := w.d.queueOwner(i, p.txQueue, p.info.TxQueues); o != w {
			p.txVia = o
		}
	}
}

// queueOwner is the worker of queue q of port i, which has n of them.
func (d *Dataplane) queueOwner(i, q, n int) *worker {
	if n >= len(d.workers) {
		return d.workers[q%len(d.workers)]
	}
	return d.workers[(i+q)%len(d.workers)]
}

// Step makes one iteration of every worker and returns the time of Config.Clock
// at which there is more to do if nothing happens before; that is now if
// anything was done. It is for Config.Manual; otherwise it does nothing and
// returns sctpcore.Never. Frames under way to a port are not known to it.
func (d *Dataplane) Step() (next sctpcore.Time) {
	next = sctpcore.Never
	if !d.cfg.Manual {
		return next
	}
	now := sctpcore.Time(d.cfg.Clock())
	for _, w := range d.workers {
		next = min(next, w.stepAt(now))
	}
	return next
}

// StepWorker is Step of worker i alone, so that each can have a thread of its
// own, as it has without Config.Manual.
func (d *Dataplane) StepWorker(i int) (next sctpcore.Time) {
	if !d.cfg.Manual {
		return sctpcore.Never
	}
	return d.workers[i].stepAt(sctpcore.Time(d.cfg.Clock()))
}

// Now is the time of the dataplane's clock, of which events and snapshots tell.
func (d *Dataplane) Now() sctpcore.Time { return sctpcore.Time(d.cfg.Clock()) }

// Conns is the associations that exist and were dialled or came up.
func (d *Dataplane) Conns() []*Conn {
	var out []*Conn
	for _, w := range d.workers {
		var here []*Conn
		err := w.call(func(w *worker) {
			for _, a := range w.order {
				if a.conn != nil && !a.down {
					here = append(here, a.conn)
				}
			}
		})
		if err == nil {
			out = append(out, here...)
		}
	}
	return out
}

// Neighbours is the ARP and ND entries of a port, by its name, as the worker
// knows them that announces our addresses there.
func (d *Dataplane) Neighbours(port string) []inet.NeighbourInfo {
	var out []inet.NeighbourInfo
	for _, w := range d.workers {
		for i := range w.ports {
			if w.ports[i].announces && w.ports[i].info.Name == port {
				if w.call(func(w *worker) { out = w.ports[i].neighbours.Snapshot(nil) }) != nil {
					return nil
				}
			}
		}
	}
	return out
}

var _ net.Addr = (*Addr)(nil)
