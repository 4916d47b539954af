package dataplane

import (
	"encoding/binary"
	"sync"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// directory tells which worker owns the association with a peer's address and
// ports. It is written when an association gains or loses a path and read only
// for packets that do not carry our verification tag: INIT, ABORT and SHUTDOWN
// COMPLETE with the T bit, ICMP errors. The worker of any other packet is in
// its tag. It is the one thing that workers share under a lock.
type directory struct {
	shards [64]directoryShard
	turns  [64]sync.Mutex // of those who look and then put
}

type directoryShard struct {
	mu     sync.RWMutex
	owners map[directoryKey]directoryEntry
	_      [32]byte
}

type directoryKey struct {
	peer                wire.Addr
	localPort, peerPort uint16
}

// directoryEntry is the worker of a key and how many associations it has with it:
// they differ in our address, and all of them have the same owner.
type directoryEntry struct {
	owner uint8
	count uint32
}

// hash is FNV-1a over the key, finished so that low bits depend on all of it.
func (k *directoryKey) hash() uint64 {
	h := uint64(14695981039346656037)
	h = (h ^ binary.LittleEndian.Uint64(k.peer[:8])) * 1099511628211
	h = (h ^ binary.LittleEndian.Uint64(k.peer[8:])) * 1099511628211
	h = (h ^ (uint64(k.localPort)<<16 | uint64(k.peerPort))) * 1099511628211
	return h ^ h>>29 ^ h>>43
}

func (d *directory) shard(k *directoryKey) *directoryShard { return &d.shards[k.hash()>>6&63] }

// turn is the lock for those who look a key up and then put it.
func (d *directory) turn(k directoryKey) *sync.Mutex { return &d.turns[k.hash()>>6&63] }

// put makes owner the owner, for one more association, unless another worker has
// the key already: then it is false.
func (d *directory) put(k directoryKey, owner uint8) bool {
	s := d.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		s.owners = make(map[directoryKey]directoryEntry)
	}
	e, taken := s.owners[k]
	if taken && e.owner != owner {
		return false
	}
	s.owners[k] = directoryEntry{owner, e.count + 1}
	return true
}

// remove undoes a put that was true.
func (d *directory) remove(k directoryKey) {
	s := d.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.owners[k]; e.count > 1 {
		s.owners[k] = directoryEntry{e.owner, e.count - 1}
	} else {
		delete(s.owners, k)
	}
}

func (d *directory) lookup(k directoryKey) (owner uint8, ok bool) {
	s := d.shard(&k)
	s.mu.RLock()
	e, ok := s.owners[k]
	s.mu.RUnlock()
	return e.owner, ok
}
