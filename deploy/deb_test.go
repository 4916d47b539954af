package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// served is a configuration on one end of a cable whose other end is in the same network
// namespace.
const served = `memory: {hugepages: off}
ports: [{name: p0, device: "af_packet:tl0", addresses: [10.0.1.1/24]}]
timers: {profile: telecom}
service: {kind: echo}
sockets: {mode: 0660, group: trunkline}
`

// TestSystemDeb installs the package in a box, where systemd runs the service as the package
// says: it waits for a configuration, serves, reloads, drains, is restarted when it hangs, and
// leaves nothing behind.
func TestSystemDeb(t *testing.T) {
	needSystem(t)
	deb := makeDeb(t)
	b := boot(t)
	b.do("mkdir", "/tmp/pkg")
	b.put("/tmp/pkg/trunkline.deb", string(deb))
	b.do("dpkg", "--install", "/tmp/pkg/trunkline.deb")
	require.Equal(t, "enabled\n", b.do("systemctl", "is-enabled", "trunkline"))
	require.Equal(t, "inactive", b.property("ActiveState"), "there is no configuration")
	require.Equal(t, "exec-condition", b.property("Result"))
	require.Empty(t, b.do("dpkg", "--verify", "trunkline"))
	require.Regexp(t, `^\S.* <\S+@\S+>$`, b.do("dpkg-query", "--show", "--showformat=${Maintainer}", "trunkline"))
	b.do("systemd-analyze", "verify", "trunkline.service")
	b.do("systemd-analyze", "security", "--threshold=40", "trunkline.service")

	for _, args := range []string{"link add tl0 type veth peer name tl1", "link set tl0 up", "link set tl1 up"} {
		b.do(append([]string{"ip"}, strings.Fields(args)...)...)
	}
	b.put("/etc/trunkline/trunkline.yaml", served)
	b.do("trunkline", "check", "/etc/trunkline/trunkline.yaml")
	b.do("systemctl", "start", "trunkline") // returns when it is ready
	b.runsAsItself(1<<netAdmin | 1<<netRaw)
	b.probes("10.0.1.1:7", "af_packet:tl1")

	pid := b.property("MainPID")
	b.put("/etc/trunkline/trunkline.yaml", strings.Replace(served, "kind: echo", "kind: echo, port: 77", 1))
	b.do("systemctl", "reload", "trunkline")
	b.logs("service.port: 7 → 77")
	b.probes("10.0.1.1:77", "af_packet:tl1")
	b.put("/etc/trunkline/trunkline.yaml", served+"workers: 2\n")
	_, err := b.try("systemctl", "reload", "trunkline")
	require.Error(t, err)
	b.logs("trunkline.yaml:6:10: workers can't change while running")
	require.Equal(t, pid, b.property("MainPID"))
	require.Equal(t, "active", b.property("ActiveState"))

	b.do("systemctl", "stop", "trunkline")
	b.logs("msg=drained")
	require.Equal(t, "success", b.property("Result"))

	b.do("mkdir", "-p", "/run/systemd/system/trunkline.service.d")
	b.put("/run/systemd/system/trunkline.service.d/short.conf", "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
	b.do("systemctl", "daemon-reload")
	b.do("systemctl", "start", "trunkline")
	pid = b.property("MainPID")
	b.do("kill", "-STOP", pid)
	b.await("a restart", func() bool {
		return b.property("NRestarts") != "0" && b.property("ActiveState") == "active" && b.property("MainPID") != pid
	})

	b.do("systemctl", "stop", "trunkline")
	b.do("rm", "/run/systemd/system/trunkline.service.d/short.conf") // a slow machine needs more time than that
	b.put("/etc/trunkline/trunkline.yaml", strings.Replace(served, "af_packet:tl0", "vhost:/run/trunkline/v0", 1))
	b.put("/run/systemd/system/trunkline.service.d/bare.conf", "[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n")
	b.do("systemctl", "daemon-reload")
	b.do("systemctl", "start", "trunkline")
	b.runsAsItself(0)
	b.probes("10.0.1.1:7", "virtio-user:/run/trunkline/v0")

	b.do("dpkg", "--remove", "trunkline")
	running, _ := b.try("sh", "-c", "cat /proc/[0-9]*/comm") // which fails for those that end meanwhile
	require.NotContains(t, running, "trunkline")
	b.do("test", "-e", "/etc/trunkline/trunkline.yaml") // stays until it is purged
	b.do("dpkg", "--purge", "trunkline")
	b.do("systemctl", "daemon-reload")
	require.Equal(t, "not-found", b.property("LoadState"))
	require.Empty(t, b.left())
}

// makeDeb makes the package of this tree.
func makeDeb(t *testing.T) []byte {
	dir := t.TempDir()
	out, err := exec.Command("make", "-C", "..", "deb", "SETUP=", "DEB="+dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	made, err := filepath.Glob(dir + "/trunkline_*.deb")
	require.NoError(t, err)
	require.Len(t, made, 1)
	text, err := os.ReadFile(made[0])
	require.NoError(t, err)
	return text
}

// logs waits until the journal, to which systemd and the service write by themselves, has a line.
func (b *box) logs(line string) {
	b.t.Helper()
	b.await(line, func() bool { return strings.Contains(b.journal(), line) })
}

func (b *box) await(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "%s does not come: %s", what, b.journal())
	}
}

// Capabilities (capabilities(7)).
const netAdmin, netRaw = 12, 13

// runsAsItself: the service has its own user, and these capabilities alone.
func (b *box) runsAsItself(caps uint64) {
	b.t.Helper()
	status := b.do("cat", "/proc/"+b.property("MainPID")+"/status")
	uid := strings.TrimSpace(b.do("id", "--user", "trunkline"))
	require.NotEqual(b.t, "0", uid)
	require.Contains(b.t, status, fmt.Sprintf("Uid:\t%s\t%[1]s\t%[1]s\t%[1]s\n", uid))
	for _, set := range []string{"CapEff", "CapBnd", "CapAmb"} {
		require.Contains(b.t, status, fmt.Sprintf("%s:\t%016x\n", set, caps))
	}
	require.Contains(b.t, status, "NoNewPrivs:\t1\n")
	require.Equal(b.t, "660 trunkline trunkline\n", b.do("stat", "--format=%a %U %G", "/run/trunkline/sockets"))
}

// probes has messages verified that the service sends back, from the other end of a port.
func (b *box) probes(at, device string) {
	b.t.Helper()
	out := b.do("trunkline", "probe", "--connect", at, "--device", device, "--addr", "10.0.1.2/24", "--hugepages", "off", "--time", "300ms")
	require.Contains(b.t, out, "PASS")
}

// left is what there is in the box that is the package's; what dpkg and systemd log is theirs.
func (b *box) left() (all []string) {
	require.NoError(b.t, filepath.WalkDir(b.over, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // systemd's own come and go
			return nil
		}
		require.NoError(b.t, err)
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		require.NoError(b.t, err)
		gone := info.Mode()&fs.ModeCharDevice != 0 && info.Sys().(*syscall.Stat_t).Rdev == 0
		if !gone && strings.Contains(d.Name(), "trunkline") {
			all = append(all, strings.TrimPrefix(path, b.over))
		}
		return nil
	}))
	return all
}
