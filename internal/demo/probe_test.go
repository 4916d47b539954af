package demo

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// probed is two dataplanes on two cables, of which far answers every association on port 7
// with answer; the fault is near's end of the first cable.
func probed(t *testing.T, answer func(*dataplane.Conn)) (near *dataplane.Dataplane, first *fault.Port, at *dataplane.Addr) {
	t.Helper()
	var sides [2]dataplane.Config
	at = &dataplane.Addr{Port: 7}
	for i, nets := range [2][2]string{{"10.0.0.1/24", "10.0.0.2/24"}, {"10.0.1.1/24", "10.0.1.2/24"}} {
		a, b := mem.NewPair(mem.Options{})
		f := fault.Wrap(a, fault.Config{})
		if i == 0 {
			first = f
		}
		sides[0].Ports = append(sides[0].Ports, dataplane.PortConfig{Port: f, Addrs: []netip.Prefix{netip.MustParsePrefix(nets[0])}})
		sides[1].Ports = append(sides[1].Ports, dataplane.PortConfig{Port: b, Addrs: []netip.Prefix{netip.MustParsePrefix(nets[1])}})
		at.IPs = append(at.IPs, netip.MustParsePrefix(nets[1]).Addr())
	}
	var planes [2]*dataplane.Dataplane
	for i := range sides {
		sides[i].Timers = sctpcore.TelecomTimers()
		d, err := dataplane.New(sides[i])
		require.NoError(t, err)
		t.Cleanup(func() {
			require.NoError(t, d.Close())
			for _, p := range sides[i].Ports {
				require.NoError(t, p.Port.Close())
			}
		})
		planes[i] = d
	}
	l, err := planes[1].Listen(&dataplane.Addr{Port: 7}, nil)
	require.NoError(t, err)
	go func() {
		for {
			c, err := l.AcceptSCTP()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return planes[0], first, at
}

// echoBut echoes messages as change leaves them; nil is one that it keeps.
func echoBut(change func(n int, b []byte) []byte) func(*dataplane.Conn) {
	return func(c *dataplane.Conn) {
		room := make([]byte, maxLen)
		for n := 0; ; n++ {
			var m dataplane.Message
			got, err := c.Recv(room, &m)
			if err != nil {
				_ = c.Close()
				return
			}
			if b := change(n, room[:got]); b != nil {
				_ = c.Send(b, &dataplane.Message{Stream: m.Stream, PPID: m.PPID})
			}
		}
	}
}

func TestProbePassesOverAFailover(t *testing.T) {
	near, first, at := probed(t, echoBut(func(_ int, b []byte) []byte { return b }))
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		// Data flows when the first path has carried some, and flows on when the second has.
		carried := func(path int) bool {
			for _, c := range near.Conns() {
				if paths, err := c.Paths(); err == nil && len(paths) == 2 && paths[path].State == sctpcore.Active && paths[path].TxDataChunks > 500 {
					return true
				}
			}
			return false
		}
		for !carried(0) && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		_ = first.SetLink(false)
		for !carried(1) && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	res, err := Probe(ctx, near, ProbeOptions{Remote: at, Streams: 8, Rate: 20000, Out: &out})
	require.NoError(t, err)
	require.True(t, res.Pass, out.String())
	require.True(t, res.Tally.Clean())
	require.Positive(t, res.Failovers)
	require.Positive(t, res.Pause)
	require.Contains(t, out.String(), "failover from 10.0.0.2 by ")
	require.Contains(t, out.String(), "\nPASS\n")
}

func TestProbeFindsWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(n int, b []byte) []byte{
		"messages duplicated": func(n int, b []byte) []byte {
			if n == 50 {
				return putMessage(make([]byte, maxLen), 0, 0)
			}
			return b
		},
		"messages corrupt": func(n int, b []byte) []byte { b[len(b)-1] ^= byte(n / 50); return b },
	} {
		t.Run(want, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			near, _, at := probed(t, echoBut(func(n int, b []byte) []byte {
				if n == 100 {
					cancel()
				}
				return change(n, b)
			}))
			var out bytes.Buffer
			res, err := Probe(ctx, near, ProbeOptions{Remote: at, Streams: 1, Rate: 1000, Out: &out})
			require.NoError(t, err)
			require.False(t, res.Pass)
			require.Contains(t, out.String(), want)
		})
	}
}

// TestProbeSendsSomething, however short its time is.
func TestProbeSendsSomething(t *testing.T) {
	near, _, at := probed(t, echoBut(func(_ int, b []byte) []byte { return b }))
	var out bytes.Buffer
	res, err := Probe(t.Context(), near, ProbeOptions{Remote: at, Streams: 1, Rate: 1000, Duration: 1, Out: &out})
	require.NoError(t, err)
	require.True(t, res.Pass, out.String())
}

func TestProbeReportsWhatCameBeforeTheEnd(t *testing.T) {
	near, _, at := probed(t, echoBut(func(_ int, b []byte) []byte { return b }))
	go func() {
		for len(near.Conns()) == 0 && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if t.Context().Err() != nil {
			return
		}
		c := near.Conns()[0]
		for {
			if i, err := c.Info(); err != nil || i.SendQueued > 0 {
				break
			}
		}
		_ = c.Abort("the test wants it")
	}()
	var out bytes.Buffer
	res, err := Probe(t.Context(), near, ProbeOptions{Remote: at, Streams: 1, Out: &out})
	require.NoError(t, err)
	require.False(t, res.Pass)
	require.Contains(t, out.String(), "did not end gracefully")
}

func TestProbeNeedsAnEchoService(t *testing.T) {
	near, _, at := probed(t, nil)
	at.Port = 8
	_, err := Probe(t.Context(), near, ProbeOptions{Remote: at, Streams: 1, Out: &bytes.Buffer{}})
	require.ErrorContains(t, err, "does an echo service run there?")
	require.False(t, errors.Is(err, context.Canceled))
	require.ErrorContains(t, (&ProbeOptions{Streams: 65}).Check(), "--streams")
	require.ErrorContains(t, (&ProbeOptions{Streams: 1, Rate: -1}).Check(), "--rate")
}
