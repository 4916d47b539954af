package dataplane

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Binding is an SCTP port reserved at some of our addresses: what a socket has after
// bind. It neither listens nor begins associations of itself, and those that it
// began or accepted outlive it. Any goroutine may call any method.
type Binding struct {
	d     *Dataplane
	port  uint16
	reuse bool
	wild  families // it is to have all addresses of these
	// forOne: it was made for a listener or for associations, and ends with them.
	forOne bool

	mu sync.Mutex // serialises what changes addresses and the listener at the workers

	// The portBook's:
	ips      []netip.Addr // replaced, never changed
	listener *Listener
	begun    int // associations
	closed   bool
}

// BindOptions say how a port is reserved; nil is the zero value.
type BindOptions struct {
	// Reuse lets bindings that all have it share a port at the same addresses, of
	// which one alone can listen at each.
	Reuse bool
}

// Bind reserves local.Port (0: an ephemeral one that nobody uses at any address) at
// local.IPs. nil or no IPs is all addresses; in the list 0.0.0.0 stands for all IPv4
// addresses and :: for all IPv6 ones, also those that come later (AddAddr).
//
// The errors are syscall.EADDRINUSE if another binding has the port at one of the
// addresses or no ephemeral port is free, EADDRNOTAVAIL for an address that Owns
// denies or if all stand for none, EINVAL for one that is given twice.
func (d *Dataplane) Bind(local *Addr, opt *BindOptions) (*Binding, error) {
	d.moving.RLock()
	defer d.moving.RUnlock()
	b, err := d.newBinding(local)
	if err != nil {
		return nil, err
	}
	b.reuse = opt != nil && opt.Reuse
	if err := d.book.bind(b); err != nil {
		return nil, fmt.Errorf("dataplane: bind to SCTP port %d: %w", b.port, err)
	}
	return b, nil
}

func (d *Dataplane) newBinding(local *Addr) (*Binding, error) {
	if local == nil {
		local = &Addr{}
	}
	ips, err := d.localAddrs(local.IPs)
	if err != nil {
		return nil, fmt.Errorf("dataplane: bind: %w", err)
	}
	return &Binding{d: d, port: local.Port, ips: ips, wild: wildcards(local.IPs)}, nil
}

// localAddrs checks local addresses and resolves those that stand for several; a wildcard
// beside others may stand for none.
func (d *Dataplane) localAddrs(given []netip.Addr) ([]netip.Addr, error) {
	locals := d.network.Load().locals
	if len(given) == 0 {
		return locals, nil
	}
	var out []netip.Addr
	for _, ip := range given {
		ip = ip.Unmap()
		found := []netip.Addr{ip}
		if ip.IsUnspecified() {
			found = slices.DeleteFunc(slices.Clone(locals), func(l netip.Addr) bool { return l.Is4() != ip.Is4() })
		}
		switch {
		case !ip.IsUnspecified() && !d.Owns(ip):
			return nil, d.notOurs(ip)
		case meet(out, found):
			return nil, fmt.Errorf("local address %v is given twice: %w", ip, syscall.EINVAL)
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, d.notOurs(given[0])
	}
	return out, nil
}

func (d *Dataplane) notOurs(ip netip.Addr) error {
	return fmt.Errorf("%v is not an address of this dataplane: use one of %v: %w", ip, d.Addrs(), syscall.EADDRNOTAVAIL)
}

// Addr is the port and its present addresses.
func (b *Binding) Addr() *Addr {
	return &Addr{IPs: slices.Clone(b.d.book.addrs(b)), Port: b.port}
}

// Add takes more addresses, all or none. A listener accepts there from now on;
// associations that exist are told by Conn.AddLocal. The errors are those of Bind;
// EINVAL, and sctpcore.ErrAddress, for an address that is there already.
func (b *Binding) Add(ips ...netip.Addr) error {
	ips, err := b.d.localAddrs(ips)
	if err != nil {
		return fmt.Errorf("dataplane: bind: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.d.book.add(b, ips); err != nil {
		return fmt.Errorf("dataplane: bind SCTP port %d to %v: %w", b.port, ips, err)
	}
	if b.listener == nil {
		return nil
	}
	return b.listener.onWorkers(func(w *worker, at wire.Addr) error { return w.listenAlso(b.listener, at, ips) })
}

// Remove gives addresses up, all or none. A listener accepts there no more;
// associations that exist keep them until Conn.RemoveLocal. EINVAL for the last
// address, which is also sctpcore.ErrLastAddress, and for one that is not there.
func (b *Binding) Remove(ips ...netip.Addr) error {
	ips = unmapped(ips)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.d.book.remove(b, ips); err != nil {
		return fmt.Errorf("dataplane: unbind SCTP port %d from %v: %w", b.port, ips, err)
	}
	if b.listener == nil {
		return nil
	}
	return b.listener.onWorkers(func(w *worker, _ wire.Addr) error { return w.listenLess(b.port, ips) })
}

func unmapped(ips []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, len(ips))
	for i, ip := range ips {
		out[i] = ip.Unmap()
	}
	return out
}

// Lookup is the association of this port and addresses with a peer, by any of the
// peer's addresses; nil if there is none that was begun or came up.
func (b *Binding) Lookup(peer netip.Addr, port uint16) *Conn {
	var found *Conn
	at := wireAddrs(b.d.book.addrs(b))
	k := directoryKey{peer: wire.AddrFrom(peer), localPort: b.port, peerPort: port}
	w := b.d.workers[0]
	if b.d.steer.workers > 1 {
		owner, ok := b.d.steer.dir.lookup(k)
		if !ok {
			return nil
		}
		w = b.d.workers[owner]
	}
	_ = w.call(func(w *worker) { // nothing is found at a worker that has stopped
		for _, l := range at {
			if a := w.assocs[w.core.Lookup(k.localPort, k.peerPort, k.peer, l)]; a != nil {
				found = a.conn
				return
			}
		}
	})
	return found
}

// Close gives the port up and closes the listener. Associations live on.
// net.ErrClosed the second time.
func (b *Binding) Close() error {
	l, ok := b.d.book.retire(b)
	if !ok {
		return net.ErrClosed
	}
	if l != nil {
		_ = l.Close() // somebody else may have been faster
	}
	b.d.book.release(b)
	return nil
}
