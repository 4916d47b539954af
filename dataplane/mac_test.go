package dataplane

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// renewed is a port whose interface may be replaced by one with another MAC. It keeps the
// source MACs of what it sends.
type renewed struct {
	nic.Port
	mac  inet.MAC // zero is the port's own
	from map[inet.MAC]int
}

func (p *renewed) Info() nic.Info {
	i := p.Port.Info()
	if !p.mac.IsZero() {
		i.MAC = p.mac
	}
	return i
}

func (p *renewed) TxBurst(q int, pkts []*nic.Packet) int {
	for _, pkt := range pkts {
		p.from[inet.MAC(pkt.Data()[6:12])]++
	}
	return p.Port.TxBurst(q, pkts)
}

// TestPortComesBackWithAnotherMAC: its neighbours are told, traffic goes on meanwhile and
// returns, and nothing is sent from the MAC that it had, after a change of addresses neither.
func TestPortComesBackWithAnotherMAC(t *testing.T) {
	for _, workers := range []int{1, 2} {
		p := &renewed{from: map[inet.MAC]int{}}
		s := newSimulationWith(t, workers, fault.Impairment{}, func(side int, c *Config) {
			if side == 1 {
				p.Port = c.Ports[0].Port
				c.Ports[0].Port = p
			}
		})
		ln, err := s.b.Listen(&Addr{Port: 7}, nil)
		require.NoError(t, err)
		c, err := s.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
		require.NoError(t, err)
		var srv *Conn
		s.until(10, "accept", func() bool { srv = ln.TryAccept(); return srv != nil })
		on := func(first bool) {
			t.Helper()
			s.watchPaths("the path in use", c, srv, func(a, b *PathInfo) bool {
				return a.Current == first && b.State == sctpcore.Active && (a.State == sctpcore.Active) == first
			})
		}
		flow := func() {
			s.transfer(c, srv, 200)
			s.transfer(srv, c, 200)
		}
		on(true)
		flow()
		old := p.Info().MAC
		require.NotZero(t, p.from[old])

		require.NoError(t, s.wires[0][1].SetLink(false))
		on(false)
		flow()
		p.mac = inet.MAC{2, 0xde, 0xad, 0xbe, 0xef, byte(workers)}
		clear(p.from)
		require.NoError(t, s.wires[0][1].SetLink(true))
		on(true)
		flow()
		require.NoError(t, s.b.AddAddr(p.Info().Name, netip.MustParsePrefix("10.0.1.77/24")))
		flow()
		require.Len(t, p.from, 1)
		require.NotZero(t, p.from[p.mac], "%v", p.from)
		require.EqualValues(t, p.mac, s.b.Totals().Ports[0].MAC)
		for _, n := range s.a.Neighbours("a0") {
			if n.Addr.Netip() == addrOf(1, 0, false).Addr() {
				require.Equal(t, p.mac, n.MAC)
			}
		}
	}
}

// watchPaths lets time pass until ok of the two paths at both ends. To look costs no time, but
// keeps it from passing, so it is done every millisecond.
func (s *simulation) watchPaths(what string, c, srv *Conn, ok func(a, b *PathInfo) bool) {
	s.t.Helper()
	good := func(c *Conn) bool {
		paths, err := c.Paths()
		require.NoError(s.t, err)
		return len(paths) == 2 && ok(&paths[0], &paths[1])
	}
	for end := s.now + 60e9; !good(c) || !good(srv); {
		require.Less(s.t, s.now, end, what)
		for look := s.now + 1e6; s.now < look; {
			s.step()
		}
	}
}

// transfer sends messages and waits until they have come.
func (s *simulation) transfer(from, to *Conn, messages int) {
	s.t.Helper()
	out, in := []Message{{Data: make([]byte, 1000)}}, []Message{{Data: make([]byte, 2000)}}
	want := make([]byte, 1000)
	sent, got := 0, 0
	s.until(60, "transfer", func() bool {
		for n := 1; sent < messages && n > 0; sent += n {
			pattern(out[0].Data, sent)
			var err error
			n, err = from.TrySendBatch(out)
			require.NoError(s.t, err)
		}
		for n := 1; n > 0; got += n {
			var err error
			n, err = to.TryRecvBatch(in)
			require.NoError(s.t, err)
			if n > 0 {
				pattern(want, got)
				require.Equal(s.t, want, in[0].Data[:in[0].N], "message %d", got)
			}
		}
		return got == messages
	})
}
