package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// AssocOptions shape associations that Dial or a Listener makes; nil is the
// zero value. Small messages never wait for company (as with SCTP_NODELAY).
type AssocOptions struct {
	InStreams, OutStreams int              // 0 is the limit of Config.Limits
	SendBuffer            int              // bytes, rounded up to a power of two; 0 is Limits.SendBuffer
	ReceiveBuffer         int              // bytes; 0 is Limits.ReceiveBuffer
	Timers                *sctpcore.Timers // nil is Config.Timers
	// Extensions are authentication (RFC 4895) and dynamic addresses (RFC 5061); nil is none.
	Extensions *sctpcore.Extensions
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
	ips, port, err := d.localAddrs(local)
	if err != nil {
		return nil, fmt.Errorf("dataplane: dial: %w", err)
	}
	if remote == nil || remote.Port == 0 || len(remote.IPs) == 0 {
		return nil, errors.New("dataplane: dial: the remote address needs at least one IP and a port above 0")
	}
	for _, ip := range remote.IPs {
		if !ip.IsValid() || ip.IsMulticast() || ip.IsUnspecified() || d.owns(ip) {
			return nil, fmt.Errorf("dataplane: dial: %v cannot be a peer's address", ip)
		}
	}
	taken, ok := d.book.dial(port)
	if !ok {
		return nil, addressInUse("dial from", port)
	}
	o := opt.orDefault()
	w := d.workers[int(d.nextDial.Add(1)-1)%len(d.workers)]
	c := newConn(d, w, &o)
	c.local, c.peer = Addr{IPs: ips, Port: taken}, Addr{IPs: slices.Clone(remote.IPs), Port: remote.Port}
	if e := w.call(func(w *worker) { err = w.associate(c, &o) }); e != nil {
		err = e
	}
	if err != nil {
		d.book.hangUp(taken)
		if errors.Is(err, sctpcore.ErrExists) {
			return nil, addressInUse("dial "+remote.String()+" from", taken)
		}
		return nil, fmt.Errorf("dataplane: dial %s: %w", remote, err)
	}
	return c, nil
}

// localAddrs checks an application's local address and fills it up.
func (d *Dataplane) localAddrs(a *Addr) ([]netip.Addr, uint16, error) {
	if a == nil || len(a.IPs) == 0 {
		var port uint16
		if a != nil {
			port = a.Port
		}
		return d.locals, port, nil
	}
	for i, ip := range a.IPs {
		if !d.owns(ip) {
			return nil, 0, fmt.Errorf("%v is not an address of this dataplane: use one of %v", ip, d.locals)
		}
		if slices.Contains(a.IPs[:i], ip) {
			return nil, 0, fmt.Errorf("local address %v is given twice", ip)
		}
	}
	return slices.Clone(a.IPs), a.Port, nil
}

func (d *Dataplane) owns(ip netip.Addr) bool { return slices.Contains(d.locals, ip.Unmap()) }

// associate begins the association at the worker that will own it.
func (w *worker) associate(c *Conn, o *AssocOptions) error {
	id, err := w.core.Associate(w.now, &sctpcore.AssociateParams{
		LocalPort: c.local.Port, PeerPort: c.peer.Port,
		Locals: wireAddrs(c.local.IPs), Peers: wireAddrs(c.peer.IPs),
		InStreams: o.InStreams, OutStreams: o.OutStreams, ReceiveBuffer: o.ReceiveBuffer, Timers: o.Timers, Extensions: o.Extensions,
	})
	if err != nil {
		return err
	}
	a := w.assocFor(id)
	a.dialled = true
	a.bind(c, o)
	return nil
}
