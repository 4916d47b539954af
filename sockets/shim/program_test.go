package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReachable: what the loader would not preload into is told before it runs.
func TestReachable(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.c")
	require.NoError(t, os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o600))
	me, mine := os.Geteuid(), os.Getegid()

	dynamic := cc(t, "dynamic", source)
	require.NoError(t, reachable(dynamic, me, mine))
	require.ErrorContains(t, reachable(cc(t, "static", "-static", source), me, mine), "linked statically")

	golang := filepath.Join(dir, "golang")
	require.NoError(t, os.WriteFile(source+".go", []byte("package main\n\nfunc main() {}\n"), 0o600))
	build := exec.Command("go", "build", "-o", golang, source+".go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.ErrorContains(t, reachable(golang, me, mine), "is a Go program")

	for _, mode := range []os.FileMode{os.ModeSetuid, os.ModeSetgid} {
		require.NoError(t, os.Chmod(dynamic, 0o755|mode))
		require.NoError(t, reachable(dynamic, me, mine), "its rights are ours")
		require.ErrorContains(t, reachable(dynamic, me+1, mine+1), "preloads nothing")
	}

	script := filepath.Join(dir, "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700))
	require.NoError(t, reachable(script, me, mine))
	require.Error(t, reachable(filepath.Join(dir, "nothing"), me, mine))
}
