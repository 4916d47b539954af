package dataplane

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// cpuTime is the processor time that the process has used.
func cpuTime(t testing.TB) time.Duration {
	var u unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkConn sends messages of one size on one stream from one dataplane to
// another over a cable in memory. CPU counts both ends.
func BenchmarkConn(b *testing.B) {
	for _, size := range []int{64, 1400, 16 << 10} {
		for _, offload := range []bool{false, true} {
			name := fmt.Sprintf("%d/software-crc", size)
			if offload {
				name = fmt.Sprintf("%d/offload", size)
			}
			b.Run(name, func(b *testing.B) { benchmarkConn(b, size, offload) })
		}
	}
}

func benchmarkConn(b *testing.B, size int, offload bool) {
	o := labOptions{mem: mem.Options{Depth: 4096, Buffers: 16384, Backpressure: true}}
	o.tune = func(_ int, c *Config) {
		c.Timers = sctpcore.RFC9260Timers()
		c.Timers.MaxBurst = 0 // the peers in the comparison have none
	}
	if offload {
		// The cable would compute the CRC in software: claim it verified, send none.
		o.wrap = func(_, _ int, p nic.Port) nic.Port { return noChecksum{p} }
	}
	l := newLab(b, o)
	c, s := l.connect(nil)
	const batch = 64
	out, in := make([]Message, batch), make([]Message, batch)
	for i := range out {
		out[i].Data, in[i].Data = make([]byte, size), make([]byte, size)
	}
	done := make(chan error, 1)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	before := cpuTime(b)
	go func() {
		for left := b.N; left > 0; {
			n, err := c.SendBatch(out[:min(batch, left)])
			if err != nil {
				done <- err
				return
			}
			left -= n
		}
		done <- nil
	}()
	for left := b.N; left > 0; {
		n, err := s.RecvBatch(in)
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
	used := cpuTime(b) - before
	b.StopTimer()
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/msg")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64(b.N)*float64(size)*8/used.Seconds()/1e9, "Gbit/cpu-s")
}

// noChecksum is a port whose device does the CRC32c both ways at no cost.
type noChecksum struct{ nic.Port }

func (p noChecksum) Info() nic.Info {
	i := p.Port.Info()
	i.Caps.RxSCTPChecksum, i.Caps.TxSCTPChecksum = true, true
	return i
}

func (p noChecksum) RxBurst(q int, pkts []*nic.Packet) int {
	n := p.Port.RxBurst(q, pkts)
	for _, pkt := range pkts[:n] {
		pkt.Flags |= nic.RxSCTPChecksumGood
	}
	return n
}

func (p noChecksum) TxBurst(q int, pkts []*nic.Packet) int {
	for _, pkt := range pkts {
		pkt.Flags = 0
	}
	return p.Port.TxBurst(q, pkts)
}

// BenchmarkPath is BenchmarkConn without threads: both dataplanes are driven by
// hand, so that what is measured is work and not waiting or waking. CPU counts
// both ends.
func BenchmarkPath(b *testing.B) {
	for _, size := range []int{64, 1400, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l, c, s, _ := quietPair(b, 1)
			now := int64(1e9)
			for _, d := range []*Dataplane{l.a, l.b} {
				d.cfg.Clock = func() int64 { now += 1000; return now }
			}
			out, in := make([]Message, 64), make([]Message, 64)
			for i := range out {
				out[i].Data, in[i].Data = make([]byte, size), make([]byte, size)
			}
			got, sent := 0, 0
			b.ReportAllocs()
			b.SetBytes(int64(size))
			b.ResetTimer()
			before := cpuTime(b)
			for got < b.N {
				n, err := c.TrySendBatch(out[:min(len(out), b.N-sent)])
				if err != nil {
					b.Fatal(err)
				}
				sent += n
				l.a.Step()
				l.b.Step()
				for {
					n, err := s.TryRecvBatch(in)
					if err != nil {
						b.Fatal(err)
					}
					for i := range in[:n] {
						if !in[i].More {
							got++
						}
					}
					if n < len(in) {
						break
					}
				}
			}
			used := cpuTime(b) - before
			b.StopTimer()
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/msg")
			b.ReportMetric(float64(b.N)*float64(size)*8/used.Seconds()/1e9, "Gbit/cpu-s")
		})
	}
}
