package page

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

const token = "0123456789abcdef"

// node is a dataplane that sends to two peers over two cables, and is looked at.
type node struct {
	east, west *mem.Port
	url        string
}

func startNode(t *testing.T, timers sctpcore.Timers) *node {
	var near, far []dataplane.PortConfig
	var cables []*mem.Port
	for i, name := range []string{"east", "west"} {
		a, b := mem.NewPair(mem.Options{A: mem.Side{Name: name}})
		near = append(near, dataplane.PortConfig{Port: a, Addrs: prefixes(fmt.Sprintf("10.0.%d.1/24", i+1))})
		far = append(far, dataplane.PortConfig{Port: b, Addrs: prefixes(fmt.Sprintf("10.0.%d.20/24", i+1))})
		cables = append(cables, a)
		t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	}
	begin := func(ports []dataplane.PortConfig) *dataplane.Dataplane {
		d, err := dataplane.New(dataplane.Config{Ports: ports, Timers: timers})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d
	}
	ours, theirs := begin(near), begin(far)
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); running.Wait() })
	for _, port := range []uint16{3868, 36412} {
		l, err := theirs.Listen(&dataplane.Addr{Port: port}, nil)
		require.NoError(t, err)
		c, err := ours.Dial(ctx, nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.1.20"), netip.MustParseAddr("10.0.2.20")}, Port: port}, nil)
		require.NoError(t, err)
		s, err := l.AcceptSCTP()
		require.NoError(t, err)
		running.Go(func() { talk(ctx, c, int(port)/200) })
		running.Go(func() {
			for room := make([]byte, 2000); ; {
				if _, err := s.Recv(room, nil); err != nil {
					return
				}
			}
		})
		context.AfterFunc(ctx, func() { _ = c.Abort("the test ends") })
	}
	o, err := observe.New(ours, observe.Options{Node: "mme-1", Version: "test"})
	require.NoError(t, err)
	t.Cleanup(o.Close)
	s, err := admin.Listen(admin.Options{Observer: o, Page: Handler(), HTTP: netip.MustParseAddrPort("127.0.0.1:0"), Token: token})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &node{east: cables[0], west: cables[1], url: "http://" + s.Addr().String()}
}

// talk sends messages until ctx is done, so many in a hundredth of a second.
func talk(ctx context.Context, c *dataplane.Conn, n int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for message := make([]byte, 1200); ctx.Err() == nil; <-tick.C {
		for range n {
			if c.Send(message, nil) != nil {
				return
			}
		}
	}
}

// A running dataplane, with a token: the page shows its associations, and a failover as it
// happens. With TRUNKLINE_PICTURE=FILE it takes its time and makes the documents' picture.
func TestSystemPageOfADataplane(t *testing.T) {
	system(t)
	picture := os.Getenv("TRUNKLINE_PICTURE")
	timers := sctpcore.RFC9260Timers() // a pause of the machine is no lost path
	if picture != "" {
		timers = sctpcore.TelecomTimers()
	}
	n := startNode(t, timers)
	b := startBrowser(t)
	b.open(n.url+"/", 1280, 900, "light")
	b.await(`document.querySelector("input[name=token]") !== null`)
	b.eval(`document.querySelector("input[name=token]").value = "` + token + `"; document.querySelector("form").submit()`)
	b.await(`document.querySelector("#verdict").textContent === "All ports are up, and all 4 paths of 2 associations active."`)
	b.await(`document.querySelectorAll("#map .path.current[data-port=east]").length === 2`)
	if picture != "" {
		time.Sleep(90 * time.Second)
	}
	require.NoError(t, n.east.SetLink(false))
	b.await(`/^east: no link; 2 of 4 paths are not active/.test(document.querySelector("#verdict").textContent)`)
	b.await(`document.querySelectorAll("#map .path.current[data-port=west]").length === 2`)
	b.await(`document.querySelectorAll("#map .path.INACTIVE[data-port=east]").length === 2`)
	b.await(`document.querySelectorAll("#events li[data-kind=failover]").length >= 2`)
	b.await(`document.querySelectorAll("#rates [data-event]").length >= 2`)
	b.await(`document.querySelectorAll("#strips .strip.down").length >= 1`)
	if picture != "" {
		time.Sleep(45 * time.Second)
		require.NoError(t, os.WriteFile(picture, b.picture(1280, 1120), 0o644))
	}
	require.NoError(t, n.east.SetLink(true))
	b.await(`document.querySelector("#verdict").dataset.level === "good"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, said := range b.console {
		require.Contains(t, said, "401", "only the page before the token")
	}
	for _, r := range b.requests {
		require.True(t, strings.HasPrefix(r, n.url+"/") || r == "about:blank", r)
	}
}
