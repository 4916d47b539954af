package dataplane

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Ephemeral SCTP ports (RFC 6335, section 6: the dynamic range).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// portBook knows which SCTP ports are taken, and at which addresses. It guards the
// fields of bindings that say so.
type portBook struct {
	mu       sync.Mutex
	bindings map[uint16][]*Binding
	begun    map[uint16]int // associations that were begun from a port: it is not free before they end
	rng      *rand.Rand
}

func newPortBook(seed [32]byte) *portBook {
	return &portBook{bindings: make(map[uint16][]*Binding), begun: make(map[uint16]int), rng: rand.New(rand.NewChaCha8(seed))}
}

// bind enters a binding, whose port may be 0 for an ephemeral one; EADDRINUSE if
// another one is in its way.
func (b *portBook) bind(x *Binding) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.enter(x)
}

func (b *portBook) enter(x *Binding) error {
	if x.port == 0 {
		if x.port = b.free(); x.port == 0 {
			return syscall.EADDRINUSE
		}
	}
	if !b.mayHave(x, x.ips) {
		return syscall.EADDRINUSE
	}
	b.bindings[x.port] = append(b.bindings[x.port], x)
	return nil
}

// mayHave tells whether no other binding keeps x from having these addresses.
func (b *portBook) mayHave(x *Binding, ips []netip.Addr) bool {
	for _, y := range b.bindings[x.port] {
		shared := x.reuse && y.reuse && (x.listener == nil || y.listener == nil)
		if y != x && !shared && meet(y.ips, ips) {
			return false
		}
	}
	return true
}

func meet(a, b []netip.Addr) bool {
	return slices.ContainsFunc(a, func(ip netip.Addr) bool { return slices.Contains(b, ip) })
}

// add gives a binding more addresses.
func (b *portBook) add(x *Binding, ips []netip.Addr) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case x.closed:
		return net.ErrClosed
	case meet(x.ips, ips):
		return errHasAddress
	case !b.mayHave(x, ips):
		return syscall.EADDRINUSE
	}
	x.ips = slices.Concat(x.ips, ips)
	return nil
}

// remove takes addresses away from a binding, but for the last one.
func (b *portBook) remove(x *Binding, ips []netip.Addr) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(x.ips), func(ip netip.Addr) bool { return slices.Contains(ips, ip) })
	switch {
	case x.closed:
		return net.ErrClosed
	case len(left) != len(x.ips)-len(ips):
		return errNoAddress
	case len(left) == 0:
		return errLastAddress
	}
	x.ips = left
	return nil
}

// listen makes l the listener of a binding.
func (b *portBook) listen(x *Binding, l *Listener) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case x.closed:
		return net.ErrClosed
	case x.listener != nil:
		return syscall.EADDRINUSE
	}
	if x.listener = l; !b.mayHave(x, x.ips) {
		x.listener = nil
		return syscall.EADDRINUSE
	}
	return nil
}

func (b *portBook) unlisten(x *Binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x.listener = nil
}

// begin notes an association that is begun from a binding, and gives its addresses.
func (b *portBook) begin(x *Binding) ([]netip.Addr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x.closed {
		return nil, net.ErrClosed
	}
	b.began(x)
	return x.ips, nil
}

func (b *portBook) began(x *Binding) {
	x.begun++
	b.begun[x.port]++
}

// bindAndBegin is both at once for a binding of one association: of those from the same
// port and addresses all have one.
func (b *portBook) bindAndBegin(x *Binding) (*Binding, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, y := range b.bindings[x.port] {
		if y.forOne && y.listener == nil && y.reuse && x.reuse && x.wild == y.wild && slices.Equal(x.ips, y.ips) {
			b.began(y)
			return y, nil
		}
	}
	if err := b.enter(x); err != nil {
		return nil, err
	}
	b.began(x)
	return x, nil
}

// hangUp notes the end of such an association.
func (b *portBook) hangUp(x *Binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.begun[x.port]--; b.begun[x.port] == 0 {
		delete(b.begun, x.port)
	}
	if x.begun--; x.begun == 0 && x.forOne {
		b.strike(x)
	}
}

// retire lets nothing more be done with a binding; false if it is retired already.
// Its listener is for the caller to close.
func (b *portBook) retire(x *Binding) (l *Listener, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok = x.listener, !x.closed
	x.closed = true
	return l, ok
}

// release takes a binding out: its port and addresses are free for others.
func (b *portBook) release(x *Binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strike(x)
}

func (b *portBook) strike(x *Binding) {
	x.closed = true
	if b.bindings[x.port] = slices.DeleteFunc(b.bindings[x.port], func(y *Binding) bool { return x == y }); len(b.bindings[x.port]) == 0 {
		delete(b.bindings, x.port)
	}
}

// addrs is a binding's addresses now.
func (b *portBook) addrs(x *Binding) []netip.Addr {
	b.mu.Lock()
	defer b.mu.Unlock()
	return x.ips
}

// all is every binding.
func (b *portBook) all() (out []*Binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, xs := range b.bindings {
		out = append(out, xs...)
	}
	return out
}

// free is an ephemeral port that nobody uses, the first from a random one on;
// 0 if all are taken.
func (b *portBook) free() uint16 {
	const n = lastEphemeral - firstEphemeral + 1
	at := b.rng.IntN(n)
	for i := range n {
		port := uint16(firstEphemeral + (at+i)%n)
		if b.bindings[port] == nil && b.begun[port] == 0 {
			return port
		}
	}
	return 0
}

// What add and remove refuse, with the error number of a kernel's bindx.
var (
	errHasAddress  = refusal{"the address is there already", sctpcore.ErrAddress}
	errNoAddress   = refusal{"the address is not there", sctpcore.ErrAddress}
	errLastAddress = refusal{"the last address cannot go: add another one before", sctpcore.ErrLastAddress}
)

// refusal is an error that a kernel's socket calls EINVAL and the core another name.
type refusal struct {
	text string
	core error
}

func (r refusal) Error() string   { return r.text }
func (r refusal) Unwrap() []error { return []error{syscall.EINVAL, r.core} }
