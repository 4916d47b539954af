package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	rules     = "prometheus/trunkline.rules.yml"
	dashboard = "grafana/trunkline.json"
)

// read is a file's text.
func read(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// documented are the metrics of docs/metrics.md, which a test of internal/metrics holds
// to what there is; of histograms what can be asked for.
func documented(t *testing.T) map[string]bool {
	names := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(trunkline_[a-z0-9_]+)` \\| (\\w+) ").FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		if m[2] != "histogram" {
			names[m[1]] = true
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			names[m[1]+suffix] = true
		}
	}
	require.NotEmpty(t, names)
	return names
}

// queries are what the dashboard asks, by the panel's title.
func queries(t *testing.T) map[string][]string {
	type target struct{ Expr string }
	var board struct {
		Panels []struct {
			Title, Type string
			Targets     []target
		}
		Annotations struct {
			List []struct{ Name, Expr string }
		}
		Templating struct {
			List []struct{ Definition string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, dashboard)), &board))
	all := map[string][]string{}
	for _, p := range board.Panels {
		if p.Type != "row" {
			require.NotEmpty(t, p.Targets, p.Title)
			require.Empty(t, all[p.Title], "two panels are called %s", p.Title)
		}
		for _, q := range p.Targets {
			all[p.Title] = append(all[p.Title], q.Expr)
		}
	}
	for _, a := range board.Annotations.List {
		all["annotation "+a.Name] = append(all["annotation "+a.Name], a.Expr)
	}
	require.Greater(t, len(all), 20)
	return all
}

// TestFilesNameMetricsThatAre: rules and dashboard ask for nothing that is not there.
func TestFilesNameMetricsThatAre(t *testing.T) {
	known := documented(t)
	name := regexp.MustCompile(`\btrunkline_\w+`)
	for _, path := range []string{rules, "prometheus/trunkline.rules.test.yml", dashboard} {
		found := name.FindAllString(read(t, path), -1)
		require.NotEmpty(t, found)
		for _, metric := range found {
			require.True(t, known[metric], "%s: docs/metrics.md has no %s", path, metric)
		}
	}
}

// TestSystemPromtool has Prometheus's own tool check the files and run the tests of the rules.
func TestSystemPromtool(t *testing.T) {
	needSystem(t)
	for _, args := range []string{"check config prometheus.yml", "check rules trunkline.rules.yml", "test rules trunkline.rules.test.yml"} {
		c := exec.Command("promtool", strings.Fields(args)...)
		c.Dir = filepath.Dir(rules)
		out, err := c.CombinedOutput()
		require.NoError(t, err, "promtool %s: %s", args, out)
	}
	tested := read(t, "prometheus/trunkline.rules.test.yml")
	for _, m := range regexp.MustCompile(`(?m)- alert: (\w+)`).FindAllStringSubmatch(read(t, rules), -1) {
		require.Regexp(t, `alertname: `+m[1]+`\n(.*\n){0,1} +exp_alerts:\n`, tested, "no test has it fire")
	}
}

func needSystem(t *testing.T) {
	if os.Getenv("TRUNKLINE_SYSTEM") == "" {
		t.Skip("run by `make test-system`")
	}
}
