package admin

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// socketName is of the control socket in a folder of ours.
const socketName = "control.sock"

// systemFolder is where a daemon serves that may write there.
const systemFolder = "/run/trunkline"

// DefaultPaths are where a daemon serves that is not told where, in the order in which
// both sides try them.
func DefaultPaths() []string {
	paths := []string{filepath.Join(systemFolder, socketName)}
	if own := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(own) {
		paths = append(paths, filepath.Join(own, "trunkline", socketName))
	}
	return paths
}

// ServePath is the first of DefaultPaths where this process can make a socket, with its
// folder made; "" if there is none.
func ServePath() string {
	for _, p := range DefaultPaths() {
		folder := filepath.Dir(p)
		if os.MkdirAll(folder, 0o755) == nil && unix.Access(folder, unix.W_OK|unix.X_OK) == nil {
			return p
		}
	}
	return ""
}
