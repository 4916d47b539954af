package sockets

import (
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// getEvents and setEvents are SCTP_EVENTS: a byte for each kind of notification. A
// program may know fewer kinds than there are.
func getEvents(s *socket, _ []byte, size int) ([]byte, error) {
	if size == 0 {
		return nil, unix.EINVAL
	}
	out := make([]byte, min(size, snEnd-snDataIO))
	for i := range out {
		out[i] = byte(s.defaults.events >> i & 1)
	}
	return out, nil
}

func setEvents(s *socket, in []byte) error {
	if len(in) > snEnd-snDataIO {
		return unix.EINVAL
	}
	events := s.defaults.events
	for i, on := range in {
		events &^= 1 << i
		if on != 0 {
			events |= 1 << i
		}
	}
	s.subscribe(nil, events)
	for _, a := range s.assocs {
		s.subscribe(a, events)
	}
	return nil
}

func getEvent(s *socket, v *eventChoice) error {
	if v.Type < snDataIO || v.Type >= snEnd {
		return unix.EINVAL
	}
	set, _, err := s.settingsOf(v.AssocID)
	if err == nil {
		v.On = uint8(set.events >> (v.Type - snDataIO) & 1)
	}
	return err
}

func setEvent(s *socket, v *eventChoice) error {
	if v.Type < snDataIO || v.Type >= snEnd {
		return unix.EINVAL
	}
	return s.each(v.AssocID, func(a *assoc) error {
		events := s.defaults.events
		if a != nil {
			events = a.settings.events
		}
		if events &^= 1 << (v.Type - snDataIO); v.On != 0 {
			events |= 1 << (v.Type - snDataIO)
		}
		s.subscribe(a, events)
		return nil
	})
}

// subscribe sets the notifications of an association, or, a being nil, of those to
// come. What is not wanted is dropped where it would be delivered; the core is told of
// SENDER_DRY alone, which it has often.
func (s *socket) subscribe(a *assoc, events uint16) {
	if a == nil {
		s.defaults.events = events
		s.want(proto.FlagSndRcv, events&1 != 0)
		return
	}
	had := a.wants(snSenderDry)
	a.settings.events = events
	if has := a.wants(snSenderDry); has != had {
		_ = a.conn.SetEvents(eventsFor(has)) // of one that has ended no more events come
	}
}

// eventsFor is what the core is to tell.
func eventsFor(dry bool) dataplane.EventSet {
	if dry {
		return dataplane.AllEvents | dataplane.EventsOf(sctpcore.EventSenderDry)
	}
	return dataplane.AllEvents
}

// want has frames say that the program wants a kind of ancillary data.
func (s *socket) want(f proto.FrameFlags, on bool) {
	if s.wanted &^= f; on {
		s.wanted |= f
	}
}

// cmsgOption switches a kind of ancillary data.
func cmsgOption(f proto.FrameFlags) option {
	return flag(func(s *socket) bool { return s.wanted&f != 0 }, func(s *socket, on bool) error {
		s.want(f, on)
		return nil
	})
}
