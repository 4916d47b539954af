package sockets

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var (
	inet       = family{domain: unix.AF_INET}
	inet6      = family{domain: unix.AF_INET6, mapped: true}
	inet6plain = family{domain: unix.AF_INET6}
	inet6only  = family{domain: unix.AF_INET6, v6only: true}
)

func TestSockaddr(t *testing.T) {
	v4, v6 := netip.MustParseAddrPort("192.0.2.1:2905"), netip.MustParseAddrPort("[2001:db8::1]:2905")
	for _, c := range []struct {
		f    family
		a    netip.AddrPort
		size int
		want string
	}{
		{inet, v4, 16, "\x02\x00\x0b\x59\xc0\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
		{inet6plain, v4, 16, "\x02\x00\x0b\x59\xc0\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00"},
		{inet6, v4, 28, "\x0a\x00\x0b\x59\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01\x00\x00\x00\x00"},
		{inet6, v6, 28, "\x0a\x00\x0b\x59\x00\x00\x00\x00\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"},
		{inet6only, v6, 28, "\x0a\x00\x0b\x59\x00\x00\x00\x00\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"},
	} {
		b := c.f.append(nil, c.a.Addr(), c.a.Port())
		require.Equal(t, c.want, string(b))
		a, rest, err := c.f.parse(append(b, 0xa5))
		require.NoError(t, err)
		require.Equal(t, c.a, a)
		require.Equal(t, []byte{0xa5}, rest)
		s := c.f.store(c.a.Addr(), c.a.Port())
		require.Equal(t, c.a, c.f.parseAny(&s))
		for n := range c.size {
			_, _, err := c.f.parse(b[:n])
			require.Equal(t, unix.EINVAL, err)
		}
	}
}

func TestSockaddrRefuses(t *testing.T) {
	v4 := inet.append(nil, netip.MustParseAddr("192.0.2.1"), 1)
	mapped := inet6.append(nil, netip.MustParseAddr("192.0.2.1"), 1)
	v6 := inet6.append(nil, netip.MustParseAddr("2001:db8::1"), 1)
	for _, c := range []struct {
		f family
		b []byte
	}{{inet, v6}, {inet, mapped}, {inet6only, v4}, {inet6only, mapped}, {inet, make([]byte, 128)}, {inet6, nil}} {
		_, _, err := c.f.parse(c.b)
		require.Equal(t, unix.EINVAL, err)
	}
	all, err := inet6.parseAll(append(append([]byte{}, v6...), v4...))
	require.NoError(t, err)
	require.Len(t, all, 2)
	_, err = inet6.parseAll(append(append([]byte{}, v6...), 2))
	require.Equal(t, unix.EINVAL, err)
	_, err = inet6.parseAll(nil)
	require.Equal(t, unix.EINVAL, err)
}

func FuzzSockaddr(f *testing.F) {
	f.Add(uint8(0), inet6.append(nil, netip.MustParseAddr("2001:db8::1"), 1))
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		fam := []family{inet, inet6, inet6plain, inet6only}[which%4]
		all, err := fam.parseAll(b)
		if err != nil {
			return
		}
		for _, a := range all {
			require.True(t, fam.takes(a.Addr()))
		}
	})
}
