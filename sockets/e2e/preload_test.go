package e2e

import (
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// library builds the preload library.
var library = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "sockets", "shim", "lib", "libtrunkline.so")
	out, err := exec.Command("make", "-C", root, "sockets/shim/lib/libtrunkline.so").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

func preload(t *testing.T) string {
	path, err := library()
	require.NoError(t, err, path)
	return path
}
