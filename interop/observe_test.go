//go:build linux && cgo

package interop

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// observed is what a run showed while it lasted.
type observed struct {
	length            time.Duration
	sentBytes         uint64
	gotBytes          uint64
	user, system      time.Duration // our process
	smallest, largest int           // cwnd of a path in use, bytes
	retransmitted     uint64
	fast, timeouts    uint64
	inactive          int    // samples in which a path was not active
	slowest           uint64 // bytes both ways in the slowest tenth of a second
}

// observe looks at the associations ten times a second until the time is over.
func observe(t *testing.T, all []*duplex, length time.Duration) *observed {
	t.Helper()
	o := &observed{smallest: 1 << 30, slowest: 1 << 62}
	start, before := time.Now(), cpuTime()
	last := uint64(0)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		o.length = time.Since(start)
		o.sentBytes, o.gotBytes, o.retransmitted, o.fast, o.timeouts = 0, 0, 0, 0, 0
		for _, d := range all {
			select {
			case err := <-d.reading:
				require.NoError(t, err)
			case err := <-d.sending:
				require.NoError(t, err)
			default:
			}
			o.look(t, d)
		}
		sum := o.sentBytes + o.gotBytes
		if last != 0 {
			o.slowest = min(o.slowest, sum-last)
		}
		last = sum
		if o.length >= length {
			break
		}
	}
	after := cpuTime()
	o.user, o.system = after[0]-before[0], after[1]-before[1]
	return o
}

func (o *observed) look(t *testing.T, d *duplex) {
	o.sentBytes += d.sent.bytes.Load()
	o.gotBytes += d.got.bytes.Load()
	info, err := d.conn.Info()
	require.NoError(t, err)
	o.retransmitted += info.RetransmittedChunks
	o.fast += info.FastRetransmits
	o.timeouts += info.Timeouts
	paths, err := d.conn.Paths()
	require.NoError(t, err)
	for _, p := range paths {
		if p.Current && o.length > time.Second {
			o.smallest, o.largest = min(o.smallest, p.Cwnd), max(o.largest, p.Cwnd)
		}
		if p.State != sctpcore.Active && o.length > time.Second {
			o.inactive++
		}
	}
}

func (o *observed) report(t *testing.T, all []*duplex, stack line) {
	sec := o.length.Seconds()
	rate := func(bytes uint64) float64 { return float64(bytes) * 8 / 1e6 / sec }
	var messages uint64
	var gap int64
	for _, d := range all {
		messages += d.got.messages.Load() + d.sent.messages.Load()
		gap = max(gap, d.got.gap)
	}
	t.Logf("%.1f s: we sent %.0f Mbit/s, got %.0f Mbit/s, %.0f messages/s both ways; longest gap of one association at us %d ms; slowest tenth of a second %.0f Mbit/s",
		sec, rate(o.sentBytes), rate(o.gotBytes), float64(messages)/sec, gap/1e6, float64(o.slowest)*80/1e6)
	t.Logf("processor time in all: ours %.2f s user, %.2f s system; the peer's %.2f s user, %.2f s system",
		o.user.Seconds(), o.system.Seconds(), float64(stack.number("user_ms"))/1e3, float64(stack.number("system_ms"))/1e3)
	t.Logf("cwnd in use %d to %d bytes; %d chunks sent again, %d fast retransmits, %d T3-rtx expired, %d samples of a path not active",
		o.smallest, o.largest, o.retransmitted, o.fast, o.timeouts, o.inactive)
}

// cpuTime is our process's user and system time.
func cpuTime() [2]time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return [2]time.Duration{}
	}
	return [2]time.Duration{time.Duration(use.Utime.Nano()), time.Duration(use.Stime.Nano())}
}
