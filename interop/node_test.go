//go:build linux && cgo

package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// buildDir makes a folder for programs that other users may run.
func buildDir(what string) (string, error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d%s-", labPrefix, os.Getpid(), what))
	if err != nil {
		return "", err
	}
	atExit = append(atExit, func() { os.RemoveAll(dir) })
	return dir, os.Chmod(dir, 0o755)
}

// trunkline builds the command, with the preload library in it.
var trunkline = sync.OnceValues(func() (string, error) {
	dir, err := buildDir("bin")
	if err != nil {
		return "", err
	}
	target := filepath.Join(dir, "trunkline")
	if out, err := exec.Command("make", "-C", "..", "build", "BIN="+target).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make build: %w\n%s", err, out)
	}
	return target, nil
})

// program builds a C program of the tests of the sockets API, from a folder of sources or from one file.
func program(t testing.TB, name string) string {
	t.Helper()
	programsMu.Lock()
	defer programsMu.Unlock()
	if path, ok := programs[name]; ok {
		return path
	}
	dir, err := buildDir(name)
	require.NoError(t, err)
	sources, err := filepath.Glob("../sockets/e2e/testdata/" + name + "/*.c")
	require.NoError(t, err)
	if sources == nil {
		sources = []string{"../sockets/e2e/testdata/programs/" + name + ".c"}
	}
	target := filepath.Join(dir, name)
	args := append([]string{"-D_GNU_SOURCE", "-O1", "-Wall", "-pthread", "-o", target}, sources...)
	run(t, "gcc", append(args, "-lsctp")...)
	programs[name] = target
	return target
}

var (
	programsMu sync.Mutex
	programs   = map[string]string{}
)

// node is a host of the lab on which `trunkline run` serves sockets.
type node struct {
	t         testing.TB
	namespace string // "" for the test's own
	sock      string
	file      string // the configuration
	daemon    *peer
}

// nodeTimers are those of labTimers, but that two errors are enough for a dead path.
const nodeTimers = `{profile: telecom, rto_initial: 400ms, rto_min: 100ms, rto_max: 400ms, heartbeat_interval: 200ms, path_max_retrans: 2}`

// newNode writes a configuration with a port on each interface, of which set are the addresses, and
// runs it. access is what it says of the unix socket beside its path.
func newNode(t testing.TB, namespace string, ifaces [networks]string, access string, sets ...[networks]netip.Prefix) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%dnode-", labPrefix, os.Getpid()))
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	n := &node{t: t, namespace: namespace, sock: filepath.Join(dir, "sockets"), file: filepath.Join(dir, "trunkline.yaml")}
	var b strings.Builder
	fmt.Fprintf(&b, "memory: {hugepages: off, megabytes: 256}\ntimers: %s\ndrain: 0s\nsockets: {path: %s%s}\nports:\n", nodeTimers, n.sock, access)
	for i, iface := range ifaces {
		var ips []string
		for _, set := range sets {
			ips = append(ips, strconv.Quote(set[i].String()))
		}
		fmt.Fprintf(&b, "- {name: p%d, device: \"af_packet:%s\", addresses: [%s]}\n", i, iface, strings.Join(ips, ", "))
	}
	require.NoError(t, os.WriteFile(n.file, []byte(b.String()), 0o644))
	n.start()
	return n
}

// start runs the daemon until it serves.
func (n *node) start() {
	n.t.Helper()
	binary, err := trunkline()
	require.NoError(n.t, err)
	args := []string{binary, "run", "-c", n.file}
	if n.namespace != "" {
		args = append([]string{"ip", "netns", "exec", n.namespace}, args...)
	}
	n.daemon = startProcess(n.t, "daemon", exec.Command(args[0], args[1:]...))
	n.daemon.awaitKey("sockets")
}

// command is an unchanged program on the node's sockets.
func (n *node) command(program string, args ...string) *exec.Cmd {
	n.t.Helper()
	binary, err := trunkline()
	require.NoError(n.t, err)
	c := exec.Command(binary, append([]string{"exec", "--socket", n.sock, "--", program}, args...)...)
	c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+filepath.Dir(n.sock))
	return c
}

// shell is sctpsh on a node's sockets: it does what it is told, with a command and a reply a line.
type shell struct{ *peer }

func (n *node) shell(t testing.TB, name string) *shell {
	t.Helper()
	return &shell{startProcess(t, name, n.command(program(t, "sctpsh")))}
}

// reply waits for the reply to the command that was given first.
func (s *shell) reply() (text string, ok bool) {
	s.t.Helper()
	l := s.await("a reply", func(l line) bool { return l.key == "ok" || l.key == "err" })
	_, text, _ = strings.Cut(l.text, " ")
	return text, l.key == "ok"
}

// do gives a command that must succeed, and returns its reply.
func (s *shell) do(format string, args ...any) string {
	s.t.Helper()
	command := fmt.Sprintf(format, args...)
	s.command(command)
	text, ok := s.reply()
	require.True(s.t, ok, "%s: %s: %s", s.name, command, text)
	return text
}

// fails gives a command that must fail with an errno.
func (s *shell) fails(errno, format string, args ...any) {
	s.t.Helper()
	s.command(fmt.Sprintf(format, args...))
	s.failed(errno)
}

// failed waits for a command that was given before to fail with an errno.
func (s *shell) failed(errno string) {
	s.t.Helper()
	text, ok := s.reply()
	require.False(s.t, ok, "%s must fail, says %q", s.name, text)
	require.Equal(s.t, errno, firstWord(text), s.name)
}

// until repeats a command until its reply begins with a text.
func (s *shell) until(want, format string, args ...any) {
	s.t.Helper()
	command := fmt.Sprintf(format, args...)
	eventually(s.t, func() bool { return strings.HasPrefix(s.do("%s", command), want) }, "%s: %s never says %s", s.name, command, want)
}

// gets receives until something that begins with want comes, and returns its particulars. Before it may
// come what is told of the peer's addresses.
func (s *shell) gets(fd, want string) line {
	s.t.Helper()
	for {
		got := s.do("recv %s", fd)
		if strings.HasPrefix(got, want) {
			return parseLine(got)
		}
		require.True(s.t, strings.HasPrefix(got, "notification PEER_ADDR_CHANGE "), "%s: wants %s, gets %s", s.name, want, got)
	}
}

// moved waits until another 200 messages of the pump have come back.
func (s *shell) moved() {
	s.t.Helper()
	count := func() int {
		text := s.do("pumped")
		n, err := strconv.Atoi(firstWord(text))
		require.NoError(s.t, err)
		require.Equal(s.t, fmt.Sprint(n), strings.TrimSpace(text), "the pump has failed")
		return n
	}
	was := count()
	eventually(s.t, func() bool { return count() >= was+200 }, "%s: nothing moves after %d messages", s.name, was)
}

// prefers waits until new data goes over one network alone, or nearly.
func (s *shell) prefers(l *lab, network int) {
	s.t.Helper()
	eventually(s.t, func() bool {
		was := l.sent(s.t)
		s.moved()
		is := l.sent(s.t)
		other := 1 - network
		return is[other]-was[other] <= (is[network]-was[network])/4
	}, "the data does not go over network %d", network)
}

// sent is how many bytes our ends have sent.
func (l *lab) sent(t testing.TB) (n [networks]uint64) {
	t.Helper()
	for i, name := range l.ours {
		text, err := os.ReadFile("/sys/class/net/" + name + "/statistics/tx_bytes")
		require.NoError(t, err)
		n[i], err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
		require.NoError(t, err)
	}
	return n
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

// at is a list of addresses with a port, as sctpsh writes it: where there are addresses of IPv6, those of
// IPv4 are mapped.
func at(port string, sets ...[networks]netip.Prefix) string {
	var all []string
	for i, set := range sets {
		for _, p := range set {
			if i > 0 && p.Addr().Is4() {
				all = append(all, "[::ffff:"+p.Addr().String()+"]:"+port)
				continue
			}
			all = append(all, endpoint(p, port))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// endpoint is an address with a port.
func endpoint(p netip.Prefix, port string) string {
	if p.Addr().Is6() {
		return "[" + p.Addr().String() + "]:" + port
	}
	return p.Addr().String() + ":" + port
}

func portOf(endpoint string) string { return endpoint[strings.LastIndexByte(endpoint, ':')+1:] }

// number is sctpsh's of a family of sockets.
func (f family) number() int {
	if f.ours[0].Addr().Is6() {
		return 6
	}
	return 4
}
