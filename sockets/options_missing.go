package sockets

import "golang.org/x/sys/unix"

// Options of what the core does not have answer as a kernel does whose administrator has
// switched it off: it reads as off, and nothing pretends to switch it on.

// missing is an extension that the core does not have, or a choice of which it has
// only number 0.
var missing = option{
	get: reader(0, func(s *socket, v *assocValue) error {
		_, _, err := s.settingsOf(v.AssocID)
		v.Value = 0
		return err
	}),
	set: longWriter(func(s *socket, v *assocValue) error {
		err := s.each(v.AssocID, func(*assoc) error { return nil })
		if err == nil && v.Value != 0 {
			err = unix.ENOPROTOOPT
		}
		return err
	}),
}

// interleaving is refused as on a kernel with net.sctp.intl_enable off.
var interleaving = option{
	get: missing.get,
	set: longWriter(func(s *socket, v *assocValue) error {
		if _, _, err := s.settingsOf(v.AssocID); err != nil {
			return err
		}
		return unix.EPERM
	}),
}

// reconfigure is what is asked of an association and never done: its structure, of at least
// so many bytes, begins with the identifier.
func reconfigure(least int) func(*socket, []byte) error {
	return func(s *socket, in []byte) error {
		if len(in) < least {
			return unix.EINVAL
		}
		if _, err := s.mustAssoc(decode[int32](in)); err != nil {
			return err
		}
		return unix.ENOPROTOOPT
	}
}

// schedulerValue is a priority or weight of a stream, of which the one scheduler, first
// come first served, has none.
var schedulerValue = option{
	get: reader(0, func(s *socket, v *streamValue) error {
		a, err := s.mustAssoc(v.AssocID)
		if err == nil && v.Stream >= a.outStreams {
			err = unix.EINVAL
		}
		v.Value = 0
		return err
	}),
	set: longWriter(func(s *socket, v *streamValue) error {
		switch {
		case s.style == oneToMany && s.assocs[v.AssocID] == nil && v.AssocID != currentAssoc:
			return unix.EINVAL
		case v.Value != 0:
			return unix.ENOPROTOOPT
		}
		return nil
	}),
}

// getPRStatus counts the messages that were given up: none ever is.
func getPRStatus(s *socket, v *prStatus) error {
	const all = 0x0080 // SCTP_PR_SCTP_ALL
	if p := v.Policy; p == 0 || p&^(sndPRMask|all) != 0 || p&all != 0 && p != all {
		return unix.EINVAL
	}
	_, err := s.mustAssoc(v.AssocID)
	v.Unsent, v.Sent = 0, 0
	return err
}

// knows tells whether there is what an identifier and an address name.
func (s *socket) knows(id int32, addr *storage) error {
	a, _, err := s.pathOf(id, addr)
	if err == nil && a == nil {
		_, _, err = s.settingsOf(id)
	}
	return err
}

var encapsulation = option{
	get: reader(0, func(s *socket, v *udpEncaps) error {
		v.Port = 0
		return s.knows(v.AssocID, &v.Addr)
	}),
	set: writer(func(s *socket, v *udpEncaps) error {
		err := s.knows(v.AssocID, &v.Addr)
		if err == nil && v.Port != 0 {
			err = unix.ENOPROTOOPT
		}
		return err
	}),
}

var probing = option{
	get: reader(0, func(s *socket, v *probeInterval) error {
		v.Interval = 0
		return s.knows(v.AssocID, &v.Addr)
	}),
	set: writer(func(s *socket, v *probeInterval) error {
		const least = 5000 // as Linux has it
		if v.Interval != 0 && v.Interval < least {
			return unix.EINVAL
		}
		err := s.knows(v.AssocID, &v.Addr)
		if err == nil && v.Interval != 0 {
			err = unix.ENOPROTOOPT
		}
		return err
	}),
}

// notReadable is what can be set and not read.
func notReadable(*socket, []byte, int) ([]byte, error) { return nil, unix.EOPNOTSUPP }

// exactly is an option whose set takes no other length.
func exactly(size int, o option) option {
	set := o.set
	o.set = func(s *socket, in []byte) error {
		if len(in) != size {
			return unix.EINVAL
		}
		return set(s, in)
	}
	return o
}
