package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/report"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
)

const jobMachine = "machine"

// machine is what the machine does for workers beside computing, as measured.
type machine struct {
	Ring [3]float64 // ns per packet handed over, by burst: see ringBursts
	Copy [2]float64 // GB/s that one core copies from memory to memory, and two together
}

// ringBursts are what is left of a burst of 64 for each of 2, 8 and 16 workers.
var ringBursts = [3]int{nic.MaxBurst / 2, nic.MaxBurst / 8, nic.MaxBurst / 16}

func measureMachine(struct{}) (m machine, err error) {
	for i, burst := range ringBursts {
		m.Ring[i] = handOverCost(burst)
	}
	for i := range m.Copy {
		m.Copy[i] = copyRate(i + 1)
	}
	return m, nil
}

// handOverCost moves packets' pointers from one thread to another through the
// ring that workers have between them.
func handOverCost(burst int) float64 {
	const count = 4 << 20
	r := ring.NewMPSC[*nic.Packet](1024)
	var pushing sync.WaitGroup
	begun := time.Now()
	pushing.Go(func() {
		v := make([]*nic.Packet, burst)
		for left := count; left > 0; {
			left -= r.Push(v)
		}
	})
	v := make([]*nic.Packet, burst)
	for left := count; left > 0; {
		left -= r.Pop(v)
	}
	pushing.Wait()
	return float64(time.Since(begun).Nanoseconds()) / count
}

// copyRate copies what fits in no cache, each thread its own.
func copyRate(threads int) float64 {
	const size, rounds = 64 << 20, 4
	bufs := make([][2][]byte, threads)
	for i := range bufs {
		bufs[i] = [2][]byte{make([]byte, size), make([]byte, size)}
		copy(bufs[i][0], bufs[i][1]) // the pages come with the first touch
		copy(bufs[i][1], bufs[i][0])
	}
	var copying sync.WaitGroup
	begun := time.Now()
	for _, b := range bufs {
		copying.Go(func() {
			for range rounds {
				copy(b[0], b[1])
			}
		})
	}
	copying.Wait()
	return float64(threads*rounds*size) / time.Since(begun).Seconds() / 1e9
}

// scaling is the model of more workers than there are cores here, all times in
// ns of a core per message:
//
//	T(n) = alone × (1 + shared × (n−1)) + (n−1)/n × (hand + ring(64/n) − ring(32))
//
// A core that works alone takes alone; each further core that shares nothing but
// the machine makes it slower by shared; of n workers' packets (n−1)/n come in at
// another's queue, and one that does costs hand, the ring's part of which grows as
// the bursts for each worker get shorter. Workers have no lock in common.
type scaling struct{ alone, shared, hand float64 }

func newScaling(one, two, rigs float64) scaling {
	alone, apart, together := 1e9/one, 2e9/rigs, 2e9/two
	return scaling{alone: alone, shared: max(0, apart/alone-1), hand: max(0, 2*(together-apart))}
}

// speedup is how many times one worker's rate n workers have; burst is ringBursts'
// index for n.
func (s scaling) speedup(n float64, m *machine, burst int) float64 {
	ringMore := max(0, m.Ring[burst]-m.Ring[0])
	return n * s.alone / (s.alone*(1+s.shared*(n-1)) + (n-1)/n*(s.hand+ringMore))
}

// amdahl is the speedup if all that two workers lack of twice the rate were
// serial: the floor.
func amdahl(n, two float64) (speedup, serial float64) {
	serial = max(0, 2/two-1)
	return n / (1 + (n-1)*serial), serial
}

// model is the table of what 8 and 16 workers would do.
func (w *workers) model() string {
	var b strings.Builder
	m := w.machine
	if m == nil {
		return ""
	}
	b.WriteString("Model of more workers (scaling.go has the formula), from these medians:\n\n")
	b.WriteString("| payload | alone ns | shared % per core | hand-over ns per packet | serial fraction % | 8 workers: model | floor | 16 workers: model | floor |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, size := range payloads {
		r := w.rates[size]
		one, two, rigs := report.Of(r[oneWorker]), report.Of(r[twoWorkers]), report.Of(r[twoRigs])
		if one.N == 0 || two.N == 0 || rigs.N == 0 {
			continue
		}
		s := newScaling(one.Median, two.Median, rigs.Median)
		floor8, serial := amdahl(8, two.Median/one.Median)
		floor16, _ := amdahl(16, two.Median/one.Median)
		fmt.Fprintf(&b, "| %d B | %.0f | %.1f | %.0f | %.0f | %.1f x | %.1f x | %.1f x | %.1f x |\n", size, s.alone, s.shared*100, s.hand, serial*100,
			s.speedup(8, m, 1), floor8, s.speedup(16, m, 2), floor16)
	}
	fmt.Fprintf(&b, "\nRing between workers: %.1f, %.1f and %.1f ns per packet in bursts of %d, %d and %d. Memory: %.1f GB/s copied by one core, %.1f by two.\n\n",
		m.Ring[0], m.Ring[1], m.Ring[2], ringBursts[0], ringBursts[1], ringBursts[2], m.Copy[0], m.Copy[1])
	return b.String()
}
