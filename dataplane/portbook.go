package dataplane

import (
	"math/rand/v2"
	"sync"
)

// Ephemeral SCTP ports (RFC 6335, section 6: the dynamic range).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// portBook knows which SCTP ports are taken. A port that is listened on may
// also be dialled from, as signalling peers do; an ephemeral port is nobody
// else's.
type portBook struct {
	mu  sync.Mutex
	use map[uint16]*portUse
	rng *rand.Rand
}

type portUse struct {
	listening bool
	dialled   int // associations that Dial began from it
	ephemeral bool
}

func newPortBook(seed [32]byte) *portBook {
	return &portBook{use: make(map[uint16]*portUse), rng: rand.New(rand.NewChaCha8(seed))}
}

// listen takes port for a listener, 0 for any; false if it is taken.
func (b *portBook) listen(port uint16) (uint16, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if port == 0 {
		if port = b.free(); port == 0 {
			return 0, false
		}
	}
	u := b.at(port)
	if u.listening || u.ephemeral {
		return 0, false
	}
	u.listening = true
	return port, true
}

func (b *portBook) unlisten(port uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at(port).listening = false
	b.tidy(port)
}

// dial takes port for an association, 0 for an ephemeral one; false if it is
// taken.
func (b *portBook) dial(port uint16) (uint16, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ephemeral := port == 0
	if ephemeral {
		if port = b.free(); port == 0 {
			return 0, false
		}
	}
	u := b.at(port)
	if u.ephemeral {
		return 0, false
	}
	u.ephemeral = ephemeral
	u.dialled++
	return port, true
}

func (b *portBook) hangUp(port uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at(port).dialled--
	b.tidy(port)
}

func (b *portBook) at(port uint16) *portUse {
	u := b.use[port]
	if u == nil {
		u = &portUse{}
		b.use[port] = u
	}
	return u
}

func (b *portBook) tidy(port uint16) {
	if u := b.use[port]; !u.listening && u.dialled <= 0 {
		delete(b.use, port)
	}
}

// free is an ephemeral port that nobody uses, the first from a random one on;
// 0 if all are taken.
func (b *portBook) free() uint16 {
	const n = lastEphemeral - firstEphemeral + 1
	at := b.rng.IntN(n)
	for i := range n {
		port := uint16(firstEphemeral + (at+i)%n)
		if b.use[port] == nil {
			return port
		}
	}
	return 0
}
