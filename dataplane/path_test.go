package dataplane

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// await takes events until one is of the kind.
func await(t testing.TB, events <-chan PathEvent, kind sctpcore.EventKind) (e PathEvent) {
	t.Helper()
	within(t, "event", func() {
		for e = range events {
			if e.Kind == kind {
				return
			}
		}
		t.Error("the events ended")
	})
	return e
}

// confirmed waits until every path of the connection is active.
func confirmed(t testing.TB, c *Conn) {
	t.Helper()
	require.Eventually(t, func() bool {
		paths, err := c.Paths()
		require.NoError(t, err)
		for _, p := range paths {
			if p.State != sctpcore.Active {
				return false
			}
		}
		return true
	}, 60*time.Second, time.Millisecond)
}

// pumpThrough sends count messages, does something when some hundred have gone,
// and sends as many again after that.
func pumpThrough(t *testing.T, from, to *Conn, count, largest int, do func()) {
	t.Helper()
	before, err := from.Info()
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for now := before; err == nil && now.TxMessages < before.TxMessages+uint64(count)/10; {
			now, err = from.Info()
		}
		do()
	}()
	pump(t, from, to, count, largest)
	<-done
	require.NoError(t, err)
	pump(t, from, to, count, largest)
}

func TestLinkDownMovesTrafficWithoutATimer(t *testing.T) {
	l := newLab(t, labOptions{cables: 2, tune: func(_ int, c *Config) {
		c.Timers = sctpcore.RFC9260Timers() // that wait longer than the test does
		c.Timers.RTOMin, c.Timers.RTOInitial, c.Timers.RTOMax = 300*sctpcore.Second, 300*sctpcore.Second, 300*sctpcore.Second
	}})
	c, s := l.connect(nil)
	paths, err := c.Paths()
	require.NoError(t, err)
	require.Len(t, paths, 2)
	for i, p := range paths {
		require.Equal(t, l.wires[i][0].Info().Name, p.Port)
		require.Equal(t, addrOf(0, i, false).Addr(), p.Src.Netip())
	}
	confirmed(t, c)
	confirmed(t, s)
	events, all := c.Events(100), l.a.Subscribe(100).Paths
	pumpThrough(t, c, s, 3000, 3000, func() { _ = l.wires[0][1].SetLink(false) })
	e := await(t, events, sctpcore.EventFailover)
	require.Equal(t, l.wires[0][0].Info().Name, e.OldPort, "the port that it was on when it failed")
	require.Equal(t, l.wires[1][0].Info().Name, e.Port)
	require.Equal(t, addrOf(1, 0, false).Addr(), e.OldDst)
	require.Equal(t, addrOf(1, 1, false).Addr(), e.Dst)
	require.GreaterOrEqual(t, e.Switched, e.Detected)
	require.Equal(t, c, await(t, all, sctpcore.EventFailover).Conn)
	require.Zero(t, l.a.Stats().Core.T3RtxExpireds)

	paths, err = c.Paths()
	require.NoError(t, err)
	require.True(t, paths[0].LinkDown)
	require.True(t, paths[1].Current)
	require.NoError(t, l.wires[0][1].SetLink(true))
	require.Eventually(t, func() bool {
		paths, err = c.Paths()
		return err == nil && paths[0].Current && paths[0].State == sctpcore.Active
	}, 60*time.Second, time.Millisecond, "back to the primary path")
	require.Equal(t, l.wires[0][0].Info().Name, paths[0].Port)
	pump(t, c, s, 100, 3000)
	pump(t, s, c, 100, 3000)
}

func TestFlapBetweenTwoLooksIsSeen(t *testing.T) {
	l := newLab(t, labOptions{cables: 2})
	c, _ := l.connect(nil)
	confirmed(t, c)
	events := c.Events(100)
	require.NoError(t, l.wires[0][0].SetLink(false))
	require.NoError(t, l.wires[0][0].SetLink(true))
	for e := await(t, events, sctpcore.EventPathState); e.Reason != sctpcore.ReasonLinkDown; {
		e = await(t, events, sctpcore.EventPathState) // an older one
	}
	confirmed(t, c)
}

func TestBlackholeFailsOverByTimers(t *testing.T) {
	faults := make(map[[2]int]*fault.Port)
	l := newLab(t, labOptions{cables: 2,
		wrap: func(side, cable int, p nic.Port) nic.Port {
			f := fault.Wrap(p, fault.Config{Seed: 1})
			faults[[2]int{side, cable}] = f
			return f
		},
		tune: func(_ int, c *Config) { c.Timers = sctpcore.TelecomTimers() },
	})
	c, s := l.connect(nil)
	confirmed(t, c)
	confirmed(t, s)
	events := c.Events(1000)
	pumpThrough(t, c, s, 5000, 3000, func() { faults[[2]int{0, 0}].Blackhole(fault.Both) })
	e := await(t, events, sctpcore.EventFailover)
	require.Equal(t, addrOf(1, 1, false).Addr(), e.Dst)
	require.Equal(t, sctpcore.ReasonTimeout, e.Reason)
}

// crossRoutes lets each side reach the other's first subnet through the second
// cable.
func crossRoutes(l *labOptions) {
	l.cables = 2
	l.tune = func(side int, c *Config) {
		c.Routes = []RouteConfig{{
			Dst:  netip.MustParsePrefix("10.0.1.0/24"),
			Via:  addrOf(1-side, 1, false).Addr(),
			Port: c.Ports[1].Port.Info().Name, Metric: 10,
		}}
	}
}

func TestLinkDownRemapsThePathToAnotherPort(t *testing.T) {
	var o labOptions
	crossRoutes(&o)
	l := newLab(t, o)
	c, s := l.connect(nil)
	confirmed(t, c)
	require.NoError(t, l.wires[0][0].SetLink(false))
	for _, conn := range []*Conn{c, s} {
		require.Eventually(t, func() bool {
			paths, err := conn.Paths()
			return err == nil && !paths[0].LinkDown && paths[0].Port == conn.d.ports[1].info.Name &&
				paths[0].Src == paths[1].Src
		}, 60*time.Second, time.Millisecond, "the first path goes on by the second port")
	}
	pump(t, c, s, 200, 3000)
	pump(t, s, c, 200, 3000)
	require.NoError(t, l.wires[0][0].SetLink(true))
	require.Eventually(t, func() bool {
		paths, err := c.Paths()
		return err == nil && paths[0].Port == c.d.ports[0].info.Name && paths[0].Src == wireAddrs([]netip.Addr{addrOf(0, 0, false).Addr()})[0]
	}, 60*time.Second, time.Millisecond, "and back")
	pump(t, c, s, 200, 3000)
}

func TestDialWhileAllLinksAreDown(t *testing.T) {
	l := newLab(t, labOptions{})
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	require.NoError(t, l.wires[0][0].SetLink(false))
	c, err := l.a.Begin(nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		p, err := c.Paths()
		return err == nil && p[0].LinkDown && p[0].Port == ""
	}, 60*time.Second, time.Millisecond)
	require.NoError(t, l.wires[0][0].SetLink(true))
	within(t, "coming up", func() { <-c.Up() })
	require.NoError(t, c.Err())
	s, err := ln.AcceptSCTP()
	require.NoError(t, err)
	pump(t, c, s, 10, 1000)
}

func TestSetPrimary(t *testing.T) {
	l := newLab(t, labOptions{cables: 2})
	c, s := l.connect(nil)
	confirmed(t, c)
	require.NoError(t, c.SetPrimary(addrOf(1, 1, false).Addr()))
	require.ErrorIs(t, c.SetPrimary(netip.MustParseAddr("10.9.9.9")), sctpcore.ErrAddress)
	pump(t, c, s, 50, 1000)
	var paths []PathInfo
	require.Eventually(t, func() (ok bool) {
		var err error
		paths, err = c.Paths()
		return err == nil && paths[1].Current
	}, 60*time.Second, time.Millisecond)
	require.True(t, paths[1].Primary)
	info, err := c.Info()
	require.NoError(t, err)
	require.Equal(t, sctpcore.Established, info.State)
	require.Equal(t, c.RemoteAddr().(*Addr).IPs, []netip.Addr{addrOf(1, 0, false).Addr(), addrOf(1, 1, false).Addr()})
	require.Equal(t, s.RemoteAddr().(*Addr).Port, c.LocalAddr().(*Addr).Port)
	require.Equal(t, []*Conn{c}, l.a.Conns())
}

func TestVLAN(t *testing.T) {
	tagged := func(tags [2]uint16) labOptions {
		return labOptions{tune: func(side int, c *Config) { c.Ports[0].VLAN = tags[side] }}
	}
	l := newLab(t, tagged([2]uint16{100, 100}))
	c, s := l.connect(nil)
	pump(t, c, s, 200, 3000)

	l = newLab(t, tagged([2]uint16{100, 101}))
	hasty := sctpcore.TelecomTimers()
	hasty.MaxInitRetrans = 0
	_, err := l.a.Dial(context.Background(), nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, &AssocOptions{Timers: &hasty})
	require.Error(t, err)
	require.NotZero(t, dropCount(t, l.b, "inet_vlan"))
}

func TestEventsThatFindTheChannelFullAreCounted(t *testing.T) {
	l := newLab(t, labOptions{cables: 2})
	c, _ := l.connect(nil)
	confirmed(t, c)
	_ = c.Events(1)
	require.NoError(t, l.wires[0][0].SetLink(false))
	require.Eventually(t, func() bool {
		p, err := c.Paths()
		return err == nil && p[0].LinkDown
	}, 60*time.Second, time.Millisecond)
	require.NoError(t, l.wires[0][0].SetLink(true))
	confirmed(t, c)
	require.NotZero(t, l.a.Stats().EventsDropped)
}
