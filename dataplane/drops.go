package dataplane

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Drop is a reason for which the dataplane itself throws something away. The
// reasons of the layers around it are inet.Drop and the fields of
// sctpcore.Drops; Dataplane.Drops gives all of them in one list.
type Drop uint8

// The dataplane's own reasons.
const (
	DropChecksum        Drop = iota // the port or we found an SCTP packet's CRC32c wrong
	DropHandOverFull                // a packet of another worker's association, whose ring is full
	DropTxRingFull                  // the port's tx queue stayed full through the retries
	DropTxHandOverFull              // the port's tx queue is another worker's, whose ring is full
	DropNoRoute                     // no route to the destination, or its link is down
	DropNoSource                    // none of our addresses suits the destination's port
	DropNoHeadroom                  // a tx buffer cannot take the headers
	DropNoBuffer                    // no buffer for a frame of ARP, ND or ICMP, or a fragment of ours
	DropBacklogFull                 // an association aborted because too many wait for Accept
	DropNoListener                  // an association that came up when its listener was gone
	DropSendRefused                 // a queued message that the core refused: the association was closing
	DropEgressTableFull             // no egress handle left for a path
	DropLingering                   // a closed association aborted because its peer took nothing any more
	numDrops
)

var dropTexts = [numDrops]struct{ name, help string }{
	DropChecksum:        {"sctp_checksum", "SCTP packets whose CRC32c is wrong"},
	DropHandOverFull:    {"hand_over_full", "packets of another worker's association, whose ring was full"},
	DropTxRingFull:      {"tx_ring_full", "packets that a port's full tx queue did not take in time"},
	DropTxHandOverFull:  {"tx_hand_over_full", "packets for a tx queue of another worker, whose ring was full"},
	DropNoRoute:         {"no_route", "packets to a destination without a usable route"},
	DropNoSource:        {"no_source", "packets for which no address of ours suits the route"},
	DropNoHeadroom:      {"no_headroom", "packets whose buffer had no room for the headers"},
	DropNoBuffer:        {"no_buffer", "ARP, ND and ICMP frames, and fragments of ours, for which the pool had no buffer"},
	DropBacklogFull:     {"backlog_full", "associations aborted because too many waited for Accept"},
	DropNoListener:      {"no_listener", "associations that came up when their listener was gone"},
	DropSendRefused:     {"send_refused", "queued messages that the association no longer took"},
	DropEgressTableFull: {"egress_table_full", "paths that got no egress handle"},
	DropLingering:       {"lingering", "closed associations aborted because the peer took nothing any more"},
}

// String is the reason's name as metrics show it.
func (d Drop) String() string {
	if d < numDrops {
		return dropTexts[d].name
	}
	return "invalid"
}

// DropCount is how often something was dropped for one reason.
type DropCount struct {
	Name  string // "dataplane_", "inet_" or "sctp_" and the reason
	Help  string
	Count uint64
}

// Drops is every reason for which anything is dropped and its count over all
// workers since the start, in an order that does not change. A stopped
// dataplane gives the last counts.
func (d *Dataplane) Drops() []DropCount {
	var sum counts
	for _, w := range d.workers {
		c := w.snapshot()
		sum.add(&c)
	}
	return sum.list()
}

func (t *counts) list() []DropCount {
	out := slices.Clone(dropReasons())
	for i, n := range t.drops {
		out[firstOwn-1:][i].Count = n
	}
	for i, n := range t.inet[inet.DropNone+1:] {
		out[firstInet-1:][i].Count = n
	}
	core := reflect.ValueOf(&t.core.Drops).Elem()
	for i := range core.NumField() {
		out[firstCore-1:][i].Count = core.Field(i).Uint()
	}
	return out
}

// dropReasons is Drops without counts.
var dropReasons = sync.OnceValue(func() []DropCount {
	var out []DropCount
	for _, text := range dropTexts {
		out = append(out, DropCount{Name: "dataplane_" + text.name, Help: text.help})
	}
	for i := inet.DropNone + 1; i < inet.NumDrops; i++ {
		name := i.String()
		out = append(out, DropCount{Name: "inet_" + name, Help: "frames dropped by the IP layer: " + words(name)})
	}
	core := reflect.TypeFor[sctpcore.Drops]()
	for i := range core.NumField() {
		name := snake(core.Field(i).Name)
		out = append(out, DropCount{Name: "sctp_" + name, Help: "packets or chunks dropped by SCTP: " + words(name)})
	}
	return out
})

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// snake turns DuplicateTSN into duplicate_tsn.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// counts are one worker's, or the sum over workers.
type counts struct {
	drops   [numDrops]uint64
	inet    inet.Drops
	core    sctpcore.Counters
	starved uint64
	assocs  int
	plights [NumPlights]int

	failovers Failovers

	// Not added up:
	worker WorkerStats
	queues []queueCount
	paths  []pathCount
}

func (c *counts) add(o *counts) {
	for i := range c.drops {
		c.drops[i] += o.drops[i]
	}
	for i := range c.inet {
		c.inet[i] += o.inet[i]
	}
	c.starved += o.starved
	c.assocs += o.assocs
	for i := range c.plights {
		c.plights[i] += o.plights[i]
	}
	c.failovers.Switched.addAll(&o.failovers.Switched)
	c.failovers.Standstill.addAll(&o.failovers.Standstill)
	addFields(reflect.ValueOf(&c.core).Elem(), reflect.ValueOf(&o.core).Elem())
}

// addFields adds the uint64 fields of b to those of a, nested ones too.
func addFields(a, b reflect.Value) {
	for i := range a.NumField() {
		if f := a.Field(i); f.Kind() == reflect.Struct {
			addFields(f, b.Field(i))
		} else {
			f.SetUint(f.Uint() + b.Field(i).Uint())
		}
	}
}

// Stats are the totals over all workers.
type Stats struct {
	Core          sctpcore.Counters
	EventsDropped uint64 // events that found a channel full
	TxStarved     uint64 // iterations that could not send because every pool was empty
	Associations  int    // that exist, in whatever state
	Failovers     Failovers
	Workers       []WorkerStats // each worker's own
}

// Stats is a snapshot of the totals, taken by the workers; a stopped dataplane
// gives the last ones.
func (d *Dataplane) Stats() Stats {
	var s Stats
	var sum counts
	for _, w := range d.workers {
		c := w.snapshot()
		sum.add(&c)
		s.Workers = append(s.Workers, c.worker)
	}
	s.fill(d, &sum)
	return s
}

func (s *Stats) fill(d *Dataplane, sum *counts) {
	s.EventsDropped = d.feed.dropped.Load()
	s.Core, s.TxStarved, s.Associations, s.Failovers = sum.core, sum.starved, sum.assocs, sum.failovers
}

// snapshot is counts for any goroutine.
func (w *worker) snapshot() (c counts) {
	if w.call(func(w *worker) { c = w.counts() }) != nil {
		c = w.last // written before the worker said that it has stopped
		c.assocs, c.worker.Associations, c.paths, c.plights = 0, 0, nil, [NumPlights]int{}
	}
	return c
}

func (w *worker) counts() counts {
	c := counts{drops: w.drops, inet: w.inetDrops, core: *w.core.Counters(), starved: w.starved,
		assocs: len(w.assocs), failovers: w.failovers, worker: w.polling.WorkerStats,
		queues: w.queueCounts(), paths: w.pathCounts()}
	c.worker.CPU, c.worker.Associations = w.cpu, len(w.assocs)
	for i := AllActive; i < NumPlights; i++ {
		c.plights[i] = w.plights[i].count
	}
	c.core.ChecksumErrors = w.drops[DropChecksum] // the core sees verified packets only
	return c
}
