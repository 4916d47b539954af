package daemon

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/trunkline-sctp/trunkline/internal/config"
)

// part is what of a running daemon takes a change.
type part uint8

// The parts, in the order in which they are changed.
const (
	restart   part = iota // nothing can: associations would end
	network               // addresses and routes
	defaults              // what associations begin with, and the bounds of all together
	service               // what is served, at which port
	programs              // who may use the sockets API, how much of it
	access                // who may connect to the control socket
	web                   // what is served over TCP, to whom
	logging               // from which level on
	lookedUp              // when it is needed
	manyParts             // their number
)

// change is a key whose value is another one.
type change struct {
	key      string
	by       part
	from, to string
}

// String says what changes.
func (c change) String() string { return fmt.Sprintf("%s: %s → %s", c.key, c.from, c.to) }

// none is what is said for an empty value.
const none = "none"

// planOf compares two configurations: what a reload has to change, or all that it would have to
// and cannot.
func planOf(old, next *config.File) ([]change, config.Problems) {
	changes, problems := portChanges(old, next)
	for _, s := range settings {
		if from, to := s.text(old), s.text(next); from != to {
			changes = append(changes, change{s.key, s.by, cmp.Or(from, none), cmp.Or(to, none)})
		}
	}
	if old.HTTP.Token != next.HTTP.Token && old.HTTP.TokenFile == next.HTTP.TokenFile {
		changes = append(changes, change{"http.token_file", web, "the token that it held", "another one"})
	}
	for _, c := range changes {
		if c.by == restart {
			problems = append(problems, next.Problem(c.key, fmt.Sprintf("can't change while running, from %s to %s", c.from, c.to), "restart, or take it back"))
		}
	}
	if err := servesNothing(next); err != nil && len(problems) == 0 {
		problems = append(problems, next.Problem("service", "and sockets are both gone", "leave one, or stop the daemon"))
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return changes, nil
}

// portChanges compares ports of the same name; which there are cannot change.
func portChanges(old, next *config.File) (changes []change, problems config.Problems) {
	named := func(f *config.File, name string) int {
		return slices.IndexFunc(f.Ports, func(p config.Port) bool { return p.Name == name })
	}
	for i := range next.Ports {
		p, at := &next.Ports[i], fmt.Sprintf("ports[%d].", i)
		j := named(old, p.Name)
		if j < 0 {
			problems = append(problems, next.Problem(at+"name", fmt.Sprintf("can't come while running: %s", p.Name), "restart, or take it out"))
			continue
		}
		for _, s := range portSettings {
			if from, to := s.text(&old.Ports[j]), s.text(p); from != to {
				changes = append(changes, change{at + s.key, s.by, from, to})
			}
		}
	}
	for i := range old.Ports {
		if name := old.Ports[i].Name; named(next, name) < 0 {
			problems = append(problems, next.Problem("ports", fmt.Sprintf("can't go while running: %s", name), "restart, or put it back"))
		}
	}
	return changes, problems
}
