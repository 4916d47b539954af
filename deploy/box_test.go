package deploy

import (
	"bytes"
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

// box is a machine of its own as far as a service sees: systemd runs in it as the first
// process, with a network, users and files that are copies on write of this Debian's, or of
// the one in the folder that TRUNKLINE_DEBIAN_ROOT names.
type box struct {
	t     *testing.T
	first int    // the process, seen from outside
	over  string // files that the box has changed
}

// bootScript is run in new namespaces; $1 is the root, $2 the folder for the copies.
const bootScript = `set -e
lower=$1 dir=$2 root=$2/root
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=$lower,upperdir=$dir/over,workdir=$dir/work $root
mount -t proc proc $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mount -t sysfs -o ro sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
for d in run tmp dev; do mount -t tmpfs tmpfs $root/$d; done
mkdir $root/dev/pts $root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
mount -t tmpfs tmpfs $root/dev/shm
ln -s pts/ptmx $root/dev/ptmx
for d in null zero full random urandom tty; do touch $root/dev/$d; mount --bind /dev/$d $root/dev/$d; done
ip link set lo up
exec chroot $root env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=sysinit.target`

// boot starts a box.
func boot(t *testing.T) *box {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for namespaces")
	}
	dir := t.TempDir()
	b := &box{t: t, over: dir + "/over"}
	// A file system without whiteouts, such as that of a container, cannot be the upper one.
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	for _, d := range []string{"over", "work", "root"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	group := cgroup(t)
	lower := "/"
	if from := os.Getenv("TRUNKLINE_DEBIAN_ROOT"); from != "" {
		lower = from
	}
	c := exec.Command("unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--kill-child",
		"sh", "-c", bootScript, "sh", lower, dir)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill() // and with it all that is in the box
		_ = c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	require.Eventually(t, func() bool {
		b.first = 0
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.Process.Pid))
		_, _ = fmt.Sscan(string(children), &b.first)
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", b.first))
		return strings.HasSuffix(exe, "/systemd")
	}, patience, 10*time.Millisecond, "systemd does not start: %s", &said)
	require.Eventually(t, func() bool {
		_, err := b.try("systemctl", "is-active", "--quiet", "sysinit.target")
		return err == nil
	}, patience, 50*time.Millisecond, "systemd does not come up")
	return b
}

// cgroup is one of our own for the box, so that its systemd manages no other.
func cgroup(t *testing.T) *os.File {
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if f[2] != "cgroup2" {
			continue
		}
		dir, err := os.MkdirTemp(f[1], "trunkline-test")
		require.NoError(t, err)
		t.Cleanup(func() { removeCgroup(t, dir) })
		group, err := os.Open(dir)
		require.NoError(t, err)
		t.Cleanup(func() { group.Close() })
		return group
	}
	t.Skip("needs a cgroup2 file system")
	return nil
}

// removeCgroup removes it with those in it, when their processes have ended.
func removeCgroup(t *testing.T, dir string) {
	require.Eventually(t, func() bool {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				all = append([]string{path}, all...)
			}
			return nil
		})
		var last error
		for _, path := range all {
			last = syscall.Rmdir(path)
		}
		return last == nil
	}, patience, 10*time.Millisecond, "processes are left in %s", dir)
}

// try runs a command in the box.
func (b *box) try(args ...string) (string, error) {
	in := append([]string{"--target", fmt.Sprint(b.first), "--all", "--root", "--wd", "--"}, args...)
	c := exec.Command("nsenter", in...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// do is try that must succeed.
func (b *box) do(args ...string) string {
	b.t.Helper()
	out, err := b.try(args...)
	require.NoError(b.t, err, "%v: %s\n%s", args, out, b.journal())
	return out
}

// property is one of the service.
func (b *box) property(name string) string {
	b.t.Helper()
	return strings.TrimSpace(b.do("systemctl", "show", "--value", "--property="+name, "trunkline"))
}

func (b *box) journal() string {
	out, _ := b.try("journalctl", "--no-pager", "--output=cat", "--unit=trunkline")
	return out
}

// put writes a file in the box.
func (b *box) put(path, text string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(fmt.Sprintf("/proc/%d/root%s", b.first, path), []byte(text), 0o644))
}
