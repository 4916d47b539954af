package metrics

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

var write = flag.Bool("write", false, "write the tables of docs/metrics.md anew")

const page = "../../docs/metrics.md"

// full is a State with something of everything, and n associations of two paths each, of
// which shown are listed.
func full(n, shown int) observe.State {
	at := time.Unix(1_700_000_000, 0)
	s := observe.State{Time: at.Add(time.Minute), Started: at, Node: "alpha", Version: "v1", Associations: n, OffPrimary: 1,
		PathCounts: []observe.PathCount{{Port: "", State: "INACTIVE", Count: 1}, {Port: "p0", State: "ACTIVE", Count: n}, {Port: "p1", State: "ACTIVE", Count: n}},
		Plights:    []observe.Plight{{Plight: "lost", Count: 1}, {Plight: observe.Well, Count: n}},
		Drops:      []observe.Drop{{Name: "dataplane_no_route", Help: "x", Count: 3}},
		Workers: []observe.Worker{{Number: 0, CPU: -1, Assocs: n, WorstGap: 2.5, GapSum: 0.25, Sleeps: 4, Slept: 1.5,
			GapCounts: []observe.Gaps{{Below: 1e-6, Count: 5}, {Below: 2e-6, Count: 7}, {Below: 0, Count: 1}}}},
		Failovers: observe.Failovers{
			Switched:   observe.Durations{Sum: 0.001, Counts: []observe.Gaps{{Below: 0.0001}, {Below: 0.001, Count: 1}, {Below: 0}}},
			Standstill: observe.Durations{Sum: 0.2, Counts: []observe.Gaps{{Below: 0.0001}, {Below: 0.001}, {Below: 0, Count: 1}}},
		},
	}
	for i, c := range mibHelp {
		s.Counters = append(s.Counters, observe.Counter{Name: c.name, Count: uint64(i + 1)})
	}
	for name := range own {
		s.Counters = append(s.Counters, observe.Counter{Name: name, Count: 9})
	}
	for i := range 2 {
		s.Ports = append(s.Ports, observe.Port{Name: fmt.Sprintf("p%d", i), Driver: "mem", MAC: "02:00:00:00:00:01", MTU: 1500, Up: i == 0, SpeedMbps: 10_000,
			Traffic: observe.Traffic{RxPackets: 1, RxBytes: 60}, Queues: []observe.Queue{{Number: 0, Worker: 0}}})
	}
	for i := range shown {
		a := observe.Assoc{ID: fmt.Sprintf("0.%d", i), State: "ESTABLISHED", LocalPort: 5000, PeerPort: uint16(6000 + i%50_000)}
		for k := range 2 {
			a.Paths = append(a.Paths, observe.Path{Dst: netip.AddrFrom4([4]byte{10, byte(k), byte(i >> 8), byte(i)}), Port: fmt.Sprintf("p%d", k),
				State: "ACTIVE", Primary: k == 0, Current: k == 0, RTO: 1000, SRTT: 0.25, Cwnd: 4380, HBSent: 3, HBAcked: 3})
		}
		s.Assocs = append(s.Assocs, a)
	}
	return s
}

// scrape is what Prometheus would get.
func scrape(t testing.TB, s observe.State) string {
	w := httptest.NewRecorder()
	Handler(func() observe.State { return s }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code, w.Body.String())
	return w.Body.String()
}

func TestScrapeShowsTheState(t *testing.T) {
	text := scrape(t, full(3, 3))
	for _, want := range []string{
		`trunkline_build_info{node="alpha",version="v1"} 1`,
		`trunkline_start_time_seconds 1.7e+09`,
		`trunkline_associations 3`,
		`trunkline_associations_not_shown 0`,
		`trunkline_associations_off_primary 1`,
		`trunkline_associations_by_plight{plight="lost"} 1`,
		`trunkline_sctp_curr_estab{snmp="SctpCurrEstab"} 1`,
		`trunkline_sctp_out_sctp_packs_total{snmp="SctpOutSCTPPacks"} 16`,
		`trunkline_sctp_t3_rtx_expireds_total{snmp="SctpT3RtxExpireds"} 21`,
		`trunkline_failovers_total 9`,
		`trunkline_drops_total{reason="dataplane_no_route"} 3`,
		`trunkline_paths{port="p0",state="ACTIVE"} 3`,
		`trunkline_paths{port="p0",state="PF"} 0`,
		`trunkline_paths{port="",state="INACTIVE"} 1`,
		`trunkline_port_up{port="p0"} 1`,
		`trunkline_port_up{port="p1"} 0`,
		`trunkline_port_speed_bytes_per_second{port="p0"} 1.25e+09`,
		`trunkline_queue_rx_packets_total{port="p0",queue="0",worker="0"} 0`,
		`trunkline_worker_worst_poll_gap_seconds{worker="0"} 0.0025`,
		`trunkline_worker_poll_gap_seconds_bucket{worker="0",le="1e-06"} 5`,
		`trunkline_worker_poll_gap_seconds_bucket{worker="0",le="2e-06"} 12`,
		`trunkline_worker_poll_gap_seconds_bucket{worker="0",le="+Inf"} 13`,
		`trunkline_worker_poll_gap_seconds_sum{worker="0"} 0.25`,
		`trunkline_failover_standstill_seconds_bucket{le="0.001"} 0`,
		`trunkline_failover_standstill_seconds_sum 0.2`,
		`trunkline_failover_standstill_seconds_count 1`,
		`trunkline_path_srtt_seconds{assoc="0.2",local_port="5000",path="10.1.0.2",peer="10.0.0.2:6002",port="p1"} 0.00025`,
		`trunkline_path_state{assoc="0.0",local_port="5000",path="10.0.0.0",peer="10.0.0.0:6000",port="p0",state="ACTIVE"} 1`,
		`trunkline_path_state{assoc="0.0",local_port="5000",path="10.0.0.0",peer="10.0.0.0:6000",port="p0",state="PF"} 0`,
	} {
		require.Contains(t, text, want+"\n")
	}
}

// TestSeriesAreBounded: associations beyond those listed add no series, and are counted.
func TestSeriesAreBounded(t *testing.T) {
	few, many := scrape(t, full(2, 2)), scrape(t, full(100_000, 2))
	require.Contains(t, many, "trunkline_associations_not_shown 99998\n")
	count := func(text string) int { return strings.Count(text, "\ntrunkline_") }
	require.Equal(t, count(few), count(many))
}

// TestOddNamesAreShown: what a name is made of never costs a scrape.
func TestOddNamesAreShown(t *testing.T) {
	s := full(1, 1)
	s.Node, s.Ports[0].Name, s.Assocs[0].Paths = "a\xffb", "p\"0\n", nil
	text := scrape(t, s)
	require.Contains(t, text, "node=\"a\uFFFDb\"")
	require.Contains(t, text, `trunkline_port_up{port="p\"0\n"} 1`)
	require.Contains(t, scrape(t, observe.State{}), "trunkline_associations 0\n")
}

// TestEveryCounterIsShown: what a dataplane counts has a metric, and no metric is without.
func TestEveryCounterIsShown(t *testing.T) {
	a, b := mem.NewPair(mem.Options{})
	d, err := dataplane.New(dataplane.Config{Ports: []dataplane.PortConfig{{Port: a, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}}})
	require.NoError(t, err)
	o, err := observe.New(d, observe.Options{})
	require.NoError(t, err)
	defer func() {
		o.Close()
		require.NoError(t, d.Close())
		require.NoError(t, a.Close())
		require.NoError(t, b.Close())
	}()
	for _, associations := range []int{0, 1000} {
		s := Of(o, func() int { return associations })()
		var names, want []string
		for _, c := range s.Counters {
			names = append(names, c.Name)
		}
		for _, c := range mibHelp {
			want = append(want, c.name)
		}
		for _, c := range ownHelp {
			want = append(want, c.name)
		}
		require.ElementsMatch(t, want, names)
		text := scrape(t, s)
		for _, f := range families() {
			if !strings.Contains(f.name, "_association_") && !strings.Contains(f.name, "_path_") {
				require.Contains(t, text, "# TYPE "+f.name+" "+f.kind+"\n")
			}
		}
	}
}

func TestLint(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, full(2, 2)))).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestEveryMetricIsShown: none is described that no State can show.
func TestEveryMetricIsShown(t *testing.T) {
	text := scrape(t, full(2, 2))
	for _, f := range families() {
		require.Contains(t, text, "# TYPE "+f.name+" "+f.kind+"\n")
	}
	require.Equal(t, len(families()), strings.Count(text, "# TYPE "+namespace))
}

// TestTableOfDocs: docs/metrics.md has every metric, as it is. With -write it is mended.
func TestTableOfDocs(t *testing.T) {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | what it says |\n|---|---|---|---|\n")
	for _, f := range families() {
		labels := ""
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, labels, f.help)
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	place := regexp.MustCompile(`(?m)^\| metric \| kind .*\n(\|.*\n)+`)
	require.Len(t, place.FindAllIndex(text, -1), 1, "docs/metrics.md needs one table that begins with | metric | kind")
	if *write {
		require.NoError(t, os.WriteFile(page, place.ReplaceAllLiteral(text, []byte(b.String())), 0o644))
		return
	}
	require.Equal(t, b.String(), string(place.Find(text)), "mend it with `go test ./internal/metrics -write`")
}

// TestSystemPromtool has Prometheus's own tool look at a scrape.
func TestSystemPromtool(t *testing.T) {
	if os.Getenv("TRUNKLINE_SYSTEM") == "" {
		t.Skip("run by `make test-system`")
	}
	c := exec.Command("promtool", "check", "metrics")
	c.Stdin = strings.NewReader(scrape(t, full(2, 2)))
	out, err := c.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
}

// BenchmarkScrape is one scrape, without what it costs to take the State.
func BenchmarkScrape(b *testing.B) {
	for _, c := range []struct{ n, shown int }{{0, 0}, {1000, 1000}, {100_000, 1000}, {100_000, 100_000}} {
		b.Run(fmt.Sprintf("assocs=%d/shown=%d", c.n, c.shown), func(b *testing.B) {
			s := full(c.n, c.shown)
			h := Handler(func() observe.State { return s })
			b.ReportAllocs()
			var size int
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "B/scrape")
		})
	}
}
