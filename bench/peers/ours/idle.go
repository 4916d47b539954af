package ours

import (
	"fmt"
	"runtime"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

const (
	tick       = sctpcore.Millisecond // between polls of the idle pair
	idlePeriod = 30                   // seconds of virtual time that are measured
	// portsInUse bounds how many associations share one server port: a client
	// port is of 16 bits.
	portsInUse = 50_000
)

// idle holds s.Assocs dual-homed associations without data on a virtual clock,
// and measures their memory and the CPU time of their heartbeats. An operation is
// an association that lived one second; CPU counts both ends, memory one.
func idle(s load.Spec) (load.Sample, error) {
	before := heap()
	t := sctpcore.RFC9260Timers()
	p, err := newPair(s, t)
	if err != nil {
		return load.Sample{}, err
	}
	p.virtual, p.now = true, sctpcore.Second
	if _, err := p.connectDual(s.Assocs); err != nil {
		return load.Sample{}, err
	}
	// The first heartbeats confirm the second path and come all at once.
	p.run(2 * t.HBInterval)
	per := float64(heap()-before) / float64(2*s.Assocs)
	packets := p.packets()
	begun := load.CPUTime()
	p.run(idlePeriod * sctpcore.Second)
	cpu := load.CPUTime() - begun
	if up := p.ends[0].Counters().CurrEstab; up != uint64(s.Assocs) {
		return load.Sample{}, fmt.Errorf("ours: %d of %d idle associations live", up, s.Assocs)
	}
	sample := load.Sample{Ops: uint64(s.Assocs) * idlePeriod, CPU: cpu, Packets: p.packets() - packets, BytesPerAssoc: per}
	runtime.KeepAlive(p)
	return sample, nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// run lets virtual time pass.
func (p *pair) run(d sctpcore.Time) {
	for end := p.now + d; p.now < end; p.now += tick {
		p.settle()
	}
}

// settle polls until neither side has anything to send.
func (p *pair) settle() {
	for moved := true; moved; {
		moved = false
		for side := range p.ends {
			if p.turn(side) {
				moved = true
			}
		}
	}
}

// connectDual sets up associations of two paths each, and returns the client's ids.
func (p *pair) connectDual(n int) ([]sctpcore.AssocID, error) {
	up, ids := 0, make([]sctpcore.AssocID, 0, n)
	dual := [2][]wire.Addr{{addr(0, 0), addr(0, 1)}, {addr(1, 0), addr(1, 1)}}
	p.ends[0].event = func(v sctpcore.Event) {
		if v.Kind == sctpcore.EventUp {
			up++
		}
		p.route(0, v)
	}
	p.ends[1].event = func(v sctpcore.Event) { p.route(1, v) }
	p.ends[1].Unlisten(serverPort, addr(1, 0))
	for i := range n {
		server := uint16(serverPort + i/portsInUse)
		if i%portsInUse == 0 {
			if err := p.ends[1].Listen(server, &sctpcore.ListenParams{Locals: dual[1]}); err != nil {
				return nil, err
			}
		}
		id, err := p.ends[0].Associate(p.now, &sctpcore.AssociateParams{LocalPort: uint16(firstPort + i%portsInUse),
			PeerPort: server, Locals: dual[0], Peers: dual[1]})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
		if i%64 == 63 {
			p.settle()
			p.now += tick
		}
	}
	p.settle()
	if up != n {
		return nil, fmt.Errorf("ours: %d of %d dual-homed associations came up", up, n)
	}
	return ids, nil
}

// route gives a new path its source address.
func (p *pair) route(side byte, v sctpcore.Event) {
	if v.Kind != sctpcore.EventPathAdded {
		return
	}
	e := &p.ends[side]
	paths := e.Paths(v.Assoc, nil)
	if int(v.Path) < len(paths) {
		r := sctpcore.Route{Src: addr(side, paths[v.Path].Dst.As4()[1]), MTU: load.MTU}
		if err := e.SetRoute(p.now, v.Assoc, int(v.Path), r); err != nil {
			panic(err) // the path was listed a moment ago
		}
	}
}
