package rig

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/ports"
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
