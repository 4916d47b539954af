package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// program compiles one of testdata/programs.
func program(t *testing.T, name string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	b, err := exec.Command("cc", "-Wall", "-Wextra", "-Werror", "-o", out, filepath.Join("testdata/programs", name+".c"), "-lsctp").CombinedOutput()
	require.NoError(t, err, "building needs cc and libsctp-dev: %s", b)
	return out
}

var localLine = regexp.MustCompile(`(?m)^local (\S+) (\d+)$`)

// The two clients of the mission: one ephemeral port for several addresses, in
// the two ways that people write it.
func TestEphemeralPortClients(t *testing.T) {
	for _, name := range []string{"bind_then_bindx", "bindx_zero"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, usual)
			server := w.b.shell(t, "server")
			l := serve(server, w.b.ips...)
			client := w.a.command(program(t, name), append([]string{w.b.ips[0], "5000"}, w.a.ips...)...)
			done := make(chan string, 1)
			go func() {
				out, err := client.CombinedOutput()
				if err != nil {
					out = append(out, "failed: "+err.Error()...)
				}
				done <- string(out)
			}()
			s := first(server.do("accept %s", l))
			peers := server.do("paddrs %s", s)
			server.do("echo %s", s)
			out := <-done
			require.Contains(t, out, "reply hello\n")
			var locals []string
			for _, m := range localLine.FindAllStringSubmatch(out, -1) {
				locals = append(locals, m[1]+":"+m[2])
				require.NotEqual(t, "0", m[2])
			}
			slices.Sort(locals)
			require.Equal(t, peers, strings.Join(locals, " "), "what the client lists is what the server sees")
			require.Equal(t, at(portOf(locals[0]), w.a.ips...), peers, "one port for all addresses")
		})
	}
}
