package unixsock

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// dead leaves a socket that nobody listens on any more.
func dead(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
}

func TestListenHasModeAndGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(unix.SOCK_STREAM, Where{Path: path, Mode: 0o640})
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), st.Mode().Perm())
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)
}

func TestListenReplacesTheDead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead(t, path)
	l, err := Listen(unix.SOCK_STREAM, Where{Path: path})
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(defaultMode), st.Mode().Perm())
	require.NoError(t, l.Close())
}

func TestListenNamesTheLiving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(unix.SOCK_STREAM, Where{Path: path})
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(unix.SOCK_STREAM, Where{Path: path})
	require.ErrorContains(t, err, fmt.Sprintf("process %d (", os.Getpid()))
	require.FileExists(t, path)
	_, err = Listen(unix.SOCK_SEQPACKET, Where{Path: path})
	require.ErrorContains(t, err, "another process serves there")
	require.FileExists(t, path)
}

func TestListenLeavesWhatIsNoSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	require.NoError(t, os.WriteFile(path, []byte("dear"), 0o600))
	_, err := Listen(unix.SOCK_STREAM, Where{Path: path})
	require.ErrorContains(t, err, "no socket")
	require.FileExists(t, path)
	_, err = Listen(unix.SOCK_STREAM, Where{Path: filepath.Join(t.TempDir(), "none", "s")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestOneOfManyGetsIt: of many that find the same dead socket one listens, and its
// socket stays.
func TestOneOfManyGetsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead(t, path)
	var mu sync.Mutex
	var all []net.Listener
	var work sync.WaitGroup
	for range 16 {
		work.Go(func() {
			if l, err := Listen(unix.SOCK_STREAM, Where{Path: path}); err == nil {
				mu.Lock()
				all = append(all, l)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	require.Len(t, all, 1)
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, all[0].Close())
}

func TestAbstract(t *testing.T) {
	name := fmt.Sprintf("@trunkline-unixsock-%d", os.Getpid())
	l, err := Listen(unix.SOCK_SEQPACKET, Where{Path: name})
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(unix.SOCK_SEQPACKET, Where{Path: name})
	require.ErrorIs(t, err, unix.EADDRINUSE)
}
