package dataplane

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// AssocName names an association of a dataplane, also after its end. The zero value is none.
type AssocName struct {
	Worker uint8
	ID     sctpcore.AssocID
}

// String is the worker and the place in its core, e.g. "0.17"; "0.17.2" for the second
// association that has that place.
func (n AssocName) String() string {
	s := strconv.Itoa(int(n.Worker)) + "." + strconv.Itoa(n.ID.Slot())
	if use := n.ID.Use(); use != 1 {
		s += "." + strconv.Itoa(use)
	}
	return s
}

// ParseAssocName reads what String writes.
func ParseAssocName(s string) (AssocName, error) {
	parts := strings.Split(s, ".")
	n := [3]int{2: 1}
	err := error(nil)
	for i := 0; i < len(parts) && i < len(n) && err == nil; i++ {
		n[i], err = strconv.Atoi(parts[i])
	}
	name := AssocName{uint8(n[0]), sctpcore.MakeAssocID(n[1], n[2])}
	if err != nil || name.String() != s || name.ID == 0 {
		return AssocName{}, fmt.Errorf("dataplane: %q is not the name of an association: it is numbers as in 0.17 or 0.17.2", s)
	}
	return name, nil
}

// Name is the association's.
func (e *PathEvent) Name() AssocName { return AssocName{e.Conn.w.number, e.Assoc} }

// AssocSnapshot is an association as it was at one moment.
type AssocSnapshot struct {
	Name   AssocName
	Since  sctpcore.Time // that it exists, by the dataplane's clock
	Plight Plight
	sctpcore.AssocInfo
	Paths []PathInfo
}

// Bounds of one turn of a Walk, at about 1 µs for each association: the worker's ports
// wait for it.
const (
	walkTurn  = 128  // associations
	walkPaths = 512  // paths; the last association may pass it
	walkSlots = 4096 // places in the core, occupied or not
)

// Walk goes through the associations of all workers, each in the order of its places, which
// none changes while it lasts: who is there from beginning to end is met once. One
// goroutine at a time may use it.
type Walk struct {
	d     *Dataplane
	in    Plight // of WalkWorst, the one it is at; else noPlight
	at    int    // worker
	slot  int    // of its core, the next one
	list  []AssocSnapshot
	paths []PathInfo
	infos []sctpcore.PathInfo
}

// Walk begins behind an association, whether it still exists or not; with the zero
// AssocName at the first one.
func (d *Dataplane) Walk(after AssocName) *Walk {
	k := &Walk{d: d, at: int(after.Worker)}
	if after.ID != 0 {
		k.slot = after.ID.Slot() + 1
	}
	return k
}

// WalkWorst begins with the associations in the worst plight; those in one plight are in the
// order of Walk. To find the few worst ones costs no more where there are many others. One
// whose plight changes meanwhile may be met twice, or be missed.
func (d *Dataplane) WalkWorst() *Walk { return &Walk{d: d, in: NumPlights - 1} }

// Next is the next associations, at most limit and at most 128: what the worker tells
// between two bursts. They are valid until the next call. There are none after the
// last one.
func (k *Walk) Next(limit int) []AssocSnapshot {
	limit = min(limit, walkTurn)
	if k.list == nil {
		k.list = make([]AssocSnapshot, walkTurn)
	}
	for limit > 0 {
		if k.at >= len(k.d.workers) {
			if k.in <= AllActive {
				return nil
			}
			k.in, k.at = k.in-1, 0
		}
		n, more := 0, false
		err := k.d.workers[k.at].call(func(w *worker) { n, more = w.walk(k, limit) })
		if err != nil || !more {
			k.at++
			k.slot = 0
		}
		if err == nil && n > 0 {
			return k.list[:n]
		}
	}
	return nil
}

// walk tells the next associations of this worker; more is false behind the last one.
func (w *worker) walk(k *Walk, limit int) (n int, more bool) {
	k.paths = k.paths[:0]
	for tried := 0; ; k.slot++ {
		if k.in != noPlight {
			k.slot = w.plights[k.in].next(k.slot)
		}
		if k.slot >= w.core.Slots() {
			return n, false
		}
		if n == limit || tried == walkSlots || len(k.paths) >= walkPaths {
			return n, true
		}
		tried++
		if a := w.assocs[w.core.At(k.slot)]; a != nil && !a.down && w.describe(a, &k.list[n], k) {
			n++
		}
	}
}

// describe fills s; its paths are in k's memory.
func (w *worker) describe(a *assoc, s *AssocSnapshot, k *Walk) bool {
	if !w.core.AssocInto(a.id, &s.AssocInfo) {
		return false
	}
	s.Name, s.Since, s.Plight = AssocName{w.number, a.id}, a.since, a.plight
	k.infos = w.core.Paths(a.id, k.infos[:0])
	from := len(k.paths)
	for i := range k.infos {
		_, port := w.pathName(a, uint8(i))
		k.paths = append(k.paths, PathInfo{k.infos[i], port})
	}
	s.Paths = k.paths[from:len(k.paths):len(k.paths)]
	return true
}

// Assoc is a snapshot of one association; ok is false if there is none of that name.
func (d *Dataplane) Assoc(name AssocName) (s AssocSnapshot, ok bool) {
	if int(name.Worker) >= len(d.workers) {
		return s, false
	}
	err := d.workers[name.Worker].call(func(w *worker) {
		if a := w.assocs[name.ID]; a != nil && !a.down {
			ok = w.describe(a, &s, &Walk{})
		}
	})
	return s, ok && err == nil
}
