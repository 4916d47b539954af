package page

import (
	"encoding/base64"
	"flag"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

var picture = flag.String("picture", "", "write a picture of the page to this file, after a minute of traffic with failovers")

const token = "a-secret-of-the-test"

// maxPicture is in bytes: it is part of the documentation.
const maxPicture = 300_000

// The page of a real dataplane, served as the daemon does: it wants the token, then says
// the state, and a failover when a path dies and when a link goes down.
func TestSystemPageOfADaemon(t *testing.T) {
	system(t)
	r := traffic(t)
	o, err := observe.New(r.Dataplanes[rig.A], observe.Options{Node: "mme-east-1", Version: "v0.5.0"})
	require.NoError(t, err)
	t.Cleanup(o.Close)
	s, err := admin.Listen(admin.Options{HTTP: netip.MustParseAddrPort("127.0.0.1:0"), Token: token, Observer: o, Page: Handler()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	url := "http://" + s.Addr().String()
	b := startBrowser(t)
	b.open(url, 1280, 1000, "light")
	b.await(`document.querySelector("input[name=token]") !== null`)
	b.eval(`document.querySelector("input[name=token]").value = "not the token", document.forms[0].submit()`)
	b.await(`document.body.textContent.includes("That is not the token.")`)
	b.eval(`document.querySelector("input[name=token]").value = "` + token + `", document.forms[0].submit()`)
	b.await(`document.querySelector("#verdict").textContent === "All ports are up, and all 6 paths of 3 associations active."`)
	b.forget() // what the browser thought of the form, and of being refused
	pass := time.Duration(0)
	if *picture != "" {
		pass = 24 * time.Second
	}
	time.Sleep(pass)

	cable := r.Cables[0]
	for _, end := range cable.Ends {
		end.Blackhole(fault.Both)
	}
	b.await(`document.querySelector("#verdict").dataset.level === "warn"`)
	b.await(`document.querySelectorAll("#events li[data-kind=failover]").length >= 3`)
	b.await(`document.querySelectorAll("#events li[data-kind=resumed]").length >= 1`)
	time.Sleep(pass / 2)
	for _, end := range cable.Ends {
		end.Blackhole(fault.None)
	}
	b.await(`document.querySelector("#verdict").dataset.level === "good"`)
	time.Sleep(pass / 2)
	require.NoError(t, cable.Ends[rig.A].SetLink(false))
	b.await(`document.querySelectorAll("#events li[data-kind=link]").length >= 1`)
	b.await(`document.querySelector("#verdict").textContent.includes("no link")`)
	if *picture != "" {
		time.Sleep(pass / 4)
		b.picture(*picture)
	}
	require.NoError(t, cable.Ends[rig.A].SetLink(true))
	b.await(`document.querySelector("#verdict").dataset.level === "good"`)
	b.clean(url)
}

// traffic is two dataplanes with three associations over two cables, whose messages flow
// until the test ends.
func traffic(t *testing.T) *rig.Rig {
	base := ports.New(ports.Memory{Hugepages: "off"})
	timers := sctpcore.TelecomTimers()
	r, err := rig.New(base, rig.Options{Paths: 2, Assocs: 3, Timers: &timers})
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)
		require.NoError(t, r.Close())
		require.NoError(t, base.Close())
	})
	for i := range r.Client {
		go func() {
			tick := time.NewTicker(time.Duration(2+i) * time.Millisecond)
			defer tick.Stop()
			for err := error(nil); err == nil; {
				select {
				case <-done:
					return
				case <-tick.C:
					err = r.Client[i].Send(make([]byte, 1000), &dataplane.Message{})
				}
			}
		}()
		go func() {
			var m dataplane.Message
			room := make([]byte, 2000)
			for err := error(nil); err == nil; {
				_, err = r.Server[i].Recv(room, &m)
			}
		}()
	}
	return r
}

// forget forgets what the console said.
func (b *browser) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.console = nil
}

// picture writes what the browser shows, the whole page, as PNG.
func (b *browser) picture(path string) {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(b.t, err)
	require.Less(b.t, len(data), maxPicture)
	require.NoError(b.t, os.WriteFile(path, data, 0o644))
}
