package tidy

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fenced  = regexp.MustCompile("(?s)\n```.*?\n```")
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchor is the name that a heading is linked to by.
func anchor(title string) string {
	return strings.ReplaceAll(unsaid.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// TestLinks: what the documents link to in this project is there, headings too.
func TestLinks(t *testing.T) {
	text := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && p != root {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(p, ".md") {
			b, err := os.ReadFile(p)
			text[filepath.Clean(p)] = fenced.ReplaceAllString(string(b), "")
			return err
		}
		return err
	}))
	require.NotEmpty(t, text)
	for p, s := range text {
		for _, m := range link.FindAllStringSubmatch(s, -1) {
			u, err := url.Parse(m[1])
			require.NoError(t, err, p)
			if u.Scheme != "" {
				continue
			}
			target := p
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(p), u.Path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", p, m[1])
				continue
			}
			if u.Fragment == "" {
				continue
			}
			found := false
			for _, h := range heading.FindAllStringSubmatch(text[target], -1) {
				found = found || anchor(h[1]) == u.Fragment
			}
			if !found {
				t.Errorf("%s links to %s: no such heading", p, m[1])
			}
		}
	}
}
