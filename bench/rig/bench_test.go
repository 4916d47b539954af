package rig

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

var benchSizes = []int{64, 1400, 16 << 10}

// report turns CPU time into the metrics of a benchmark of b.N messages.
func report(b *testing.B, size int, used float64) {
	b.ReportMetric(used/float64(b.N), "cpu-ns/msg")
	b.ReportMetric(float64(b.N)*float64(size)*8/used, "Gbit/cpu-s")
}

// BenchmarkConn sends messages of one size on one stream from one dataplane to
// another, on threads. CPU counts both sides.
func BenchmarkConn(b *testing.B) {
	for _, kind := range []string{"mem", ports.DefaultKind} {
		for _, size := range benchSizes {
			for _, offload := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%d/offload=%v", kind, size, offload), func(b *testing.B) {
					benchmarkConn(b, size, Options{Kind: kind, Offload: offload})
				})
			}
		}
	}
}

func benchmarkConn(b *testing.B, size int, o Options) {
	r := newRig(b, o)
	out, in := Batches(Batch, size), Batches(Batch, size)
	done := make(chan error, 1)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	before := CPUTime()
	go func() {
		for left := b.N; left > 0; {
			n, err := r.Client[0].SendBatch(out[:min(Batch, left)])
			if err != nil {
				done <- err
				return
			}
			left -= n
		}
		done <- nil
	}()
	for left := b.N; left > 0; {
		n, err := r.Server[0].RecvBatch(in)
		if err != nil { // require would cost as much as the call
			b.Fatal(err)
		}
		for i := range in[:n] {
			if !in[i].More {
				left--
			}
		}
	}
	require.NoError(b, <-done)
	used := CPUTime() - before
	b.StopTimer()
	report(b, size, float64(used.Nanoseconds()))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

// BenchmarkPath is BenchmarkConn without threads: both dataplanes are driven by
// hand, so that what is measured is work and not waiting or waking.
func BenchmarkPath(b *testing.B) {
	for _, kind := range []string{"mem", ports.DefaultKind} {
		for _, size := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				r := newRig(b, Options{Kind: kind, Manual: true})
				require.NoError(b, r.Drive(size, 1000))
				b.ReportAllocs()
				b.SetBytes(int64(size))
				b.ResetTimer()
				before := CPUTime()
				require.NoError(b, r.Drive(size, b.N))
				used := CPUTime() - before
				b.StopTimer()
				report(b, size, float64(used.Nanoseconds()))
			})
		}
	}
}

// BenchmarkWorkers is what a second worker on a core of its own adds: one worker
// for each side on one core, two on two cores, whose associations' packets come
// in half of the time at the other's queue, and two rigs that share nothing but
// the machine.
func BenchmarkWorkers(b *testing.B) {
	cpus := ports.CPUs()
	if len(cpus) < 2 {
		b.Skip("two cores are needed")
	}
	pair := []int{-1, -1}
	for _, size := range []int{64, 1400} {
		b.Run(fmt.Sprintf("%d/one", size), func(b *testing.B) {
			benchmarkWorkers(b, size, cpus[:1], Options{Manual: true, Limits: workerLimits, Assocs: 8})
		})
		b.Run(fmt.Sprintf("%d/two", size), func(b *testing.B) {
			benchmarkWorkers(b, size, cpus[:2], Options{Manual: true, Limits: workerLimits, Assocs: 8, CPUs: [2][]int{pair, pair}})
		})
		b.Run(fmt.Sprintf("%d/two-rigs", size), func(b *testing.B) {
			benchmarkWorkers(b, size, cpus[:1], Options{Manual: true, Limits: workerLimits, Assocs: 8}, Options{Manual: true, Limits: workerLimits, Assocs: 8})
		})
	}
}

// BenchmarkSides drives each side by a thread on a core of its own, over every
// kind of cable that the machine lets us make.
func BenchmarkSides(b *testing.B) {
	cpus := ports.CPUs()
	if len(cpus) < 2 {
		b.Skip("two cores are needed")
	}
	for _, kind := range ports.Kinds {
		for _, size := range []int{64, 1400} {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				r, err := New(base, Options{Kind: kind, Manual: true})
				if err != nil {
					b.Skip(err)
				}
				defer func() { require.NoError(b, r.Close()) }()
				var messages, packets, resent uint64
				var wall time.Duration
				for range b.N {
					s, err := r.DriveSides(size, [2]int(cpus[:2]), 100*time.Millisecond, 400*time.Millisecond)
					require.NoError(b, err)
					messages, packets, resent, wall = messages+s.Messages, packets+s.Packets, resent+s.Resent, wall+s.Wall
				}
				b.ReportMetric(float64(messages)/wall.Seconds(), "msgs/s")
				b.ReportMetric(float64(packets)/wall.Seconds(), "packets/s")
				b.ReportMetric(float64(resent)/wall.Seconds(), "resent/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// workerLimits keep the buffers of eight associations within a core's caches,
// which two cores have twice: the memory below them they share.
var workerLimits = func() sctpcore.Limits {
	l := sctpcore.DefaultLimits()
	l.SendBuffer, l.ReceiveBuffer, l.MaxMessage = 64<<10, 64<<10, 32<<10
	return l
}()

// benchmarkWorkers drives one rig for each set of options, all at once, the n-th
// on the CPUs from the n-th on.
func benchmarkWorkers(b *testing.B, size int, cpus []int, all ...Options) {
	const warm, span = 100 * time.Millisecond, 400 * time.Millisecond
	samples := make([]Sample, len(all))
	for range b.N {
		var running sync.WaitGroup
		for i, o := range all {
			r := newRig(b, o)
			mine := append([]int(nil), cpus...)
			for k := range mine {
				mine[k] = ports.CPUs()[k+i]
			}
			running.Go(func() {
				s, err := r.DriveWorkers(size, mine, warm, span)
				if err != nil {
					b.Error(err)
				}
				samples[i].Messages += s.Messages
				samples[i].Wall += s.Wall
			})
		}
		running.Wait()
	}
	rate := 0.0
	for _, s := range samples {
		rate += s.Rate()
	}
	b.ReportMetric(1e9/rate, "ns/msg")
	b.ReportMetric(rate, "msgs/s")
	b.ReportMetric(0, "ns/op")
}
