package sockets

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
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
		unix.SO_NO_CHECK: 0, unix.SO_PRIORITY: 0, unix.SO_RCVLOWAT: 1, unix.SO_MARK: 0, unix.SO_TIMESTAMP: 0, unix.SO_TIMESTAMPNS: 0,
		unix.SO_BUSY_POLL: 0, unix.SO_RXQ_OVFL: 0,
	},
	solIP: {
		unix.IP_TOS: 0, unix.IP_TTL: 64, unix.IP_MTU_DISCOVER: unix.IP_PMTUDISC_WANT, unix.IP_RECVERR: 0, unix.IP_RECVTOS: 0,
		unix.IP_RECVTTL: 0, unix.IP_PKTINFO: 0, unix.IP_FREEBIND: 0, unix.IP_BIND_ADDRESS_NO_PORT: 0,
	},
	solIPv6: {
		unix.IPV6_UNICAST_HOPS: 64, unix.IPV6_TCLASS: 0, unix.IPV6_RECVTCLASS: 0, unix.IPV6_RECVPKTINFO: 0, unix.IPV6_RECVERR: 0,
		unix.IPV6_MTU_DISCOVER: unix.IPV6_PMTUDISC_WANT, unix.IPV6_RECVHOPLIMIT: 0, unix.IPV6_FREEBIND: 0,
	},
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
			var v int32
			switch {
			case len(in) >= 4:
				v = int32(binary.LittleEndian.Uint32(in))
			case key.level != solSocket && len(in) >= 1: // a byte will do
				v = int32(in[0])
			default:
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
			most := 2 * min(s.server.cfg.Core.SendBuffer, s.server.cfg.Core.ReceiveBuffer)
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
