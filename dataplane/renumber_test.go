package dataplane

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

var following = &AssocOptions{Extensions: &sctpcore.Extensions{Asconf: true}, AutoAsconf: true}

// renumbered is two dataplanes on a virtual clock whose associations carry messages both
// ways all the time.
type renumbered struct {
	*simulation
	ln     *Listener
	c, srv *Conn
	events [2]<-chan PathEvent
	seen   [2][]PathEvent
	sent   [2]int
	got    [2]int
}

// newRenumbered has both families on every port; the association is of side a's wildcard
// with the first address of side b.
func newRenumbered(t *testing.T, workers int, ip6 bool, local *Addr, opt *AssocOptions) *renumbered {
	r := &renumbered{simulation: newSimulationWith(t, workers, fault.Impairment{Loss: 0.01}, func(side int, c *Config) {
		for i := range c.Ports {
			c.Ports[i].Addrs = []netip.Prefix{addrOf(side, i, ip6), addrOf(side, i, !ip6)}
		}
	})}
	var err error
	r.ln, err = r.b.Listen(&Addr{Port: 7}, reconfiguring)
	require.NoError(t, err)
	r.begin(local, opt, addrOf(1, 0, ip6).Addr())
	return r
}

func (r *renumbered) begin(local *Addr, opt *AssocOptions, to ...netip.Addr) {
	var err error
	r.c, err = r.a.Begin(local, &Addr{IPs: to, Port: 7}, opt)
	require.NoError(r.t, err)
	r.until(10, "accept", func() bool { r.srv = r.ln.TryAccept(); return r.srv != nil })
	r.until(10, "up", func() bool { return isClosed(r.c.Up()) })
	r.events = [2]<-chan PathEvent{r.c.Events(1000), r.srv.Events(1000)}
}

// flows steps until the condition holds, and then until another 50 messages have come each
// way, each of them once and in order.
func (r *renumbered) flows(what string, ok func() bool) {
	r.t.Helper()
	goal := [2]int{-1, -1}
	r.until(120, what, func() bool {
		r.exchange()
		if goal[0] < 0 && ok() {
			goal = [2]int{r.sent[0] + 50, r.sent[1] + 50}
		}
		return goal[0] >= 0 && r.got[0] >= goal[0] && r.got[1] >= goal[1]
	})
}

// exchange sends and receives what goes now.
func (r *renumbered) exchange() {
	in := []Message{{Data: make([]byte, 2000)}}
	want := make([]byte, 700)
	ends := []*Conn{r.c, r.srv}
	for side, from := range ends {
		if r.sent[side]-r.got[side] < 40 {
			b := make([]byte, len(want))
			pattern(b, r.sent[side])
			n, err := from.TrySendBatch([]Message{{Data: b}})
			require.NoError(r.t, err)
			r.sent[side] += n
		}
		for {
			n, err := ends[1-side].TryRecvBatch(in)
			require.NoError(r.t, err)
			if n == 0 {
				break
			}
			pattern(want, r.got[side])
			require.Equal(r.t, want, in[0].Data[:in[0].N], "message %d of side %d", r.got[side], side)
			r.got[side]++
		}
	}
	for side, ch := range r.events {
		for len(ch) > 0 {
			r.seen[side] = append(r.seen[side], <-ch)
		}
	}
}

// told tells whether a side was told of a kind of event about an address.
func (r *renumbered) told(side int, kind sctpcore.EventKind, op sctpcore.AddressOp, ip netip.Addr) bool {
	return slices.ContainsFunc(r.seen[side], func(e PathEvent) bool {
		return e.Kind == kind && e.Op == op && e.Addr.Netip() == ip && e.Cause == 0
	})
}

func (r *renumbered) peers(want ...netip.Addr) func() bool {
	return func() bool {
		have := r.srv.RemoteAddr().(*Addr).IPs
		return len(have) == len(want) && !slices.ContainsFunc(want, func(ip netip.Addr) bool { return !slices.Contains(have, ip) })
	}
}

func within64(base netip.Prefix, host byte) netip.Prefix {
	b := base.Addr().AsSlice()
	b[len(b)-1] = host
	ip, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(ip, base.Bits())
}

func forRenumbered(t *testing.T, f func(t *testing.T, workers int, ip6 bool)) {
	for _, workers := range []int{1, 2} {
		for _, ip6 := range []bool{false, true} {
			t.Run(fmt.Sprintf("workers=%d,ip6=%v", workers, ip6), func(t *testing.T) { f(t, workers, ip6) })
		}
	}
}

// A port gets another address and loses its old one; the peer is told of both, and
// nothing of what flows is lost.
func TestAssociationsFollowAddresses(t *testing.T) {
	forRenumbered(t, func(t *testing.T, workers int, ip6 bool) {
		r := newRenumbered(t, workers, ip6, nil, following)
		old, fresh := addrOf(0, 0, ip6), within64(addrOf(0, 0, ip6), 77)
		others := []netip.Addr{addrOf(0, 0, !ip6).Addr(), addrOf(0, 1, ip6).Addr(), addrOf(0, 1, !ip6).Addr()}
		r.flows("before", r.peers(append(others, old.Addr())...))

		require.NoError(t, r.a.AddAddr("a0", fresh))
		r.flows("added", func() bool {
			return r.told(1, sctpcore.EventAddressAdded, 0, fresh.Addr()) && r.told(0, sctpcore.EventAsconf, sctpcore.AddAddress, fresh.Addr())
		})
		require.True(t, r.peers(append(others, old.Addr(), fresh.Addr())...)())
		require.Contains(t, r.a.Addrs(), fresh.Addr())

		require.NoError(t, r.a.RemoveAddr("a0", old.Addr()))
		r.flows("removed", func() bool {
			return r.told(1, sctpcore.EventAddressRemoved, 0, old.Addr()) && r.told(0, sctpcore.EventAsconf, sctpcore.DeleteAddress, old.Addr())
		})
		require.True(t, r.peers(append(others, fresh.Addr())...)())
		require.NotContains(t, r.c.LocalAddr().(*Addr).IPs, old.Addr())
		require.False(t, r.a.Owns(old.Addr()))
		paths, err := r.c.Paths()
		require.NoError(t, err)
		for _, p := range paths {
			if p.Dst.Netip() == addrOf(1, 0, ip6).Addr() {
				require.Equal(t, fresh.Addr(), p.Src.Netip(), "it comes from the new address")
			}
		}
	})
}

// The only address that reaches the peer goes before another one is there, or after.
func TestLastAddressMoves(t *testing.T) {
	forRenumbered(t, func(t *testing.T, workers int, ip6 bool) {
		for _, addFirst := range []bool{true, false} {
			one := &Addr{IPs: []netip.Addr{netip.IPv4Unspecified()}}
			if ip6 {
				one.IPs[0] = netip.IPv6Unspecified()
			}
			r := newRenumbered(t, workers, ip6, one, following)
			require.NoError(t, r.a.RemoveAddr("a1", addrOf(0, 1, ip6).Addr()))
			old, fresh := addrOf(0, 0, ip6), within64(addrOf(0, 0, ip6), 77)
			r.flows("one address", r.peers(old.Addr()))
			add := func() { require.NoError(t, r.a.AddAddr("a0", fresh)) }
			if addFirst {
				add()
			}
			require.NoError(t, r.a.RemoveAddr("a0", old.Addr()))
			if !addFirst {
				for end := r.now + 300e6; r.now < end; r.step() {
					r.exchange()
				}
				require.True(t, r.peers(old.Addr())(), "nothing can be told")
				add()
			}
			r.flows("moved", r.peers(fresh.Addr()))
			require.True(t, r.told(0, sctpcore.EventAsconf, sctpcore.DeleteAddress, old.Addr()))
			require.Equal(t, []netip.Addr{fresh.Addr()}, r.c.LocalAddr().(*Addr).IPs)
		}
	})
}

// Changes faster than answers: what counts is how it ends.
func TestAddressesThatComeAndGo(t *testing.T) {
	forRenumbered(t, func(t *testing.T, workers int, ip6 bool) {
		r := newRenumbered(t, workers, ip6, nil, following)
		fixed := r.a.Addrs()
		r.flows("before", r.peers(fixed...))
		x := func(host byte) netip.Prefix { return within64(addrOf(0, 1, ip6), host) }
		for range 3 {
			for host := byte(70); host < 75; host++ {
				require.NoError(t, r.a.AddAddr("a1", x(host)))
				r.exchange()
				r.step()
			}
			for host := byte(70); host < 74; host++ {
				require.NoError(t, r.a.RemoveAddr("a1", x(host).Addr()))
			}
			require.NoError(t, r.a.RemoveAddr("a1", x(74).Addr()))
		}
		require.NoError(t, r.a.AddAddr("a1", x(70)))
		r.flows("settled", r.peers(append(fixed, x(70).Addr())...))
		require.ElementsMatch(t, append(fixed, x(70).Addr()), r.c.LocalAddr().(*Addr).IPs)
		require.Empty(t, r.c.assoc.wishes)
	})
}

// Changes while the handshake is under way are told when the association is up.
func TestAddressesChangeDuringHandshake(t *testing.T) {
	r := newRenumbered(t, 1, false, nil, following)
	require.NoError(t, r.c.Abort(""))
	fresh := within64(addrOf(0, 0, false), 77)
	old := addrOf(0, 1, false).Addr()
	before := r.a.Addrs()
	c, err := r.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, following)
	require.NoError(t, err)
	r.step()
	require.NoError(t, r.a.AddAddr("a0", fresh))
	require.NoError(t, r.a.AddAddr("a1", within64(addrOf(0, 1, false), 78)))
	require.NoError(t, r.a.RemoveAddr("a1", old))
	r.c, r.events, r.sent, r.got = c, [2]<-chan PathEvent{}, [2]int{}, [2]int{}
	r.until(10, "accept", func() bool { r.srv = r.ln.TryAccept(); return r.srv != nil })
	r.flows("told", r.peers(append(slices.DeleteFunc(before, func(ip netip.Addr) bool { return ip == old }), fresh.Addr(), netip.MustParseAddr("10.0.2.78"))...))
}

// Who does not follow keeps its addresses: it goes on with those that it has left, and without
// any until the address is back, or what it sends times out.
func TestAssociationsThatDoNotFollow(t *testing.T) {
	r := newRenumbered(t, 1, false, &Addr{IPs: []netip.Addr{netip.IPv4Unspecified()}}, reconfiguring)
	first, second := addrOf(0, 0, false), addrOf(0, 1, false)
	r.flows("before", r.peers(first.Addr(), second.Addr()))
	require.NoError(t, r.a.RemoveAddr("a0", first.Addr()))
	paths, err := r.c.Paths()
	require.NoError(t, err)
	for _, p := range paths {
		require.True(t, p.LinkDown || p.Src.Netip() != first.Addr(), "nothing is sent from it")
	}
	r.flows("by the other", r.peers(first.Addr(), second.Addr()))
	require.NoError(t, r.a.RemoveAddr("a1", second.Addr()))
	for end := r.now + 300e6; r.now < end; r.step() {
		r.exchange()
	}
	require.NoError(t, r.a.AddAddr("a1", second))
	r.flows("it is back", r.peers(first.Addr(), second.Addr()))
	require.NoError(t, r.c.SetAutoAsconf(true))
	require.NoError(t, r.a.AddAddr("a0", within64(first, 77)))
	r.flows("it follows from now on", r.peers(first.Addr(), second.Addr(), netip.MustParseAddr("10.0.1.77")))

	require.NoError(t, r.c.SetAutoAsconf(false))
	require.NoError(t, r.a.RemoveAddr("a1", second.Addr()))
	require.NoError(t, r.a.RemoveAddr("a0", netip.MustParseAddr("10.0.1.77")))
	_, err = r.c.TrySendBatch([]Message{{Data: []byte("into the void")}})
	require.NoError(t, err)
	r.until(600, "end", func() bool { return isClosed(r.c.Done()) })
	require.ErrorIs(t, r.c.Err(), syscall.ETIMEDOUT)
}

// Bindings to the wildcard have the new address at once, and list it; those that named their
// addresses do not.
func TestBindingsFollowAddresses(t *testing.T) {
	r := newRenumbered(t, 2, false, nil, nil)
	wild4, err := r.a.Bind(&Addr{Port: 9, IPs: []netip.Addr{netip.IPv4Unspecified()}}, nil)
	require.NoError(t, err)
	named, err := r.a.Bind(&Addr{Port: 10, IPs: []netip.Addr{addrOf(0, 0, false).Addr()}}, nil)
	require.NoError(t, err)
	was := wild4.Addr().IPs
	fresh, fresh6 := within64(addrOf(1, 0, false), 77), within64(addrOf(1, 0, true), 77)
	require.NoError(t, r.b.AddAddr("b0", fresh))
	require.NoError(t, r.b.AddAddr("b0", fresh6))
	require.NoError(t, r.b.RemoveAddr("b0", addrOf(1, 0, false).Addr()))
	require.ElementsMatch(t, r.b.Addrs(), r.ln.Addr().(*Addr).IPs)
	for _, to := range []netip.Addr{fresh.Addr(), fresh6.Addr()} {
		r.begin(nil, nil, to)
		require.ElementsMatch(t, r.b.Addrs(), r.c.RemoteAddr().(*Addr).IPs)
		require.NoError(t, r.c.Abort(""))
	}
	c, err := r.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	r.until(600, "the old one is nobody's", func() bool { return isClosed(c.Done()) })
	require.ErrorIs(t, c.Err(), syscall.ETIMEDOUT)

	require.NoError(t, r.a.AddAddr("a0", within64(addrOf(0, 0, false), 77)))
	require.NoError(t, r.a.AddAddr("a0", within64(addrOf(0, 0, true), 77)))
	require.Equal(t, append(was, netip.MustParseAddr("10.0.1.77")), wild4.Addr().IPs)
	require.NoError(t, r.a.RemoveAddr("a0", addrOf(0, 0, false).Addr()))
	require.Equal(t, []netip.Addr{addrOf(0, 0, false).Addr()}, named.Addr().IPs, "it is told what it was given")
	require.Equal(t, addrs("10.0.2.1", "10.0.1.77"), wild4.Addr().IPs)
}

// A binding to a family of which the last address goes keeps that, until there is another.
func TestBindingWithoutAddresses(t *testing.T) {
	s := newAlone(t, 1, nil)
	b, other := s.bind(7, "0.0.0.0"), s.bind(7, "::1")
	s.listen(b)
	require.NoError(t, s.d.AddAddr("loopback", netip.MustParsePrefix("192.0.2.1/32")))
	require.Equal(t, addrs("127.0.0.1", "192.0.2.1"), b.Addr().IPs)
	require.Equal(t, addrs("::1"), other.Addr().IPs)
	require.NoError(t, b.Remove(addrs("127.0.0.1")...))
	require.NoError(t, s.d.RemoveAddr("loopback", addrs("192.0.2.1")[0]))
	require.Equal(t, addrs("192.0.2.1"), b.Addr().IPs)
	taken := s.bind(7, "127.0.0.9")
	require.NoError(t, s.d.AddAddr("loopback", netip.MustParsePrefix("127.0.0.9/8")))
	require.Equal(t, addrs("127.0.0.9"), taken.Addr().IPs, "who has it keeps it")
	require.NoError(t, s.d.AddAddr("loopback", netip.MustParsePrefix("192.0.2.2/32")))
	require.Equal(t, addrs("192.0.2.2"), b.Addr().IPs)
}

// A wildcard beside others may stand for no address yet.
func TestBindingToAFamilyToCome(t *testing.T) {
	l := newLab(t, labOptions{})
	b, err := l.a.Bind(&Addr{IPs: addrs("0.0.0.0", "::"), Port: 7}, nil)
	require.NoError(t, err)
	_, err = l.a.Bind(&Addr{IPs: addrs("::")}, nil)
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	_, err = l.a.Bind(&Addr{IPs: addrs("::", "::")}, nil)
	require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	require.NoError(t, l.a.AddAddr("a0", addrOf(0, 0, true)))
	require.Equal(t, []netip.Addr{addrOf(0, 0, false).Addr(), addrOf(0, 0, true).Addr()}, b.Addr().IPs)
}

// Many associations with ourselves, of both ends, follow; a worker takes them a few at a time.
func TestManyFollow(t *testing.T) {
	for _, workers := range []int{1, 2} {
		s := newAlone(t, workers, nil)
		b := s.bind(7)
		ln, err := b.Listen(following, 0)
		require.NoError(t, err)
		const n = followTurn/2 + 50
		var ends []*Conn
		for range n {
			c, err := s.d.Begin(nil, &Addr{IPs: addrs("127.0.0.1"), Port: 7}, following)
			require.NoError(t, err)
			ends = append(ends, c)
		}
		s.until(10, "accept", func() bool {
			for c := ln.TryAccept(); c != nil; c = ln.TryAccept() {
				ends = append(ends, c)
			}
			return len(ends) == 2*n
		})
		fresh := netip.MustParseAddr("192.0.2.1")
		require.NoError(t, s.d.AddAddr("loopback", netip.PrefixFrom(fresh, 32)))
		require.NoError(t, s.d.RemoveAddr("loopback", addrs("::1")[0]))
		want := addrs("127.0.0.1", "192.0.2.1")
		s.until(60, "all follow", func() bool {
			return !slices.ContainsFunc(ends, func(c *Conn) bool {
				return !slices.Equal(want, c.LocalAddr().(*Addr).IPs) || !slices.Equal(want, c.RemoteAddr().(*Addr).IPs)
			})
		})
	}
}

// A peer far away is not told of addresses that mean nothing to it.
func TestFollowingStaysInScope(t *testing.T) {
	l := newLab(t, labOptions{tune: func(_ int, c *Config) { c.Loopback = true }})
	c, s := l.connect(following)
	events, mine := s.Events(10), c.Events(10)
	require.NoError(t, l.a.AddAddr("loopback", netip.MustParsePrefix("127.0.0.7/8")))
	require.NoError(t, l.a.AddAddr("a0", netip.MustParsePrefix("169.254.3.3/16")))
	require.NoError(t, l.a.AddAddr("a0", netip.MustParsePrefix("fe80::3/64")))
	require.NoError(t, l.a.AddAddr("a0", netip.MustParsePrefix("10.0.1.77/24")))
	require.Equal(t, "10.0.1.77", await(t, mine, sctpcore.EventAsconf).Addr.Netip().String(), "nothing else was asked for")
	require.Equal(t, "10.0.1.77", await(t, events, sctpcore.EventAddressAdded).Dst.String())
	require.Eventually(t, func() bool {
		return slices.Equal(addrs("10.0.1.1", "10.0.1.77"), c.LocalAddr().(*Addr).IPs)
	}, 60e9, 1e6)
	require.Equal(t, addrs("10.0.1.1", "10.0.1.77"), s.RemoteAddr().(*Addr).IPs)
}

// The link hears of the new address, and nothing of the old one.
func TestNeighboursOfANewAddress(t *testing.T) {
	for _, workers := range []int{1, 2} {
		r := newRawPeer(t, workers)
		require.Len(t, find[*layers.ARP](r.exchange(r.arp(layers.ARPRequest)), layers.LayerTypeARP), 1)
		name := r.ours.Info().Name
		require.NoError(t, r.d.AddAddr(name, netip.MustParsePrefix("10.0.1.9/24")))
		require.NoError(t, r.d.AddAddr(name, netip.MustParsePrefix("fd00:1::9/64")))
		require.NoError(t, r.d.RemoveAddr(name, netip.MustParseAddr("10.0.1.1")))
		news := r.exchange()
		gratuitous := find[*layers.ARP](news, layers.LayerTypeARP)
		require.Len(t, gratuitous, 1)
		require.Equal(t, []byte{10, 0, 1, 9}, gratuitous[0].SourceProtAddress)
		require.Equal(t, []byte{10, 0, 1, 9}, gratuitous[0].DstProtAddress)
		na := find[*layers.ICMPv6NeighborAdvertisement](news, layers.LayerTypeICMPv6NeighborAdvertisement)
		require.Len(t, na, 2)
		require.True(t, slices.ContainsFunc(na, func(a *layers.ICMPv6NeighborAdvertisement) bool {
			return a.TargetAddress.Equal(net.ParseIP("fd00:1::9"))
		}))

		require.Empty(t, r.exchange(r.arp(layers.ARPRequest)), "10.0.1.1 is nobody's")
		ask := r.arp(layers.ARPRequest)
		ask[14+27] = 9 // the last byte of the target
		require.Len(t, find[*layers.ARP](r.exchange(ask), layers.LayerTypeARP), 1)
	}
}

// What cannot be changed, and what is said about it.
func TestAddressChangesRefused(t *testing.T) {
	l := newLab(t, labOptions{cables: 2, tune: func(side int, c *Config) {
		if side == 0 {
			c.Routes = []RouteConfig{{Dst: netip.MustParsePrefix("192.0.2.0/24"), Via: netip.MustParseAddr("10.0.1.3"), Port: "a0"}}
		}
	}})
	was := l.a.Addrs()
	for _, bad := range []struct{ port, prefix, says string }{
		{"a7", "10.0.1.9/24", `no port "a7"`},
		{"a0", "10.0.1.1/24", "already on port a0"},
		{"a1", "10.0.1.1/24", "already on port a0"},
		{"a0", "10.0.1.255/24", "not a unicast address"},
		{"a0", "224.0.0.1/24", "not a unicast address"},
		{"a0", "127.0.0.2/8", "not a unicast address"},
		{"a0", "10.0.1.3/24", "is no neighbour"},
	} {
		err := l.a.AddAddr(bad.port, netip.MustParsePrefix(bad.prefix))
		require.ErrorContains(t, err, bad.says, bad.prefix)
	}
	require.Error(t, l.a.AddAddr("a0", netip.Prefix{}))
	require.ErrorContains(t, l.a.RemoveAddr("a7", was[0]), `no port "a7"`)
	require.ErrorIs(t, l.a.RemoveAddr("a1", was[0]), syscall.EADDRNOTAVAIL)
	require.ErrorIs(t, l.a.RemoveAddr("a0", was[0]), sctpcore.ErrLastAddress)
	require.Equal(t, was, l.a.Addrs())
	d, err := New(Config{Loopback: true})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.ErrorIs(t, d.AddAddr("loopback", netip.MustParsePrefix("192.0.2.1/32")), net.ErrClosed)
}

// A static route rests while its next hop is on no subnet.
func TestRouteWithoutItsSubnet(t *testing.T) {
	l := newLab(t, labOptions{tune: func(side int, c *Config) {
		c.Ports[0].Addrs = append(c.Ports[0].Addrs, netip.MustParsePrefix(fmt.Sprintf("172.16.0.%d/24", side+1)))
		if side == 0 {
			c.Routes = []RouteConfig{{Dst: netip.MustParsePrefix("192.0.2.0/24"), Via: netip.MustParseAddr("172.16.0.2"), Port: "a0"}}
		} else {
			c.Ports[0].Addrs = append(c.Ports[0].Addrs, netip.MustParsePrefix("192.0.2.1/24"))
		}
	}})
	_, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	far := &Addr{IPs: addrs("192.0.2.1"), Port: 7}
	reaches := func() bool {
		c, err := l.a.Begin(nil, far, nil)
		require.NoError(t, err)
		defer func() { _ = c.Abort("") }()
		paths, err := c.Paths()
		require.NoError(t, err)
		return paths[0].Port == "a0"
	}
	require.True(t, reaches())
	require.NoError(t, l.a.RemoveAddr("a0", netip.MustParseAddr("172.16.0.1")))
	require.False(t, reaches())
	require.NoError(t, l.a.AddAddr("a0", netip.MustParsePrefix("172.16.0.9/24")))
	require.True(t, reaches())
}
