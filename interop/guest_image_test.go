//go:build linux && cgo

package interop

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// guestModules are what the guest needs of its kernel, in the order of loading; what they
// depend on comes before them.
var guestModules = []string{"crc32c_intel", "virtio_pci", "virtio_console", "virtio_net", "sctp"}

// guestDir is where scripts/setup.sh kernel puts the guest's kernel and busybox.
func guestDir() string {
	if dir := os.Getenv("TRUNKLINE_GUEST"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "trunkline", "guest")
}

// needGuest skips the test unless it was asked for, and fails it where something is missing.
func needGuest(t testing.TB) {
	t.Helper()
	if os.Getenv("TRUNKLINE_KERNEL") == "" {
		t.Skip("a Linux kernel in QEMU is for `make test-kernel`")
	}
	for _, program := range []string{"qemu-system-x86_64", "modprobe", "gcc", "tshark"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("the program %s is missing; run scripts/setup.sh kernel (modprobe is in /usr/sbin)", program)
		}
	}
	if _, err := os.Stat(guestDir()); err != nil {
		t.Fatalf("no kernel for the guest: %v; run scripts/setup.sh kernel", err)
	}
}

// image is what QEMU starts.
type image struct{ kernel, initrd, version string }

// buildImage makes the guest's file system once per test binary.
var buildImage = sync.OnceValues(func() (*image, error) {
	peer, err := compilePeer("linux", "-static", "-Wno-address-of-packed-member", "-lsctp")
	if err != nil {
		return nil, err
	}
	dir := guestDir()
	kernels, err := filepath.Glob(filepath.Join(dir, "boot/vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return nil, fmt.Errorf("%s/boot has %d kernels, want one (%v); remove the folder and run scripts/setup.sh kernel", dir, len(kernels), err)
	}
	version := strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	busybox := filepath.Join(dir, "bin/busybox")
	if _, err := os.Stat(busybox); err != nil {
		busybox = filepath.Join(dir, "usr/bin/busybox")
	}
	files := map[string]string{"init": "testdata/guest/init", "bin/start": "testdata/guest/start", "bin/busybox": busybox, "peer": peer}
	order, err := modules(dir, version, files)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	if err := archiveFiles(&archive, files, order); err != nil {
		return nil, err
	}
	initrd := filepath.Join(filepath.Dir(peer), "initrd")
	return &image{kernel: kernels[0], initrd: initrd, version: version}, os.WriteFile(initrd, archive.Bytes(), 0o600)
})

// modules adds the files of guestModules and returns their names in the order of loading.
func modules(dir, version string, files map[string]string) (order string, err error) {
	for _, name := range guestModules {
		out, err := exec.Command("modprobe", "-d", dir, "-S", version, "--show-depends", name).Output()
		if err != nil {
			return "", fmt.Errorf("modprobe --show-depends %s: %w", name, err)
		}
		for row := range strings.Lines(string(out)) {
			fields := strings.Fields(row)
			if len(fields) < 2 || fields[0] != "insmod" {
				continue
			}
			base := filepath.Base(fields[1])
			if _, there := files["modules/"+base]; !there {
				files["modules/"+base] = fields[1]
				order += base + "\n"
			}
		}
	}
	if order == "" {
		return "", errors.New("the guest's kernel has no modules")
	}
	return order, nil
}

// archiveFiles writes a cpio archive ("newc", as the kernel takes it) of files and of modules/order.
func archiveFiles(w *bytes.Buffer, files map[string]string, order string) error {
	inode := 0
	add := func(name string, mode uint32, body []byte) {
		inode++
		header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", inode, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name)+1, 0)
		for _, part := range [][]byte{append([]byte(header+name), 0), body} {
			w.Write(part)
			w.Write(make([]byte, -w.Len()&3))
		}
	}
	const directory, regular = 0o040755, 0o100755
	for _, name := range []string{"bin", "dev", "modules", "proc", "sys", "tmp"} {
		add(name, directory, nil)
	}
	add("modules/order", regular, []byte(order))
	for name, path := range files {
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		add(name, regular, body)
	}
	add("TRAILER!!!", 0, nil)
	return nil
}
