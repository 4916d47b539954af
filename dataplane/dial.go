package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// AssocOptions shape associations that Dial or a Listener makes; nil is the
// zero value. Small messages do not wait for company (as with SCTP_NODELAY), unless
// Params says so.
type AssocOptions struct {
	InStreams, OutStreams int              // 0 is the limit of Config.Limits
	SendBuffer            int              // bytes, rounded up to a power of two; 0 is Limits.SendBuffer
	ReceiveBuffer         int              // bytes; 0 is Limits.ReceiveBuffer
	Timers                *sctpcore.Timers // nil is Config.Timers
	// Params are what can be changed later by Conn.SetParams; not nil, they are in place
	// of Timers.
	Params *sctpcore.Params
	// Extensions are authentication (RFC 4895) and dynamic addresses (RFC 5061); nil is none.
	Extensions *sctpcore.Extensions
	// AutoAsconf has the association follow changes of the dataplane's addresses (see
	// AddAddr), as far as its binding is to all of them; Extensions must have Asconf.
	AutoAsconf bool
	// Events are the kinds that the reader gets in Message.Event, in order with the
	// messages; none by default.
	Events EventSet
}

func (o *AssocOptions) orDefault() AssocOptions {
	if o == nil {
		return AssocOptions{}
	}
	return *o
}

// Dial makes an association from local (nil or no IPs: every address of the
// dataplane; port 0: an ephemeral one) to remote, whose addresses are tried in
// turn. It returns when the association is up, fails, or ctx is done. The errors
// are ctx's, an *AssocError, syscall.EADDRINUSE for a local port that is taken
// or an association that exists, and those of sctpcore.
func (d *Dataplane) Dial(ctx context.Context, local, remote *Addr, opt *AssocOptions) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := d.Begin(local, remote, opt)
	if err != nil {
		return nil, err
	}
	select {
	case <-c.settled:
		if c.ended.Load() {
			return nil, fmt.Errorf("dataplane: dial %s: %w", remote, c.endOf(ErrShutdown))
		}
		return c, nil
	case <-ctx.Done():
		_ = c.Abort("dial cancelled")
		return nil, fmt.Errorf("dataplane: dial %s: %w", remote, ctx.Err())
	}
}

// Begin is Dial that does not wait: Conn.Up is closed when the association is up
// or has failed, and Conn.Err then tells which.
func (d *Dataplane) Begin(local, remote *Addr, opt *AssocOptions) (*Conn, error) {
	if err := d.mayBePeer(remote); err != nil {
		return nil, err
	}
	d.moving.RLock()
	defer d.moving.RUnlock()
	b, err := d.newBinding(local)
	if err != nil {
		return nil, err
	}
	b.forOne, b.reuse = true, b.port != 0 // an ephemeral port is nobody else's
	if b, err = d.book.bindAndBegin(b); err != nil {
		return nil, fmt.Errorf("dataplane: dial %s: %w", remote, err)
	}
	return b.begin(d.book.addrs(b), remote, opt)
}

// Begin begins an association from the binding's port and addresses to remote, whose
// IPs are tried in turn, and does not wait for the peer: see Conn.Up. From one binding
// any number of peers can be reached. They may be bindings of this dataplane, even
// this one, if it has a loopback.
//
// The errors are sctpcore.ErrExists, which is also syscall.EADDRINUSE, if there is an
// association with that peer; sctpcore.ErrUnreachable, also EHOSTUNREACH, if no address of the
// binding has the family and scope of one of the peer's; EINVAL for a remote address
// that can be nobody's; net.ErrClosed; and those of opt, sctpcore.ErrInvalid and ErrKey.
func (b *Binding) Begin(remote *Addr, opt *AssocOptions) (*Conn, error) {
	if err := b.d.mayBePeer(remote); err != nil {
		return nil, err
	}
	b.d.moving.RLock()
	defer b.d.moving.RUnlock()
	ips, err := b.d.book.begin(b)
	if err != nil {
		return nil, fmt.Errorf("dataplane: dial %s: %w", remote, err)
	}
	return b.begin(ips, remote, opt)
}

// begin goes on when the portBook knows of the association.
func (b *Binding) begin(ips []netip.Addr, remote *Addr, opt *AssocOptions) (*Conn, error) {
	o := opt.orDefault()
	c, err := b.associate(ips, &Addr{IPs: unmapped(remote.IPs), Port: remote.Port}, &o)
	if err == nil {
		return c, nil
	}
	b.d.book.hangUp(b)
	switch {
	case errors.Is(err, sctpcore.ErrExists):
		err = fmt.Errorf("%w: %w", syscall.EADDRINUSE, err)
	case errors.Is(err, sctpcore.ErrUnreachable):
		err = fmt.Errorf("%w: %w", syscall.EHOSTUNREACH, err)
	}
	return nil, fmt.Errorf("dataplane: dial %s from SCTP port %d: %w", remote, b.port, err)
}

// mayBePeer checks a remote address.
func (d *Dataplane) mayBePeer(remote *Addr) error {
	if remote == nil || remote.Port == 0 || len(remote.IPs) == 0 {
		return fmt.Errorf("dataplane: dial: the remote address needs at least one IP and a port above 0: %w", syscall.EINVAL)
	}
	for _, ip := range remote.IPs {
		switch ip = ip.Unmap(); {
		case !ip.IsValid() || ip.IsMulticast() || ip.IsUnspecified():
			return fmt.Errorf("dataplane: dial: %v cannot be a peer's address: %w", ip, syscall.EINVAL)
		case d.loopback == nil && (ip.IsLoopback() || d.Owns(ip)):
			return fmt.Errorf("dataplane: dial: %v is this dataplane itself, and Config.Loopback is off: %w", ip, syscall.EINVAL)
		}
	}
	return nil
}

// associate has a worker begin an association, the one that has others with the same
// peer and ports: what carries no tag of ours is found by these.
func (b *Binding) associate(ips []netip.Addr, remote *Addr, o *AssocOptions) (*Conn, error) {
	d := b.d
	k := directoryKey{peer: wire.AddrFrom(remote.IPs[0]), localPort: b.port, peerPort: remote.Port}
	turn := d.steer.dir.turn(k)
	turn.Lock() // from here until the directory knows, or two might choose differently
	defer turn.Unlock()
	w := d.workers[int(d.nextDial.Add(1)-1)%len(d.workers)]
	for _, ip := range remote.IPs {
		k.peer = wire.AddrFrom(ip)
		if owner, ok := d.steer.dir.lookup(k); ok {
			w = d.workers[owner]
			break
		}
	}
	c := newConn(d, w, o)
	c.local, c.peer = Addr{IPs: ips, Port: b.port}, *remote
	var err error
	if e := w.call(func(w *worker) { err = w.associate(b, c, o) }); e != nil {
		err = e
	}
	return c, err
}

// associate begins the association at the worker that will own it.
func (w *worker) associate(b *Binding, c *Conn, o *AssocOptions) error {
	if w.draining {
		return net.ErrClosed
	}
	id, err := w.core.Associate(w.now, &sctpcore.AssociateParams{
		LocalPort: c.local.Port, PeerPort: c.peer.Port,
		Locals: wireAddrs(c.local.IPs), Peers: wireAddrs(c.peer.IPs),
		InStreams: o.InStreams, OutStreams: o.OutStreams, ReceiveBuffer: o.ReceiveBuffer, Timers: o.Timers, Params: o.Params, Extensions: o.Extensions,
	})
	if err != nil {
		return err
	}
	a := w.assocFor(id)
	a.begunFrom = b
	a.bind(c, b, o)
	w.pollEvents() // its paths: the directory must know them
	return nil
}
