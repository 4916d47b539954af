package dataplane

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// router is a port whose cable leads through a router: what refuse names is not
// carried but answered with an ICMP error. One thread.
type router struct {
	nic.Port
	t       testing.TB
	mtu     int                // of the next link; 0 is none
	refuse  func(b []byte) int // gives the answer's code for an SCTP packet, -1 for none
	forge   bool               // quote another verification tag
	errors  [][]byte           // on their way back
	refused int
	longest int // bytes of the longest IP packet that passed
}

const (
	hostUnreachable = iota
	protocolUnreachable
)

// TxBurst carries what the router does not refuse.
func (r *router) TxBurst(q int, pkts []*nic.Packet) int {
	for _, pkt := range pkts {
		if e := r.judge(append([]byte(nil), pkt.Data()...)); e != nil {
			r.errors = append(r.errors, e)
			r.refused++
			nic.Free([]*nic.Packet{pkt})
			continue
		}
		require.Equal(r.t, 1, r.Port.TxBurst(q, []*nic.Packet{pkt}))
	}
	return len(pkts)
}

// RxBurst gives the router's errors first.
func (r *router) RxBurst(q int, pkts []*nic.Packet) int {
	if len(r.errors) == 0 {
		return r.Port.RxBurst(q, pkts)
	}
	require.Equal(r.t, 1, r.Port.Alloc(pkts[:1]))
	copy(pkts[0].Append(len(r.errors[0])), r.errors[0])
	r.errors = r.errors[1:]
	return 1
}

// judge is the answer to a frame, nil if it may pass.
func (r *router) judge(frame []byte) []byte {
	const ether, tag = 14, 4
	d := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	l3 := len(frame) - ether
	if v4, ok := d.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok && v4.Protocol == layers.IPProtocolSCTP {
		if r.mtu != 0 && l3 > r.mtu {
			return r.answer4(v4, frame[ether:], layers.CreateICMPv4TypeCode(3, 4), uint16(r.mtu))
		}
		r.longest = max(r.longest, l3)
		if code := r.code(v4.Payload); code >= 0 {
			if r.forge {
				frame[ether+20+tag]++
			}
			return r.answer4(v4, frame[ether:], []layers.ICMPv4TypeCode{
				hostUnreachable: layers.CreateICMPv4TypeCode(3, 1), protocolUnreachable: layers.CreateICMPv4TypeCode(3, 2)}[code], 0)
		}
	}
	if v6, ok := d.Layer(layers.LayerTypeIPv6).(*layers.IPv6); ok && (v6.NextHeader == layers.IPProtocolSCTP || v6.NextHeader == layers.IPProtocolIPv6Fragment) {
		if r.mtu != 0 && l3 > r.mtu {
			return r.answer6(v6, frame[ether:], layers.CreateICMPv6TypeCode(2, 0), uint32(r.mtu))
		}
		r.longest = max(r.longest, l3)
		if code := r.code(v6.Payload); code >= 0 {
			if r.forge {
				frame[ether+40+tag]++
			}
			at := []uint32{hostUnreachable: 0, protocolUnreachable: 6}[code]
			return r.answer6(v6, frame[ether:], []layers.ICMPv6TypeCode{
				hostUnreachable: layers.CreateICMPv6TypeCode(1, 3), protocolUnreachable: layers.CreateICMPv6TypeCode(4, 1)}[code], at)
		}
	}
	return nil
}

func (r *router) code(sctp []byte) int {
	if r.refuse == nil {
		return -1
	}
	return r.refuse(sctp)
}

func (r *router) ether(kind layers.EthernetType) *layers.Ethernet {
	mac := r.Info().MAC
	return &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 99}, DstMAC: mac[:], EthernetType: kind}
}

func (r *router) build(ls ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	require.NoError(r.t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	return b.Bytes()
}

func (r *router) answer4(to *layers.IPv4, quote []byte, code layers.ICMPv4TypeCode, mtu uint16) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: []byte{198, 51, 100, 1}, DstIP: to.SrcIP}
	return r.build(r.ether(layers.EthernetTypeIPv4), ip, &layers.ICMPv4{TypeCode: code, Seq: mtu}, gopacket.Payload(quote[:min(len(quote), 100)]))
}

func (r *router) answer6(to *layers.IPv6, quote []byte, code layers.ICMPv6TypeCode, word uint32) []byte {
	from := netip.MustParseAddr("2001:db8::1").AsSlice()
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: from, DstIP: to.SrcIP}
	icmp := &layers.ICMPv6{TypeCode: code}
	require.NoError(r.t, icmp.SetNetworkLayerForChecksum(ip))
	body := append([]byte{byte(word >> 24), byte(word >> 16), byte(word >> 8), byte(word)}, quote[:min(len(quote), 100)]...)
	return r.build(r.ether(layers.EthernetTypeIPv6), ip, icmp, gopacket.Payload(body))
}

// newRouted is a simulation whose side a sends through a router.
func newRouted(t testing.TB, workers int, ip6 bool) (*simulation, *router) {
	s, r := &simulation{now: 1}, &router{t: t}
	clock := func() int64 { return s.now }
	s.lab = newLab(t, labOptions{ip6: ip6, mem: mem.Options{Clock: clock, Latency: 100_000, BitsPerSecond: 1e9},
		wrap: func(side, _ int, p nic.Port) nic.Port {
			if side == 0 {
				r.Port = p
				return r
			}
			return p
		},
		tune: func(_ int, c *Config) {
			c.Manual, c.Clock, c.Timers = true, clock, sctpcore.TelecomTimers()
			for range workers {
				c.CPUs = append(c.CPUs, -1)
			}
		}})
	return s, r
}

func (s *simulation) begin(ip6 bool) (c *Conn, accept func() *Conn) {
	ln, err := s.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(s.t, err)
	c, err = s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, ip6).Addr()}, Port: 7}, nil)
	require.NoError(s.t, err)
	return c, func() (srv *Conn) {
		s.until(10, "accept", func() bool { srv = ln.TryAccept(); return srv != nil })
		return srv
	}
}

// path is the one path of a connection of side a.
func (s *simulation) path(c *Conn) sctpcore.PathInfo {
	for _, a := range c.w.order {
		if a.conn == c {
			return c.w.core.Paths(a.id, nil)[0]
		}
	}
	s.t.Fatal("the association is gone")
	return sctpcore.PathInfo{}
}

func forRouted(t *testing.T, f func(t *testing.T, s *simulation, r *router, ip6 bool)) {
	for _, ip6 := range []bool{false, true} {
		for _, workers := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("ip6=%v,workers=%d", ip6, workers), func(t *testing.T) {
				s, r := newRouted(t, workers, ip6)
				f(t, s, r, ip6)
			})
		}
	}
}

// TestPathMTUShrinks: what is on its way when a router tells of a smaller MTU has
// its TSNs and goes again in fragments; what comes after is cut to fit.
func TestPathMTUShrinks(t *testing.T) {
	forRouted(t, func(t *testing.T, s *simulation, r *router, ip6 bool) {
		c, accept := s.begin(ip6)
		srv := accept()
		for _, mtu := range []int{1400, 1280} {
			r.mtu, r.refused, r.longest = mtu, 0, 0
			const messages = 20
			got := 0
			out, in, want := []Message{{Data: make([]byte, 5000)}}, []Message{{Data: make([]byte, 8000)}}, make([]byte, 5000)
			for i := range messages {
				pattern(out[0].Data, i)
				n, err := c.TrySendBatch(out)
				require.NoError(t, err)
				require.Equal(t, 1, n)
			}
			s.until(30, "messages", func() bool {
				n, err := srv.TryRecvBatch(in)
				require.NoError(t, err)
				if n == 1 {
					pattern(want, got)
					require.Equal(t, want, in[0].Data[:in[0].N])
					got++
				}
				return got == messages
			})
			require.Equal(t, mtu, s.path(c).MTU)
			require.LessOrEqual(t, r.longest, mtu)
			require.NotZero(t, r.refused)
			refused := r.refused
			_, err := c.TrySendBatch(out)
			require.NoError(t, err)
			s.until(30, "one more", func() bool { n, _ := srv.TryRecvBatch(in); return n == 1 })
			require.Equal(t, refused, r.refused, "new chunks fit")
		}
		require.Zero(t, dropCount(t, s.a, "sctp_bad_icmp"))
		require.Zero(t, dropCount(t, s.a, "inet_icmp_quote"))
	})
}

// TestHostUnreachable: an error for what we sent counts against the path, a forged
// one against nothing.
func TestHostUnreachable(t *testing.T) {
	forRouted(t, func(t *testing.T, s *simulation, r *router, ip6 bool) {
		c, accept := s.begin(ip6)
		accept()
		send := func() {
			n, err := c.TrySendBatch([]Message{{Data: []byte("who is there?")}})
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		once := true
		r.refuse = func([]byte) int {
			if !once {
				return -1
			}
			once = false
			return hostUnreachable
		}
		r.forge = true
		send()
		s.until(1, "forged error", func() bool { return !once && len(r.errors) == 0 })
		s.a.Step()
		require.Zero(t, s.path(c).ErrorCount)
		require.EqualValues(t, 1, dropCount(t, s.a, "sctp_bad_icmp"))

		s.until(5, "repair", func() bool { return s.path(c).Flight == 0 && s.path(c).ErrorCount == 0 })
		once, r.forge = true, false
		send()
		s.until(1, "error", func() bool { return s.path(c).ErrorCount == 1 })
		require.EqualValues(t, 1, dropCount(t, s.a, "sctp_bad_icmp"))
	})
}

// TestProtocolUnreachable: a host that does not speak SCTP ends an attempt at
// once, by the error and not by its timers.
func TestProtocolUnreachable(t *testing.T) {
	forRouted(t, func(t *testing.T, s *simulation, r *router, ip6 bool) {
		r.refuse = func([]byte) int { return protocolUnreachable }
		c, _ := s.begin(ip6)
		s.until(1, "end", func() bool {
			select {
			case <-c.Done():
				return true
			default:
				return false
			}
		})
		require.Error(t, c.Err())
		require.Equal(t, 1, r.refused, "one INIT")
	})
}
