package shim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInstallWritesOnceAndMendsWhatWasChanged(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	path, err := Install([]byte("library"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(path, os.Getenv("XDG_RUNTIME_DIR")), "%s", path)
	before, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), before.Mode().Perm())

	again, err := Install([]byte("library"))
	require.NoError(t, err)
	require.Equal(t, path, again)
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "what is there is used")

	require.NoError(t, os.WriteFile(path, []byte("something else"), 0o755))
	_, err = Install([]byte("library"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "library", string(content))

	other, err := Install([]byte("another version"))
	require.NoError(t, err)
	require.NotEqual(t, path, other)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	require.NoError(t, err)
	require.Len(t, left, 2, "nothing temporary stays")
}

func TestInstallTrustsNoFolderThatOthersCanWriteTo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	open := filepath.Join(dir, "trunkline")
	require.NoError(t, os.Mkdir(open, 0o755))
	require.NoError(t, os.Chmod(open, 0o777))
	_, err := place(open, "libtrunkline.so", []byte("library"))
	require.ErrorContains(t, err, "only we can write to")

	elsewhere := t.TempDir()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(elsewhere, link))
	_, err = place(link, "libtrunkline.so", []byte("library"))
	require.ErrorContains(t, err, "only we can write to")
}

func TestEnviron(t *testing.T) {
	for _, c := range []struct {
		name string
		env  []string
		want []string
	}{
		{"nothing there", []string{"A=1"}, []string{"A=1", "LD_PRELOAD=/l.so", "TRUNKLINE_SOCKET=/s"}},
		{"another server", []string{"TRUNKLINE_SOCKET=/other", "A=1"}, []string{"A=1", "LD_PRELOAD=/l.so", "TRUNKLINE_SOCKET=/s"}},
		{"another library", []string{"LD_PRELOAD=/m.so"}, []string{"LD_PRELOAD=/l.so:/m.so", "TRUNKLINE_SOCKET=/s"}},
		{"there already", []string{"LD_PRELOAD=/l.so:/m.so"}, []string{"LD_PRELOAD=/l.so:/m.so", "TRUNKLINE_SOCKET=/s"}},
		{"empty", []string{"LD_PRELOAD="}, []string{"LD_PRELOAD=/l.so", "TRUNKLINE_SOCKET=/s"}},
	} {
		got, err := Environ(c.env, "/l.so", "/s")
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, got, c.name)
	}
	_, err := Environ(nil, "/with space/l.so", "/s")
	require.ErrorContains(t, err, "blanks")
	_, err = Environ(nil, "/l.so", "")
	require.ErrorContains(t, err, "socket")
	_, err = Environ(nil, "/l.so", strings.Repeat("x", maxSocketName+1))
	require.ErrorContains(t, err, "socket")
}
