package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/serve"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

func TestRunNeedsSomethingToServe(t *testing.T) {
	load := func() (*config.File, error) { return &config.File{Path: "f.yaml"}, nil }
	err := Run(t.Context(), Options{Load: load, Out: io.Discard, Log: io.Discard})
	require.EqualError(t, err, "f.yaml: nothing to serve; add `sockets: {}` for programs, or `service: {kind: echo}` (or discard, chargen)")
}

// running is a daemon whose ports are cables in memory to a peer.
type running struct {
	t       *testing.T
	d       *daemon
	peer    *dataplane.Dataplane
	signals chan os.Signal
	ended   chan struct{}
	told    *net.UnixConn // what the service manager is told
	path    string        // of the configuration
	log     bytes.Buffer
	logging sync.Mutex
	fails   string // what run is to end with, "" for nothing
}

func (r *running) Write(b []byte) (int, error) {
	r.logging.Lock()
	defer r.logging.Unlock()
	return r.log.Write(b)
}

func (r *running) logged() string {
	r.logging.Lock()
	defer r.logging.Unlock()
	return r.log.String()
}

// start runs a configuration of basis's ports; wrap, if not nil, is around each.
func start(t *testing.T, src string, wrap func(nic.Port) nic.Port) *running {
	r := &running{t: t, signals: make(chan os.Signal, 8), ended: make(chan struct{}), path: filepath.Join(t.TempDir(), "f.yaml")}
	notify := filepath.Join(t.TempDir(), "notify")
	var err error
	r.told, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { r.told.Close() })
	t.Setenv("NOTIFY_SOCKET", notify)
	r.write(src)
	f := parse(t, src)
	var near []nic.Port
	var far []dataplane.PortConfig
	for i, p := range f.Ports {
		a, b := mem.NewPair(mem.Options{A: mem.Side{Name: p.Name}, B: mem.Side{Name: p.Name + " far"}})
		t.Cleanup(func() { require.NoError(t, a.Close()); require.NoError(t, b.Close()) })
		near = append(near, a)
		if wrap != nil {
			near[i] = wrap(a)
		}
		far = append(far, dataplane.PortConfig{Port: b, Addrs: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.0.%d.9/24", i+1))}})
	}
	r.peer, err = dataplane.New(dataplane.Config{Ports: far})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.peer.Close()) })
	log, level := serve.Logger(f.Log, r)
	dp, err := dataplane.New(f.Dataplane(near, log))
	require.NoError(t, err)
	load := func() (*config.File, error) { return config.Load(r.path, config.Options{}) }
	r.d = &daemon{opt: Options{Load: load, Signals: r.signals, Out: io.Discard, Log: r}, log: log, level: level, notify: notifier{log}, dp: dp, file: f}
	go func() {
		switch err := r.d.run(t.Context()); {
		case r.fails != "":
			assert.ErrorContains(t, err, r.fails)
		default:
			assert.NoError(t, err)
		}
		_ = dp.Close()
		close(r.ended)
	}()
	t.Cleanup(func() {
		r.signals <- syscall.SIGTERM
		r.signals <- syscall.SIGTERM // at once
		<-r.ended
	})
	require.Contains(t, r.hears(), "READY=1")
	return r
}

// patience bounds what must happen; it is no measure of anything.
const patience = time.Minute

// alive is the sign of life.
const alive = "WATCHDOG=1"

func (r *running) write(src string) { require.NoError(r.t, os.WriteFile(r.path, []byte(src), 0o600)) }

// hears is what the service manager is told next, but for signs of life.
func (r *running) hears() string {
	r.t.Helper()
	room := make([]byte, 4096)
	for {
		require.NoError(r.t, r.told.SetReadDeadline(time.Now().Add(patience)))
		n, err := r.told.Read(room)
		require.NoError(r.t, err, "%s", r.logged())
		if said := string(room[:n]); said != alive {
			return said
		}
	}
}

func (r *running) dial(ip string, port uint16) (*dataplane.Conn, error) {
	return r.peer.Dial(r.t.Context(), nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr(ip)}, Port: port}, nil)
}

func (r *running) echoes(c *dataplane.Conn) {
	r.t.Helper()
	require.NoError(r.t, c.Send([]byte("and back"), nil))
	room := make([]byte, 20)
	n, err := c.Recv(room, nil)
	require.NoError(r.t, err)
	require.Equal(r.t, "and back", string(room[:n]))
}

// plain has timers that a pause of the machine does not end an association by.
const plain = basis + "timers: {profile: rfc9260}\ncontrol: off\n"

// TestReloadLeavesAssociationsAlone: what was up before goes on over every change, and what
// comes after has it.
func TestReloadLeavesAssociationsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sockets")
	control := filepath.Join(t.TempDir(), "control")
	src := strings.Replace(plain, "control: off", "control: {path: "+control+"}", 1) + "sockets: {path: " + path + "}\n"
	r := start(t, src, nil)
	old, err := r.dial("10.0.1.1", 7)
	require.NoError(t, err)
	r.echoes(old)

	next := strings.NewReplacer("[10.0.2.1/24]", "[10.0.2.77/24]", "kind: echo", "kind: echo, port: 77", "profile: rfc9260", "profile: rfc9260, path_max_retrans: 2",
		"{path: "+path, "{mode: 0660, path: "+path, "{path: "+control, "{mode: 0666, path: "+control, "via: 10.0.1.254", "via: 10.0.1.253").Replace(src) + "log: {level: debug}\nlimits: {associations: 3}\ndrain: 1s\n"
	r.write(next)
	r.signals <- syscall.SIGHUP
	require.Regexp(t, `^RELOADING=1\nMONOTONIC_USEC=\d+\n`, r.hears())
	require.Contains(t, r.hears(), "READY=1\nSTATUS=2 ports, 1 workers, echo on 10.0.1.1/10.0.2.77")
	for _, want := range []string{`key=service.port from=7 to=77`, `key=routes`, `key=ports[1].addresses from=[10.0.2.1/24] to=[10.0.2.77/24]`, `key=drain from=5s to=1s`, `msg=reloaded`, `changes=9`} {
		require.Contains(t, r.logged(), want)
	}
	r.echoes(old)
	fresh, err := r.dial("10.0.2.77", 77)
	require.NoError(t, err)
	r.echoes(fresh)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o660, st.Mode().Perm())
	st, err = os.Stat(control)
	require.NoError(t, err)
	require.EqualValues(t, 0o666, st.Mode().Perm())
	require.Equal(t, "DEBUG", r.d.level.Level().String())
	_, err = r.dial("10.0.1.1", 7)
	require.Error(t, err, "nobody listens there any more")
	mine := r.d.dp.Conns()
	require.Len(t, mine, 2)
	p, err := mine[1].Params()
	require.NoError(t, err)
	require.Equal(t, 2, p.PathMaxRetrans)
	p, err = mine[0].Params()
	require.NoError(t, err)
	require.Equal(t, 5, p.PathMaxRetrans)

	changed, err := r.d.Reload(t.Context())
	require.NoError(t, err)
	require.Empty(t, changed)
}

// TestReloadIsRefusedWhole: with what cannot change, with mistakes, and with what fails on the
// way, all stays as it was.
func TestReloadIsRefusedWhole(t *testing.T) {
	r := start(t, plain, nil)
	old, err := r.dial("10.0.1.1", 7)
	require.NoError(t, err)
	before := r.d.dp.Addrs()
	taken, err := r.d.dp.Listen(&dataplane.Addr{Port: 88}, nil)
	require.NoError(t, err)
	defer taken.Close()
	fine := strings.Replace(plain, "[10.0.2.1/24]", "[10.0.2.1/24, 10.0.2.77/24]", 1)
	for _, c := range []struct{ src, want string }{
		{fine + "workers: 2\n", "f.yaml:8:10: workers can't change while running, from [-1] to [-1 -1]; restart, or take it back"},
		{fine + "log: {level: loud}\nworkers: none\n", "log.level: \"loud\" is not known; use one of debug, info, warn, error\n"},
		{fine + "log: {level: loud}\nworkers: none\n", "workers: \"none\" is not a whole number"},
		{strings.Replace(fine, "kind: echo", "kind: echo, port: 88", 1), "choose another service.port"},
		{"ports: [\n", "syntax"},
	} {
		r.write(c.src)
		changed, err := r.d.Reload(t.Context())
		require.ErrorContains(t, err, c.want)
		require.Empty(t, changed)
		require.Equal(t, before, r.d.dp.Addrs())
		require.Contains(t, r.hears(), "RELOADING=1")
		require.Contains(t, r.hears(), "READY=1")
	}
	require.Contains(t, r.logged(), "reload refused, nothing has changed")
	r.echoes(old)
	fresh, err := r.dial("10.0.1.1", 7)
	require.NoError(t, err)
	r.echoes(fresh)
}

// TestHTTPChangesLive: where the page is and what it asks for; and what cannot be had has
// nothing changed.
func TestHTTPChangesLive(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	holds := func(secret string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(token, []byte(secret), mode))
		require.NoError(t, os.Chmod(token, mode))
	}
	src := plain + "http: {listen: \"127.0.0.1:0\"}\n"
	r := start(t, src, nil)
	state := func(token string) int {
		q, err := http.NewRequest("GET", "http://"+r.d.admin.Addr().String()+"/v1/state", nil)
		require.NoError(t, err)
		q.Header.Set("Authorization", "Bearer "+token)
		a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(q)
		require.NoError(t, err)
		defer a.Body.Close()
		return a.StatusCode
	}
	reload := func(src string) ([]string, error) {
		r.write(src)
		changed, err := r.d.Reload(t.Context())
		require.Contains(t, r.hears(), "RELOADING=1")
		require.Contains(t, r.hears(), "READY=1")
		return changed, err
	}
	require.Equal(t, 200, state("none is asked for"))

	asking := plain + "http: {listen: \"127.0.0.1:0\", token_file: " + token + "}\n"
	_, err := reload(asking)
	require.ErrorContains(t, err, "f.yaml: http.token_file: open "+token+": no such file")
	require.Equal(t, 200, state("none is asked for"))
	holds("the first of its kind\n", 0o600)
	_, err = reload(asking)
	require.ErrorContains(t, err, "one word")
	holds("the-first-of-its-kind\n", 0o640)
	changed, err := reload(asking)
	require.NoError(t, err)
	require.Equal(t, []string{"http.token_file: none → " + token}, changed)
	require.Equal(t, 401, state("none is asked for"))
	require.Equal(t, 200, state("the-first-of-its-kind"))

	for content, mode := range map[string]os.FileMode{"": 0o600, "short": 0o600, "the-second-of-its-kind": 0o644} {
		holds(content, mode)
		_, err = reload(strings.Replace(asking, "[10.0.2.1/24]", "[10.0.2.1/24, 10.0.2.77/24]", 1))
		require.ErrorContains(t, err, "http.token_file: "+token)
		require.Equal(t, 200, state("the-first-of-its-kind"))
		require.Len(t, r.d.dp.Addrs(), 2)
	}
	holds("the-second-of-its-kind", 0o600)
	changed, err = reload(asking)
	require.NoError(t, err)
	require.Equal(t, []string{"http.token_file: the token that it held → another one"}, changed)
	require.Equal(t, 401, state("the-first-of-its-kind"))
	require.Equal(t, 200, state("the-second-of-its-kind"))
	require.NotContains(t, r.logged(), "of-its-kind")
	changed, err = reload(asking)
	require.NoError(t, err)
	require.Empty(t, changed)

	was := r.d.admin.Addr()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = reload(strings.NewReplacer("127.0.0.1:0", taken.Addr().String(), "[10.0.2.1/24]", "[10.0.2.1/24, 10.0.2.77/24]", "kind: echo", "kind: echo, port: 77").Replace(asking))
	require.ErrorContains(t, err, "address already in use; choose another http.listen")
	require.Equal(t, was, r.d.admin.Addr())
	require.Len(t, r.d.dp.Addrs(), 2)
	require.Regexp(t, ":7$", r.d.service.String())
	changed, err = reload(strings.Replace(src, "127.0.0.1:0", "127.0.0.2:0", 1))
	require.NoError(t, err)
	require.Equal(t, []string{"http.listen: 127.0.0.1:0 → 127.0.0.2:0", "http.token_file: " + token + " → none"}, changed)
	require.Equal(t, 200, state("none is asked for"))
	changed, err = reload(plain)
	require.NoError(t, err)
	require.Equal(t, []string{"http.listen: 127.0.0.2:0 → none"}, changed)
	require.Nil(t, r.d.admin.Addr())
}

// TestTermDrains: the peer gets all that was sent and a graceful end, and nobody new comes in.
func TestTermDrains(t *testing.T) {
	r := start(t, plain+"drain: 1m\n", nil)
	c, err := r.dial("10.0.1.1", 7)
	require.NoError(t, err)
	r.echoes(c)
	r.signals <- syscall.SIGTERM
	require.Contains(t, r.hears(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=65000000\n")
	<-c.Done()
	require.NoError(t, c.Err())
	<-r.ended
	require.Contains(t, r.logged(), "msg=drained")
	_, err = r.d.Reload(t.Context())
	require.Equal(t, errStopping, err)
}

// TestDrainEnds: a peer that is gone is waited for as long as the configuration says, or until
// a second signal.
func TestDrainEnds(t *testing.T) {
	for name, drain := range map[string]string{"time": "300ms", "signal": "1h"} {
		t.Run(name, func(t *testing.T) {
			var ports []*mem.Port
			r := start(t, plain+"drain: "+drain+"\n", func(p nic.Port) nic.Port { ports = append(ports, p.(*mem.Port)); return p })
			c, err := r.dial("10.0.1.1", 7)
			require.NoError(t, err)
			r.echoes(c)
			for _, p := range ports {
				require.NoError(t, p.SetLink(false))
			}
			r.signals <- syscall.SIGTERM
			require.Contains(t, r.hears(), "STOPPING=1")
			if name == "signal" {
				r.signals <- syscall.SIGHUP // is no hurry
				r.signals <- syscall.SIGINT
			}
			<-r.ended
			require.Contains(t, r.logged(), "the others are aborted\" associations=1")
		})
	}
}

// gate is a port whose driver can be made to come back no more.
type gate struct {
	nic.Port
	mu   sync.Mutex    // held: RxBurst blocks
	held chan struct{} // one for a worker that came while it was held
}

func newGate(p nic.Port) *gate { return &gate{Port: p, held: make(chan struct{}, 1)} }

func (g *gate) RxBurst(queue int, pkts []*nic.Packet) int {
	if !g.mu.TryLock() {
		select {
		case g.held <- struct{}{}:
		default:
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	return g.Port.RxBurst(queue, pkts)
}

// shut returns when the worker is in the driver, which it leaves when g.mu is unlocked.
func (g *gate) shut(dp *dataplane.Dataplane) {
	g.mu.Lock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	dp.Stuck(ctx) // wakes it, and may still be answered on the way
	<-g.held
}

// TestEndsWithAStuckWorker: what cannot be drained is not waited for beyond its time.
func TestEndsWithAStuckWorker(t *testing.T) {
	var g *gate
	r := start(t, plain+"drain: 10ms\n", func(p nic.Port) nic.Port { g = newGate(p); return g })
	g.shut(r.d.dp) // for good: it would find its ports closed
	r.fails = "does not come back"
	r.signals <- syscall.SIGTERM
	<-r.ended
}

// TestAnyReload: after any of them the dataplane is as the old configuration or as the new one
// says.
func TestAnyReload(t *testing.T) {
	r := start(t, usual, nil)
	t.Setenv("NOTIFY_SOCKET", "")                              // nobody reads it
	taken, err := r.d.dp.Listen(&dataplane.Addr{Port: 9}, nil) // has addresses and defaults taken back
	require.NoError(t, err)
	defer taken.Close()
	reload := func(t require.TestingT, src string) error {
		require.NoError(t, os.WriteFile(r.path, []byte(src), 0o600))
		old, want := r.d.File(), parse(t, src)
		_, err := r.d.Reload(context.Background())
		if err != nil {
			want = old
		}
		require.Equal(t, texts(want), texts(r.d.File()))
		for _, p := range want.Ports {
			for _, a := range p.Addresses {
				require.True(t, r.d.dp.Owns(a.Addr()), "%v", err)
			}
		}
		require.Len(t, r.d.dp.Addrs(), len(want.Ports[0].Addresses)+len(want.Ports[1].Addresses))
		require.Regexp(t, fmt.Sprintf("^%s on .*:%d$", want.Service.Kind, want.Service.Port), r.d.service.String())
		require.Equal(t, strings.ToUpper(want.Log.Level), r.d.level.Level().String())
		return err
	}
	other := strings.NewReplacer("10.0.1.1/24", "10.0.1.2/24", "echo", "discard, port: 8").Replace(usual)
	require.NoError(t, reload(t, other))
	require.Error(t, reload(t, usual+"workers: 2\n"), "applied by a restart only")
	require.Error(t, reload(t, strings.Replace(usual, "echo", "echo, port: 9", 1)), "found when it is applied")
	rapid.Check(t, func(t *rapid.T) { _ = reload(t, anyConfig(t, "new")) })
}

// TestWatchdogStarves: a stuck worker is not spoken for, and everybody is told why. On a slow
// machine one that merely takes its time may be taken for stuck at any time.
func TestWatchdogStarves(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "100000")
	var g *gate
	r := start(t, plain, func(p nic.Port) nic.Port { g = newGate(p); return g })
	heard := make(chan string, 1000) // the socket holds few
	go func() {
		for room := make([]byte, 4096); ; {
			n, err := r.told.Read(room)
			if err != nil {
				return
			}
			heard <- string(room[:n])
		}
	}()
	until := func(want string) (said []string) {
		for late := time.After(patience); ; {
			select {
			case s := <-heard:
				if said = append(said, s); strings.HasPrefix(s, want) {
					return said
				}
			case <-late:
				require.Fail(t, want+" is not said", "%q; %s", said, r.logged())
			}
		}
	}
	mark := func(text string) {
		c, err := net.DialUnix("unixgram", nil, r.told.LocalAddr().(*net.UnixAddr))
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte(text))
		require.NoError(t, err)
	}
	said := until(alive)
	said = append(said, until(alive)...)
	g.shut(r.d.dp)
	free := sync.OnceFunc(g.mu.Unlock)
	t.Cleanup(free)
	mark("stuck")
	said = append(said, until("stuck")...)
	require.Eventually(t, func() bool {
		return strings.Count(r.logged(), "not healthy") > strings.Count(r.logged(), "healthy again")
	}, patience, time.Millisecond)
	require.ErrorContains(t, r.d.observer.Health(t.Context()), "stuck workers: [0]") // many looks later
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := r.d.Reload(soon)
	require.ErrorContains(t, err, "no reload: stuck workers")
	mark("free")
	while := until("free")
	free()
	require.LessOrEqual(t, strings.Count(strings.Join(while, "\n"), alive), 1, "but for a look that was answered before: %q", while)
	require.Contains(t, append(said, while...), "STATUS=Not healthy: stuck workers: [0]; they do not come back from a port's driver")
	until("STATUS=2 ports")
	until(alive)
	require.Contains(t, r.logged(), "healthy again")
}
