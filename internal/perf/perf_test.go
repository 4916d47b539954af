package perf

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// pair is two dataplanes on the two ends of a cable in memory.
func pair(t *testing.T) (client, server *dataplane.Dataplane) {
	t.Helper()
	a, b := mem.NewPair(mem.Options{})
	start := func(p nic.Port, addr string) *dataplane.Dataplane {
		d, err := dataplane.New(dataplane.Config{
			Ports:  []dataplane.PortConfig{{Port: p, Addrs: []netip.Prefix{netip.MustParsePrefix(addr)}}},
			Timers: sctpcore.TelecomTimers(),
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()); require.NoError(t, p.Close()) })
		return d
	}
	return start(a, "10.0.0.1/24"), start(b, "10.0.0.2/24")
}

var remote = &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Port: DefaultPort}

// measure runs a one-off server and a client against it.
func measure(t *testing.T, o ClientOptions) (clientOut, serverOut string) {
	t.Helper()
	c, s := pair(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var out, srv bytes.Buffer
	served := make(chan error, 1)
	go func() {
		served <- RunServer(ctx, s, ServerOptions{Port: DefaultPort, OneOff: o.Parallel == 1, Interval: o.Interval, Out: &srv})
	}()
	o.Remote, o.Out = remote, &out
	var err error
	for ctx.Err() == nil { // the server's goroutine may not listen yet
		if err = RunClient(ctx, c, o); err == nil || out.Len() > 0 {
			break
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	require.NoError(t, err, out.String())
	if o.Parallel > 1 {
		cancel()
	}
	require.NoError(t, <-served)
	cancel()
	return out.String(), srv.String()
}

func options() ClientOptions {
	return ClientOptions{Time: 200 * time.Millisecond, Length: 1400, Streams: 4, Parallel: 1}
}

func TestBothSidesAgreeOnWhatCame(t *testing.T) {
	for name, change := range map[string]func(*ClientOptions){
		"forward":   func(*ClientOptions) {},
		"reverse":   func(o *ClientOptions) { o.Reverse = true },
		"bidir":     func(o *ClientOptions) { o.Both = true },
		"unordered": func(o *ClientOptions) { o.Unordered = true },
		"parallel":  func(o *ClientOptions) { o.Parallel = 3 },
		"long":      func(o *ClientOptions) { o.Length = 100_000 },
		"one byte":  func(o *ClientOptions) { o.Length = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.JSON = true
			change(&o)
			out, _ := measure(t, o)
			var doc document
			require.NoError(t, json.Unmarshal([]byte(out), &doc), out)
			require.Len(t, doc.Associations, o.Parallel)
			directions := 1
			if o.Both {
				directions = 2
			}
			require.Len(t, doc.Sum, directions)
			for _, dirs := range doc.Associations {
				require.Len(t, dirs, directions)
				for _, d := range dirs {
					require.Positive(t, d.Sender.Messages)
					require.Equal(t, d.Sender.Messages, d.Receiver.Messages)
					require.Equal(t, d.Sender.Messages*uint64(o.Length), d.Receiver.Bytes)
				}
			}
		})
	}
}

func TestPlainOutput(t *testing.T) {
	o := options()
	o.Interval = 50 * time.Millisecond
	out, srv := measure(t, o)
	require.Regexp(t, `^\[  1\] 10\.0\.0\.1:\d+ connected to 10\.0\.0\.2:5001\n\[ ID\] Interval +Transfer +Bitrate +Messages +Retr\n`, out)
	require.Regexp(t, `(?m)^\[  1\] +\d+\.\d\d-\d+\.\d\d +sec  [\d.]+ [KMG]iB +[\d.]+ [kMG]?bit/s +\d+ msg/s +\d+  tx$`, out)
	require.Regexp(t, `(?m)^\[  1\]   0\.00-\d+\.\d\d +sec .*  receiver, client to server\nCPU  client to server: sender \d+%, receiver \d+% of one processor\n$`, out)
	require.Contains(t, srv, "Server listening on 10.0.0.2:5001\n")
	require.Regexp(t, `(?m)  rx$`, srv)
}

// TestShortRunHasALine: one that is over before the first interval.
func TestShortRunHasALine(t *testing.T) {
	o := options()
	o.Time, o.Interval = time.Nanosecond, time.Hour
	out, _ := measure(t, o)
	require.Regexp(t, `(?m)  tx$`, out)
}

func TestFormatLine(t *testing.T) {
	require.Equal(t, "[  1]   0.00-1.00   sec  112.2 MiB   941 Mbit/s      84034 msg/s         7  tx",
		formatLine("  1", "tx", 0, 1, 117_625_000, 84034, 7))
}

func TestServerRefusesWhatItCannotServe(t *testing.T) {
	ok := hello{Version: version, Length: 1, Streams: 1, Seconds: 1, Forward: true}
	require.NoError(t, ok.valid())
	for want, change := range map[string]func(*hello){
		"version":         func(h *hello) { h.Version = 2 },
		"message length":  func(h *hello) { h.Length = maxLength + 1 },
		"streams":         func(h *hello) { h.Streams = 0 },
		"a time":          func(h *hello) { h.Seconds = -1 },
		"neither side is": func(h *hello) { h.Forward = false },
	} {
		h := ok
		change(&h)
		require.ErrorContains(t, h.valid(), want)
	}
}

func TestServerEndsStrangers(t *testing.T) {
	c, s := pair(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	served := make(chan error, 1)
	var out bytes.Buffer
	l, err := s.Listen(remote, nil)
	require.NoError(t, err)
	go func() {
		conn, err := l.AcceptSCTP()
		if err != nil {
			served <- err
			return
		}
		served <- serve(ctx, conn, ServerOptions{}, &out)
	}()
	conn, err := c.Dial(ctx, nil, remote, nil)
	require.NoError(t, err)
	require.NoError(t, conn.Send([]byte("GET / HTTP/1.0"), &dataplane.Message{PPID: 80}))
	require.ErrorContains(t, <-served, "its first message has PPID 0x50")
	<-conn.Done()
	require.Error(t, conn.Err())
}

func TestBusyPortSaysSo(t *testing.T) {
	_, s := pair(t)
	_, err := s.Listen(remote, nil)
	require.NoError(t, err)
	err = RunServer(context.Background(), s, ServerOptions{Port: DefaultPort, Out: &bytes.Buffer{}})
	require.ErrorContains(t, err, "listen on port 5001: ")
	require.ErrorContains(t, err, "use another --port")
}

func TestNobodyThere(t *testing.T) {
	c, _ := pair(t)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	o := options()
	o.Remote, o.Out = remote, &bytes.Buffer{}
	require.ErrorContains(t, RunClient(ctx, c, o), "is `trunkline perf server` running there")
}
