package dpdk

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/nictest"
)

var bursts = []int{1, 8, 32}

// BenchmarkSPSC is package ring's benchmark of the same name, on an rte_ring.
func BenchmarkSPSC(b *testing.B) {
	for _, burst := range bursts {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			b.ReportAllocs()
			q, done := newSPSC(1024), make(chan struct{})
			require.NotNil(b, q)
			defer q.free()
			go func() {
				runtime.LockOSThread()
				defer close(done)
				v := make([]uint64, burst)
				for left := b.N; left > 0; {
					left -= q.push(v[:min(burst, left)])
				}
			}()
			runtime.LockOSThread()
			v := make([]uint64, burst)
			for left := b.N; left > 0; {
				left -= q.pop(v)
			}
			<-done
			runtime.UnlockOSThread()
		})
	}
}

// benchPair moves 1400-byte frames from one port to the other on one thread:
// alloc, append, send, receive, free. The time is that of one frame.
func benchPair(b *testing.B, pair func(testing.TB) (tx, rx *Port)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tx, rx := pair(b)
	require.True(b, nictest.Poll(patience, func() bool { return tx.Link().Up && rx.Link().Up }))
	var pkts, back [32]*nic.Packet
	exchange(tx, rx, &pkts, &back)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		left -= exchange(tx, rx, &pkts, &back)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpps")
}

func BenchmarkRing(b *testing.B)     { benchPair(b, ringPair) }
func BenchmarkMemif(b *testing.B)    { benchPair(b, memifPair) }
func BenchmarkVirtio(b *testing.B)   { benchPair(b, virtioPair) }
func BenchmarkAFPacket(b *testing.B) { benchPair(b, vethPair("af_packet", PortSpec{})) }
func BenchmarkAFXDP(b *testing.B)    { benchPair(b, vethPair("af_xdp", PortSpec{})) }
func BenchmarkTap(b *testing.B)      { benchPair(b, tapPair) }

// BenchmarkNull is the cost of the loop alone: the device makes frames of
// nothing and swallows them.
func BenchmarkNull(b *testing.B) {
	p := open(b, "null", PortSpec{})
	closeAtEnd(b, p)
	benchPair(b, func(testing.TB) (tx, rx *Port) { return p, p })
}

// BenchmarkForward is what a dataplane does: no alloc, what is received is sent.
func BenchmarkForward(b *testing.B) {
	for _, burst := range bursts {
		b.Run(fmt.Sprintf("null/burst=%d", burst), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			p := open(b, "null", PortSpec{})
			closeAtEnd(b, p)
			pkts := make([]*nic.Packet, burst)
			b.ReportAllocs()
			for left := b.N; left > 0; {
				n := p.RxBurst(0, pkts)
				nic.Free(pkts[p.TxBurst(0, pkts[:n]):n])
				left -= n
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpps")
		})
	}
}

// BenchmarkForeign sends packets of a pool on the heap: the copy.
func BenchmarkForeign(b *testing.B) {
	a, peer := ringPair(b)
	h := &countingPool{}
	store := make([]nic.Packet, 32)
	pkts := make([]*nic.Packet, 32)
	for i := range store {
		store[i] = nic.MakePacket(h, make([]byte, 2048), uint32(i))
		store[i].Append(1400)
		pkts[i] = &store[i]
	}
	var back [32]*nic.Packet
	b.ReportAllocs()
	for left := b.N; left > 0; {
		n := a.TxBurst(0, pkts)
		nic.Free(back[:peer.RxBurst(0, back[:])])
		left -= n
	}
}

func BenchmarkLink(b *testing.B) {
	for name, pair := range map[string]func(testing.TB) (x, y *Port){
		"ring": ringPair, "memif": memifPair, "virtio": virtioPair, "tap": tapPair, "af_packet": vethPair("af_packet", PortSpec{}),
	} {
		b.Run(name, func(b *testing.B) {
			x, y := pair(b)
			for _, p := range []*Port{x, y} {
				b.Run(p.Info().Driver, func(b *testing.B) {
					for range b.N {
						p.Link()
					}
				})
			}
		})
	}
}

func BenchmarkEmptyPoll(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	a, _ := ringPair(b)
	var pkts [32]*nic.Packet
	for range b.N {
		a.RxBurst(0, pkts[:])
	}
}

// BenchmarkOpenRingPair is set-up and tear-down with 4096 buffers a port.
func BenchmarkOpenRingPair(b *testing.B) {
	for range b.N {
		start := time.Now()
		x, y, err := testEAL.OpenRingPair(uniqueName("o"), uniqueName("o"), PortSpec{Buffers: 4096})
		require.NoError(b, err)
		b.ReportMetric(float64(time.Since(start).Microseconds()), "µs/open")
		require.NoError(b, x.Close())
		require.NoError(b, y.Close())
	}
}
