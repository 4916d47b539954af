package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/token"
	"github.com/stretchr/testify/require"
)

// TestPageHasEveryKey holds docs/configuration.md to the keys that the reader knows.
func TestPageHasEveryKey(t *testing.T) {
	full, err := os.ReadFile("../../examples/trunkline.yaml") // has every section
	require.NoError(t, err)
	r := &reader{file: "f.yaml", opt: machine, places: map[string]*token.Token{}, known: map[string][]string{}}
	root, ok := r.parse(full)
	require.True(t, ok)
	r.readFile(root, &File{})
	require.Empty(t, r.problems)
	var known []string
	for path, keys := range r.known {
		for _, key := range keys {
			known = append(known, regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path+key, "[]"))
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	known = slices.DeleteFunc(known, func(key string) bool { // it has no value of its own
		return key != "workers" && key != "control" && slices.ContainsFunc(known, func(k string) bool {
			return strings.HasPrefix(k, key+".") || strings.HasPrefix(k, key+"[].")
		})
	})
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	var said []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		said = append(said, m[1])
	}
	slices.Sort(said)
	require.Equal(t, known, said)
}
