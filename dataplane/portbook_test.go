package dataplane

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestPortBook(t *testing.T) {
	b := newPortBook([32]byte{1})
	bound := func(port uint16, reuse bool, ips ...string) (*Binding, error) {
		x := &Binding{port: port, reuse: reuse, ips: addrs(ips...)}
		return x, b.bind(x)
	}
	x, err := bound(7, false, "10.0.0.1", "10.0.0.2")
	require.NoError(t, err)
	_, err = bound(7, true, "10.0.0.2", "10.0.0.3")
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	y, err := bound(7, true, "10.0.0.3")
	require.NoError(t, err, "addresses that do not meet")
	z, err := bound(7, true, "10.0.0.3", "10.0.0.4")
	require.NoError(t, err, "both share")
	require.ErrorIs(t, b.add(y, addrs("10.0.0.1")), syscall.EADDRINUSE)
	require.ErrorIs(t, b.add(y, addrs("10.0.0.3")), syscall.EINVAL)
	require.ErrorIs(t, b.add(y, addrs("10.0.0.3")), sctpcore.ErrAddress)
	l := &Listener{}
	require.NoError(t, b.listen(y, l))
	require.ErrorIs(t, b.listen(y, l), syscall.EADDRINUSE, "it listens already")
	require.ErrorIs(t, b.listen(z, l), syscall.EADDRINUSE, "the other one does")
	require.ErrorIs(t, b.remove(y, addrs("10.0.0.3")), sctpcore.ErrLastAddress)
	require.NoError(t, b.remove(z, addrs("10.0.0.3")))
	require.ErrorIs(t, b.remove(z, addrs("10.0.0.3")), sctpcore.ErrAddress)
	require.NoError(t, b.listen(z, l))
	require.ErrorIs(t, b.add(z, addrs("10.0.0.3")), syscall.EADDRINUSE, "both listen")
	for _, v := range []*Binding{x, y, z} {
		_, ok := b.retire(v)
		require.True(t, ok)
		_, ok = b.retire(v)
		require.False(t, ok)
		_, err = b.begin(v)
		require.ErrorIs(t, err, net.ErrClosed)
		b.release(v)
	}
	require.Empty(t, b.bindings)
}

func TestEphemeralPorts(t *testing.T) {
	b := newPortBook([32]byte{1})
	one := func(port uint16) (*Binding, error) {
		return b.bindAndBegin(&Binding{port: port, reuse: port != 0, forOne: true, ips: addrs("10.0.0.1")})
	}
	at := make(map[uint16]*Binding)
	for range lastEphemeral - firstEphemeral + 1 {
		x, err := one(0)
		require.NoError(t, err)
		require.GreaterOrEqual(t, x.port, uint16(firstEphemeral))
		require.Nil(t, at[x.port])
		at[x.port] = x
	}
	_, err := one(0)
	require.ErrorIs(t, err, syscall.EADDRINUSE, "all are taken")
	_, err = one(firstEphemeral)
	require.ErrorIs(t, err, syscall.EADDRINUSE, "an ephemeral port is nobody else's")
	b.hangUp(at[50000])
	x, err := one(0)
	require.NoError(t, err)
	require.EqualValues(t, 50000, x.port)

	// One that has others of its port gives way when the last is through.
	x, err = one(9)
	require.NoError(t, err)
	y, err := one(9)
	require.NoError(t, err)
	require.Same(t, x, y)
	b.hangUp(x)
	require.Len(t, b.bindings[9], 1)
	b.hangUp(y)
	require.Empty(t, b.bindings[9])
}

// A port is nobody's for port 0 while an association lives that was begun there.
func TestPortOutlivesItsBinding(t *testing.T) {
	b := newPortBook([32]byte{1})
	x := &Binding{ips: addrs("10.0.0.1")}
	require.NoError(t, b.bind(x))
	_, err := b.begin(x)
	require.NoError(t, err)
	b.retire(x)
	b.release(x)
	require.Empty(t, b.bindings)
	for range lastEphemeral - firstEphemeral {
		y := &Binding{ips: addrs("10.0.0.1")}
		require.NoError(t, b.bind(y))
		require.NotEqual(t, x.port, y.port)
	}
	y := &Binding{ips: addrs("10.0.0.1")}
	require.Error(t, b.bind(y))
	b.hangUp(x)
	y.port = 0
	require.NoError(t, b.bind(y))
	require.Equal(t, x.port, y.port)
	require.NoError(t, b.bind(&Binding{port: 80, ips: addrs("10.0.0.1")}))
}
