package solo

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain is the process that Join starts, and the ones that join.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == Command:
		if Serve(context.Background(), os.Args[2], os.NewFile(3, "ready")) != nil {
			os.Exit(1)
		}
	case len(os.Args) == 3 && os.Args[1] == "join":
		socket, err := Join(os.Args[2])
		if err != nil {
			os.Stdout.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(socket)
		os.Stdin.Read(make([]byte, 1)) // until the test closes it
	default:
		os.Exit(m.Run())
	}
}

// join runs a process that joins a dataplane, with these files open, until end is called.
func join(t *testing.T, name string, open ...*os.File) (socket string, end func()) {
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(self, "join", name)
	c.ExtraFiles = open
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	b := make([]byte, 4096)
	n, err := out.Read(b)
	require.NoError(t, err)
	return string(b[:n]), func() {
		in.Close()
		require.NoError(t, c.Wait())
	}
}

func TestOneDataplaneForAllThatJoin(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	socket, endFirst := join(t, "x")
	st, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o600, st.Mode())
	same, endSecond := join(t, "x")
	other, endThird := join(t, "y")
	require.Equal(t, socket, same)
	require.NotEqual(t, socket, other)
	endFirst()
	again, endFourth := join(t, "x") // the first has gone, the second is there
	require.Equal(t, socket, again)
	now, err := os.Stat(socket)
	require.NoError(t, err)
	require.True(t, os.SameFile(st, now), "another server")
	endSecond()
	endThird()
	endFourth()
	require.Eventually(t, func() bool {
		left, err := filepath.Glob(filepath.Join(dir, "trunkline-solo", "*"))
		return err == nil && len(left) == 0
	}, time.Minute, 50*time.Millisecond, "files stay behind")
}

func TestOneDataplaneOfManyAtOnce(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	const many = 5
	got := make(chan string, many)
	ends := make(chan func(), many)
	for range many {
		go func() {
			s, end := join(t, "x")
			got <- s
			ends <- end
		}()
	}
	first := <-got
	for range many - 1 {
		require.Equal(t, first, <-got)
	}
	for range many {
		(<-ends)()
	}
}

// TestDataplaneHoldsNothingOfItsFounder: neither a pipe of it, say, of which somebody
// awaits the end.
func TestDataplaneHoldsNothingOfItsFounder(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, endFirst := join(t, "x", w)
	_, endSecond := join(t, "x")
	defer endSecond()
	w.Close()
	endFirst()
	require.NoError(t, r.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = r.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestNames(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for _, name := range []string{"", "a/b", "..", ".x", "a b", string(make([]byte, 41))} {
		_, err := Join(name)
		require.Error(t, err)
	}
}

// TestFolderOfOthers: nobody else may have a hand in it.
func TestFolderOfOthers(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "trunkline-solo"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(dir, "trunkline-solo"), 0o777))
	_, err := Join("x")
	require.ErrorContains(t, err, "nobody else can write to")
}
