package ours

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Scale is what dual-homed associations cost where there are so many.
type Scale struct {
	Setups float64 // associations set up per second of CPU time, both ends
	// Fresh and Beating are bytes of heap that an association takes at one end: just
	// set up, and after two heartbeats of each path.
	Fresh, Beating float64
	// Packet is the CPU time of a packet in ns, both ends, a value for each size of message.
	Packet []float64
}

const (
	// roundTrip is the virtual time of a burst and its answers.
	roundTrip = 10 * sctpcore.Microsecond
	// expected is how many associations before its turn one is asked for (see
	// sctpcore.Endpoint.Expect).
	expected = 4
)

// Many sets up n associations and sends one message on each in turn, in an order
// without pattern and in bursts of up to 32: a packet for each message and a SACK for
// each packet, so that packets are the same whatever n is. When an association's turn
// comes it was not in use for a round.
func Many(n int, sizes []int, cpu time.Duration) (Scale, error) {
	var s Scale
	before := heap()
	t := sctpcore.RFC9260Timers()
	t.SACKDelay = 0
	p, err := newPair(load.Spec{Assocs: n, Checksum: true}, t)
	if err != nil {
		return s, err
	}
	p.virtual, p.now = true, sctpcore.Second
	begun := load.CPUTime()
	ids, err := p.connectDual(n)
	if err != nil {
		return s, err
	}
	s.Setups = float64(n) / (load.CPUTime() - begun).Seconds()
	s.Fresh = float64(heap()-before) / float64(2*n)
	p.run(2 * t.HBInterval)
	s.Beating = float64(heap()-before) / float64(2*n)
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, size := range sizes {
		ns, err := p.takeTurns(ids, size, cpu)
		if err != nil {
			return s, err
		}
		s.Packet = append(s.Packet, ns)
	}
	runtime.KeepAlive(p)
	return s, nil
}

// takeTurns measures the CPU time per packet after two rounds for warming up.
func (p *pair) takeTurns(ids []sctpcore.AssocID, size int, cpu time.Duration) (float64, error) {
	m := sctpcore.Message{Data: make([]byte, size), Stream: 1}
	var sent, got uint64
	p.ends[0].event = func(sctpcore.Event) {}
	p.ends[1].event = func(v sctpcore.Event) {
		if v.Kind == sctpcore.EventReadable {
			got += p.receive(1, v.Assoc)
		}
	}
	n, next := len(ids), 0
	turns := func(bursts int) error {
		for range bursts {
			for range min(n, burst) {
				p.ends[0].Expect(ids[(next+expected)%n])
				if err := p.ends[0].Send(p.now, ids[next], &m); err != nil {
					return err
				}
				sent++
				next = (next + 1) % n
			}
			p.settle()
			p.now += roundTrip
		}
		return nil
	}
	if err := turns(2 * (n + burst - 1) / burst); err != nil {
		return 0, err
	}
	packets, begun, spent := p.packets(), load.CPUTime(), time.Duration(0)
	for spent < cpu {
		if err := turns(256); err != nil {
			return 0, err
		}
		spent = load.CPUTime() - begun
	}
	packets = p.packets() - packets
	if got != sent || p.corrupt > 0 || p.resent() > 0 {
		return 0, fmt.Errorf("ours: of %d messages %d arrived, %d chunks were sent again", sent, got, p.resent())
	}
	return float64(spent.Nanoseconds()) / float64(packets), nil
}
