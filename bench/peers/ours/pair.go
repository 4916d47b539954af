package ours

import (
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

const (
	burst      = 32
	serverPort = 5000
	firstPort  = 10_000
)

// end is one side: its endpoint, and the buffers of its transmit burst.
type end struct {
	*sctpcore.Endpoint
	out   [burst]sctpcore.Outbound
	event func(sctpcore.Event) // what the application does
}

// pair is a client (0) and a server (1).
type pair struct {
	ends    [2]end
	crc     bool
	in      [burst]sctpcore.Inbound
	events  [burst]sctpcore.Event
	buf     []byte // what Receive writes to
	now     sctpcore.Time
	start   time.Time
	virtual bool // time is set by the caller
	corrupt uint64
}

func newPair(s load.Spec, timers sctpcore.Timers) (*pair, error) {
	p := &pair{crc: s.Checksum, buf: make([]byte, 128<<10), start: time.Now()}
	for i := range p.ends {
		c := sctpcore.Config{Timers: timers, Limits: sctpcore.DefaultLimits(), MTU: load.MTU}
		c.Limits.ReceiveBuffer, c.Limits.SendBuffer = s.Buffer(), s.Buffer()
		c.Limits.MaxMessage = min(c.Limits.MaxMessage, s.Buffer())
		c.Limits.StoreMemory = max(c.Limits.StoreMemory, 2*s.Assocs*s.Buffer())
		c.Limits.AnswersPerSecond = 1 << 30 // a set-up benchmark is a flood of INITs
		c.Seed[0] = byte(i)
		e, err := sctpcore.New(c)
		if err != nil {
			return nil, err
		}
		p.ends[i].Endpoint = e
		for j := range p.ends[i].out {
			p.ends[i].out[j].Buf = make([]byte, load.MTU)
		}
	}
	return p, p.ends[1].Listen(serverPort, &sctpcore.ListenParams{Locals: []wire.Addr{addr(1, 0)}})
}

// addr is the address of one side's port on one network.
func addr(side, network byte) wire.Addr { return wire.AddrFrom4([4]byte{10, network, 0, 1 + side}) }

func (p *pair) associate(port uint16) (sctpcore.AssocID, error) {
	return p.ends[0].Associate(p.now, &sctpcore.AssociateParams{LocalPort: port, PeerPort: serverPort,
		Locals: []wire.Addr{addr(0, 0)}, Peers: []wire.Addr{addr(1, 0)}})
}

// step is one turn of both ends' poll loops.
func (p *pair) step() {
	for side := range p.ends {
		if !p.virtual {
			p.now = sctpcore.Second + sctpcore.Time(time.Since(p.start))
		}
		p.turn(side)
	}
}

// turn polls one side: timers, events, and one burst to the other side. It tells
// whether the side had packets to send.
func (p *pair) turn(side int) bool {
	e := &p.ends[side]
	if e.NextDeadline() <= p.now {
		e.HandleTimeout(p.now)
	}
	for n := burst; n == burst; {
		n = e.PollEvents(p.events[:])
		for _, v := range p.events[:n] {
			e.event(v)
		}
	}
	n := e.PollTransmit(p.now, e.out[:])
	kept := 0
	for i := range n {
		o := &e.out[i]
		packet := o.Buf[:o.N]
		if p.crc {
			wire.SetChecksum(packet)
		}
		// What the receiving worker does begins here.
		if p.crc && !wire.VerifyChecksum(packet) {
			p.corrupt++
			continue
		}
		src := o.Src
		if src.IsZero() {
			src = addr(byte(side), o.Dst.As4()[1])
		}
		in := &p.in[kept]
		in.Src, in.Dst, in.Data = src, o.Dst, packet
		kept++
	}
	if kept > 0 {
		p.ends[1-side].HandlePackets(p.now, p.in[:kept])
	}
	return n > 0
}

func (p *pair) packets() uint64 {
	return p.ends[0].Counters().OutSCTPPacks + p.ends[1].Counters().OutSCTPPacks
}

func (p *pair) resent() uint64 {
	return p.ends[0].Counters().RetransmittedChunks + p.ends[1].Counters().RetransmittedChunks
}
