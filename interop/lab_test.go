//go:build linux && cgo

package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// labPrefix begins the name of everything that a lab makes; the process's
// number follows, so that what a crashed run left can be told from what a
// living one uses.
const labPrefix = "tli"

// networks is how many separate networks a lab has.
const networks = 2

// family is one IP version of the lab's addresses. They come from the
// benchmarking range (RFC 2544) and the documentation range (RFC 3849), so
// that they meet no real network.
type family struct {
	name   string
	ours   [networks]netip.Prefix
	peer   [networks]netip.Prefix
	others [networks]netip.Prefix // of a second peer in our place
}

func prefixes(a, b string) [networks]netip.Prefix {
	return [networks]netip.Prefix{netip.MustParsePrefix(a), netip.MustParsePrefix(b)}
}

var (
	ipv4 = family{"IPv4", prefixes("198.18.1.1/24", "198.18.2.1/24"),
		prefixes("198.18.1.2/24", "198.18.2.2/24"), prefixes("198.18.1.3/24", "198.18.2.3/24")}
	ipv6 = family{"IPv6", prefixes("2001:db8:1::1/64", "2001:db8:2::1/64"),
		prefixes("2001:db8:1::2/64", "2001:db8:2::2/64"), prefixes("2001:db8:1::3/64", "2001:db8:2::3/64")}
)

// list is the addresses of a set, separated by commas.
func list(set [networks]netip.Prefix) string {
	return set[0].Addr().String() + "," + set[1].Addr().String()
}

// lab is two networks with a peer on both. See doc.go for the picture.
type lab struct {
	ours     [networks]string // our ends, in the test's own namespace
	peer     string           // the peer's namespace
	other    string           // the second peer's namespace, "" when our ends are there for a dataplane
	switches string           // the namespace of the bridges
}

var labCount int

// need skips the test, or fails it where CI promises everything, when a
// prerequisite of the lab is missing.
func need(t testing.TB) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "root, for network namespaces; run it as root or with sudo -E"
	}
	for _, program := range []string{"ip", "ethtool", "gcc", "make", "dumpcap", "tshark", "sctp_darn"} {
		if _, err := exec.LookPath(program); err != nil && missing == "" {
			missing = "the program " + program + "; install it with apt-get install iproute2 ethtool gcc make tshark lksctp-tools"
		}
	}
	if _, err := os.Stat("/usr/include/netinet/sctp.h"); err != nil && missing == "" {
		missing = "libsctp-dev; install it with apt-get install libsctp-dev"
	}
	if missing == "" {
		if _, err := buildPeer(); err != nil && strings.Contains(err.Error(), "usrsctp.h") {
			missing = "libusrsctp-dev; install it with apt-get install libusrsctp-dev"
		}
	}
	switch {
	case missing == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("the interop test needs %s (CI=true: not skipped)", missing)
	default:
		t.Skipf("the interop test needs %s", missing)
	}
}

// run executes a command and fails the test with its output when it fails.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
	return string(out)
}

// ip runs one ip command in a namespace, "" for the test's own.
func ip(t testing.TB, namespace, command string) {
	t.Helper()
	args := strings.Fields(command)
	if namespace != "" {
		args = append([]string{"-n", namespace}, args...)
	}
	run(t, "ip", args...)
}

// newLab builds the networks. With a dataplane to come our ends stay in the
// test's namespace; otherwise a second peer's namespace gets them.
func newLab(t testing.TB, forDataplane bool) *lab {
	t.Helper()
	need(t)
	sweep(t)
	labCount++
	base := fmt.Sprintf("%s%d", labPrefix, os.Getpid())
	id := fmt.Sprintf("%s%c", base, 'a'+rune(labCount%26))
	l := &lab{peer: id + "-peer", switches: id + "-switch"}
	spaces := []string{l.peer, l.switches}
	if !forDataplane {
		l.other = id + "-other"
		spaces = append(spaces, l.other)
	}
	for i := range l.ours {
		l.ours[i] = fmt.Sprintf("%s%d", id, i)
	}
	t.Cleanup(func() { l.remove(t, spaces) })
	for _, space := range spaces {
		ip(t, "", "netns add "+space)
		ip(t, space, "link set lo up")
	}
	quiet(t, l.switches)
	for i := range l.ours {
		l.addNetwork(t, i)
	}
	configurePeer(t, l.peer, ipv4.peer, ipv6.peer)
	if l.other != "" {
		configurePeer(t, l.other, ipv4.others, ipv6.others)
	}
	return l
}

// addNetwork makes bridge i with our end and the peer's.
func (l *lab) addNetwork(t testing.TB, i int) {
	t.Helper()
	ip(t, l.switches, fmt.Sprintf("link add br%d type bridge stp_state 0 forward_delay 0 mcast_snooping 0", i))
	ip(t, "", fmt.Sprintf("link add %s type veth peer name o%d netns %s", l.ours[i], i, l.switches))
	ip(t, l.switches, fmt.Sprintf("link add p%d type veth peer name net%d netns %s", i, i, l.peer))
	for _, end := range []string{"o", "p"} {
		name := fmt.Sprintf("%s%d", end, i)
		ip(t, l.switches, fmt.Sprintf("link set %s master br%d up", name, i))
		plain(t, l.switches, name)
	}
	ip(t, l.switches, fmt.Sprintf("link set br%d up", i))
	plain(t, l.peer, fmt.Sprintf("net%d", i))
	plain(t, "", l.ours[i])
	if l.other != "" {
		ip(t, "", fmt.Sprintf("link set %s netns %s name net%d", l.ours[i], l.other, i))
		return
	}
	// The kernel must stay out of what the dataplane does on our ends.
	write(t, "", fmt.Sprintf("net/ipv6/conf/%s/disable_ipv6", l.ours[i]), "1")
	write(t, "", fmt.Sprintf("net/ipv4/conf/%s/forwarding", l.ours[i]), "0")
	ip(t, "", fmt.Sprintf("link set %s up", l.ours[i]))
}

// plain turns off what would make packets in a capture differ from those on a
// wire: segmentation, coalescing and checksums left to a device.
func plain(t testing.TB, namespace, name string) {
	t.Helper()
	args := []string{"ethtool", "-K", name, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"}
	if namespace != "" {
		args = append([]string{"ip", "netns", "exec", namespace}, args...)
	}
	run(t, args[0], args[1:]...)
}

// write sets a variable under /proc/sys in a namespace.
func write(t testing.TB, namespace, name, value string) {
	t.Helper()
	if namespace == "" {
		require.NoError(t, os.WriteFile("/proc/sys/"+name, []byte(value), 0o644))
		return
	}
	run(t, "ip", "netns", "exec", namespace, "sh", "-c", "echo "+value+" > /proc/sys/"+name)
}

// quiet keeps the kernel of a namespace from sending IPv6 of its own.
func quiet(t testing.TB, namespace string) {
	t.Helper()
	write(t, namespace, "net/ipv6/conf/all/disable_ipv6", "1")
	write(t, namespace, "net/ipv6/conf/default/disable_ipv6", "1")
}

// configurePeer gives a peer's namespace its addresses. Reverse path filters
// are off since usrsctp sends from one address over both networks.
func configurePeer(t testing.TB, namespace string, sets ...[networks]netip.Prefix) {
	t.Helper()
	for _, name := range []string{"all", "default"} {
		write(t, namespace, "net/ipv4/conf/"+name+"/rp_filter", "0")
		write(t, namespace, "net/ipv4/conf/"+name+"/forwarding", "0")
		write(t, namespace, "net/ipv6/conf/"+name+"/forwarding", "0")
		write(t, namespace, "net/ipv6/conf/"+name+"/accept_ra", "0")
		write(t, namespace, "net/ipv6/conf/"+name+"/accept_dad", "0")
	}
	for i := range networks {
		name := fmt.Sprintf("net%d", i)
		write(t, namespace, "net/ipv4/conf/"+name+"/rp_filter", "0")
		write(t, namespace, "net/ipv6/conf/"+name+"/accept_dad", "0")
		write(t, namespace, "net/ipv6/conf/"+name+"/keep_addr_on_down", "1")
		for _, set := range sets {
			extra := ""
			if set[i].Addr().Is6() {
				extra = " nodad"
			}
			ip(t, namespace, fmt.Sprintf("addr add %s dev %s%s", set[i], name, extra))
		}
		ip(t, namespace, "link set "+name+" up")
	}
	holdProtocol(t, namespace)
}

// holdProtocol keeps raw SCTP sockets open in a namespace for the test's
// length, so that the kernel there never sends ICMP protocol unreachable, which
// is an ABORT to us (RFC 9260, section 10, ICMP8). It would do so while no peer
// is running and also, by what Linux 6.18 does, for each packet that finds the
// peer's raw socket full. These sockets refuse everything by a filter: so they
// are never full, and the kernel counts the packet as delivered.
func holdProtocol(t testing.TB, namespace string) {
	t.Helper()
	require.NoError(t, inNamespace(namespace, func() error { return openRaw(t) }))
}

// inNamespace does something on a thread that is in a network namespace.
func inNamespace(namespace string, do func() error) error {
	result := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		space, err := os.Open("/run/netns/" + namespace)
		if err != nil {
			result <- err
			return
		}
		defer space.Close()
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter %s: %w", namespace, err)
			return
		}
		result <- do()
	}()
	return <-result
}

func openRaw(t testing.TB) error {
	for _, domain := range []int{unix.AF_INET, unix.AF_INET6} {
		fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
		if err != nil {
			return fmt.Errorf("raw SCTP socket: %w", err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		program := unix.SockFprog{Len: 1, Filter: &unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
		if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
			return fmt.Errorf("filter of the raw SCTP socket: %w", err)
		}
	}
	return nil
}

// cut is a way of breaking network 0, the primary.
type cut string

const (
	// cutCarrier takes our link's far end down: our link loses its carrier.
	cutCarrier cut = "carrier"
	// cutPeerCarrier takes the peer's link's far end down; we see nothing.
	cutPeerCarrier cut = "peer carrier"
	// cutSilent takes the bridge down: nobody's link changes, nothing passes.
	cutSilent cut = "silent"
)

func (c cut) device(network int) string {
	switch c {
	case cutCarrier:
		return fmt.Sprintf("o%d", network)
	case cutPeerCarrier:
		return fmt.Sprintf("p%d", network)
	}
	return fmt.Sprintf("br%d", network)
}

// peerIn runs the usrsctp peer.
func (l *lab) peerIn(t testing.TB, args ...string) *peer {
	t.Helper()
	return startPeer(t, l.peer, args...)
}

// breakNetwork cuts a network, heal mends it, at the test's end at the latest.
func (l *lab) breakNetwork(t testing.TB, network int, how cut) {
	t.Helper()
	t.Cleanup(func() { l.heal(t, network, how) })
	ip(t, l.switches, "link set "+how.device(network)+" down")
}

func (l *lab) heal(t testing.TB, network int, how cut) {
	t.Helper()
	ip(t, l.switches, "link set "+how.device(network)+" up")
}

// remove takes the lab away, also half of one.
func (l *lab) remove(t testing.TB, spaces []string) {
	for _, name := range l.ours {
		if _, err := os.Stat("/sys/class/net/" + name); err == nil {
			if out, err := exec.Command("ip", "link", "del", name).CombinedOutput(); err != nil {
				t.Logf("remove %s: %s", name, out)
			}
		}
	}
	for _, space := range spaces {
		if _, err := os.Stat("/run/netns/" + space); err == nil {
			if out, err := exec.Command("ip", "netns", "del", space).CombinedOutput(); err != nil {
				t.Logf("remove %s: %s", space, out)
			}
		}
	}
}

var labName = regexp.MustCompile(`^` + labPrefix + `(\d+)[a-z]`)

// sweep removes what processes that are no longer there have left.
func sweep(t testing.TB) {
	t.Helper()
	for _, dir := range []string{"/run/netns", "/sys/class/net", os.TempDir()} {
		found, _ := filepath.Glob(dir + "/" + labPrefix + "*")
		for _, path := range found {
			match := labName.FindStringSubmatch(filepath.Base(path))
			if match == nil {
				continue
			}
			pid, err := strconv.Atoi(match[1])
			if err != nil || syscall.Kill(pid, 0) != syscall.ESRCH {
				continue
			}
			t.Logf("removing %s, left by process %d", path, pid)
			if err := removeLeft(path); err != nil {
				t.Logf("remove %s: %v", path, err)
			}
		}
	}
}

func removeLeft(path string) error {
	kind := map[string]string{"/run/netns": "netns", "/sys/class/net": "link"}[filepath.Dir(path)]
	if kind == "" {
		return os.RemoveAll(path)
	}
	if _, err := os.Lstat(path); err != nil {
		return nil // it went with its namespace
	}
	out, err := exec.Command("ip", kind, "del", filepath.Base(path)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
