package nictest

import (
	"encoding/binary"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

func testAlloc(t *testing.T, p *pair) {
	for round := range 2 { // the second one sees used packets
		pkts := alloc(t, p.a, nic.MaxBurst)
		for _, pkt := range pkts {
			require.Zero(t, pkt.Len())
			require.Zero(t, pkt.Flags)
			require.GreaterOrEqual(t, pkt.Headroom(), nic.DefaultHeadroom)
			require.GreaterOrEqual(t, pkt.Tailroom(), p.a.Info().MTU+etherLen)
			pkt.Append(100 + round)
			pkt.Prepend(20)
			pkt.Flags = nic.TxIPv4
		}
		nic.Free(pkts)
	}
}

func testExhaustion(t *testing.T, p *pair) {
	all := everything(p.a)
	require.NotEmpty(t, all)
	require.Less(t, len(all), maxPool, "the pool seems to have no bound")
	seen := make(map[*nic.Packet]bool, len(all))
	for _, pkt := range all {
		require.NotNil(t, pkt)
		require.False(t, seen[pkt], "a packet was given out twice")
		seen[pkt] = true
	}
	require.Zero(t, p.a.Alloc(make([]*nic.Packet, 1)))
	free(all)
	require.Equal(t, len(all), available(p.a), "packets that come back after Free")
}

// testConcurrentAlloc has each goroutine sign its packets and find its own
// signature on all of them before it frees them.
func testConcurrentAlloc(t *testing.T, p *pair) {
	const threads, rounds, burst = 4, 200, 32
	var wg sync.WaitGroup
	for thread := range threads {
		wg.Go(func() {
			var pkts [burst]*nic.Packet
			for round := range rounds {
				n := p.a.Alloc(pkts[:1+(round+thread)%burst])
				for _, pkt := range pkts[:n] {
					binary.LittleEndian.PutUint64(pkt.Append(8), uint64(thread<<32|round))
				}
				runtime.Gosched()
				for _, pkt := range pkts[:n] {
					if got := binary.LittleEndian.Uint64(pkt.Data()); got != uint64(thread<<32|round) {
						t.Errorf("thread %d round %d: the packet was given to another (%x)", thread, round, got)
					}
				}
				nic.Free(pkts[:n])
			}
		})
	}
	wg.Wait()
}

// heapPool is a pool that no driver knows.
type heapPool struct {
	mu       sync.Mutex
	returned map[*nic.Packet]int
	packets  []nic.Packet
}

func newHeapPool(count, room int) *heapPool {
	h := &heapPool{returned: map[*nic.Packet]int{}, packets: make([]nic.Packet, count)}
	for i := range h.packets {
		h.packets[i] = nic.MakePacket(h, make([]byte, room), uint32(i))
	}
	return h
}

func (h *heapPool) Free(pkts []*nic.Packet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range pkts {
		h.returned[p]++
	}
}

func (h *heapPool) allReturned() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.returned) == len(h.packets)
}

// testForeignPools sends packets of a pool of the test's own and of the peer,
// mixed, and wants them to arrive and to go home once.
func testForeignPools(t *testing.T, p *pair) {
	const count, size = 8, 500
	before := available(p.b)
	heap := newHeapPool(count, 2048)
	theirs := alloc(t, p.b, count)
	var pkts []*nic.Packet
	for i := range count {
		pkts = append(pkts, &heap.packets[i], theirs[i])
	}
	for i, pkt := range pkts {
		write(pkt.Append(size), p.a, p.b, uint32(i))
	}
	transmit(t, p.a, pkts)
	found := receive(t, p.b, len(pkts))
	for i, pkt := range found {
		check(t, pkt.Data(), p.a, p.b, uint32(i), size)
	}
	nic.Free(found)
	require.True(t, Poll(timeout, heap.allReturned), "packets of the foreign pool were not freed")
	for pkt, times := range heap.returned {
		require.Equal(t, 1, times, "packet %d was freed more than once", pkt.Index)
	}
	require.InDelta(t, before, available(p.b), 2*count, "packets in the peer's pool")
}

// testBalance sends many times the pool's size and wants (about) as many
// packets in it as before: devices keep some in their rings and caches.
func testBalance(t *testing.T, p *pair) {
	const burst, limit = 32, 100_000
	beforeA, beforeB := available(p.a), available(p.b)
	sizes := make([]int, burst)
	for sent := 0; sent < min(16*beforeA, limit); sent += burst {
		for i := range sizes {
			sizes[i] = minFrame + (sent+i*37)%400
		}
		transmit(t, p.a, build(t, p.a, p.b, uint32(sent), sizes...))
		nic.Free(poll(p.b))
	}
	drain(p.b)
	drain(p.a)
	require.Greater(t, available(p.a), beforeA*2/3, "packets left in the sender's pool of %d", beforeA)
	require.Greater(t, available(p.b), beforeB*2/3, "packets left in the receiver's pool of %d", beforeB)
}
