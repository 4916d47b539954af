package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/solo"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// apart is where Trunkline does not answer as Linux does, on purpose: steps, as regular
// expressions, and why. What is left out on one side is left out on the other.
var apart = []struct{ steps, why string }{
	{`^socket/\S+ type 0x5 protocol 6$`, "it is no SCTP socket: the kernel's answer"},
	{`^bindx\S* (remove unbound|remove both|left|other)$`, "RFC 6458, section 9.1: EINVAL for the last address, and all or none are bound"},
	{`^names/(v6|mapped) peeled off$`, "Linux forgets IPv6 addresses there"},
	{`^mapped/mapped laddrs$`, "as many as the host has"},
	{`poll( \w+)?$`, "POLLHUP, POLLERR and POLLRDHUP are a unix socket's; POLLIN and POLLOUT are compared where they matter"},
	{`^connect/\S+ SO_ERROR$`, "Linux keeps an error that connect has told"},
	{`^nonblocking/v4 (and told by connect|recv)$`, "connect tells how the one before ended, as POSIX has it; Linux begins anew"},
	{`^send-after-abort/v4 recv( again)?$|^linger/v4 then$`, "the end of data; Linux: ENOTCONN"},
	{`^ancillary/v4 SCTP_DSTADDRV[46] -1$`, "too short is EINVAL; Linux looks only where an association begins"},
	{`^life/\S+ client$|^shutdown/v4 recv$`, "who shut down first reads the end of data, too; on Linux not"},
	{`^life-many/\S+ server$|^aborted/v4 server$|^refused/v4 events$`, "RFC 6458, section 6.1.1: sac_info has the whole ABORT; Linux leaves its header out"},
	{`^failed\S* failed$`, "sinfo_flags are the program's; Linux gives those of the chunk"},
	{`^addresses/\S+ client$`, "a path is confirmed at once; Linux waits for its timer"},
	{`^shutdown/v4 (listening|accept after it)$`, "shutdown ends listening, as TCP has it; Linux cannot"},
	{`^files/v4 (splice|after fclose)$`, "not done: programs fall back to write; stdio's own system calls are not caught"},
	{`^options-\S+ SCTP_(RTOINFO|INITMSG|PEER_ADDR_THLDS(_V2)?) get( long| no such| current)?$`, "defaults are RFC 9260's and the configuration's: RTO.Initial 1 s, its limit of streams, RFC 7829 off"},
	{`^options-\S+ SCTP_PEER_ADDR_THLDS (then|child)$|^options-\S+ SCTP_MAX_BURST get long$`, "Linux lets the padding, and the length, tell what is not of the structure"},
	{`^options-(connected|associated|inherited)/v4 IP_TOS `, "no ECN in it; a child has the listener's, as TCP has it"},
	{`^infos/v4 part$`, "SCTP_NXTINFO with a part of a message only if the next one had come when the first was written for the program"},
	{`^full/v4 SO_SNDTIMEO$`, "how much has room is each one's own"},
}

var differs = func() *regexp.Regexp {
	var all []string
	for _, a := range apart {
		all = append(all, a.steps)
	}
	return regexp.MustCompile(strings.Join(all, "|"))
}()

// said groups what a probe said by case and family.
func said(out string) map[string][]string {
	m := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		step, _, _ := strings.Cut(line, ": ")
		name, _, _ := strings.Cut(step, " ")
		if !differs.MatchString(step) {
			m[name] = append(m[name], line)
		}
	}
	return m
}

// TestAnswersAreLinuxs: what said.txt has was said by Linux 6.1 (Debian 12), of a
// program linked statically: make it anew with `cc -static testdata/linux/*.c -lsctp`,
// run where the loopback has solo.Addresses, and addip_enable and auth_enable are 1.
func TestAnswersAreLinuxs(t *testing.T) {
	probe := filepath.Join(t.TempDir(), "probe")
	sources, err := filepath.Glob("testdata/linux/*.c")
	require.NoError(t, err)
	out, err := exec.Command("cc", append([]string{"-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Wno-unused-result", "-Werror", "-pthread", "-o", probe}, append(sources, "-lsctp")...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	linux, err := os.ReadFile("testdata/linux/said.txt")
	require.NoError(t, err)
	want := said(string(linux))

	n := soloNode(t)
	list, err := n.command(probe, "-l").Output()
	require.NoError(t, err)
	for _, name := range strings.Fields(string(list)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A case sleeps where Linux's loopback is synchronous: on a busy machine not always long
			// enough. What it answers given all the time must be right.
			if _, err := answers(n, probe, name, 1, want); err == nil {
				return
			}
			out, err := answers(n, probe, name, 10, want)
			require.NoError(t, err, "%s", out)
		})
	}
}

// answers runs a case, its sleeps so many times as long; an error says where the answers are not those wanted.
func answers(n *node, probe, name string, times int, want map[string][]string) ([]byte, error) {
	c := n.command(probe, name)
	c.Env = append(c.Env, fmt.Sprint("PROBE_SLEEPS=", times))
	out, err := c.Output()
	for key, lines := range said(string(out)) {
		if !slices.Equal(want[key], lines) {
			err = errors.Join(err, fmt.Errorf("said:\n%s\nwanted:\n%s", strings.Join(lines, "\n"), strings.Join(want[key], "\n")))
		}
	}
	return out, err
}

// soloNode is a node as `trunkline exec --solo` makes it.
func soloNode(t *testing.T) *node {
	cfg := dataplane.Config{Loopback: true}
	for _, addrs := range solo.Addresses {
		port, _ := mem.NewPair(mem.Options{})
		cfg.Ports = append(cfg.Ports, dataplane.PortConfig{Port: port, Addrs: addrs})
	}
	d, err := dataplane.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	n := &node{preload: preload(t), sock: filepath.Join(shortDir(t), "sockets")}
	s, err := sockets.Listen(d, sockets.Config{Path: n.sock})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return n
}
