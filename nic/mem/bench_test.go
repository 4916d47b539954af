package mem

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/trunkline-sctp/trunkline/nic"
)

// BenchmarkOneThread allocates, sends, receives and frees on one thread; an
// operation is one packet.
func BenchmarkOneThread(b *testing.B) {
	for _, size := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("burst=%d", size), func(b *testing.B) {
			x, y := NewPair(Options{})
			defer closePair(b, x, y)
			pkts := make([]*nic.Packet, size)
			b.ReportAllocs()
			for i := 0; i < b.N; i += size {
				burst(x, y, pkts)
			}
		})
	}
}

// BenchmarkTwoThreads allocates and sends on one thread, receives and frees on
// the other.
func BenchmarkTwoThreads(b *testing.B) {
	x, y := NewPair(Options{Backpressure: true})
	defer closePair(b, x, y)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		pkts, n := make([]*nic.Packet, 32), 0
		for !stop.Load() {
			if n == 0 {
				n = x.Alloc(pkts)
				for _, p := range pkts[:n] {
					p.Append(60)
				}
			}
			sent := x.TxBurst(0, pkts[:n])
			n = copy(pkts, pkts[sent:n])
		}
		nic.Free(pkts[:n])
	}()
	pkts := make([]*nic.Packet, 32)
	b.ResetTimer()
	for left := b.N; left > 0; {
		n := y.RxBurst(0, pkts)
		nic.Free(pkts[:n])
		left -= n
	}
	b.StopTimer()
	stop.Store(true)
	<-done
}

// BenchmarkEmptyPoll is an RxBurst that finds nothing.
func BenchmarkEmptyPoll(b *testing.B) {
	x, y := NewPair(Options{})
	defer closePair(b, x, y)
	pkts := make([]*nic.Packet, 32)
	for range b.N {
		y.RxBurst(0, pkts)
	}
}
