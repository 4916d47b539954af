package page

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// fake is a daemon that says what a test has it say.
type fake struct {
	*httptest.Server
	mu      sync.Mutex
	state   observe.State
	history observe.History
	events  []observe.Event
	sick    bool
}

func newFake(t *testing.T) *fake {
	f := &fake{}
	now := time.Now()
	f.state = observe.State{Time: now, Started: now.Add(-7 * time.Hour), Node: "mme-east-1", Version: "0.5.0", Ports: []observe.Port{
		{Name: "east", Driver: "net_af_packet", MAC: "02:00:00:00:00:01", MTU: 1500, Up: true, SpeedMbps: 10000, Addrs: prefixes("10.0.1.1/24", "fd00:1::1/64")},
		{Name: "west", Driver: "net_af_packet", MAC: "02:00:00:00:00:02", MTU: 1500, Up: true, Addrs: prefixes("10.0.2.1/24")},
	}}
	for i := range 600 {
		east, west := 3e9+4e8*math.Sin(float64(i)/30), 2e8+5e7*math.Cos(float64(i)/11)
		if i >= 400 {
			east, west = west/10, east
		}
		f.history.Points = append(f.history.Points, observe.Point{
			Time: now.Add(time.Duration(i-599) * time.Second), RxMessages: east / 3000, TxMessages: west / 3000, RxPackets: 12345,
			Ports: []observe.Rate{{Name: "east", Up: i < 400 || i > 500, RxBits: east}, {Name: "west", Up: true, RxBits: west}},
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/", Handler())
	mux.HandleFunc("/v1/state", f.answer(func() any { return f.state }))
	mux.HandleFunc("/v1/history", f.answer(func() any { return f.history }))
	mux.HandleFunc("/v1/events", f.follow)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// change has the daemon say something else.
func (f *fake) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
}

func (f *fake) answer(of func() any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.sick {
			http.Error(w, "sick", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(of())
	}
}

func (f *fake) follow(w http.ResponseWriter, r *http.Request) {
	for told := 0; ; {
		f.mu.Lock()
		for _, e := range f.events[told:] {
			_ = json.NewEncoder(w).Encode(e)
		}
		told = len(f.events)
		f.mu.Unlock()
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// populate gives it so many associations with a few peers, two paths each; it lists 500.
func (f *fake) populate(n, peers int) {
	f.state.Assocs, f.state.Associations, f.state.Hidden.Associations = nil, n, max(0, n-500)
	for i := range min(n, 500) {
		a := observe.Assoc{ID: fmt.Sprintf("0.%d", i+1), State: "ESTABLISHED", LocalPort: 36412, PeerPort: 36412}
		for net, port := range []string{"east", "west"} {
			dst := netip.AddrFrom4([4]byte{10, 0, byte(net + 1), byte(20 + i%peers)})
			a.Paths = append(a.Paths, observe.Path{Dst: dst, Port: port, State: "ACTIVE", Primary: net == 0, Current: net == 0, SRTT: 0.43, RTO: 20, Cwnd: 123456})
		}
		f.state.Assocs = append(f.state.Assocs, a)
	}
	f.count()
}

// count has the totals of those listed, and of the others, which are well.
func (f *fake) count() {
	paths, lost := map[observe.PathCount]int{{Port: "east", State: "ACTIVE"}: 2 * f.state.Hidden.Associations}, 0
	for _, a := range f.state.Assocs {
		left := false
		for _, p := range a.Paths {
			paths[observe.PathCount{Port: p.Port, State: p.State}]++
			left = left || p.State != "INACTIVE"
		}
		if !left {
			lost++
		}
	}
	f.state.PathCounts = nil
	for c, n := range paths {
		c.Count = n
		f.state.PathCounts = append(f.state.PathCounts, c)
	}
	f.state.Plights = []observe.Plight{{Plight: "lost", Count: lost}, {Plight: observe.Well, Count: f.state.Associations - lost}}
}

// fail has the first path of every association with the peer go by west.
func (f *fake) fail(peer int, state string) {
	for i := range f.state.Assocs {
		if p := f.state.Assocs[i].Paths; p[0].Dst.As4()[3] == byte(20+peer) {
			p[0].State, p[0].Current, p[1].Current = state, false, true
		}
	}
	f.count()
}

func (f *fake) tell(events ...observe.Event) {
	for _, e := range events {
		e.Seq = uint64(len(f.events) + 1)
		if e.Time.IsZero() {
			e.Time = time.Now()
		}
		f.events = append(f.events, e)
	}
}
