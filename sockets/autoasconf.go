package sockets

import (
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

// autoAsconfOption is SCTP_AUTO_ASCONF as Linux has it: associations, live ones too, follow
// changes of the dataplane's addresses. It is for sockets that are bound to all of them, and
// none inherits it.
var autoAsconfOption = flag(func(s *socket) bool { return s.autoAsconf && s.boundToAll() }, setAutoAsconf)

func setAutoAsconf(s *socket, on bool) error {
	if on && !s.boundToAll() {
		return unix.EINVAL
	}
	s.autoAsconf = on
	for _, a := range s.assocs {
		_ = a.conn.SetAutoAsconf(on) // it may have ended
	}
	return s.tell(nil)
}

// boundToAll: bind, or connect or listen without it, gave the socket all addresses.
func (s *socket) boundToAll() bool {
	return (s.binding != nil || s.single != nil) && s.shown.IsUnspecified()
}

// acceptOptions are what associations to be accepted are made with: those of a one-to-one
// socket become other sockets'.
func (s *socket) acceptOptions() *dataplane.AssocOptions {
	o := s.assocOptions(nil)
	o.AutoAsconf = o.AutoAsconf && s.style == oneToMany
	return o
}
