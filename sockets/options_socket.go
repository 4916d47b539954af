package sockets

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// socketOptions are those of level SOL_SOCKET that mean something here.
var socketOptions = map[uint32]option{
	unix.SO_REUSEADDR:   anyLength(toggle(func(s *socket) *bool { return &s.reuse })),
	unix.SO_REUSEPORT:   anyLength(toggle(func(s *socket) *bool { return &s.reuse })),
	unix.SO_ACCEPTCONN:  anyLength(flag(func(s *socket) bool { return s.phase == listening }, nil)),
	unix.SO_SNDBUF:      bufferOption((*socket).sendBuffer, func(s *socket, n int) { s.sndbuf = n }),
	unix.SO_SNDBUFFORCE: bufferOption((*socket).sendBuffer, func(s *socket, n int) { s.sndbuf = n }),
	unix.SO_RCVBUF:      bufferOption((*socket).receiveBuffer, func(s *socket, n int) { s.rcvbuf = n }),
	unix.SO_RCVBUFFORCE: bufferOption((*socket).receiveBuffer, func(s *socket, n int) { s.rcvbuf = n }),
	unix.SO_LINGER:      {reader(1, getLinger), longWriter(setLinger)},
	unix.SO_COOKIE:      {reader(0, func(s *socket, v *uint64) error { *v = s.id; return nil }), nil},
}

// rememberedOptions are kept and told, by level, with what they begin with: they are
// about what a kernel does with packets, or about what unix sockets do natively.
var rememberedOptions = map[uint32]map[uint32]int32{
	solSocket: {
		unix.SO_DEBUG: 0, unix.SO_DONTROUTE: 0, unix.SO_BROADCAST: 0, unix.SO_KEEPALIVE: 0, unix.SO_OOBINLINE: 0,
		unix.SO_NO_CHECK: 0, unix.SO_PRIORITY: 0, unix.SO_RCVLOWAT: 1, unix.SO_MARK: 0, unix.SO_BUSY_POLL: 0,
	},
	solIP:   {unix.IP_MTU_DISCOVER: unix.IP_PMTUDISC_WANT, unix.IP_BIND_ADDRESS_NO_PORT: 0},
	solIPv6: {unix.IPV6_MTU_DISCOVER: unix.IPV6_PMTUDISC_WANT},
}

// offOptions are off and cannot be switched on: they would show the program what is not
// known here, or let it bind addresses that there are not.
var offOptions = map[uint32][]uint32{
	solSocket: {unix.SO_TIMESTAMP, unix.SO_TIMESTAMPNS, unix.SO_RXQ_OVFL},
	solIP:     {unix.IP_RECVERR, unix.IP_RECVTOS, unix.IP_RECVTTL, unix.IP_PKTINFO, unix.IP_FREEBIND},
	solIPv6:   {unix.IPV6_RECVERR, unix.IPV6_RECVTCLASS, unix.IPV6_RECVHOPLIMIT, unix.IPV6_RECVPKTINFO, unix.IPV6_FREEBIND},
}

var offOption = anyLength(flag(func(*socket) bool { return false }, func(_ *socket, on bool) error {
	if on {
		return unix.ENOPROTOOPT
	}
	return nil
}))

// headerOptions are of packets' headers: those of both families are one here, a socket
// sending by both what it is told by either.
var headerOptions = map[optionKey]option{
	{solIP, unix.IP_TOS}:              headerOption(0, 255, func(p *sctpcore.Params) *uint8 { return &p.Class }),
	{solIP, unix.IP_TTL}:              headerOption(usualHops, 255, func(p *sctpcore.Params) *uint8 { return &p.Hops }),
	{solIPv6, unix.IPV6_TCLASS}:       headerOption(0, 255, func(p *sctpcore.Params) *uint8 { return &p.Class }),
	{solIPv6, unix.IPV6_UNICAST_HOPS}: headerOption(usualHops, 255, func(p *sctpcore.Params) *uint8 { return &p.Hops }),
}

// usualHops is the hop limit of packets of which nothing was said.
const usualHops = 64

// headerOption is a field of headers; -1 is the usual value again. A traffic class has no
// bits of ECN, a hop limit of 0 is none.
func headerOption(usual, most int32, field func(*sctpcore.Params) *uint8) option {
	return orByte(option{
		get: reader(0, func(s *socket, v *int32) error {
			if *v = int32(*field(&s.defaults.params)); *v == 0 {
				*v = usual
			}
			return nil
		}),
		set: func(s *socket, in []byte) error {
			v, err := intOrByte(in)
			switch {
			case err != nil:
				return err
			case v < -1 || v > most || v == 0 && usual != 0:
				return unix.EINVAL
			case v == -1:
				v = 0
			case usual == 0:
				v &= dscpMask
			}
			return s.applyAll(func(p *sctpcore.Params) { *field(p) = uint8(v) })
		},
	})
}

// orByte is anyLength for options of IP, of which a program with room for less than an int
// gets a byte.
func orByte(o option) option {
	get := anyLength(o).get
	o.get = func(s *socket, in []byte, size int) ([]byte, error) {
		b, err := get(s, in, size)
		if 0 < size && size < 4 && err == nil {
			b = b[:1]
		}
		return b, err
	}
	return o
}

// intOrByte is an int as programs pass it to options of IP, for which a byte will do.
func intOrByte(in []byte) (int32, error) {
	switch {
	case len(in) >= 4:
		return int32(binary.LittleEndian.Uint32(in)), nil
	case len(in) >= 1:
		return int32(in[0]), nil
	}
	return 0, unix.EINVAL
}

// remembered makes an option that is only kept.
func remembered(key optionKey, initial int32) option {
	return anyLength(option{
		get: reader(0, func(s *socket, v *int32) error {
			var set bool
			if *v, set = s.remembered[key]; !set {
				*v = initial
			}
			return nil
		}),
		set: func(s *socket, in []byte) error {
			v, err := intOrByte(in)
			if err != nil || key.level == solSocket && len(in) < 4 {
				return unix.EINVAL
			}
			if s.remembered == nil {
				s.remembered = map[optionKey]int32{}
			}
			s.remembered[key] = v
			return nil
		},
	})
}

// anyLength lets the program have less room than the value takes.
func anyLength(o option) option {
	get := o.get
	o.get = func(s *socket, in []byte, size int) ([]byte, error) {
		if size < 0 {
			return nil, unix.EINVAL
		}
		return get(s, in, max(size, 8))
	}
	return o
}

func (s *socket) sendBuffer() int {
	if s.sndbuf == 0 {
		return usualBuffer
	}
	return s.sndbuf
}

func (s *socket) receiveBuffer() int {
	if s.rcvbuf == 0 {
		return usualBuffer
	}
	return s.rcvbuf
}

// minSendBuffer is what SO_SNDBUF and SO_RCVBUF tell at least, as on Linux, in bytes.
const minSendBuffer = 4608

// bufferOption doubles what is set, as Linux does. It is for associations to come.
func bufferOption(get func(*socket) int, set func(*socket, int)) option {
	return anyLength(option{
		get: reader(0, func(s *socket, v *int32) error {
			*v = int32(get(s))
			return nil
		}),
		set: longWriter(func(s *socket, v *int32) error {
			most := 2 * min(s.server.cfg.Load().Core.SendBuffer, s.server.cfg.Load().Core.ReceiveBuffer)
			n := most
			if v := int64(*v); v >= 0 { // Linux takes a negative one for a large one
				n = int(min(2*v, int64(most)))
			}
			set(s, max(n, minSendBuffer))
			return s.tell(nil)
		}),
	})
}

func getLinger(s *socket, v *linger) error {
	if *v = (linger{Seconds: s.lingerFor}); s.lingerOn {
		v.OnOff = 1
	}
	return nil
}

func setLinger(s *socket, v *linger) error {
	s.lingerOn = v.OnOff != 0
	if s.lingerOn {
		s.lingerFor = v.Seconds
	}
	return nil
}

// v6onlyOption is fixed once the socket is bound.
var v6onlyOption = option{
	get: reader(0, func(s *socket, v *int32) error {
		if s.domain != unix.AF_INET6 {
			return unix.ENOPROTOOPT
		}
		if *v = 0; s.v6only {
			*v = 1
		}
		return nil
	}),
	set: longWriter(func(s *socket, v *int32) error {
		switch {
		case s.domain != unix.AF_INET6:
			return unix.ENOPROTOOPT
		case s.binding != nil || s.single != nil:
			return unix.EINVAL
		}
		s.v6only = *v != 0
		return nil
	}),
}
