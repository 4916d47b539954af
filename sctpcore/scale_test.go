package sctpcore

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// crowd is many dual-homed associations between two endpoints, all up and idle.
type crowd struct {
	*loop
	ids []AssocID // side 0's, in the order in which they were made
}

func newCrowd(t testing.TB, n int, timers Timers) *crowd {
	c := &crowd{loop: newLoop(t)} // which makes an association of its own
	c.e[0].cfg.Limits.Associations, c.e[1].cfg.Limits.Associations = n+1, n+1
	locals, peers := addrsOf(1, 2), addrsOf(2, 2)
	for i := range 1 + n/50_000 {
		require.NoError(t, c.e[1].Listen(uint16(portZ+1+i), &ListenParams{Locals: peers, Timers: &timers}))
	}
	for i := range n {
		p := &AssociateParams{LocalPort: uint16(10_000 + i%50_000), PeerPort: uint16(portZ + 1 + i/50_000),
			Locals: locals, Peers: []wire.Addr{peers[0]}, Timers: &timers}
		id, err := c.e[0].Associate(c.now, p)
		require.NoError(t, err)
		c.ids = append(c.ids, id)
		if i%16 == 15 {
			for c.exchange() {
			}
		}
	}
	for c.exchange() {
	}
	c.now += 2 * Second // what the handshakes left is over
	for c.exchange() {
	}
	require.EqualValues(t, n+1, c.e[0].ctr.CurrEstab)
	return c
}

// BenchmarkIdle is the cost of idle dual-homed associations: memory of each, and
// the share of a processor that the heartbeats of one side take in virtual time.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("associations=%d", n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			c := newCrowd(b, n, RFC9260Timers())
			runtime.GC()
			runtime.ReadMemStats(&after)
			sent := c.e[0].ctr.HeartbeatsSent
			b.ResetTimer()
			for range b.N { // one millisecond of virtual time, heartbeats of both sides answered
				c.now += Millisecond
				for c.exchange() {
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(2*n), "bytes/assoc")
			b.ReportMetric(b.Elapsed().Seconds()/(float64(b.N)*1e-3)*100/2, "%cpu/side")
			b.ReportMetric(float64(c.e[0].ctr.HeartbeatsSent-sent)/float64(b.N), "heartbeats/ms")
		})
	}
}

// BenchmarkScale sends one message on each of n associations in turn. Every message
// is a packet of its own and is answered by a SACK of its own, so that packets are
// the same whatever n is; a burst is of 32 associations. It tells what a packet
// costs, both ends counted, when its association was not in use for a round.
func BenchmarkScale(b *testing.B) {
	timers := RFC9260Timers()
	timers.SACKDelay = 0
	for _, size := range []int{64, 1400} {
		for _, n := range []int{1, 32, 1000, 10_000, 100_000} {
			b.Run(fmt.Sprintf("size=%d/associations=%d", size, n), func(b *testing.B) {
				c := newCrowd(b, n, timers)
				m := Message{Data: make([]byte, size), Stream: 1}
				next := 0
				burst := func() {
					for range min(n, 32) {
						c.e[0].Expect(c.ids[(next+ahead)%n])
						if c.e[0].Send(c.now, c.ids[next], &m) != nil {
							b.Fatal("a message does not fit")
						}
						next = (next + 1) % n
					}
					for c.exchange() {
					}
				}
				for range 2 * (n + 31) / 32 {
					burst()
				}
				before := c.e[0].ctr.OutSCTPPacks + c.e[1].ctr.OutSCTPPacks
				b.ResetTimer()
				for i := 0; i < b.N; i += min(n, 32) {
					burst()
				}
				packets := float64(c.e[0].ctr.OutSCTPPacks + c.e[1].ctr.OutSCTPPacks - before)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/packets, "ns/packet")
				b.ReportMetric(packets/float64(b.N), "packets/message")
			})
		}
	}
}
