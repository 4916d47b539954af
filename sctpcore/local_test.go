package sctpcore

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// looped is one endpoint whose packets come back to it, as a host's do that it sends
// to itself.
type looped struct {
	t      *testing.T
	e      *Endpoint
	now    Time
	out    [8]Outbound
	events []Event
	listed map[wire.ChunkType][]wire.Addr // the addresses in the last INIT and INIT ACK
}

func newLooped(t *testing.T) *looped {
	c := Config{Timers: RFC9260Timers(), Limits: DefaultLimits()}
	c.Seed[0] = 9
	e, err := New(c)
	require.NoError(t, err)
	l := &looped{t: t, e: e, listed: map[wire.ChunkType][]wire.Addr{}}
	for i := range l.out {
		l.out[i].Buf = make([]byte, 2000)
	}
	return l
}

func (l *looped) run() {
	var ev [16]Event
	for busy := true; busy; {
		n := l.e.PollEvents(ev[:])
		for _, v := range ev[:n] {
			l.events = append(l.events, v)
			if v.Kind == EventPathAdded {
				a := l.e.assoc(v.Assoc)
				src := a.paths[v.Path].src
				if src.IsZero() {
					src = a.locals[0]
				}
				require.NoError(l.t, l.e.SetRoute(l.now, v.Assoc, int(v.Path), Route{Src: src}))
			}
		}
		sent := l.e.PollTransmit(l.now, l.out[:])
		for i := range l.out[:sent] {
			o := &l.out[i]
			p, err := wire.ParsePacket(o.Buf[:o.N])
			require.NoError(l.t, err)
			if c, _, _ := wire.NextChunk(p.Chunks()); c.Type() <= wire.ChunkInitAck && c.Type() != wire.ChunkData {
				l.listed[c.Type()] = listedIn(l.t, c)
			}
			l.e.HandlePackets(l.now, []Inbound{{Src: o.Src, Dst: o.Dst, Data: slices.Clone(o.Buf[:o.N])}})
		}
		busy = n > 0 || sent > 0
		require.NoError(l.t, invariants(l.e))
	}
}

func listedIn(t *testing.T, c wire.Chunk) (addrs []wire.Addr) {
	i, err := wire.ParseInit(c)
	require.NoError(t, err)
	for b := i.Params(); len(b) > 0; {
		p, rest, err := wire.NextParam(b)
		require.NoError(t, err)
		if addr, ok := wire.ParamAddr(p); ok {
			addrs = append(addrs, addr)
		}
		b = rest
	}
	return addrs
}

func (l *looped) listen(port uint16, at ...wire.Addr) {
	l.t.Helper()
	require.NoError(l.t, l.e.Listen(port, &ListenParams{Locals: at}))
}

func (l *looped) associate(from, to uint16, peer wire.Addr, locals ...wire.Addr) AssocID {
	l.t.Helper()
	id, err := l.e.Associate(l.now, &AssociateParams{LocalPort: from, PeerPort: to, Locals: locals, Peers: []wire.Addr{peer}})
	require.NoError(l.t, err)
	l.run()
	require.Equal(l.t, Established, l.e.assoc(id).state)
	return id
}

// exchange sends a message and reads it at the other end.
func (l *looped) exchange(from, to AssocID, text string) {
	l.t.Helper()
	require.NoError(l.t, l.e.Send(l.now, from, &Message{Data: []byte(text)}))
	l.run()
	var b [100]byte
	n, _, ok := l.e.Receive(l.now, to, b[:])
	require.True(l.t, ok)
	require.Equal(l.t, text, string(b[:n]))
}

func ip(s string) wire.Addr { return wire.AddrFrom(netip.MustParseAddr(s)) }

// Two ports of one endpoint, and two associations that differ in our address alone.
func TestEndpointWithItself(t *testing.T) {
	l := newLooped(t)
	a, b, c := addrOf(1, 0), addrOf(2, 0), addrOf(3, 0)
	l.listen(7, b)
	l.listen(7, c)
	require.Equal(t, ErrPortInUse, l.e.Listen(7, &ListenParams{Locals: []wire.Addr{a, b}}))
	toB := l.associate(9, 7, b, a)
	toC := l.associate(9, 7, c, a)
	atB, atC := l.e.Lookup(7, 9, a, b), l.e.Lookup(7, 9, a, c)
	require.NotZero(t, atB)
	require.NotZero(t, atC)
	require.NotEqual(t, atB, atC)
	l.exchange(toB, atB, "to b")
	l.exchange(atC, toC, "from c")
	up := l.events[slices.IndexFunc(l.events, func(v Event) bool { return v.Kind == EventUp && v.Passive && v.Assoc == atC })]
	require.Equal(t, c, up.Addr)
	// What carries no tag of ours finds the one that is meant, also when the first is gone.
	require.NoError(t, l.e.Abort(l.now, toB, nil))
	l.run()
	l.e.Forget(atB)
	require.Zero(t, l.e.Lookup(7, 9, a, b))
	require.Equal(t, atC, l.e.Lookup(7, 9, a, c))
	l.exchange(toC, atC, "to c")
	require.Empty(t, l.e.twins)
	l.e.Unlisten(7, b)
	l.listen(7, b)
	l.associate(9, 7, b, a)
}

// A port that talks to itself, as a TCP port can: one association, which hears what it says.
func TestPortWithItself(t *testing.T) {
	l := newLooped(t)
	id := l.associate(9, 9, addrOf(1, 0), addrOf(1, 0), addrOf(1, 1))
	l.exchange(id, id, "echo")
	require.NoError(t, l.e.Shutdown(l.now, id))
	l.run()
	last := l.events[len(l.events)-1]
	require.Equal(t, []any{EventDown, ReasonShutdown}, []any{last.Kind, last.Reason})
}

// Addresses that mean another host to the peer are neither told nor believed.
func TestScopeOfAddresses(t *testing.T) {
	all := []wire.Addr{ip("10.0.0.1"), ip("127.0.0.1"), ip("169.254.1.1"), ip("::1"), ip("fe80::1"), ip("2001:db8::1")}
	global, link := []wire.Addr{all[0], all[5]}, []wire.Addr{all[0], all[2], all[4], all[5]}
	for peer, want := range map[string][]wire.Addr{"10.0.0.9": global, "fe80::9": link, "127.0.0.9": all} {
		l := newLooped(t)
		l.listen(7, append([]wire.Addr{ip(peer)}, all...)...)
		id := l.associate(9, 7, ip(peer), all...)
		require.ElementsMatch(t, want, l.listed[wire.ChunkInit], peer)
		info, _ := l.e.Assoc(id)
		require.ElementsMatch(t, want, info.LocalAddrs, peer)
	}
	l := newLooped(t)
	l.listen(7, all...)
	l.associate(9, 7, all[1], all[0])
	require.ElementsMatch(t, all[:2], l.listed[wire.ChunkInitAck], "10.0.0.1 asks 127.0.0.1, which it is told of too")
	_, err := l.e.Associate(l.now, &AssociateParams{LocalPort: 9, PeerPort: 8, Locals: all[1:2], Peers: global})
	require.Equal(t, ErrUnreachable, err, "from loopback alone nobody else is reached")
}
