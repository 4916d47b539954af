package observe

import (
	"net"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// stateOf is what the workers have counted, for people.
func (o *Observer) stateOf(t *dataplane.Totals, now time.Time) State {
	s := State{Time: now, Started: o.started, Node: o.opt.Node, Version: o.opt.Version,
		Associations: t.Associations, OffPrimary: int(t.Core.OffPrimary), Counters: counters(t),
		Failovers: Failovers{Switched: durations(&t.Failovers.Switched), Standstill: durations(&t.Failovers.Standstill)}}
	for i := range t.Ports {
		p := portOf(&t.Ports[i])
		s.Ports = append(s.Ports, p)
		s.PathCounts = appendCounts(s.PathCounts, p.Name, &t.Ports[i].Paths)
	}
	s.PathCounts = appendCounts(s.PathCounts, "", &t.NoPort)
	for p := dataplane.NumPlights - 1; p >= dataplane.AllActive; p-- {
		s.Plights = append(s.Plights, Plight{p.String(), t.Plights[p]})
	}
	for _, d := range t.Drops {
		s.Drops = append(s.Drops, Drop(d))
	}
	for i := range t.Workers {
		s.Workers = append(s.Workers, workerOf(i, &t.Workers[i]))
	}
	return s
}

func appendCounts(to []PathCount, port string, n *[sctpcore.NumPathStates]int) []PathCount {
	for state, n := range n {
		if n > 0 {
			to = append(to, PathCount{Port: port, State: sctpcore.PathState(state).String(), Count: n})
		}
	}
	return to
}

func portOf(p *dataplane.PortState) Port {
	out := Port{Name: p.Name, Driver: p.Driver, MAC: net.HardwareAddr(p.MAC[:]).String(), MTU: p.MTU,
		Up: p.Link.Up, SpeedMbps: int(p.Link.SpeedMbps), Flaps: uint64(p.Link.Changes), Addrs: p.Addrs,
		Traffic:  Traffic{p.Stats.RxPackets, p.Stats.TxPackets, p.Stats.RxBytes, p.Stats.TxBytes},
		RxMissed: p.Stats.RxMissed, RxErrors: p.Stats.RxErrors, RxNoBuffer: p.Stats.RxNoBuffer, TxErrors: p.Stats.TxErrors}
	for _, n := range p.Paths {
		out.Paths += n
	}
	for _, q := range p.Queues {
		out.Queues = append(out.Queues, Queue{q.Number, q.Worker, Traffic(q.Traffic)})
	}
	return out
}

func workerOf(number int, w *dataplane.WorkerStats) Worker {
	out := Worker{Number: number, CPU: w.CPU, Assocs: w.Associations, WorstGap: ms(w.Gaps.Worst), GapSum: seconds(w.Gaps.Sum),
		Sleeps: w.Sleeps, Slept: seconds(w.Slept)}
	for i, n := range w.Gaps.Counts {
		g := Gaps{Below: float64(uint64(1)<<i) / 1e6, Count: n}
		if i == len(w.Gaps.Counts)-1 {
			g.Below = 0
		}
		out.GapCounts = append(out.GapCounts, g)
	}
	return out
}

func durations(d *dataplane.Durations) Durations {
	out := Durations{Sum: seconds(d.Sum)}
	for i, n := range d.Counts {
		g := Gaps{Count: n}
		if i < len(dataplane.FailoverBounds) {
			g.Below = seconds(dataplane.FailoverBounds[i])
		}
		out.Counts = append(out.Counts, g)
	}
	return out
}

// pointOf is the rates between two samples.
func pointOf(a, b *dataplane.Totals, now time.Time) Point {
	span := seconds(b.At - a.At)
	if span <= 0 {
		span = 1
	}
	rate := func(from, to uint64) float64 { return float64(to-min(from, to)) / span }
	p := Point{Time: now, Associations: b.Associations,
		RxMessages: rate(a.Core.InMessages, b.Core.InMessages), TxMessages: rate(a.Core.OutMessages, b.Core.OutMessages),
		Retransmits: rate(a.Core.RetransmittedChunks, b.Core.RetransmittedChunks),
		Failovers:   rate(a.Core.Failovers, b.Core.Failovers),
		Drops:       rate(dropped(a), dropped(b))}
	for i := range b.Ports {
		x, y := &a.Ports[i].Stats, &b.Ports[i].Stats
		r := Rate{Name: b.Ports[i].Name, Up: b.Ports[i].Link.Up,
			RxPackets: rate(x.RxPackets, y.RxPackets), TxPackets: rate(x.TxPackets, y.TxPackets),
			RxBits: 8 * rate(x.RxBytes, y.RxBytes), TxBits: 8 * rate(x.TxBytes, y.TxBytes)}
		p.RxPackets, p.TxPackets = p.RxPackets+r.RxPackets, p.TxPackets+r.TxPackets
		p.RxBits, p.TxBits = p.RxBits+r.RxBits, p.TxBits+r.TxBits
		p.Ports = append(p.Ports, r)
	}
	return p
}

func dropped(t *dataplane.Totals) (n uint64) {
	for _, d := range t.Drops {
		n += d.Count
	}
	return n
}

// history is the last points, in a ring.
type history struct {
	ring []Point
	next int // place of the next one, when the ring is full
}

// maxPoints is ten minutes of them.
const maxPoints = 600

func (h *history) add(p Point) {
	if len(h.ring) < maxPoints {
		h.ring = append(h.ring, p)
		return
	}
	h.ring[h.next] = p
	h.next = (h.next + 1) % maxPoints
}

// points is a copy, the oldest first.
func (h *history) points() []Point {
	out := make([]Point, 0, len(h.ring))
	return append(append(out, h.ring[h.next:]...), h.ring[:h.next]...)
}
