package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// system skips what needs more than Go and a C compiler; `make test-system` runs it.
func system(t *testing.T) {
	if os.Getenv("TRUNKLINE_SYSTEM") == "" {
		t.Skip("needs Chromium: `make test-system` installs it and runs this")
	}
}

func TestHandler(t *testing.T) {
	get := func(method, path string) *http.Response {
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Result()
	}
	for path, kind := range map[string]string{"/": "text/html", "/main.js": "text/javascript", "/style.css": "text/css", "/icon.svg": "image/svg+xml"} {
		r := get(http.MethodGet, path)
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		require.Contains(t, r.Header.Get("Content-Type"), kind)
		require.Equal(t, Policy, r.Header.Get("Content-Security-Policy"))
	}
	require.Equal(t, http.StatusMethodNotAllowed, get(http.MethodPost, "/").StatusCode)
	require.Equal(t, http.StatusNotFound, get(http.MethodGet, "/nothing").StatusCode)
	require.NotEqual(t, http.StatusOK, get(http.MethodGet, "/../page.go").StatusCode)
}

// The files name nothing outside the daemon, and what they import is there.
func TestFilesStandAlone(t *testing.T) {
	entries, err := files.ReadDir("static")
	require.NoError(t, err)
	for _, e := range entries {
		f, err := files.Open("static/" + e.Name())
		require.NoError(t, err)
		text, err := io.ReadAll(f)
		require.NoError(t, err)
		for _, word := range []string{"https://", "//cdn", "innerHTML", "eval("} {
			require.NotContains(t, string(text), word, e.Name())
		}
		for _, line := range strings.Split(string(text), "\n") {
			if _, name, found := strings.Cut(line, `from "./`); found && strings.HasPrefix(line, "import") {
				_, err := files.Open("static/" + strings.TrimSuffix(name, `";`))
				require.NoError(t, err, "%s: %s", e.Name(), line)
			}
		}
	}
}

// The page says the state of a daemon, of few associations and of many, and of none.
func TestSystemPageSaysTheState(t *testing.T) {
	system(t)
	f := newFake(t)
	b := startBrowser(t)
	b.open(f.URL, 1280, 900, "light")
	b.await(`document.querySelector("#verdict").textContent === "All ports are up. There are no associations."`)
	b.await(`document.title === "mme-east-1 · Trunkline"`)

	f.change(func() { f.populate(42, 3) })
	b.await(`document.querySelector("#verdict").textContent === "All ports are up, and all 84 paths of 42 associations active."`)
	require.EqualValues(t, 6, b.eval(`document.querySelectorAll("#map .path").length`), "3 peers with 2 addresses")
	require.EqualValues(t, 3, b.eval(`document.querySelectorAll("#map .path.current[data-port=east]").length`))

	f.change(func() {
		f.fail(1, "INACTIVE")
		f.state.Ports[0].Up = false
	})
	b.await(`document.querySelector("#verdict").textContent === "east: no link; 14 of 84 paths are not active. Traffic goes on."`)
	require.Equal(t, "warn", b.eval(`document.querySelector("#verdict").dataset.level`))
	require.EqualValues(t, 1, b.eval(`document.querySelectorAll("#map .path.INACTIVE[data-port=east]").length`))
	require.EqualValues(t, 1, b.eval(`document.querySelectorAll("#map .path.current[data-port=west]").length`))
	require.Equal(t, "✕ inactive", b.eval(`document.querySelector("#paths .word").textContent`), "the worst come first")

	f.change(func() { f.populate(10_000, 200) })
	b.await(`document.querySelector("#facts dd").textContent === "10,000"`)
	require.Contains(t, b.eval(`document.querySelector("#map").textContent`), "and 192 more peers")
	require.Less(t, b.eval(`document.querySelectorAll("*").length`), 3000.0, "what is drawn is bounded")
	require.Equal(t, "These are the worst 500 associations; 9,500 others are not drawn.", b.eval(`document.querySelector("#hidden").textContent`))
	require.Contains(t, b.eval(`document.querySelector("#more").textContent`), "The worst 30 of 20,000 paths.")

	// A path in trouble counts even where it is not drawn.
	f.change(func() {
		f.state.Ports[0].Up = true
		f.state.Hidden.Troubled = 2
		f.state.PathCounts = append(f.state.PathCounts, observe.PathCount{State: "INACTIVE", Count: 3})
		f.state.Plights[0].Count = 1
	})
	b.await(`document.querySelector("#verdict").textContent === "3 of 20,003 paths are not active; 1 association without any path."`)
	require.Equal(t, "bad", b.eval(`document.querySelector("#verdict").dataset.level`))
	require.Contains(t, b.eval(`document.querySelector("#hidden").textContent`), "not drawn, 2 of them in trouble, too.")
	b.clean(f.URL)
}

// Events appear as they happen: a failover is told, marked on the time line, and its path
// has a strip.
func TestSystemPageTellsEvents(t *testing.T) {
	system(t)
	f := newFake(t)
	f.populate(1, 1)
	b := startBrowser(t)
	b.open(f.URL, 1280, 900, "dark")
	b.await(`document.querySelectorAll("#paths tbody tr").length === 2`)
	who := observe.Event{Assoc: "0.1", Peer: "10.0.1.20:36412", LocalPort: 36412, Path: "10.0.1.20", Port: "east", Why: "link down"}
	state, over, resumed := who, who, who
	state.Kind, state.From, state.To = observe.KindPathState, "ACTIVE", "INACTIVE"
	over.Kind, over.From, over.To, over.Port = observe.KindFailover, "10.0.1.20", "10.0.2.20", "west"
	resumed.Kind, resumed.Standstill = observe.KindResumed, 20.17
	f.change(func() { f.tell(state, over, resumed) })
	b.await(`document.querySelectorAll("#events li[data-kind]").length === 3`)
	require.Equal(t, "Traffic with 10.0.1.20:36412 at our port 36412 goes to 10.0.2.20 by west instead of 10.0.1.20: link down.",
		b.eval(`document.querySelector("#events li[data-kind=failover] span:last-child").textContent`))
	require.Contains(t, b.eval(`document.querySelector("#events li[data-kind=resumed]").textContent`), "stood still for 20.2 ms")
	f.change(func() { f.history.Points[599].Time = time.Now() })
	b.await(`document.querySelectorAll("#rates [data-event]").length === 1`)
	b.await(`document.querySelectorAll("#strips .strip.ACTIVE").length === 1`)
	b.clean(f.URL)
}

// A daemon that does not answer is said to be gone, and found again.
func TestSystemPageOutlivesTheDaemon(t *testing.T) {
	system(t)
	f := newFake(t)
	f.populate(1, 1)
	b := startBrowser(t)
	b.open(f.URL, 390, 800, "light")
	b.await(`document.querySelector("#verdict").dataset.level === "good"`)
	require.LessOrEqual(t, b.eval(`document.documentElement.scrollWidth`), 390.0, "a phone need not scroll sideways")
	f.change(func() { f.sick = true })
	b.await(`/^The daemon has not answered for/.test(document.querySelector("#verdict").textContent) && document.body.classList.contains("stale")`)
	f.change(func() { f.sick = false })
	b.await(`document.querySelector("#verdict").dataset.level === "good" && !document.body.classList.contains("stale")`)
}

// A path that no port has while its link is down is drawn to the port of its subnet.
func TestSystemPageKnowsSubnets(t *testing.T) {
	system(t)
	f := newFake(t)
	b := startBrowser(t)
	b.open(f.URL, 1280, 900, "light")
	b.await(`document.title === "mme-east-1 · Trunkline"`)
	for address, port := range map[string]any{"10.0.1.77": "east", "10.0.2.1": "west", "10.0.3.1": nil, "fd00:1::77": "east", "fd00:1:0:1::77": nil, "fd00:1:0:0:5::": "east", "": nil} {
		require.Equal(t, port, b.eval(`import("./model.js").then((m) => m.homeOf("`+address+`", [
			{ name: "east", addrs: ["10.0.1.1/24", "fd00:1::1/64"] }, { name: "west", addrs: ["10.0.2.1/24"] }])?.name ?? null)`), address)
	}
}

// The left key goes back in time.
func TestSystemPageByKeyboard(t *testing.T) {
	system(t)
	f := newFake(t)
	f.populate(1, 1)
	b := startBrowser(t)
	b.open(f.URL, 1280, 900, "light")
	b.await(`document.querySelector("#readout").textContent.startsWith("now")`)
	b.eval(`document.querySelector("#rates").focus()`)
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "ArrowLeft", "code": "ArrowLeft", "windowsVirtualKeyCode": 37}, nil)
	}
	b.await(`/^\d\d:\d\d:\d\d/.test(document.querySelector("#readout").textContent)`)
	require.EqualValues(t, 1, b.eval(`document.querySelectorAll("#rates .cursor").length`))
	b.clean(f.URL)
}
