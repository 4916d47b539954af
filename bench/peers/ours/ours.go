package ours

import (
	"fmt"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Run measures what s asks for.
func Run(s load.Spec) (load.Sample, error) {
	if s.Kind == load.Idle {
		return idle(s)
	}
	p, err := newPair(s, sctpcore.RFC9260Timers())
	if err != nil {
		return load.Sample{}, err
	}
	m := load.Meter{Packets: p.packets, Resent: p.resent, Steps: 16}
	switch s.Kind {
	case load.Stream:
		m.Step, err = p.stream(s)
	case load.Transact:
		m.Step, err = p.transact(s)
	case load.Setup:
		m.Step = p.setup()
	default:
		err = fmt.Errorf("ours: unknown kind of work %q", s.Kind)
	}
	if err != nil {
		return load.Sample{}, err
	}
	sample, err := m.Run(s)
	if err == nil && p.corrupt > 0 {
		err = fmt.Errorf("ours: %d packets with a wrong checksum", p.corrupt)
	}
	return sample, err
}

// connect sets n associations up and returns the client's ids.
func (p *pair) connect(n int) ([]sctpcore.AssocID, error) {
	var ids []sctpcore.AssocID
	p.ends[0].event = func(v sctpcore.Event) {
		if v.Kind == sctpcore.EventUp {
			ids = append(ids, v.Assoc)
		}
		p.route(0, v)
	}
	p.ends[1].event = func(v sctpcore.Event) { p.route(1, v) }
	p.now = sctpcore.Second
	for i := range n {
		if _, err := p.associate(uint16(firstPort + i)); err != nil {
			return nil, err
		}
	}
	for begun := time.Now(); len(ids) < n; p.step() {
		if time.Since(begun) > 10*time.Second {
			return nil, fmt.Errorf("ours: %d of %d associations came up", len(ids), n)
		}
	}
	return ids, nil
}

// receive reads all that an association has and returns how many messages ended.
func (p *pair) receive(side int, id sctpcore.AssocID) (messages uint64) {
	for {
		_, info, ok := p.ends[side].Receive(p.now, id, p.buf)
		if !ok {
			return messages
		}
		if !info.More {
			messages++
		}
	}
}

// stream keeps each association's send buffer full.
func (p *pair) stream(s load.Spec) (func() uint64, error) {
	ids, err := p.connect(s.Assocs)
	if err != nil {
		return nil, err
	}
	m := sctpcore.Message{Data: make([]byte, s.Size), Stream: 1}
	fill := func(id sctpcore.AssocID) {
		for p.ends[0].Send(p.now, id, &m) == nil {
		}
	}
	var got uint64
	p.ends[0].event = func(v sctpcore.Event) {
		if v.Kind == sctpcore.EventReleased {
			fill(v.Assoc)
		}
	}
	p.ends[1].event = func(v sctpcore.Event) {
		if v.Kind == sctpcore.EventReadable {
			got += p.receive(1, v.Assoc)
		}
	}
	for _, id := range ids {
		fill(id)
	}
	return func() uint64 { p.step(); return got }, nil
}

// transact keeps one request under way on each association.
func (p *pair) transact(s load.Spec) (func() uint64, error) {
	ids, err := p.connect(s.Assocs)
	if err != nil {
		return nil, err
	}
	m := sctpcore.Message{Data: make([]byte, s.Size), Stream: 1}
	var done uint64
	var failed error
	answer := func(side int, count *uint64) func(sctpcore.Event) {
		return func(v sctpcore.Event) {
			if v.Kind != sctpcore.EventReadable {
				return
			}
			n := p.receive(side, v.Assoc)
			*count += n
			for range n {
				failed = p.ends[side].Send(p.now, v.Assoc, &m)
			}
		}
	}
	var served uint64
	p.ends[0].event, p.ends[1].event = answer(0, &done), answer(1, &served)
	for _, id := range ids {
		if err := p.ends[0].Send(p.now, id, &m); err != nil {
			return nil, err
		}
	}
	return func() uint64 {
		p.step()
		if failed != nil {
			panic(failed) // at most one message is outstanding: the buffer cannot be full
		}
		return done
	}, nil
}

// setup sets associations up and shuts them down at once, a wave at a time.
func (p *pair) setup() func() uint64 {
	var done uint64
	var port uint16
	under := [2]int{}
	react := func(side int) func(sctpcore.Event) {
		return func(v sctpcore.Event) {
			e := &p.ends[side]
			switch v.Kind {
			case sctpcore.EventUp:
				under[side]++
				if side == 0 {
					if err := e.Shutdown(p.now, v.Assoc); err != nil {
						panic(err) // it is up: nothing stands against its end
					}
				}
			case sctpcore.EventDown:
				e.Forget(v.Assoc)
				under[side]--
				if side == 0 && v.Reason == sctpcore.ReasonShutdown {
					done++
				}
			}
		}
	}
	p.ends[0].event, p.ends[1].event = react(0), react(1)
	begun := uint64(0)
	return func() uint64 {
		for begun-done < load.SetupWave {
			port++
			if _, err := p.associate(firstPort + port%50_000); err != nil {
				break // the port's last association is not quite gone
			}
			begun++
		}
		p.step()
		return done
	}
}
