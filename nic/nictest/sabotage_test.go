package nictest

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

// sabotage is a port that breaks the contract in one way.
type sabotage struct {
	nic.Port
	how string
}

// breaches are the ways, with the test of the suite that must find each.
var breaches = map[string]string{
	"leak":           "NothingLeaks",
	"lose":           "FramesArriveIntactAndInOrder",
	"flip":           "FramesArriveIntactAndInOrder",
	"swap":           "FramesArriveIntactAndInOrder",
	"cut":            "FramesArriveIntactAndInOrder",
	"used packets":   "AllocGivesEmptyPackets",
	"give twice":     "AllocUntilEmpty",
	"no stats":       "StatsCount",
	"link stays":     "LinkDownAndUp",
	"no changes":     "LinkDownAndUp",
	"close once":     "CloseTwice",
	"runtime panic":  "QueueOutOfRange",
	"no information": "Info",
	"wake nobody":    "FramesWake",
}

func (s *sabotage) ArmWake(queue int, on bool) error {
	if s.how == "wake nobody" {
		return nil
	}
	return s.Port.ArmWake(queue, on)
}

func (s *sabotage) TxBurst(queue int, pkts []*nic.Packet) int {
	if s.how == "runtime panic" && queue > 0 {
		_ = make([]int, 1)[queue]
	}
	if s.how == "lose" && len(pkts) > 40 {
		nic.Free(pkts[:1])
		return 1 + s.Port.TxBurst(queue, pkts[1:])
	}
	if s.how == "leak" && len(pkts) == 32 {
		return 1 + s.Port.TxBurst(queue, pkts[1:])
	}
	return s.Port.TxBurst(queue, pkts)
}

func (s *sabotage) RxBurst(queue int, pkts []*nic.Packet) int {
	n := s.Port.RxBurst(queue, pkts)
	if n < 30 {
		return n
	}
	switch d := pkts[20].Data(); s.how {
	case "flip":
		d[len(d)-1] ^= 1
	case "swap":
		pkts[3], pkts[4] = pkts[4], pkts[3]
	case "cut":
		pkts[n-1].Truncate(len(pkts[n-1].Data()) - 1)
	}
	return n
}

func (s *sabotage) Alloc(pkts []*nic.Packet) int {
	n := s.Port.Alloc(pkts)
	if s.how == "used packets" && n > 0 {
		pkts[0].Append(1)
	}
	if s.how == "give twice" && n == nic.MaxBurst {
		s.Free(pkts[:1])
		pkts[0] = pkts[1]
	}
	return n
}

func (s *sabotage) Stats() nic.Stats {
	if s.how == "no stats" {
		return nic.Stats{}
	}
	return s.Port.Stats()
}

func (s *sabotage) Link() nic.Link {
	l := s.Port.Link()
	if s.how == "link stays" {
		l.Up = true
	}
	if s.how == "no changes" {
		l.Changes = 0
	}
	return l
}

func (s *sabotage) Info() nic.Info {
	if s.how == "no information" {
		return nic.Info{}
	}
	return s.Port.Info()
}

func (s *sabotage) Close() error {
	if s.how == "close once" && !s.Port.Link().Up {
		return os.ErrClosed
	}
	return s.Port.Close()
}

// TestSuiteFindsBreaches runs the suite on sabotaged ports, each in a process
// of its own since it is to fail, and wants the right test to say so. The
// unharmed ports must pass.
func TestSuiteFindsBreaches(t *testing.T) {
	if how, ok := os.LookupEnv("NICTEST_BREACH"); ok {
		if how != "none" {
			timeout = 200 * time.Millisecond
		}
		Run(t, func(*testing.T) (a, b nic.Port) {
			x, y := mem.NewPair(mem.Options{Buffers: 1024})
			return &sabotage{Port: x, how: how}, &sabotage{Port: y, how: how}
		})
		return
	}
	run := func(how, test string) (string, error) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSuiteFindsBreaches$/^"+test+"$", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), "NICTEST_BREACH="+how)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("none", ".*")
	require.NoError(t, err, out)
	for how, test := range breaches {
		out, err := run(how, test)
		require.Error(t, err, "%q was not found", how)
		require.Regexp(t, regexp.MustCompile("--- FAIL: TestSuiteFindsBreaches/"+test+" "), out, "%q", how)
	}
}
