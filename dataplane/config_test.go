package dataplane

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane/inet"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

func TestNewSaysWhatIsWrong(t *testing.T) {
	a, b := mem.NewPair(mem.Options{A: mem.Side{Name: "left"}, B: mem.Side{Name: "right"}})
	defer func() { require.NoError(t, a.Close()); require.NoError(t, b.Close()) }()
	prefix := netip.MustParsePrefix
	addr := netip.MustParseAddr
	good := func() Config {
		return Config{Manual: true, Ports: []PortConfig{
			{Port: a, Addrs: []netip.Prefix{prefix("10.0.1.1/24"), prefix("fd00::1/64")}},
			{Port: b, Addrs: []netip.Prefix{prefix("10.0.2.1/24")}},
		}}
	}
	d, err := New(good())
	require.NoError(t, err)
	require.NoError(t, d.Close())
	for name, c := range map[string]struct {
		spoil func(*Config)
		says  string
	}{
		"no ports":      {func(c *Config) { c.Ports = nil }, "no ports"},
		"nil port":      {func(c *Config) { c.Ports[1].Port = nil }, "Ports[1]"},
		"port twice":    {func(c *Config) { c.Ports[1].Port = a }, "port left is given twice"},
		"no address":    {func(c *Config) { c.Ports[0].Addrs = nil }, "port left has no address"},
		"address twice": {func(c *Config) { c.Ports[1].Addrs = c.Ports[0].Addrs }, "10.0.1.1 of port right is already on port left"},
		"address twice here": {func(c *Config) {
			c.Ports[0].Addrs = []netip.Prefix{prefix("10.0.1.1/24"), prefix("10.0.1.1/16")}
		}, "10.0.1.1 of port left"},
		"broadcast": {func(c *Config) { c.Ports[0].Addrs[0] = prefix("10.0.1.255/24") }, "10.0.1.255/24"},
		"multicast": {func(c *Config) { c.Ports[0].Addrs[0] = prefix("224.0.0.1/24") }, "224.0.0.1"},
		"VLAN":      {func(c *Config) { c.Ports[0].VLAN = 4095 }, "VLAN"},
		"MTU above": {func(c *Config) { c.Ports[0].MTU = 1501 }, "port left: an MTU of 1501"},
		"MTU below": {func(c *Config) { c.Ports[0].MTU = 575 }, "port left: an MTU of 575"},
		"route port": {func(c *Config) {
			c.Routes = []RouteConfig{{Dst: prefix("0.0.0.0/0"), Via: addr("10.0.1.9"), Port: "nowhere"}}
		}, `port "nowhere"`},
		"route hop": {func(c *Config) {
			c.Routes = []RouteConfig{{Dst: prefix("0.0.0.0/0"), Via: addr("10.0.3.9"), Port: "left"}}
		}, "10.0.3.9"},
		"route own hop": {func(c *Config) {
			c.Routes = []RouteConfig{{Dst: prefix("0.0.0.0/0"), Via: addr("10.0.1.1"), Port: "left"}}
		}, "10.0.1.1"},
		"too many workers": {func(c *Config) { c.CPUs = make([]int, 17) }, "at most 16"},
		"CPU out of range": {func(c *Config) { c.CPUs = []int{1000} }, "CPU 1000"},
		"CPU far out":      {func(c *Config) { c.CPUs = []int{100_000} }, "CPU 100000"},
		"CPU shared":       {func(c *Config) { c.CPUs = []int{0, 0} }, "share CPU 0"},
		"backlog":          {func(c *Config) { c.Backlog = -1 }, "backlog"},
		"idle":             {func(c *Config) { c.Idle = 7 }, "idle policy 7"},
		"timers":           {func(c *Config) { c.Timers.HBInterval = 1 }, "RTO"},
		"limits":           {func(c *Config) { c.Limits.Associations = 1 }, "sctpcore"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.spoil(&cfg)
			d, err := New(cfg)
			require.ErrorContains(t, err, c.says)
			require.Nil(t, d)
		})
	}
	require.Equal(t, a.XStats()[0].Value, a.XStats()[1].Value, "no packet was kept")
}

func TestDropsAreNamedAndDescribed(t *testing.T) {
	l := newLab(t, labOptions{tune: func(_ int, c *Config) { c.Manual = true }})
	drops := l.a.Drops()
	seen := make(map[string]bool)
	for _, d := range drops {
		require.False(t, seen[d.Name], "%s twice", d.Name)
		seen[d.Name] = true
		require.NotEmpty(t, d.Help, d.Name)
		require.Regexp(t, `^(dataplane|inet|sctp)_[a-z0-9_]+$`, d.Name)
	}
	want := int(numDrops) + int(inet.NumDrops) - 1 + reflect.TypeFor[sctpcore.Drops]().NumField()
	require.Len(t, drops, want)
	require.True(t, seen["sctp_duplicate_tsn"])
	require.True(t, seen["sctp_bad_heartbeat_ack"])
	require.True(t, seen["sctp_tsn_outside_window"])
	for i := range numDrops {
		require.NotEmpty(t, i.String())
	}
	require.Equal(t, "invalid", numDrops.String())
}

func TestAddrString(t *testing.T) {
	a := &Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")}, Port: 5000}
	require.Equal(t, "10.0.0.1/[fd00::1]:5000", a.String())
	require.Equal(t, "sctp", a.Network())
	require.True(t, strings.HasSuffix((&Addr{}).String(), ":0"))
}

func TestRestockClosesGaps(t *testing.T) {
	// The pool is nearly empty: buffers move up so that those left are in front.
	a, b := mem.NewPair(mem.Options{Buffers: 70})
	defer func() { require.NoError(t, a.Close()); require.NoError(t, b.Close()) }()
	d, err := New(Config{Manual: true, Ports: []PortConfig{{Port: a, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24")}}}})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	w := d.workers[0]
	var sent []*nic.Packet
	have := nic.MaxBurst
	for _, used := range []int{4, 10, 40, 16} { // 70 in all, of which 66 are to be had
		require.True(t, w.stock())
		n := min(used, w.tx.have)
		sent = append(sent, w.tx.pkts[:n]...)
		w.restock(n)
		have = min(have, 70-len(sent))
		require.Equal(t, have, w.tx.have)
		seen := make(map[any]bool)
		for i := range w.tx.have {
			require.NotNil(t, w.tx.pkts[i])
			require.False(t, seen[w.tx.pkts[i]])
			seen[w.tx.pkts[i]] = true
			require.Equal(t, &w.tx.pkts[i].Data()[0], &w.tx.out[i].Buf[0])
		}
	}
	require.False(t, w.stock(), "every buffer is under way")
	require.EqualValues(t, 1, d.Stats().TxStarved)
	a.Free(sent)
	require.True(t, w.stock())
}
