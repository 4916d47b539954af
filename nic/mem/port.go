package mem

import (
	"errors"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
)

// Driver is the Driver of these ports' Info.
const Driver = "mem"

// Port is one end of a cable; a nic.Port.
type Port struct {
	end   int
	side  Side
	cable *cable
	peer  *Port
	pool  *pool
	sends lane
	rx    []rxQueue
	tx    []txQueue
}

var _ nic.Port = (*Port)(nil)

// NewPair makes a cable and the ports at its ends, link up. It panics if opts
// cannot be met. Close both ends when done.
func NewPair(opts Options) (a, b *Port) {
	opts = opts.withDefaults()
	c := &cable{opts: opts, admin: [2]bool{true, true}}
	c.state.Store(1)
	a, b = newPort(c, 0, opts.A), newPort(c, 1, opts.B)
	a.peer, b.peer = b, a
	c.ports = [2]*Port{a, b}
	return a, b
}

func newPort(c *cable, end int, side Side) *Port {
	p := &Port{end: end, side: side, cable: c}
	p.pool = makePool(p, c.opts.Buffers, c.opts.roomBytes())
	p.tx = make([]txQueue, c.opts.Queues)
	p.rx = make([]rxQueue, c.opts.Queues)
	for i := range p.rx {
		p.rx[i].ring = ring.NewMPSC[frame](c.opts.Depth)
	}
	return p
}

// Info describes the port. Any thread.
func (p *Port) Info() nic.Info {
	caps := p.side.Caps
	caps.LinkInterrupt = true // Link is a load, and a change rings the bells
	return nic.Info{
		Name:     p.side.Name,
		Driver:   Driver,
		MAC:      p.side.MAC,
		MTU:      p.cable.opts.MTU,
		RxQueues: len(p.rx),
		TxQueues: len(p.tx),
		Socket:   -1,
		Caps:     caps,
	}
}

// Link is the cable's state, the same at both ends. SpeedMbps follows
// BitsPerSecond. Any thread.
func (p *Port) Link() nic.Link {
	s := p.cable.state.Load()
	l := nic.Link{Up: s&1 == 1, Changes: uint32(s >> 1)}
	if l.Up {
		l.SpeedMbps = uint32(min(p.cable.opts.BitsPerSecond/1e6, 1<<32-1))
	}
	return l
}

// SetLink sets this end administratively up or down. Both ends see the link
// down while either is down. Frames under way when it goes down are lost. Any
// thread; an error only after Close.
func (p *Port) SetLink(up bool) error {
	c := p.cable
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed[p.end] {
		return errors.New("mem: SetLink on a closed port")
	}
	c.admin[p.end] = up
	c.settle()
	return nil
}

// Alloc fills pkts from this port's pool; see nic.Port. Any thread.
func (p *Port) Alloc(pkts []*nic.Packet) int { return p.pool.alloc(pkts) }

// Free takes packets of any port home; it panics on a packet that is free
// already. Any thread.
func (p *Port) Free(pkts []*nic.Packet) {
	for _, pkt := range pkts {
		if pkt.Owner() != nic.Pool(p) {
			nic.Free(pkts)
			return
		}
	}
	p.pool.put(pkts)
}

// NextArrival is when, by the Clock, the next frame arrives at this port: at
// that time RxBurst of some queue will return it; false if none is under way.
// It is for the thread that polls, with one thread for all queues.
func (p *Port) NextArrival() (at int64, ok bool) {
	epoch := uint32(p.cable.state.Load() >> 1)
	for i := range p.rx {
		q := &p.rx[i]
		if q.head(epoch) && (!ok || q.next[q.from].arrival < at) {
			at, ok = q.next[q.from].arrival, true
		}
	}
	return at, ok
}

// WakeFDs gives the queue's bell; see nic.Port. ErrNotSupported on a cable with
// a Clock, where a frame is sent long before it arrives.
func (p *Port) WakeFDs(queue int, fds []int) ([]int, error) {
	if p.cable.opts.Clock != nil || uint(queue) >= uint(len(p.rx)) {
		return fds, nic.ErrNotSupported
	}
	fd, err := p.rx[queue].bell.FD()
	if err != nil {
		return fds, err
	}
	return append(fds, fd), nil
}

// ArmWake arms the queue's bell; see nic.Port.
func (p *Port) ArmWake(queue int, on bool) error {
	if p.cable.opts.Clock != nil || uint(queue) >= uint(len(p.rx)) {
		return nic.ErrNotSupported
	}
	p.rx[queue].bell.Arm(on)
	return nil
}

// Close takes the link down, frees what was under way to this port and
// releases it; again does nothing. See nic.Port.
func (p *Port) Close() error {
	c := p.cable
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed[p.end] = true
	c.settle()
	for end, port := range c.ports {
		if c.closed[end] {
			port.drain()
		}
	}
	return nil
}

// drain frees what is under way to a closed port, that no thread polls any
// more: nothing that is there is of the current epoch.
func (p *Port) drain() {
	none := uint32(p.cable.state.Load() >> 1)
	for i := range p.rx {
		p.rx[i].head(none)
		p.rx[i].bell.Close()
	}
}
