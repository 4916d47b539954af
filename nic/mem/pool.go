package mem

import (
	"fmt"
	"sync"

	"github.com/trunkline-sctp/trunkline/nic"
)

// pool is a fixed set of packets over one slab. The last ones freed are the
// first ones given out, since their memory is still in the cache.
type pool struct {
	packets []nic.Packet

	mu   sync.Mutex
	free []uint32 // indices
	held []bool   // by index: a packet is somewhere outside
}

func makePool(owner nic.Pool, count, room int) *pool {
	p := &pool{
		packets: make([]nic.Packet, count),
		free:    make([]uint32, count),
		held:    make([]bool, count),
	}
	slab := make([]byte, count*room)
	for i := range p.packets {
		p.packets[i] = nic.MakePacket(owner, slab[i*room:(i+1)*room:(i+1)*room], uint32(i))
		p.free[count-1-i] = uint32(i)
	}
	return p
}

func (p *pool) alloc(pkts []*nic.Packet) int {
	p.mu.Lock()
	n := min(len(pkts), len(p.free))
	left := len(p.free) - n
	for i := range n {
		index := p.free[left+n-1-i]
		p.held[index] = true
		pkts[i] = &p.packets[index]
	}
	p.free = p.free[:left]
	p.mu.Unlock()
	for _, pkt := range pkts[:n] {
		pkt.Reset()
	}
	return n
}

// put takes back packets, all of this pool.
func (p *pool) put(pkts []*nic.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pkt := range pkts {
		i := pkt.Index
		if int(i) >= len(p.held) || &p.packets[i] != pkt {
			panic(fmt.Sprintf("mem: freed packet has index %d of another packet: Index is the driver's", i))
		}
		if !p.held[i] {
			panic(fmt.Sprintf("mem: packet %d freed twice", i))
		}
		p.held[i] = false
		p.free = append(p.free, i)
	}
}

func (p *pool) available() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}
