package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// quick is a demo on the in-memory wire that is over in some three seconds.
func quick(out *bytes.Buffer) Options {
	return Options{
		Devices: []string{"mem"}, Timers: "telecom", Duration: 600 * time.Millisecond, Rate: 5000,
		Streams: 8, Out: out, Hugepages: "auto",
	}
}

func TestDemoPassesOnTheMemoryWire(t *testing.T) {
	var out bytes.Buffer
	o := quick(&out)
	o.Capture = filepath.Join(t.TempDir(), "cap")
	res, err := Run(context.Background(), o)
	require.NoError(t, err, out.String())
	require.True(t, res.Pass, "%v\n%s", res.Reasons, out.String())
	require.Len(t, res.Failovers, 2)
	for _, f := range res.Failovers {
		require.GreaterOrEqual(t, f.Switched, f.Detected)
		require.Positive(t, f.Switched)
		require.Positive(t, f.Returned)
		require.Equal(t, "10.10.0.2 by a0", f.From)
	}
	require.Positive(t, res.Tally.Sent)
	require.Contains(t, out.String(), "step 1: port a0's link goes down")
	require.Contains(t, out.String(), "step 2: network 0 silently loses everything")
	require.True(t, strings.HasSuffix(out.String(), "PASS\n"), out.String())
	for _, name := range []string{"a0", "a1", "b0", "b1"} {
		info, err := os.Stat(filepath.Join(o.Capture, name+".pcapng"))
		require.NoError(t, err)
		require.Greater(t, info.Size(), int64(10_000), name)
	}
}

func TestDemoJSONIsOneObjectPerLine(t *testing.T) {
	var out bytes.Buffer
	o := quick(&out)
	o.Format = JSON
	_, err := Run(context.Background(), o)
	require.NoError(t, err)
	kinds := map[string]int{}
	for line := range strings.Lines(out.String()) {
		var v struct {
			Type string
			Data json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		kinds[v.Type]++
		if v.Type == "result" {
			var r Result
			require.NoError(t, json.Unmarshal(v.Data, &r))
			require.True(t, r.Pass, line)
		}
	}
	require.Equal(t, 1, kinds["result"])
	require.GreaterOrEqual(t, kinds["event"], 8)
}

func TestDemoEndsWhenInterrupted(t *testing.T) {
	var out bytes.Buffer
	o := quick(&out)
	o.Duration = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := Run(ctx, o)
	require.ErrorContains(t, err, "interrupted")
}

func TestOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"--device: 2 devices": func(o *Options) { o.Devices = []string{"ring", "ring"} },
		"--timers":            func(o *Options) { o.Timers = "slow" },
		"--streams":           func(o *Options) { o.Streams = 0 },
		"--duration":          func(o *Options) { o.Duration = -1 },
	} {
		o := quick(nil)
		change(&o)
		_, err := Run(context.Background(), o)
		require.ErrorContains(t, err, want)
	}
}

func TestUnknownKindIsRefused(t *testing.T) {
	var out bytes.Buffer
	o := quick(&out)
	o.Devices = []string{"carrier-pigeon"}
	_, err := Run(context.Background(), o)
	require.ErrorContains(t, err, `device "carrier-pigeon": not a kind of cable: use one of ring, mem`)
}

// good is a result that passes.
func good() Result {
	return Result{
		Device: "ring", Timers: "telecom", Elapsed: 8100 * time.Millisecond,
		Tally: Tally{Sent: 888960, Received: 888960},
		Failovers: []Failover{
			{Cause: causeLink, Detected: 138 * time.Microsecond, Switched: 139 * time.Microsecond, Returned: 3 * time.Millisecond},
			{Cause: causeSilent, Detected: 19900 * time.Microsecond, Switched: 20 * time.Millisecond, Returned: 206 * time.Millisecond},
		},
	}
}

func TestPlainResult(t *testing.T) {
	r := good()
	r.judge()
	var out bytes.Buffer
	r.write(&out)
	require.Equal(t, `
Result (ring ports, telecom timers, 8.1 s)
  messages sent            888960
  messages received        888960
  lost                          0
  duplicated                    0
  out of order                  0
  failover, link down    detected after 138 µs, switched after 139 µs, primary used again 3 ms after it was mended
  failover, silent loss  detected after 19.9 ms, switched after 20.0 ms, primary used again 206 ms after it was mended
PASS
`, out.String())
}

func TestEveryFaultFailsTheResult(t *testing.T) {
	for want, change := range map[string]func(*Result){
		"1 messages lost":          func(r *Result) { r.Tally.Lost, r.Tally.Received = 1, r.Tally.Sent-1 },
		"2 messages duplicated":    func(r *Result) { r.Tally.Duplicated = 2 },
		"3 messages out of order":  func(r *Result) { r.Tally.OutOfOrder = 3 },
		"4 messages corrupt":       func(r *Result) { r.Tally.Corrupt = 4 },
		"no message was sent":      func(r *Result) { r.Tally = Tally{} },
		"link down: no failover":   func(r *Result) { r.Failovers[0].Missed = "no failover" },
		"1 of 2 failovers":         func(r *Result) { r.Failovers = r.Failovers[:1] },
		"not everything delivered": func(r *Result) { r.Reasons = []string{"not everything delivered"} },
	} {
		r := good()
		change(&r)
		r.judge()
		require.False(t, r.Pass, want)
		var out bytes.Buffer
		r.write(&out)
		require.Contains(t, out.String(), "\nFAIL: ")
		require.Contains(t, out.String(), want)
		require.NotContains(t, out.String(), "PASS")
	}
}

func status() *Status {
	return &Status{
		At: 2200 * time.Millisecond, BitsPerSec: 2.5552e9, MsgsPerSec: 138424, Sent: 300000, Received: 299990,
		Paths: []PathStatus{
			{Dst: "10.10.0.2", Port: "a0", State: "INACTIVE", RTO: 160 * time.Millisecond, Primary: true},
			{Dst: "10.10.1.2", Port: "a1", State: "ACTIVE", RTO: 20 * time.Millisecond, Current: true, Link: true},
			{Dst: "fd00:10:1::2", State: "ACTIVE", RTO: 20500 * time.Microsecond, Link: true},
		},
	}
}

func TestPlainStatusLine(t *testing.T) {
	require.Equal(t, "[  2.2 s]   2555.2 Mbit/s   138424 msg/s |  10.10.0.2 by a0 INACTIVE RTO 160 ms"+
		" | *10.10.1.2 by a1 ACTIVE RTO 20 ms |  fd00:10:1::2 by no port ACTIVE RTO 20.5 ms", status().Line())
}

func TestLiveViewRedrawsInPlace(t *testing.T) {
	var out bytes.Buffer
	v := &view{w: &out, format: Live, start: time.Now()}
	v.show(status())
	require.Contains(t, out.String(), "primary, link down")
	drawn := strings.Count(out.String(), "\n")
	out.Reset()
	v.show(status())
	require.True(t, strings.HasPrefix(out.String(), "\x1b["+string(rune('0'+drawn))+"A\x1b[J"), "%q", out.String())
	v.end()
	out.Reset()
	v.say("the end")
	require.NotContains(t, out.String(), "\x1b")
}

// TestFailoverToldLate: that the traffic had left before is found, however late its event is read.
func TestFailoverToldLate(t *testing.T) {
	events := make(chan dataplane.PathEvent)
	s := &show{timers: sctpcore.RFC9260Timers()}
	go func() {
		<-time.After(2 * settle)
		events <- dataplane.PathEvent{Event: sctpcore.Event{Kind: sctpcore.EventFailover, Switched: 6}, OldDst: primary}
	}()
	_, how, err := s.failover(t.Context(), events, 7)
	require.NoError(t, err)
	require.Equal(t, failoverEarlier, how)
}
