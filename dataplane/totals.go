package dataplane

import (
	"net/netip"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Traffic is packets and bytes of Ethernet frames without FCS.
type Traffic struct{ RxPackets, TxPackets, RxBytes, TxBytes uint64 }

// QueueStats is one pair of a port's queues, as the workers count: what they took from
// it and what it took from them.
type QueueStats struct {
	Number int
	Worker int // that polls it
	Traffic
}

// PortState is a port at one moment.
type PortState struct {
	nic.Info
	MTU    int // bytes of IP packet
	Link   nic.Link
	Stats  nic.Stats
	Addrs  []netip.Prefix // ours
	Queues []QueueStats
	Paths  [sctpcore.NumPathStates]int // that map to it, by state
}

// Totals are all that is counted.
type Totals struct {
	Stats
	At     sctpcore.Time // of the dataplane's clock
	Drops  []DropCount
	Ports  []PortState                 // in the order of Config.Ports, then the loopback
	NoPort [sctpcore.NumPathStates]int // paths that map to no port, by state
	// Plights is how many associations that have not ended are in each plight.
	Plights [NumPlights]int
}

// FailoverBounds are those of Durations.Counts.
var FailoverBounds = [...]sctpcore.Time{
	100 * sctpcore.Microsecond, 200 * sctpcore.Microsecond, 500 * sctpcore.Microsecond,
	sctpcore.Millisecond, 2 * sctpcore.Millisecond, 5 * sctpcore.Millisecond,
	10 * sctpcore.Millisecond, 20 * sctpcore.Millisecond, 50 * sctpcore.Millisecond,
	100 * sctpcore.Millisecond, 200 * sctpcore.Millisecond, 500 * sctpcore.Millisecond,
	sctpcore.Second, 2 * sctpcore.Second, 5 * sctpcore.Second, 10 * sctpcore.Second,
	20 * sctpcore.Second, 60 * sctpcore.Second,
}

// Durations counts how long something took.
type Durations struct {
	Sum sctpcore.Time
	// Counts[i] is how many were shorter than FailoverBounds[i] and not counted before;
	// the last are all that were longer.
	Counts [len(FailoverBounds) + 1]uint64
}

func (d *Durations) add(t sctpcore.Time) {
	i := 0
	for i < len(FailoverBounds) && t >= FailoverBounds[i] {
		i++
	}
	d.Sum += t
	d.Counts[i]++
}

func (d *Durations) addAll(o *Durations) {
	d.Sum += o.Sum
	for i := range d.Counts {
		d.Counts[i] += o.Counts[i]
	}
}

// Failovers are how long those took that a failure made necessary while data was under
// way (sctpcore.Event.Stalled): Switched from when it was known to the first packet on
// another path, Standstill from the last acknowledgement to the next (EventResumed).
type Failovers struct{ Switched, Standstill Durations }

// Totals is a snapshot of all counters, taken by each worker between two bursts. A stopped
// dataplane gives the last ones. The ports must not be closed.
func (d *Dataplane) Totals() Totals {
	t := Totals{At: sctpcore.Time(d.cfg.Clock())}
	n := d.network.Load()
	for i, p := range d.ports {
		t.Ports = append(t.Ports, PortState{Info: p.nic.Info(), MTU: p.mtu, Link: p.nic.Link(), Stats: p.nic.Stats(),
			Addrs: n.ports[i].Addrs, Queues: queuesOf(&p.info)})
	}
	var sum counts
	for _, w := range d.workers {
		c := w.snapshot()
		sum.add(&c)
		t.Workers = append(t.Workers, c.worker)
		t.addQueues(w, &c)
	}
	t.fill(d, &sum)
	t.Drops, t.Plights = sum.list(), sum.plights
	return t
}

// queuesOf is a port's queues, with nothing counted.
func queuesOf(i *nic.Info) []QueueStats {
	qs := make([]QueueStats, max(i.RxQueues, i.TxQueues))
	for q := range qs {
		qs[q].Number = q
	}
	return qs
}

func (t *Totals) addQueues(w *worker, c *counts) {
	for _, q := range c.queues {
		s := &t.Ports[q.port].Queues[q.queue]
		if q.rx {
			s.Worker = int(w.number)
		}
		s.RxPackets += q.RxPackets
		s.RxBytes += q.RxBytes
		s.TxPackets += q.TxPackets
		s.TxBytes += q.TxBytes
	}
	for i, p := range c.paths {
		to := &t.NoPort
		if i < len(t.Ports) {
			to = &t.Ports[i].Paths
		}
		for state, n := range p {
			to[state] += int(n)
		}
	}
}

// queueCount is what a worker has counted of one queue.
type queueCount struct {
	port, queue int
	rx          bool
	Traffic
}

func (w *worker) queueCounts() []queueCount {
	var out []queueCount
	for i := range w.rxq {
		q := &w.rxq[i]
		out = append(out, queueCount{q.port.index, q.queue, true, q.count})
	}
	for i := range w.ports {
		if p := &w.ports[i]; p.txVia == nil {
			out = append(out, queueCount{p.index, p.txQueue, false, p.count})
		}
	}
	return out
}

// pathCounts are the worker's, by port; the last is of none.
func (w *worker) pathCounts() []pathCount {
	out := make([]pathCount, 0, len(w.ports)+1)
	for i := range w.ports {
		out = append(out, w.ports[i].paths)
	}
	return append(out, w.noPort)
}
