package sctpcore

import (
	"slices"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// tagTable finds an association by the verification tag that we chose for it.
// Tags are random, so the low bits are hash enough: open addressing, linear
// probing, at most half full, deletion by shifting back.
type tagTable struct {
	entries []tagEntry
	mask    uint32
	count   int
}

type tagEntry struct {
	a   *assoc
	tag uint32 // 0 is a free entry: no association has tag 0
}

func newTagTable() tagTable { return tagTable{entries: make([]tagEntry, 64), mask: 63} }

// home is where the search for a tag begins.
func (t *tagTable) home(tag uint32) *tagEntry { return &t.entries[tag&t.mask] }

// get is nil if no association has the tag.
func (t *tagTable) get(tag uint32) *assoc {
	for i := tag & t.mask; t.entries[i].tag != 0; i = (i + 1) & t.mask {
		if t.entries[i].tag == tag {
			return t.entries[i].a
		}
	}
	return nil
}

func (t *tagTable) put(tag uint32, a *assoc) {
	if 2*(t.count+1) > len(t.entries) {
		old := t.entries
		t.entries = make([]tagEntry, 2*len(old))
		t.mask = uint32(len(t.entries) - 1)
		t.count = 0
		for _, e := range old {
			if e.tag != 0 {
				t.put(e.tag, e.a)
			}
		}
	}
	i := tag & t.mask
	for t.entries[i].tag != 0 {
		i = (i + 1) & t.mask
	}
	t.entries[i] = tagEntry{a, tag}
	t.count++
}

func (t *tagTable) del(tag uint32) {
	i := tag & t.mask
	for t.entries[i].tag != tag {
		if t.entries[i].tag == 0 {
			return
		}
		i = (i + 1) & t.mask
	}
	t.count--
	for j := (i + 1) & t.mask; t.entries[j].tag != 0; j = (j + 1) & t.mask {
		if home := t.entries[j].tag & t.mask; (j-home)&t.mask >= (j-i)&t.mask {
			t.entries[i] = t.entries[j]
			i = j
		}
	}
	t.entries[i] = tagEntry{}
}

// peerKey finds an association by one of its peer's transport addresses: for
// packets that carry no tag of ours. It is off the data path. Associations that
// differ in our addresses alone have keys in common: all but the first of them are
// in Endpoint.twins.
type peerKey struct {
	local, peer uint16
	addr        wire.Addr
}

// indexBits is how much of an AssocID is the slot; the rest is the slot's
// generation, so that an old id does not name a new association.
const indexBits = 20

func (id AssocID) slot() uint32 { return uint32(id) & (1<<indexBits - 1) }

func (e *Endpoint) assoc(id AssocID) *assoc {
	i := id.slot()
	if id == 0 || i >= uint32(len(e.slots)) || e.slots[i] == nil || e.slots[i].id != id {
		return nil
	}
	return e.slots[i]
}

// newTag draws a tag that is not 0 and not in use, with the owner in its upper bits.
func (e *Endpoint) newTag() uint32 {
	for {
		tag := e.rng.Uint32()
		if b := e.cfg.OwnerBits; b > 0 {
			tag = tag>>b | uint32(e.cfg.Owner)<<(32-b)
		}
		if tag != 0 && e.tags.get(tag) == nil {
			return tag
		}
	}
}

// newSlot takes a free slot for a new association, nil if Limits.Associations is reached.
func (e *Endpoint) newSlot() *assoc {
	var i uint32
	switch most := e.cfg.Limits.Associations; {
	case len(e.slots)-e.freeSlots.len() >= most:
		return nil
	case e.freeSlots.len() > 1024 || len(e.slots) >= most:
		i, _ = e.freeSlots.pop()
	default:
		i = uint32(len(e.slots))
		e.slots = append(e.slots, nil)
		e.generations = append(e.generations, 0)
		e.wheel.grow(i)
	}
	e.generations[i]++
	if e.generations[i] >= 1<<(32-indexBits) {
		e.generations[i] = 1
	}
	a := e.takeSpare()
	a.e, a.slot, a.id = e, i, AssocID(i|e.generations[i]<<indexBits)
	e.slots[i] = a
	return a
}

// index makes the association findable by tag and by its peer's addresses.
func (e *Endpoint) index(a *assoc) {
	e.tags.put(a.localTag, a)
	for i := range a.paths {
		e.indexPeer(a, a.paths[i].dst)
	}
}

// indexPeer makes the association findable by one of its peer's addresses.
func (e *Endpoint) indexPeer(a *assoc, addr wire.Addr) {
	k := peerKey{a.localPort, a.peerPort, addr}
	switch slot, taken := e.peers[k]; {
	case !taken:
		e.peers[k] = a.slot
	case slot != a.slot && !slices.Contains(e.twins[k], a.slot):
		e.twins[k] = append(e.twins[k], a.slot)
	}
}

// unindexPeer undoes indexPeer.
func (e *Endpoint) unindexPeer(a *assoc, addr wire.Addr) {
	k := peerKey{a.localPort, a.peerPort, addr}
	twins := e.twins[k]
	switch slot, ok := e.peers[k]; {
	case !ok:
		return
	case slot != a.slot:
		if i := slices.Index(twins, a.slot); i >= 0 {
			twins = slices.Delete(twins, i, i+1)
		}
	case len(twins) > 0:
		e.peers[k], twins = twins[0], twins[1:]
	default:
		delete(e.peers, k)
	}
	if len(twins) > 0 {
		e.twins[k] = twins
	} else {
		delete(e.twins, k)
	}
}

// unindex undoes index.
func (e *Endpoint) unindex(a *assoc) {
	if e.tags.get(a.localTag) == a {
		e.tags.del(a.localTag)
	}
	for i := range a.paths {
		e.unindexPeer(a, a.paths[i].dst)
	}
}

// byPeer is the association between these ports whose peer has the address addr
// and of whose own addresses one is among at; nil if there is none.
func (e *Endpoint) byPeer(local, peer uint16, addr wire.Addr, at ...wire.Addr) *assoc {
	k := peerKey{local, peer, addr}
	slot, ok := e.peers[k]
	if !ok {
		return nil
	}
	if a := e.slots[slot]; a.hasLocal(at) {
		return a
	}
	for _, slot := range e.twins[k] {
		if a := e.slots[slot]; a.hasLocal(at) {
			return a
		}
	}
	return nil
}

// hasLocal tells whether one of the addresses is ours in the association.
func (a *assoc) hasLocal(addrs []wire.Addr) bool {
	for _, x := range addrs {
		if contains(a.locals, x) {
			return true
		}
	}
	return false
}

// listening is the listener on a port at an address; nil if there is none.
func (e *Endpoint) listening(port uint16, at wire.Addr) *listener {
	for _, l := range e.listeners[port] {
		if contains(l.p.Locals, at) {
			return l
		}
	}
	return nil
}
