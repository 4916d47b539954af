package sctpcore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// oracle knows what was sent each way and checks what arrives: every message exactly
// once, ordered ones in order within their stream.
type oracle struct {
	p         *pair
	number    int
	ordered   [2]map[uint16][][]byte // by sender: still to arrive
	unordered [2]map[uint16][][]byte
	part      [2][]byte // by receiver: of a message that is delivered in parts
	arrived   [2]int
}

func newOracle(p *pair) *oracle {
	o := &oracle{p: p}
	for side := range 2 {
		o.ordered[side], o.unordered[side] = map[uint16][][]byte{}, map[uint16][][]byte{}
	}
	return o
}

// send has a side send n bytes; false if it may not now.
func (o *oracle) send(side int, stream uint16, n int, flags SendFlags) bool {
	data := message(o.number, n)
	err := o.p.e[side].Send(o.p.now, o.p.id[side], &Message{Data: data, Stream: stream, Flags: flags})
	if err != nil {
		return false
	}
	o.number++
	queue := o.ordered[side]
	if flags&Unordered != 0 {
		queue = o.unordered[side]
	}
	queue[stream] = append(queue[stream], data)
	return true
}

// read takes everything that waits at a side, in pieces of up to n bytes.
func (o *oracle) read(side, n int) error {
	buf := make([]byte, n)
	for {
		k, info, ok := o.p.e[side].Receive(o.p.now, o.p.id[side], buf)
		if !ok {
			return nil
		}
		o.part[side] = append(o.part[side], buf[:k]...)
		if info.More {
			continue
		}
		got := o.part[side]
		o.part[side] = nil
		o.arrived[side]++
		if err := o.expect(1-side, info, got); err != nil {
			return err
		}
	}
}

func (o *oracle) expect(sender int, info Received, got []byte) error {
	queue := o.ordered[sender][info.Stream]
	if info.Unordered {
		queue = o.unordered[sender][info.Stream]
		for i, m := range queue {
			if bytes.Equal(m, got) {
				o.unordered[sender][info.Stream] = append(queue[:i:i], queue[i+1:]...)
				return nil
			}
		}
		return fmt.Errorf("stream %d: an unordered message of %d bytes that is not to come", info.Stream, len(got))
	}
	if len(queue) == 0 {
		return fmt.Errorf("stream %d: a message of %d bytes too many", info.Stream, len(got))
	}
	if !bytes.Equal(queue[0], got) {
		return fmt.Errorf("stream %d: a message of %d bytes where one of %d was next", info.Stream, len(got), len(queue[0]))
	}
	o.ordered[sender][info.Stream] = queue[1:]
	return nil
}

// missing tells of messages that a side sent and that have not arrived.
func (o *oracle) missing(sender int) error {
	for _, queues := range []map[uint16][][]byte{o.ordered[sender], o.unordered[sender]} {
		for stream, q := range queues {
			if len(q) > 0 {
				return fmt.Errorf("%d messages of stream %d never arrived, the first of %d bytes", len(q), stream, len(q[0]))
			}
		}
	}
	return nil
}

// settle heals everything and lets time pass until all has arrived.
func (o *oracle) settle(limit Time) error {
	p := o.p
	p.drop, p.late, p.twice = nil, nil, nil
	for end := p.now + limit; p.now < end; {
		p.run(p.now + Second)
		for side := range 2 {
			if err := o.read(side, 1<<16); err != nil {
				return err
			}
		}
		if o.missing(0) == nil && o.missing(1) == nil {
			break
		}
	}
	return errors.Join(o.missing(0), o.missing(1))
}

// link takes a network away from a side, or gives it back.
func (p *pair) link(side, net int, down bool) {
	p.down[[2]int{side, net}] = down
	a := p.e[side].assoc(p.id[side])
	if a == nil || a.state == Closed {
		return
	}
	for i := range a.paths {
		if int(a.paths[i].dst.As4()[2]) == net {
			require.NoError(p.t, p.e[side].SetRoute(p.now, a.id, i,
				Route{Src: addrOf(byte(1+side), net), Egress: uint32(net + 1), Down: down}))
		}
	}
}

// storm is a run of two endpoints over two bad networks, drawn from a seed.
func storm(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	chance := func(percent int) bool { return rng.IntN(100) < percent }
	telecomTimers := chance(50)
	buffers := []int{16 << 10, 64 << 10, 1 << 20}[rng.IntN(3)]
	p := newPair(t, 2, func(side int, c *Config) {
		c.Seed[2] = byte(seed)
		if telecomTimers {
			c.Timers = TelecomTimers()
		}
		c.Timers.AssocMaxRetrans = 1000
		c.Limits.ReceiveBuffer = buffers
		c.Limits.SendBuffer, c.Limits.MaxMessage = 512<<10, 256<<10
	})
	p.connect()
	loss, dup, slow := rng.IntN(12), rng.IntN(8), Time(1+rng.IntN(20))*Millisecond
	var cut [2]bool
	p.drop = func(_ int, f *flying) bool { return cut[f.dst.As4()[2]] || chance(loss) }
	p.late = func() Time { return Time(rng.Int64N(int64(slow))) }
	p.twice = func() bool { return chance(dup) }
	o := newOracle(p)
	sizes := []int{1, 3, 60, 1451, 1452, 1453, 5000, 60_000, 200 << 10}
	for range 40 {
		for side := range 2 {
			for range rng.IntN(5) {
				n := 1 + rng.IntN(sizes[rng.IntN(len(sizes))])
				o.send(side, uint16(rng.IntN(8)), n, SendFlags(rng.IntN(4)))
			}
			if chance(70) {
				require.NoError(t, o.read(side, 1+rng.IntN(1<<16)), "seed %d", seed)
			}
		}
		if chance(10) {
			n := rng.IntN(2)
			cut[n] = !cut[n] && !cut[1-n]
		}
		if chance(5) {
			p.link(rng.IntN(2), rng.IntN(2), chance(40))
		}
		p.run(p.now + Time(rng.IntN(300))*Millisecond)
	}
	for side := range 2 {
		for n := range 2 {
			p.link(side, n, false)
		}
	}
	cut = [2]bool{}
	require.NoError(t, o.settle(2000*Second), "seed %d", seed)
	for side := range 2 {
		require.NoError(t, p.e[side].Shutdown(p.now, p.id[side]))
	}
	p.run(p.now + 300*Second)
	p.requireDown(0, ReasonShutdown)
	p.requireDown(1, ReasonShutdown)
	require.NoError(t, invariants(p.e[0]))
	require.NoError(t, invariants(p.e[1]))
	require.Zero(t, p.e[0].store.inUse()+p.e[1].store.inUse(), "all that was received was read, so no block is in use")
}

// inUse is how many blocks are not free.
func (s *store) inUse() int {
	n := 0
	for i := range s.slabs {
		n += int(s.slabs[i].used)
	}
	return n
}

func TestStorms(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { storm(t, seed) })
	}
}
