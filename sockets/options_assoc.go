package sockets

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

func ms(v uint32) sctpcore.Time { return sctpcore.Time(v) * sctpcore.Millisecond }

func getRTOInfo(s *socket, v *rtoInfo) error {
	set, _, err := s.settingsOf(v.AssocID)
	if err == nil {
		t := &set.params.Timers
		v.Initial, v.Max, v.Min = milliseconds(t.RTOInitial), milliseconds(t.RTOMax), milliseconds(t.RTOMin)
	}
	return err
}

func setRTOInfo(s *socket, v *rtoInfo) error {
	return s.alter(v.AssocID, func(set *settings) error {
		t := &set.params.Timers
		for _, f := range []struct {
			have *sctpcore.Time
			ms   uint32
		}{{&t.RTOInitial, v.Initial}, {&t.RTOMax, v.Max}, {&t.RTOMin, v.Min}} {
			if f.ms != 0 {
				*f.have = ms(f.ms)
			}
		}
		if t.RTOMin > t.RTOMax {
			return unix.EINVAL
		}
		t.RTOInitial = min(max(t.RTOInitial, t.RTOMin), t.RTOMax) // as it works out on Linux
		return nil
	})
}

func getAssocInfo(s *socket, v *assocParams) error {
	set, a, err := s.settingsOf(v.AssocID)
	if err != nil {
		return err
	}
	v.MaxRetrans, v.CookieLife = uint16(set.params.AssocMaxRetrans), milliseconds(set.params.ValidCookieLife)
	v.Destinations, v.PeerWindow, v.LocalWindow = 0, 0, 0
	if a == nil {
		return nil
	}
	info, err := a.conn.Info()
	if err != nil {
		return err
	}
	v.Destinations, v.PeerWindow, v.LocalWindow = uint16(len(a.peers)), uint32(info.PeerRwnd), uint32(info.Rwnd)
	return nil
}

func setAssocInfo(s *socket, v *assocParams) error {
	_, a, err := s.settingsOf(v.AssocID)
	if err != nil {
		return err
	}
	return s.apply(a, func(set *settings) error {
		if v.MaxRetrans != 0 {
			if a != nil && len(a.peers) > 1 && int(v.MaxRetrans) > a.pathRetrans() {
				return unix.EINVAL
			}
			set.params.AssocMaxRetrans = int(v.MaxRetrans)
		}
		if v.CookieLife != 0 {
			set.params.ValidCookieLife = ms(v.CookieLife)
		}
		return nil
	})
}

// pathRetrans is the sum of the paths' Path.Max.Retrans.
func (a *assoc) pathRetrans() (sum int) {
	for _, p := range a.peers {
		pp, _ := a.conn.PathParams(p.Addr()) // one that has gone counts 0
		sum += pp.MaxRetrans
	}
	return sum
}

func getInitMsg(s *socket, v *initMsg) error {
	*v = s.initMsg
	return nil
}

func setInitMsg(s *socket, v *initMsg) error {
	s.initMsg.override(v)
	return s.tell(nil)
}

func getDelayedSACK(s *socket, in []byte, size int) ([]byte, error) {
	if size != 8 && size < 12 {
		return nil, unix.EINVAL
	}
	v := decode[sackInfo](in)
	set, _, err := s.settingsOf(v.AssocID)
	if err != nil {
		return nil, err
	}
	v.Delay, v.Frequency = milliseconds(set.params.SACKDelay), uint32(set.params.SACKFrequency)
	switch v.Frequency {
	case 0:
		v.Frequency = 2
	case 1:
		v.Delay = 0
	}
	if size < 12 { // sctp_assoc_value
		return encode(&assocValue{v.AssocID, v.Delay}), nil
	}
	return encode(&v), nil
}

func setDelayedSACK(s *socket, in []byte) error {
	v := decode[sackInfo](in)
	switch len(in) {
	case 8: // sctp_assoc_value, of which 0 switches it off
		v.Frequency = 0
		if v.Delay == 0 {
			v.Frequency = 1
		}
	case 12:
	default:
		return unix.EINVAL
	}
	if v.Delay > 500 {
		return unix.EINVAL
	}
	return s.alterAll(v.AssocID, func(set *settings) error {
		if v.Delay != 0 {
			set.params.SACKDelay = ms(v.Delay)
			if set.params.SACKFrequency == 1 {
				set.params.SACKFrequency = 0
			}
		}
		switch v.Frequency {
		case 0:
		case 2: // the core's own
			set.params.SACKFrequency = 0
		default:
			set.params.SACKFrequency = int(v.Frequency)
		}
		return nil
	})
}

// valueOption is an option of a sctp_assoc_value; short takes an int, too, which is
// about associations to come.
func valueOption(short, all bool, get func(*settings, *assoc) (uint32, error), set func(*settings, uint32) error) option {
	return option{
		get: func(s *socket, in []byte, size int) ([]byte, error) {
			v := decode[assocValue](in)
			switch {
			case short && size == 4:
				v.AssocID = futureAssoc
			case size < 8:
				return nil, unix.EINVAL
			}
			st, a, err := s.settingsOf(v.AssocID)
			if err != nil {
				return nil, err
			}
			if v.Value, err = get(st, a); err != nil {
				return nil, err
			}
			if short && size == 4 {
				return encode(&v.Value), nil
			}
			return encode(&v), nil
		},
		set: func(s *socket, in []byte) error {
			v := decode[assocValue](in)
			switch {
			case short && len(in) == 4:
				v = assocValue{futureAssoc, binary.LittleEndian.Uint32(in)}
			case len(in) != 8:
				return unix.EINVAL
			}
			change := func(st *settings) error { return set(st, v.Value) }
			if all {
				return s.alterAll(v.AssocID, change)
			}
			return s.alter(v.AssocID, change)
		},
	}
}

var maxBurstOption = valueOption(true, true,
	func(set *settings, _ *assoc) (uint32, error) { return uint32(set.params.MaxBurst), nil },
	func(set *settings, v uint32) error {
		set.params.MaxBurst = int(v)
		return nil
	})

var contextOption = valueOption(false, true,
	func(set *settings, _ *assoc) (uint32, error) { return set.rcvContext, nil },
	func(set *settings, v uint32) error {
		set.rcvContext = v
		return nil
	})

var exposePFOption = valueOption(false, false,
	func(set *settings, _ *assoc) (uint32, error) { return set.pfExpose, nil },
	func(set *settings, v uint32) error {
		if v > 2 {
			return unix.EINVAL
		}
		set.pfExpose = v
		return nil
	})

// maxSegOption tells, of an association, the length that is in effect.
var maxSegOption = valueOption(true, false,
	func(set *settings, a *assoc) (uint32, error) {
		if a != nil {
			return uint32(a.fragment()), nil
		}
		return uint32(set.params.MaxSegment), nil
	},
	func(set *settings, v uint32) error {
		if v != 0 && (v < 512-20-12-16 || v > 65535-16) { // what fits the smallest MTU; one chunk
			return unix.EINVAL
		}
		set.params.MaxSegment = int(v)
		return nil
	})

// sendFlags are what default parameters may set.
const sendFlags = sndUnordered | sndAddrOver | sndAbort | sndEOF

func getSendParam(s *socket, v *sndRcvInfo) error {
	set, _, err := s.settingsOf(v.AssocID)
	if err == nil {
		d := &set.send
		v.Stream, v.Flags, v.PPID, v.Context, v.TimeToLive = d.stream, d.flags, d.ppid, d.context, d.life
	}
	return err
}

func setSendParam(s *socket, v *sndRcvInfo) error {
	if v.Flags&^sendFlags != 0 {
		return unix.EINVAL
	}
	return s.alterAll(v.AssocID, func(set *settings) error {
		set.send = sendDefaults{v.Stream, v.Flags, v.PPID, v.Context, v.TimeToLive}
		return nil
	})
}

func getSndInfo(s *socket, v *sndInfo) error {
	set, _, err := s.settingsOf(v.AssocID)
	if err == nil {
		d := &set.send
		v.Stream, v.Flags, v.PPID, v.Context = d.stream, d.flags, d.ppid, d.context
	}
	return err
}

func setSndInfo(s *socket, v *sndInfo) error {
	if v.Flags&^sendFlags != 0 {
		return unix.EINVAL
	}
	return s.alterAll(v.AssocID, func(set *settings) error {
		set.send = sendDefaults{v.Stream, v.Flags, v.PPID, v.Context, set.send.life}
		return nil
	})
}

func getPRInfo(s *socket, v *defaultPRInfo) error {
	_, _, err := s.settingsOf(v.AssocID)
	v.Policy, v.Value = 0, 0
	return err
}

// setPRInfo knows one policy: that messages are reliable.
func setPRInfo(s *socket, v *defaultPRInfo) error {
	switch {
	case v.Policy&^sndPRMask != 0:
		return unix.EINVAL
	case v.Policy != 0:
		return unix.ENOPROTOOPT
	}
	return s.alterAll(v.AssocID, func(*settings) error { return nil })
}

func getAutoclose(s *socket, v *uint32) error {
	*v = uint32(s.defaults.params.Autoclose / sctpcore.Second)
	return nil
}

func setAutoclose(s *socket, in []byte) error {
	switch {
	case s.style == oneToOne:
		return unix.EOPNOTSUPP
	case len(in) != 4:
		return unix.EINVAL
	}
	seconds := min(binary.LittleEndian.Uint32(in), 1<<31)
	return s.apply(nil, func(set *settings) error {
		set.params.Autoclose = sctpcore.Time(seconds) * sctpcore.Second
		return nil
	})
}

// noDelayOption is off in the beginning, as on Linux, but has small messages wait for
// company only once a program has set it to 0 itself: the wait is long where the peer
// delays its SACKs, and what is queued is bundled anyway.
var noDelayOption = flag(
	func(s *socket) bool { return s.noDelay },
	func(s *socket, on bool) error {
		s.noDelay = on
		return s.applyAll(func(p *sctpcore.Params) { p.Nagle = !on })
	})

// deliveryPointOption is of the socket, and so of all its associations.
var deliveryPointOption = option{
	get: reader(0, func(s *socket, v *uint32) error {
		*v = uint32(s.defaults.params.PartialDelivery)
		return nil
	}),
	set: writer(func(s *socket, v *uint32) error {
		if *v > uint32(s.receiveBuffer()/2) {
			return unix.EINVAL
		}
		return s.applyAll(func(p *sctpcore.Params) { p.PartialDelivery = int(*v) })
	}),
}
