package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLane: busy sockets, whose messages go through shared memory after so many (TRUNKLINE_RING),
// or never.
func TestLane(t *testing.T) {
	binary := program(t, "lane")
	for _, after := range []string{"0", "1", "50"} {
		for _, name := range []string{"order", "readiness", "parts", "long", "long_ready", "threads", "killed", "waits", "replaced"} {
			t.Run(name+" after "+after, func(t *testing.T) {
				w := newWorld(t, usual)
				c := w.a.command(binary, name)
				c.Env = append(c.Env, "TRUNKLINE_RING="+after)
				stop := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
				defer stop.Stop()
				out, err := c.CombinedOutput()
				require.NoError(t, err, "%s", out)
			})
		}
	}
}
