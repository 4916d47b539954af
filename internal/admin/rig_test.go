package admin

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/unixsock"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

// patience bounds what must happen; it is no measure of anything.
const patience = 60 * time.Second

// receive is what comes from a channel.
func receive[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		require.Fail(t, "nothing came")
	}
	return v
}

// rig is a dataplane with an association, an observer of it, and a server.
type rig struct {
	conn     *dataplane.Conn // ours
	near     *mem.Port
	observer *observe.Observer
	server   *Server
	path     string
	client   *Client
}

// newRig makes one; how changes what the server shows.
func newRig(t *testing.T, how func(*Options)) *rig {
	t.Helper()
	a, b := mem.NewPair(mem.Options{})
	begin := func(p nic.Port, addr string) *dataplane.Dataplane {
		d, err := dataplane.New(dataplane.Config{
			Ports: []dataplane.PortConfig{{Port: p, Addrs: []netip.Prefix{netip.MustParsePrefix(addr)}}}, // RFC 9260's timers: a pause of the machine ends nothing
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()); require.NoError(t, p.Close()) })
		return d
	}
	near, far := begin(a, "10.0.0.1/24"), begin(b, "10.0.0.2/24")
	o, err := observe.New(near, observe.Options{Node: "near", Version: "test"})
	require.NoError(t, err)
	t.Cleanup(o.Close)
	l, err := far.Listen(&dataplane.Addr{Port: 7}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	r := &rig{near: a, observer: o, path: filepath.Join(t.TempDir(), "c")}
	r.conn, err = near.Dial(ctx, nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Port: 7}, nil)
	require.NoError(t, err)
	opt := Options{Control: &unixsock.Where{Path: r.path}, Observer: o}
	if how != nil {
		how(&opt)
	}
	r.server, err = Listen(opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.server.Close()) })
	r.client = NewClient(r.path)
	t.Cleanup(r.client.Close)
	return r
}
