package sctpcore

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// The tests' two networks: A is 10.0.n.1 and Z is 10.0.n.2 on network n.
func addrOf(host byte, net int) wire.Addr { return wire.AddrFrom4([4]byte{10, 0, byte(net), host}) }

// neighbour is the address of a side on the network of addr.
func neighbour(addr wire.Addr, side int) wire.Addr {
	addr[15] = byte(1 + side)
	return addr
}

func addrsOf(host byte, nets int) []wire.Addr {
	var a []wire.Addr
	for n := range nets {
		a = append(a, addrOf(host, n))
	}
	return a
}

// flying is a packet on its way.
type flying struct {
	at       Time
	seq      int
	from     int
	src, dst wire.Addr
	data     []byte
}

// pair is two endpoints joined by networks on a virtual clock that jumps to the
// next thing that happens.
type pair struct {
	t     *testing.T
	now   Time
	e     [2]*Endpoint // A, Z
	id    [2]AssocID
	delay Time
	seq   int
	wire  []flying
	// drop, if set, decides for each packet: from is 0 for A.
	drop func(from int, f *flying) bool
	// late and twice, if set, give a packet's extra delay and whether it is duplicated.
	late  func() Time
	twice func() bool
	// ladder is the chunks that went, as "A→Z INIT".
	ladder []string
	events [2][]Event
	// sent data must not move, so it is kept.
	kept  [][]byte
	nets  int
	pumps int
	out   [8]Outbound
	down  map[[2]int]bool
	// ext is what each side offers; locals on how many networks it begins, 0 for all;
	// more is what other addresses it has.
	ext    [2]*Extensions
	locals [2]int
	more   [2][]wire.Addr
}

const (
	portA = 5001
	portZ = 5002
)

func newPair(t *testing.T, nets int, mod func(side int, c *Config)) *pair {
	p := &pair{t: t, nets: nets, delay: Millisecond, down: map[[2]int]bool{}}
	for side := range 2 {
		c := Config{Timers: RFC9260Timers(), Limits: DefaultLimits()}
		c.Seed[0], c.Seed[1] = byte(side+1), 77
		if mod != nil {
			mod(side, &c)
		}
		e, err := New(c)
		require.NoError(t, err)
		p.e[side] = e
	}
	return p
}

// connect makes an association begun by A.
func (p *pair) connect() {
	require.NoError(p.t, p.e[1].Listen(portZ, &ListenParams{Locals: append(addrsOf(2, p.on(1)), p.more[1]...), Extensions: p.ext[1]}))
	id, err := p.e[0].Associate(p.now, &AssociateParams{LocalPort: portA, PeerPort: portZ,
		Locals: append(addrsOf(1, p.on(0)), p.more[0]...), Peers: addrsOf(2, 1), Extensions: p.ext[0]})
	require.NoError(p.t, err)
	p.id[0] = id
	p.run(p.now + 10*Second)
	require.NotZero(p.t, p.id[1], "no association at Z; ladder:\n%s", strings.Join(p.ladder, "\n"))
	require.Equal(p.t, Established, p.state(0))
	require.Equal(p.t, Established, p.state(1))
}

// on is how many networks a side has an address of when it begins.
func (p *pair) on(side int) int { return orDefault(p.locals[side], p.nets) }

func (p *pair) state(side int) State {
	a := p.e[side].assoc(p.id[side])
	if a == nil {
		return Closed
	}
	return a.state
}

func describe(data []byte) string {
	var names []string
	pk, err := wire.ParsePacket(data)
	if err != nil {
		return "malformed"
	}
	for rest := pk.Chunks(); len(rest) > 0; {
		c, r, err := wire.NextChunk(rest)
		if err != nil {
			return "malformed"
		}
		rest = r
		names = append(names, c.Type().String())
	}
	return strings.Join(names, "+")
}

// pump takes events and packets out of both endpoints until neither has more.
func (p *pair) pump() {
	var ev [16]Event
	out := p.out[:]
	for i := range out {
		if out[i].Buf == nil {
			out[i].Buf = make([]byte, 9000)
		}
	}
	p.pumps++
	for side := range 2 {
		e := p.e[side]
		if p.pumps%16 == 0 {
			require.NoError(p.t, invariants(e), "side %d", side)
		}
		for {
			n := e.PollEvents(ev[:])
			for _, v := range ev[:n] {
				p.handleEvent(side, v)
			}
			if n < len(ev) {
				break
			}
		}
		for {
			n := e.PollTransmit(p.now, out)
			for i := range n {
				p.send(side, &out[i])
			}
			if n < len(out) {
				break
			}
		}
		require.NoError(p.t, stalled(e), "side %d", side)
	}
}

func (p *pair) handleEvent(side int, v Event) {
	p.events[side] = append(p.events[side], v)
	switch v.Kind {
	case EventPathAdded:
		a := p.e[side].assoc(v.Assoc)
		if a == nil || a.state == Closed || int(v.Path) >= len(a.paths) {
			return
		}
		dst := a.paths[v.Path].dst
		net := int(dst.As4()[2])
		src := neighbour(dst, side)
		if !contains(a.locals, src) {
			src = a.locals[0]
		}
		require.NoError(p.t, p.e[side].SetRoute(p.now, v.Assoc, int(v.Path),
			Route{Src: src, Egress: uint32(net + 1), Down: p.down[[2]int{side, net}]}))
	case EventUp:
		p.id[side] = v.Assoc
	}
}

func (p *pair) send(side int, o *Outbound) {
	f := flying{at: p.now + p.delay, seq: p.seq, from: side, src: o.Src, dst: o.Dst, data: append([]byte(nil), o.Buf[:o.N]...)}
	p.seq++
	if f.src.IsZero() {
		f.src = neighbour(o.Dst, side)
	}
	wire.SetChecksum(f.data)
	mark := ""
	if p.drop != nil && p.drop(side, &f) {
		mark = " ✗"
	}
	p.ladder = append(p.ladder, fmt.Sprintf("%c→%c %s%s", "AZ"[side], "ZA"[side], describe(f.data), mark))
	for range 2 {
		if mark != "" {
			return
		}
		if p.late != nil {
			f.at = p.now + p.delay + p.late()
		}
		p.wire = append(p.wire, f)
		if p.twice == nil || !p.twice() {
			return
		}
	}
}

// run goes on until nothing happens before end.
func (p *pair) run(end Time) {
	for steps := 0; ; steps++ {
		if steps > 2_000_000 {
			p.t.Fatal("simulation does not end")
		}
		p.pump()
		next := min(p.e[0].NextDeadline(), p.e[1].NextDeadline())
		for i := range p.wire {
			next = min(next, p.wire[i].at)
		}
		if next > end {
			p.now = max(p.now, end)
			return
		}
		p.now = max(p.now, next)
		p.deliver()
		for side := range 2 {
			p.e[side].HandleTimeout(p.now)
		}
	}
}

func (p *pair) deliver() {
	var due []flying
	rest := p.wire[:0]
	for _, f := range p.wire {
		if f.at <= p.now {
			due = append(due, f)
		} else {
			rest = append(rest, f)
		}
	}
	p.wire = rest
	for _, f := range due {
		require.True(p.t, wire.VerifyChecksum(f.data))
		p.e[1-f.from].HandlePackets(p.now, []Inbound{{Src: f.src, Dst: f.dst, Data: f.data}})
	}
}

// message is n bytes that tell their number everywhere.
func message(number, n int) []byte {
	b := make([]byte, n)
	for i := 0; i+4 <= n; i += 4 {
		binary.BigEndian.PutUint32(b[i:], uint32(number*1_000_003+i))
	}
	return b
}

func (p *pair) sendMsg(side int, stream uint16, data []byte, flags SendFlags) {
	require.NoError(p.t, p.e[side].Send(p.now, p.id[side], &Message{Data: data, Stream: stream, PPID: 42, Flags: flags}))
	p.kept = append(p.kept, data)
}

// receive reads every message that waits at a side.
func (p *pair) receive(side int) [][]byte {
	var all [][]byte
	for {
		size, ok := p.e[side].Pending(p.id[side])
		if !ok {
			return all
		}
		b := make([]byte, size)
		n, info, ok := p.e[side].Receive(p.now, p.id[side], b)
		require.True(p.t, ok)
		require.Equal(p.t, size, n)
		require.False(p.t, info.More)
		all = append(all, b)
	}
}

func (p *pair) kinds(side int) []EventKind {
	var k []EventKind
	for _, v := range p.events[side] {
		k = append(k, v.Kind)
	}
	return k
}
