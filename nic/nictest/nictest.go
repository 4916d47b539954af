package nictest

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Quirk is what a driver may do against the contract, because its device
// leaves no choice.
type Quirk int

// Quirks.
const (
	// UncountedLoss: frames that a full receiver drops appear in no counter
	// (kernel sockets).
	UncountedLoss Quirk = iota
	// UncountedOversize: a frame above the MTU vanishes without a counter.
	UncountedOversize
)

// timeout bounds every wait of the suite; ports in memory need none of it.
var timeout = 60 * time.Second

// pair is what a test works on.
type pair struct {
	a, b   nic.Port
	quirks []Quirk
}

func (p *pair) has(q Quirk) bool { return slices.Contains(p.quirks, q) }

// Run runs the contract as subtests of t. newPair makes two new ports with a
// link between them for each; Run closes them.
func Run(t *testing.T, newPair func(t *testing.T) (a, b nic.Port), quirks ...Quirk) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *pair)
	}{
		{"Info", testInfo},
		{"EmptyBursts", testEmptyBursts},
		{"AllocGivesEmptyPackets", testAlloc},
		{"AllocUntilEmpty", testExhaustion},
		{"AllocFromManyThreads", testConcurrentAlloc},
		{"FramesArriveIntactAndInOrder", testDelivery},
		{"HeadersArePrepended", testHeadroom},
		{"ReceivedFramesAreSentOn", testForward},
		{"PacketsOfOtherPools", testForeignPools},
		{"OversizeIsDropped", testOversize},
		{"StatsCount", testStats},
		{"FullWire", testFullWire},
		{"NothingLeaks", testBalance},
		{"LinkDownAndUp", testLink},
		{"FramesWake", testWake},
		{"LinkWakes", testWakeLink},
		{"QueueOutOfRange", testBadQueue},
		{"CloseTwice", testClose},
	} {
		t.Run(test.name, func(t *testing.T) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			a, b := newPair(t)
			defer func() {
				require.NoError(t, a.Close())
				require.NoError(t, b.Close())
			}()
			waitLink(t, a, true)
			waitLink(t, b, true)
			test.run(t, &pair{a, b, quirks})
		})
	}
}

// Poll calls done until it is true or timeout has passed, once more then, and reports
// whether it was: the bounded wait for drivers over real devices.
func Poll(timeout time.Duration, done func() bool) bool {
	start := time.Now()
	for i := 1; ; i++ {
		late := time.Since(start) > timeout
		switch {
		case done():
			return true
		case late:
			return false
		case i%256 == 0:
			time.Sleep(50 * time.Microsecond) // let kernel and device threads run
		default:
			runtime.Gosched()
		}
	}
}

func waitLink(t *testing.T, p nic.Port, up bool) {
	t.Helper()
	require.True(t, Poll(timeout, func() bool { return p.Link().Up == up }),
		"%s: the link should become up=%v, is %+v", p.Info().Name, up, p.Link())
}
