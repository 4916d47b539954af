package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

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
// packets that carry no tag of ours. It is off the data path.
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
	switch {
	case e.freeSlots.len() > 0 && (e.freeSlots.len() > 1024 || len(e.slots) >= e.cfg.Limits.Associations):
		i, _ = e.freeSlots.pop()
	case len(e.slots) < e.cfg.Limits.Associations:
		i = uint32(len(e.slots))
		e.slots = append(e.slots, nil)
		e.generations = append(e.generations, 0)
		e.wheel.grow(i)
	default:
		return nil
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
		e.peers[peerKey{a.localPort, a.peerPort, a.paths[i].dst}] = a.slot
	}
}

// unindex undoes index.
func (e *Endpoint) unindex(a *assoc) {
	if e.tags.get(a.localTag) == a {
		e.tags.del(a.localTag)
	}
	for i := range a.paths {
		k := peerKey{a.localPort, a.peerPort, a.paths[i].dst}
		if e.peers[k] == a.slot {
			delete(e.peers, k)
		}
	}
}

func (e *Endpoint) byPeer(local, peer uint16, addr wire.Addr) *assoc {
	if slot, ok := e.peers[peerKey{local, peer, addr}]; ok {
		return e.slots[slot]
	}
	return nil
}
