package deploy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/rig"
	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/metrics"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/nic/fault"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// patience is how long anything here may take.
const patience = time.Minute

// token is asked of Prometheus, too.
const token = "a-secret-of-the-test"

// TestSystemPrometheus: a real Prometheus scrapes a dataplane with traffic over two paths.
// One dies silently: its alert fires, and goes when the path is back. Then a link goes
// down. The rules are those of the file, but that `for` is a second everywhere.
func TestSystemPrometheus(t *testing.T) {
	needSystem(t)
	r := traffic(t)
	o, err := observe.New(r.Dataplanes[rig.A], observe.Options{Node: "alpha", Version: "test"})
	require.NoError(t, err)
	t.Cleanup(o.Close)
	served, err := admin.Listen(admin.Options{HTTP: netip.MustParseAddrPort("127.0.0.1:0"), Token: token,
		Observer: o, Metrics: metrics.Handler(metrics.Of(o, func() int { return 1000 }))})
	require.NoError(t, err)
	t.Cleanup(func() { _ = served.Close() })
	p := startPrometheus(t, served.Addr().String())

	p.await(t, "a scrape", func() bool { return len(p.query(t, `trunkline_paths{state="ACTIVE"} == 1`)) == 2 })
	p.await(t, "a rate", func() bool { return len(p.query(t, `rate(trunkline_tx_messages_total[10s]) > 0`)) == 1 })
	// Others may fire on a machine that stops the workers now and then.
	for _, name := range []string{"TrunklinePathDown", "TrunklinePrimaryNotInUse", "TrunklineLinkDown", "TrunklineGone"} {
		p.awaitAlert(t, name, false)
	}

	cable := r.Cables[0]
	hole := func(d fault.Direction) { cable.Ends[0].Blackhole(d); cable.Ends[1].Blackhole(d) }
	hole(fault.Both)
	port, peer := cable.Ends[0].Info().Name, rig.Addr(rig.B, 0).String()
	p.await(t, "TrunklinePathDown of "+port, func() bool {
		alert := p.firing(t)["TrunklinePathDown"]
		return alert.Labels["port"] == port && strings.Contains(alert.Annotations["description"], peer+" of peer "+peer)
	})
	p.await(t, "a failover", func() bool { return len(p.query(t, `trunkline_failovers_total > 0`)) == 1 })
	p.awaitAlert(t, "TrunklinePrimaryNotInUse", true)
	hole(fault.None)
	p.awaitAlert(t, "TrunklinePathDown", false)
	p.awaitAlert(t, "TrunklinePrimaryNotInUse", false)

	require.NoError(t, cable.Ends[0].SetLink(false))
	p.awaitAlert(t, "TrunklineLinkDown", true)
	p.ask(t) // while there is something to see
	require.NoError(t, cable.Ends[0].SetLink(true))
	p.awaitAlert(t, "TrunklineLinkDown", false)

	require.NoError(t, served.Close())
	p.awaitAlert(t, "TrunklineGone", true)
	p.checkRules(t)
}

// traffic is two dataplanes with one association over two cables, whose messages flow
// until the test ends.
func traffic(t *testing.T) *rig.Rig {
	base := ports.New(ports.Memory{Hugepages: "off"})
	timers := sctpcore.TelecomTimers()
	r, err := rig.New(base, rig.Options{Paths: 2, Timers: &timers})
	require.NoError(t, err)
	done := make(chan struct{})
	var flow sync.WaitGroup
	t.Cleanup(func() {
		close(done)
		require.NoError(t, r.Close())
		require.NoError(t, base.Close())
		flow.Wait()
	})
	flow.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if err := r.Client[0].Send(make([]byte, 1000), &dataplane.Message{}); err != nil {
					return
				}
			}
		}
	})
	flow.Go(func() {
		var m dataplane.Message
		for room := make([]byte, 2000); ; {
			if _, err := r.Server[0].Recv(room, &m); err != nil {
				return
			}
		}
	})
	return r
}

// prometheus is one that runs.
type prometheus struct{ url string }

// startPrometheus has it scrape a target once a second, with its data and port its own.
func startPrometheus(t *testing.T, target string) *prometheus {
	dir := t.TempDir()
	text := regexp.MustCompile(`(?m)^( +for:) .*$`).ReplaceAllString(read(t, rules), "$1 1s")
	require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(rules)), []byte(text), 0o644))
	secret := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(secret, []byte(token), 0o600))
	text = strings.NewReplacer("15s", "1s", "127.0.0.1:9464", target,
		"# authorization:", "authorization:", "/etc/prometheus/trunkline.token", secret).Replace(read(t, "prometheus/prometheus.yml"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(text), 0o644))
	c := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	at := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		listening := regexp.MustCompile(`msg="Listening on" address=(\S+)`)
		address := ""
		for in := bufio.NewScanner(log); in.Scan(); {
			if m := listening.FindStringSubmatch(in.Text()); m != nil {
				address = m[1]
			} else if strings.Contains(in.Text(), "Server is ready") {
				at <- address
			} else if !strings.Contains(in.Text(), "level=info") {
				fmt.Println("prometheus:", in.Text())
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		<-read
		require.NoError(t, c.Wait())
	})
	select {
	case a := <-at:
		return &prometheus{"http://" + a}
	case <-time.After(patience):
		require.Fail(t, "Prometheus does not say where it listens")
		return nil
	}
}

// get asks Prometheus's API.
func (p *prometheus) get(t *testing.T, path string, into any) {
	answer, err := http.Get(p.url + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	var whole struct {
		Status, Error string
		Data          json.RawMessage
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&whole))
	require.Equal(t, "success", whole.Status, "%s: %s", path, whole.Error)
	require.NoError(t, json.Unmarshal(whole.Data, into))
}

// query is the samples that a query gives now.
func (p *prometheus) query(t *testing.T, q string) []json.RawMessage {
	var data struct{ Result []json.RawMessage }
	p.get(t, "/api/v1/query?query="+url.QueryEscape(q), &data)
	return data.Result
}

type alert struct {
	State               string
	Labels, Annotations map[string]string
}

// firing are the alerts that fire, by their names.
func (p *prometheus) firing(t *testing.T) map[string]alert {
	var data struct{ Alerts []alert }
	p.get(t, "/api/v1/alerts", &data)
	all := map[string]alert{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			all[a.Labels["alertname"]] = a
		}
	}
	return all
}

func (p *prometheus) await(t *testing.T, what string, there func() bool) {
	began := time.Now()
	for !there() {
		require.Less(t, time.Since(began), patience, "no %s; firing: %v", what, p.firing(t))
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%s after %.1f s", what, time.Since(began).Seconds())
}

func (p *prometheus) awaitAlert(t *testing.T, name string, fires bool) {
	what := map[bool]string{true: name + " fires", false: name + " is over"}[fires]
	p.await(t, what, func() bool {
		_, ok := p.firing(t)[name]
		return ok == fires
	})
}

// ask asks what the dashboard asks, and what it leaves out because it is 0.
func (p *prometheus) ask(t *testing.T) {
	fill := strings.NewReplacer("$instance", ".*", "$peer", ".*", "$__rate_interval", "10s", "$__interval", "10s")
	for title, all := range queries(t) {
		for _, q := range all {
			require.NotEmpty(t, p.query(t, strings.TrimSuffix(fill.Replace(q), " > 0")), "%s: %s", title, q)
		}
	}
}

// checkRules: none of the rules failed.
func (p *prometheus) checkRules(t *testing.T) {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	p.get(t, "/api/v1/rules", &data)
	require.Len(t, data.Groups, 1)
	for _, r := range data.Groups[0].Rules {
		require.Equal(t, "ok", r.Health, "%s: %s", r.Name, r.LastError)
	}
}
