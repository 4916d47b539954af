package sctpcore

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// manyAssociations makes n dual-homed associations between two endpoints, all up
// and idle, and returns the endpoints.
func manyAssociations(t testing.TB, n int) *loop {
	l := newLoop(t)
	locals, peers := addrsOf(1, 2), addrsOf(2, 2)
	rfc := RFC9260Timers()
	for i := range 1 + n/50_000 {
		require.NoError(t, l.e[1].Listen(uint16(portZ+1+i), &ListenParams{Locals: peers, Timers: &rfc}))
	}
	for i := range n {
		p := &AssociateParams{LocalPort: uint16(10_000 + i%50_000), PeerPort: uint16(portZ + 1 + i/50_000),
			Locals: locals, Peers: []wire.Addr{peers[0]}, Timers: &rfc}
		_, err := l.e[0].Associate(l.now, p)
		require.NoError(t, err)
		if i%16 == 15 {
			for l.exchange() {
			}
		}
	}
	for l.exchange() {
	}
	return l
}

// BenchmarkIdle is the cost of idle dual-homed associations: memory of each, and
// the share of a processor that the heartbeats of one side take in virtual time.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(map[int]string{1000: "associations=1000", 100_000: "associations=100000"}[n], func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			l := manyAssociations(b, n-1) // newLoop made one
			runtime.GC()
			runtime.ReadMemStats(&after)
			l.now += Second // what the handshakes left is over
			for l.exchange() {
			}
			sent := l.e[0].ctr.HeartbeatsSent
			b.ResetTimer()
			for range b.N { // one millisecond of virtual time, heartbeats of both sides answered
				l.now += Millisecond
				for l.exchange() {
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(2*n), "bytes/assoc")
			b.ReportMetric(b.Elapsed().Seconds()/(float64(b.N)*1e-3)*100/2, "%cpu/side")
			b.ReportMetric(float64(l.e[0].ctr.HeartbeatsSent-sent)/float64(b.N), "heartbeats/ms")
			b.ReportMetric(float64(l.e[0].ctr.CurrEstab), "associations")
		})
	}
}
