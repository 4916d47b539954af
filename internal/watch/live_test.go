package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/unixsock"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// patience bounds what must happen; it is no measure of anything.
const patience = 60 * time.Second

// live is a daemon on two cables in memory, with three associations.
type live struct {
	client   *admin.Client
	server   *admin.Server
	observer *observe.Observer
	path     string
	ports    [2]*mem.Port
	conns    []*dataplane.Conn
}

func newLive(t *testing.T) *live {
	t.Helper()
	v := &live{path: filepath.Join(t.TempDir(), "c")}
	var far [2]*mem.Port
	for i := range v.ports {
		v.ports[i], far[i] = mem.NewPair(mem.Options{})
	}
	begin := func(ports [2]*mem.Port, host int) *dataplane.Dataplane {
		var c dataplane.Config // RFC 9260's timers: a pause of the machine is no lost path
		for i, p := range ports {
			c.Ports = append(c.Ports, dataplane.PortConfig{Port: nic.Port(p), Addrs: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.0.%d.%d/24", i+1, host))}})
			t.Cleanup(func() { require.NoError(t, p.Close()) })
		}
		d, err := dataplane.New(c)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d
	}
	near, peer := begin(v.ports, 1), begin(far, 2)
	l, err := peer.Listen(&dataplane.Addr{Port: 7}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 3 {
		c, err := near.Dial(ctx, nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.0.1.2"), netip.MustParseAddr("10.0.2.2")}, Port: 7}, nil)
		require.NoError(t, err)
		v.conns = append(v.conns, c)
	}
	for _, c := range v.conns {
		require.Eventually(t, func() bool {
			paths, err := c.Paths()
			return err == nil && len(paths) == 2 && paths[1].State == sctpcore.Active
		}, patience, time.Millisecond)
	}
	v.observer, err = observe.New(near, observe.Options{Node: "near", Version: "test"}) // its first look has all of that
	require.NoError(t, err)
	t.Cleanup(v.observer.Close)
	v.serve(t)
	v.client = admin.NewClient(v.path)
	t.Cleanup(v.client.Close)
	return v
}

func (v *live) serve(t *testing.T) {
	t.Helper()
	var err error
	v.server, err = admin.Listen(admin.Options{Control: &unixsock.Where{Path: v.path}, Observer: v.observer})
	require.NoError(t, err)
	server := v.server
	t.Cleanup(func() { _ = server.Close() })
}

// shown is what a command writes, to a pipe and to stderr.
func (v *live) shown(t *testing.T, look func(context.Context, *admin.Client, Screen, Options) error, o Options) (out, notes string) {
	t.Helper()
	var b, n bytes.Buffer
	require.NoError(t, look(t.Context(), v.client, Screen{Out: &b, Notes: &n}, o))
	return b.String(), n.String()
}

func TestEveryTableOfALiveDaemon(t *testing.T) {
	v := newLive(t)
	out, notes := v.shown(t, Assocs, Options{})
	require.Equal(t, 4, strings.Count(out, "\n"), out)
	require.Equal(t, 3, strings.Count(out, "ESTABLISHED  10.0."), out)
	require.Empty(t, notes)
	out, _ = v.shown(t, Paths, Options{})
	require.Equal(t, 7, strings.Count(out, "\n"), out)
	require.Equal(t, 3, strings.Count(out, "*"), out)
	out, _ = v.shown(t, Ports, Options{})
	require.Contains(t, out, "10.0.2.1/24")
	out, _ = v.shown(t, Drops, Options{All: true})
	require.Contains(t, out, "dataplane_")
	require.Contains(t, out, "sctp_")
	// From page to page it is the same table, and what is missing is said.
	whole, _ := v.shown(t, Assocs, Options{})
	out, notes = v.shown(t, Assocs, Options{All: true, page: 1})
	require.Equal(t, whole, out)
	require.Empty(t, notes)
	out, notes = v.shown(t, Assocs, Options{page: 2})
	require.Equal(t, 3, strings.Count(out, "\n"), out)
	require.Equal(t, "these are the worst 2 of 3 associations; --all shows all, in the order of their IDs\n", notes)
	id := strings.Fields(strings.Split(whole, "\n")[2])[0]
	out, _ = v.shown(t, Paths, Options{Assoc: id})
	require.Equal(t, 2, strings.Count(out, "\n"+id), out)
	err := Assocs(t.Context(), v.client, Screen{Out: io.Discard}, Options{Assoc: "0.99999"})
	require.EqualError(t, err, "there is no association 0.99999; `trunkline assocs` shows all")
}

func TestEveryTableAsJSON(t *testing.T) {
	v := newLive(t)
	var assocs []observe.Assoc
	var ports []observe.Port
	var drops []observe.Drop
	var paths []struct {
		Assoc    string `json:"assoc"`
		PeerPort int    `json:"peer_port"`
		observe.Path
	}
	for _, c := range []struct {
		look func(context.Context, *admin.Client, Screen, Options) error
		into any
	}{{Assocs, &assocs}, {Paths, &paths}, {Ports, &ports}, {Drops, &drops}} {
		out, _ := v.shown(t, c.look, Options{JSON: true, All: true, page: 2})
		require.NoError(t, json.Unmarshal([]byte(out), c.into), out)
	}
	require.Len(t, assocs, 3)
	require.Len(t, paths, 6)
	require.Equal(t, assocs[0].ID, paths[0].Assoc)
	require.Equal(t, 7, paths[0].PeerPort)
	require.True(t, paths[0].Dst.IsValid())
	require.Len(t, ports, 2)
	require.NotEmpty(t, drops)
	for _, c := range v.conns {
		require.NoError(t, c.Abort("enough"))
		select {
		case <-c.Done():
		case <-time.After(patience):
			require.Fail(t, "an aborted association does not end")
		}
	}
	require.Eventually(t, func() bool {
		out, _ := v.shown(t, Assocs, Options{JSON: true})
		return out == "[]\n"
	}, patience, 50*time.Millisecond)
	out, _ := v.shown(t, Paths, Options{})
	require.Equal(t, "no associations, so no paths\n", out)
}

func TestWatchLooksAgain(t *testing.T) {
	v := newLive(t)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	looks := 0
	out := writer(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if looks += bytes.Count(b, []byte("PORT ")); looks == 2 {
			cancel()
		}
		return len(b), nil
	})
	require.NoError(t, Ports(ctx, v.client, Screen{Out: out}, Options{Watch: time.Millisecond}))
	require.Equal(t, 2, looks)
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

// TestEventsOfACutLink: a follower sees the paths go as it happens, and later
// looks see it, too.
func TestEventsOfACutLink(t *testing.T) {
	v := newLive(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	out := writer(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("INACTIVE: link down")) {
			cancel()
		}
		return len(b), nil
	})
	begun := time.Now() // however late the follower is
	go func() { ended <- Events(ctx, v.client, Screen{Out: out}, EventOptions{Follow: true, Since: begun}) }()
	require.NoError(t, v.ports[0].SetLink(false))
	require.NoError(t, <-ended)
	ctx = t.Context()
	var b bytes.Buffer
	require.NoError(t, Events(ctx, v.client, Screen{Out: &b}, EventOptions{}))
	require.Contains(t, b.String(), "ACTIVE → INACTIVE: link down")
	b.Reset()
	require.NoError(t, Events(ctx, v.client, Screen{Out: &b}, EventOptions{JSON: true}))
	for line := range strings.Lines(b.String()) {
		var e observe.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.NotZero(t, e.Seq)
	}
	b.Reset()
	require.NoError(t, Events(ctx, v.client, Screen{Out: &b}, EventOptions{Since: time.Now().Add(time.Hour)}))
	require.Empty(t, b.String())
	require.NoError(t, v.server.Close())
	require.ErrorIs(t, Events(ctx, v.client, Screen{Out: &b}, EventOptions{Follow: true}), admin.ErrAbsent)
}

// terminal is a pseudo-terminal, and all that was written to it.
type terminal struct {
	keys, screen *os.File // the user's end, the program's
	mu           sync.Mutex
	seen         bytes.Buffer
}

func newTerminal(t *testing.T, columns, lines uint16) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	fd := int(keys.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	screen, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns}))
	x := &terminal{keys: keys, screen: screen}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := keys.Read(b)
			x.mu.Lock()
			x.seen.Write(b[:n])
			x.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return x
}

// waitFor waits until a text was written.
func (x *terminal) waitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return strings.Contains(x.seen.String(), text)
	}, patience, 5*time.Millisecond, "waiting for %q", text)
}

// TestTopInATerminal: it draws, sees the paths go and the end of the daemon, and ends
// with the terminal as it was.
func TestTopInATerminal(t *testing.T) {
	v := newLive(t)
	x := newTerminal(t, 100, 30)
	before, err := unix.IoctlGetTermios(int(x.screen.Fd()), unix.TCGETS)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- Top(t.Context(), v.client, x.screen, x.screen) }()
	x.waitFor(t, "PATHS")
	x.waitFor(t, "10.0.2.2")
	require.NoError(t, v.ports[0].SetLink(false))
	x.waitFor(t, "link down")
	require.NoError(t, v.server.Close())
	x.waitFor(t, "no answer")
	v.serve(t)
	_, err = x.keys.WriteString("?")
	require.NoError(t, err)
	x.waitFor(t, "this help")
	_, err = x.keys.WriteString("q")
	require.NoError(t, err)
	require.NoError(t, <-ended)
	after, err := unix.IoctlGetTermios(int(x.screen.Fd()), unix.TCGETS)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.ErrorContains(t, Top(t.Context(), v.client, x.screen, io.Discard), "top needs a terminal")
	require.NoError(t, v.server.Close())
	require.ErrorIs(t, Top(t.Context(), v.client, x.screen, x.screen), admin.ErrAbsent)
}
