package dataplane

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

// lab is two dataplanes joined by cables in memory. Side a has address 1 and
// side b address 2 of each cable's subnet, 10.0.<cable>.0/24 and
// fd00:<cable>::/64.
type lab struct {
	t     testing.TB
	wires [][2]*mem.Port
	ports []nic.Port // the same, as the dataplanes see them
	a, b  *Dataplane
}

type labOptions struct {
	cables int
	mem    mem.Options
	ip6    bool
	wrap   func(side, cable int, p nic.Port) nic.Port
	tune   func(side int, c *Config)
}

func newLab(t testing.TB, o labOptions) *lab {
	t.Helper()
	l := &lab{t: t}
	var cfg [2]Config
	for i := range max(o.cables, 1) {
		mo := o.mem
		mo.A.Name, mo.B.Name = fmt.Sprint("a", i), fmt.Sprint("b", i)
		a, b := mem.NewPair(mo)
		l.wires = append(l.wires, [2]*mem.Port{a, b})
		for side, p := range []*mem.Port{a, b} {
			pc := PortConfig{Port: p, Addrs: []netip.Prefix{addrOf(side, i, o.ip6)}}
			if o.wrap != nil {
				pc.Port = o.wrap(side, i, p)
			}
			l.ports = append(l.ports, pc.Port)
			cfg[side].Ports = append(cfg[side].Ports, pc)
		}
	}
	for side := range cfg {
		seed := [32]byte{byte(side), 1}
		cfg[side].Seed = &seed
		if o.tune != nil {
			o.tune(side, &cfg[side])
		}
	}
	var err error
	l.a, err = New(cfg[0])
	require.NoError(t, err)
	l.b, err = New(cfg[1])
	require.NoError(t, err)
	t.Cleanup(l.close)
	return l
}

// close also checks that every packet found its way home.
func (l *lab) close() {
	require.NoError(l.t, l.a.Close())
	require.NoError(l.t, l.b.Close())
	for _, p := range l.ports {
		require.NoError(l.t, p.Close())
	}
	for _, w := range l.wires {
		for _, p := range w {
			x := p.XStats()
			require.Equal(l.t, x[0].Value, x[1].Value, "%s: packets lost from the pool", p.Info().Name)
		}
	}
}

func addrOf(side, cable int, ip6 bool) netip.Prefix {
	if ip6 {
		return netip.MustParsePrefix(fmt.Sprintf("fd00:%d::%d/64", cable+1, side+1))
	}
	return netip.MustParsePrefix(fmt.Sprintf("10.0.%d.%d/24", cable+1, side+1))
}

// connect listens at b and dials from a.
func (l *lab) connect(opt *AssocOptions) (client, server *Conn) {
	l.t.Helper()
	ln, err := l.b.Listen(&Addr{Port: 5000}, opt)
	require.NoError(l.t, err)
	defer func() { require.NoError(l.t, ln.Close()) }()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	la := ln.Addr().(*Addr)
	client, err = l.a.Dial(ctx, nil, &Addr{IPs: la.IPs[:1], Port: la.Port}, opt)
	require.NoError(l.t, err)
	server, err = ln.AcceptSCTP()
	require.NoError(l.t, err)
	return client, server
}

func TestHandshakeAndEcho(t *testing.T) {
	for _, ip6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("ip6=%v", ip6), func(t *testing.T) {
			l := newLab(t, labOptions{ip6: ip6})
			c, s := l.connect(nil)
			require.NoError(t, c.Send([]byte("hello"), &Message{Stream: 3, PPID: 46}))
			var m Message
			b := make([]byte, 100)
			n, err := s.Recv(b, &m)
			require.NoError(t, err)
			require.Equal(t, "hello", string(b[:n]))
			require.EqualValues(t, 3, m.Stream)
			require.EqualValues(t, 46, m.PPID)
			_, err = s.Write([]byte("world"))
			require.NoError(t, err)
			n, err = c.Read(b)
			require.NoError(t, err)
			require.Equal(t, "world", string(b[:n]))
		})
	}
}
