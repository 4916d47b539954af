// Command budget profiles the core's benchmark and prints what each stage of a
// packet's way costs: nanoseconds per packet, and cycles where the system tells the
// CPU's clock, both ends, by the source file in which the samples fell.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/bench/peers/report"
)

// stage is a part of a packet's way, and the files that do it: the ends of their paths.
type stage struct {
	name  string
	files []string
}

// stages are tried in order; what fits none is the last one's.
var stages = []stage{
	{"CRC32c", []string{"/crc32c/", "/checksum.go", "hash/crc32/"}},
	{"copy", []string{"runtime/memmove_", "runtime/memclr_"}},
	{"parse", []string{"/sctpcore/control.go", "/sctpcore/wire/", "encoding/binary/"}},
	{"lookup", []string{"/sctpcore/demux.go", "/sctpcore/ahead"}},
	{"TSN, order, store (receive)", []string{"/sctpcore/inbound.go", "/sctpcore/ready.go", "/sctpcore/receive.go", "/sctpcore/reassembly.go", "/sctpcore/store.go"}},
	{"queue, window, build (send)", []string{"/sctpcore/transmit.go", "/sctpcore/bundle.go", "/sctpcore/outbound.go", "/sctpcore/path.go", "/sctpcore/fifo.go"}},
	{"SACK", []string{"/sctpcore/sack.go", "/sctpcore/marks.go"}},
	{"timers", []string{"/sctpcore/wheel.go", "/sctpcore/heartbeat.go"}},
	{"rest of the core", []string{"/sctpcore/"}},
	{"clock", []string{"runtime/time_", "runtime/vdso", "time/time.go"}},
	{"benchmark's own loop", []string{"/bench/peers/"}},
	{"rest of the runtime", nil},
}

var works = []string{"stream/size=64", "stream/size=1400", "stream/size=16384", "transact/size=100"}

func main() {
	spent := flag.Duration("time", 3*time.Second, "time of each benchmark")
	flag.Parse()
	dir, err := os.MkdirTemp("", "budget")
	if err == nil {
		err = run(dir, *spent)
		_ = os.RemoveAll(dir) // what is left in the temporary folder does no harm
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "budget:", err)
		os.Exit(1)
	}
}

func run(dir string, spent time.Duration) error {
	binary := filepath.Join(dir, "ours.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, "./ours").CombinedOutput(); err != nil {
		return fmt.Errorf("building ./ours (run this in bench/peers): %w: %s", err, out)
	}
	clock := report.CPUInfo("cpu MHz")
	fmt.Printf("commit %s, %s, %d CPUs, clock %s MHz, %s, %s; in parentheses cycles of that clock\n\n", report.Commit(),
		report.CPUInfo("model name"), runtime.NumCPU(), clock, time.Now().UTC().Format(time.DateOnly), runtime.Version())
	mhz, _ := strconv.ParseFloat(clock, 64) // 0 if it is not known
	head, rows := "| ns per packet |", make([]string, len(stages))
	total, work := "| sum |", "| operations per packet |"
	for _, w := range works {
		perOp, packets, shares, err := profile(dir, binary, w, spent)
		if err != nil {
			return err
		}
		head += " " + w + " |"
		total += cell(perOp/packets, mhz)
		work += fmt.Sprintf(" %.2g |", 1/packets)
		for i := range stages {
			rows[i] += cell(shares[i]*perOp/packets, mhz)
		}
	}
	fmt.Println(head + "\n|---|" + strings.Repeat("---|", len(works)))
	for i, s := range stages {
		fmt.Println("| " + s.name + " |" + rows[i])
	}
	fmt.Println(total + "\n" + work)
	return nil
}

// cell is a table's cell: nanoseconds, and cycles if the clock is known.
func cell(ns, mhz float64) string {
	if mhz == 0 {
		return fmt.Sprintf(" %.1f |", ns)
	}
	return fmt.Sprintf(" %.1f (%.0f) |", ns, ns*mhz/1000)
}

// profile runs one benchmark: nanoseconds and packets per operation, and each stage's share.
func profile(dir, binary, work string, spent time.Duration) (perOp, packets float64, shares []float64, err error) {
	samples := filepath.Join(dir, "cpu.prof")
	out, err := exec.Command(binary, "-test.run=^$", "-test.bench=BenchmarkStages/"+work+"$",
		"-test.benchtime="+spent.String(), "-test.cpuprofile="+samples).Output()
	if err != nil {
		return 0, 0, nil, err
	}
	if perOp, packets, err = cost(string(out)); err != nil {
		return 0, 0, nil, err
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", "-files", "-unit=ms", "-nodecount=100000", "-nodefraction=0", binary, samples).Output()
	if err != nil {
		return 0, 0, nil, err
	}
	return perOp, packets, share(strings.NewReader(string(top))), nil
}

var costLine = regexp.MustCompile(`([0-9.]+) ns/op\s.*?([0-9.]+) packets/op`)

// cost reads a benchmark's line: nanoseconds and packets per operation.
func cost(out string) (ns, packets float64, err error) {
	m := costLine.FindStringSubmatch(out)
	if m == nil {
		return 0, 0, fmt.Errorf("no result in %q", out)
	}
	if ns, err = strconv.ParseFloat(m[1], 64); err != nil {
		return 0, 0, err
	}
	if packets, err = strconv.ParseFloat(m[2], 64); err != nil || packets == 0 {
		return 0, 0, fmt.Errorf("no packets in %q", out)
	}
	return ns, packets, nil
}

var topLine = regexp.MustCompile(`^\s*([0-9.]+)(?:ms)?\s+[0-9.]+%\s+[0-9.]+%\s+[0-9.]+(?:ms)?\s+[0-9.]+%\s+(\S+)`)

// share reads pprof's table by files: the share of each stage; they add up to 1.
func share(top io.Reader) []float64 {
	s := make([]float64, len(stages))
	sum := 0.0
	for in := bufio.NewScanner(top); in.Scan(); {
		m := topLine.FindStringSubmatch(in.Text())
		if m == nil {
			continue
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			continue
		}
		s[stageOf(m[2])] += v
		sum += v
	}
	for i := range s {
		if sum > 0 {
			s[i] /= sum
		}
	}
	return s
}

func stageOf(file string) int {
	for i, s := range stages {
		for _, f := range s.files {
			if strings.Contains(file, f) {
				return i
			}
		}
	}
	return len(stages) - 1
}
