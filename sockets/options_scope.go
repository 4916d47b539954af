package sockets

import (
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// An option names the association that it is about by sctp_assoc_t. On one-to-one and
// peeled-off sockets it is always the only one, if there is one that is up, else the
// socket.

// assocOf is the association that an identifier names, nil if there is none.
func (s *socket) assocOf(id int32) *assoc {
	if s.style == oneToMany {
		return s.assocs[id]
	}
	if s.single != nil && s.single.up {
		return s.single
	}
	return nil
}

// mustAssoc is assocOf for what makes no sense without one.
func (s *socket) mustAssoc(id int32) (*assoc, error) {
	if a := s.assocOf(id); a != nil {
		return a, nil
	}
	return nil, unix.EINVAL
}

// settingsOf is where an option is read: an association's settings, or the
// socket's.
func (s *socket) settingsOf(id int32) (*settings, *assoc, error) {
	switch a := s.assocOf(id); {
	case a != nil:
		return &a.settings, a, nil
	case id != futureAssoc && s.style == oneToMany:
		return nil, nil, unix.EINVAL
	}
	return &s.defaults, nil, nil
}

// alter changes the settings of one association, or of those to come; what change
// refuses is undone.
func (s *socket) alter(id int32, change func(*settings) error) error {
	_, a, err := s.settingsOf(id)
	if err != nil {
		return err
	}
	return s.apply(a, change)
}

// alterAll is alter that also knows SCTP_CURRENT_ASSOC and SCTP_ALL_ASSOC.
func (s *socket) alterAll(id int32, change func(*settings) error) error {
	return s.each(id, func(a *assoc) error { return s.apply(a, change) })
}

// each calls do for those associations that an identifier names: nil stands for those
// to come.
func (s *socket) each(id int32, do func(*assoc) error) error {
	a := s.assocOf(id)
	switch {
	case a != nil:
		return do(a)
	case s.style != oneToMany:
		return do(nil)
	case id < futureAssoc || id > allAssoc:
		return unix.EINVAL
	}
	if id != currentAssoc {
		if err := do(nil); err != nil {
			return err
		}
	}
	var first error
	if id != futureAssoc {
		for _, a := range s.ordered() {
			if err := do(a); err != nil && first == nil {
				first = err
			}
		}
	}
	return first
}

// apply changes settings, and has the core know of its parameters.
func (s *socket) apply(a *assoc, change func(*settings) error) error {
	set := &s.defaults
	if a != nil {
		set = &a.settings
	}
	old := *set
	err := change(set)
	if err == nil && set.params != old.params {
		err = s.tell(a)
	}
	if err != nil {
		*set = old
	}
	return err
}

// applyAll changes what is the socket's alone: in all its associations and those to come.
func (s *socket) applyAll(change func(*sctpcore.Params)) error {
	do := func(set *settings) error {
		change(&set.params)
		return nil
	}
	for _, a := range s.assocs {
		if err := s.apply(a, do); err != nil && !a.over {
			return err
		}
	}
	return s.apply(nil, do)
}

// tell gives the core an association's parameters, or the listener those of
// associations to come.
func (s *socket) tell(a *assoc) error {
	switch {
	case a != nil && !a.over:
		return a.conn.SetParams(&a.settings.params)
	case a == nil && s.listener != nil:
		return s.listener.SetOptions(s.acceptOptions())
	}
	return nil
}
