package metrics

import (
	"net/http"
	"net/netip"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// scrapes is how many may be under way; more are refused with 503.
const scrapes = 4

// Of is what Handler needs: the State of o, with at most that many associations, asked for
// anew for each scrape. They are the first ones, not the worst: who has series is to keep them. When a worker does not answer they are missing, and all else is
// there.
func Of(o *observe.Observer, associations func() int) func() observe.State {
	return func() observe.State {
		n := associations()
		s, err := o.State(observe.Want{Ports: true, Drops: true, Counters: true, Workers: true, Assocs: n > 0, Limit: n})
		if err != nil {
			s.Assocs = nil
		}
		return s
	}
}

// Handler serves the metrics of what state gives, and those of the process itself
// (go_…, process_…). state is called once for each scrape, by any goroutine. Of a State
// the associations in Assocs get series of their own; how many of them there are is the
// caller's bound.
func Handler(state func() observe.State) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector{state}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes})
}

// collector is a prometheus.Collector of one State at a time.
type collector struct{ state func() observe.State }

// Describe gives every metric there may be.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families() {
		ch <- f.desc
	}
}

// Collect gives the samples of the present State.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	s := c.state()
	buildInfo.collect(ch, 1, s.Version, s.Node)
	started.collect(ch, float64(s.Started.UnixMilli())/1e3)
	assocs.collect(ch, float64(s.Associations))
	notShown.collect(ch, float64(max(0, s.Associations-len(s.Assocs))))
	for _, p := range s.Plights {
		plights.collect(ch, float64(p.Count), p.Plight)
	}
	offPrimary.collect(ch, float64(s.OffPrimary))
	collectPathCounts(ch, &s)
	switching.collectTimes(ch, s.Failovers.Switched.Counts, s.Failovers.Switched.Sum)
	standstill.collectTimes(ch, s.Failovers.Standstill.Counts, s.Failovers.Standstill.Sum)
	collectCounters(ch, s.Counters)
	for i := range s.Drops {
		drops.collect(ch, float64(s.Drops[i].Count), s.Drops[i].Name)
	}
	for i := range s.Ports {
		collectPort(ch, &s.Ports[i])
	}
	for i := range s.Workers {
		w := &s.Workers[i]
		number := strconv.Itoa(w.Number)
		workerGroup.collect(ch, w, number)
		pollGap.collectTimes(ch, w.GapCounts, w.GapSum, number)
	}
	for i := range s.Assocs {
		collectAssoc(ch, &s.Assocs[i])
	}
}

// collectPathCounts gives every port all states, so that a sum is there before the first
// path is; no port has those that there are.
func collectPathCounts(ch chan<- prometheus.Metric, s *observe.State) {
	type place struct{ port, state string }
	count := map[place]int{}
	for i := range s.Ports {
		for _, state := range pathStates {
			count[place{s.Ports[i].Name, state}] = 0
		}
	}
	for _, c := range s.PathCounts {
		count[place{c.Port, c.State}] += c.Count
	}
	for at, n := range count {
		paths.collect(ch, float64(n), at.port, at.state)
	}
}

func collectPort(ch chan<- prometheus.Metric, p *observe.Port) {
	portInfo.collect(ch, 1, p.Name, p.Driver, p.MAC)
	portGroup.collect(ch, p, p.Name)
	for i := range p.Queues {
		q := &p.Queues[i]
		queueGroup.collect(ch, q, p.Name, strconv.Itoa(q.Number), strconv.Itoa(q.Worker))
	}
}

func collectAssoc(ch chan<- prometheus.Metric, a *observe.Assoc) {
	localPort := strconv.Itoa(int(a.LocalPort))
	peer := ""
	if len(a.Paths) > 0 {
		peer = netip.AddrPortFrom(a.Paths[0].Dst, a.PeerPort).String()
	}
	assocGroup.collect(ch, a, a.ID, localPort, peer)
	for i := range a.Paths {
		p := &a.Paths[i]
		dst := p.Dst.String()
		pathGroup.collect(ch, p, a.ID, localPort, peer, dst, p.Port)
		for _, state := range pathStates {
			pathState.collect(ch, oneIf(p.State == state), a.ID, localPort, peer, dst, p.Port, state)
		}
	}
}

// collectTimes gives a histogram of counts that each stand for themselves.
func (f *family) collectTimes(ch chan<- prometheus.Metric, counts []observe.Gaps, sum float64, labels ...string) {
	buckets := make(map[float64]uint64, len(counts))
	var n uint64
	for _, c := range counts {
		n += c.Count
		if c.Below != 0 {
			buckets[c.Below] = n
		}
	}
	ch <- prometheus.MustNewConstHistogram(f.desc, n, sum, buckets, labels...)
}
