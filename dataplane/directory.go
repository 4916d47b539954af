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
}

type directoryShard struct {
	mu     sync.RWMutex
	owners map[directoryKey]uint8
	_      [32]byte
}

type directoryKey struct {
	peer                wire.Addr
	localPort, peerPort uint16
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

// put makes owner the owner, unless another worker has the key already.
func (d *directory) put(k directoryKey, owner uint8) {
	s := d.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		s.owners = make(map[directoryKey]uint8)
	}
	if _, taken := s.owners[k]; !taken {
		s.owners[k] = owner
	}
}

// remove forgets the key if it is owner's.
func (d *directory) remove(k directoryKey, owner uint8) {
	s := d.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.owners[k]; ok && o == owner {
		delete(s.owners, k)
	}
}

func (d *directory) lookup(k directoryKey) (owner uint8, ok bool) {
	s := d.shard(&k)
	s.mu.RLock()
	owner, ok = s.owners[k]
	s.mu.RUnlock()
	return owner, ok
}
