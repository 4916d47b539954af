// Package docs has no code: its tests hold the pages beside it to the program.
package docs

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic/mem"
)

var dropName = regexp.MustCompile("`((?:sctp|inet|dataplane)_[a-z_0-9]+)`")

// TestDropNames: every drop reason that a page names is one.
func TestDropNames(t *testing.T) {
	p, _ := mem.NewPair(mem.Options{})
	d, err := dataplane.New(dataplane.Config{Manual: true, Ports: []dataplane.PortConfig{
		{Port: p, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}}})
	require.NoError(t, err)
	defer d.Close()
	names := map[string]bool{}
	for _, drop := range d.Drops() {
		names[drop.Name] = true
	}
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range dropName.FindAllStringSubmatch(string(text), -1) {
			require.True(t, names[m[1]], "%s names the drop reason %s, which there is not", page, m[1])
		}
	}
}
