package ring

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

var bursts = []int{1, 8, 32}

// BenchmarkSPSC, BenchmarkMPSC and BenchmarkChannel move pointers from one
// locked thread to another, burst by burst; an operation is one element.
func BenchmarkSPSC(b *testing.B) {
	benchTwoThreads(b, func() queue[*int] { return NewSPSC[*int](1024) })
}

func BenchmarkMPSC(b *testing.B) {
	benchTwoThreads(b, func() queue[*int] { return NewMPSC[*int](1024) })
}

func BenchmarkChannel(b *testing.B) {
	benchTwoThreads(b, func() queue[*int] { return channel(make(chan *int, 1024)) })
}

// BenchmarkSPSCNumbers is BenchmarkSPSC without pointers in the elements, so
// without wiping.
func BenchmarkSPSCNumbers(b *testing.B) {
	benchTwoThreads(b, func() queue[uint64] { return NewSPSC[uint64](1024) })
}

// BenchmarkOneThread is the cost of the calls alone.
func BenchmarkOneThread(b *testing.B) {
	for name, mk := range kinds[*int]() {
		for _, burst := range bursts {
			b.Run(fmt.Sprintf("%s/burst=%d", name, burst), func(b *testing.B) {
				q, v := mk(1024), make([]*int, burst)
				for i := 0; i < b.N; i += burst {
					q.Push(v)
					q.Pop(v)
				}
			})
		}
	}
}

func benchTwoThreads[T any](b *testing.B, mk func() queue[T]) {
	for _, burst := range bursts {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			b.ReportAllocs()
			q, done := mk(), make(chan struct{})
			go func() {
				runtime.LockOSThread()
				defer close(done)
				v := make([]T, burst)
				for left := b.N; left > 0; {
					left -= q.Push(v[:min(burst, left)])
				}
			}()
			runtime.LockOSThread()
			v := make([]T, burst)
			for left := b.N; left > 0; {
				left -= q.Pop(v)
			}
			<-done
			runtime.UnlockOSThread()
		})
	}
}

// BenchmarkFalseSharing is what the padding between the rings' indices is for: two
// locked threads that count, each for itself, in neighbouring words and apart.
func BenchmarkFalseSharing(b *testing.B) {
	var near [2]atomic.Uint64
	var far [2]struct {
		atomic.Uint64
		_ pad
	}
	for _, c := range []struct {
		name string
		n    [2]*atomic.Uint64
	}{
		{"adjacent", [2]*atomic.Uint64{&near[0], &near[1]}},
		{"padded", [2]*atomic.Uint64{&far[0].Uint64, &far[1].Uint64}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var threads sync.WaitGroup
			for _, n := range c.n {
				threads.Go(func() {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					for range b.N {
						n.Store(n.Load() + 1)
					}
				})
			}
			threads.Wait()
		})
	}
}

// channel is a Go channel in the rings' clothes.
type channel chan *int

func (c channel) Push(v []*int) int {
	for i, e := range v {
		select {
		case c <- e:
		default:
			return i
		}
	}
	return len(v)
}

func (c channel) Pop(v []*int) int {
	for i := range v {
		select {
		case v[i] = <-c:
		default:
			return i
		}
	}
	return len(v)
}

func (c channel) Len() int { return len(c) }
func (c channel) Cap() int { return cap(c) }
