package observe

import (
	"testing"
	"time"
)

// BenchmarkSample is what runs once a second, whether anybody looks or not.
func BenchmarkSample(b *testing.B) {
	r := newRig(b, 2)
	for range 10 {
		r.dial()
	}
	b.ReportAllocs()
	for b.Loop() {
		r.o.sample(time.Now())
	}
}

// BenchmarkState is what each look costs in the same second: the associations are asked
// for once.
func BenchmarkState(b *testing.B) {
	r := newRig(b, 2)
	for range 10 {
		r.dial()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.o.State(everything); err != nil {
			b.Fatal(err)
		}
	}
}
