package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cc compiles C into a file of the test's own.
func cc(t *testing.T, out string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), out)
	args = append([]string{"-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-U_FORTIFY_SOURCE", "-o", path}, args...)
	output, err := exec.Command("cc", args...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return path
}

// libraryUnderTest is compiled from the sources, so that no older one is tested.
func libraryUnderTest(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "libtrunkline.so")
	output, err := exec.Command("../../scripts/preload.sh", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return path
}

func TestPrograms(t *testing.T) {
	library := libraryUnderTest(t)
	for _, name := range []string{"data", "life", "descriptors"} {
		program := cc(t, name, "-pthread", "testdata/"+name+".c")
		list, err := exec.Command(program).Output()
		require.NoError(t, err)
		cases := strings.Fields(string(list))
		require.NotEmpty(t, cases)
		for _, c := range cases {
			t.Run(name+"/"+c, func(t *testing.T) {
				f := startFake(t, c == "proven")
				run := exec.Command(program, c)
				var err error
				run.Env, err = Environ(os.Environ(), library, f.path)
				require.NoError(t, err)
				out, err := run.CombinedOutput()
				require.NoError(t, err, "%s", out)
			})
		}
	}
}

// TestProgramsEndLeavesNothing: a program's end closes what it had at the server.
func TestProgramsEndLeavesNothing(t *testing.T) {
	library := libraryUnderTest(t)
	program := cc(t, "data", "-pthread", "testdata/data.c")
	f := startFake(t, false)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			run := exec.Command(program, "both_ways")
			run.Env, _ = Environ(os.Environ(), library, f.path)
			_ = run.Run() // ports collide: how it ends does not matter
		})
	}
	all.Wait()
	require.Eventually(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.sockets) == 0 && len(f.controls) == 0
	}, time.Minute, time.Millisecond)
}
