package shim

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

//go:embed lib
var embedded embed.FS

// ErrNoLibrary: this binary was built without the preload library.
var ErrNoLibrary = errors.New("this binary was built without libtrunkline.so: build it with `make build`")

// Library returns the preload library, a shared object for this machine. The
// error is ErrNoLibrary where `go build` was run without `make build` before.
func Library() ([]byte, error) {
	b, err := embedded.ReadFile("lib/libtrunkline.so")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoLibrary
	}
	return b, err
}

// Install writes a library into a file and returns its path. The file's name
// says its content, so that what is there is used again, and versions do not
// meet. It is meant to stay: programs that were started load it whenever they
// start another.
func Install(library []byte) (string, error) {
	name := fmt.Sprintf("libtrunkline-%x.so", sha256.Sum256(library))
	var failures []error
	for _, dir := range folders() {
		path, err := place(dir, name, library)
		if err == nil {
			return path, nil
		}
		failures = append(failures, err)
	}
	return "", fmt.Errorf("no folder takes the preload library; set XDG_RUNTIME_DIR to one that does: %w", errors.Join(failures...))
}

// folders are where the library may go, best first.
func folders() []string {
	var all []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		all = append(all, filepath.Join(dir, "trunkline"))
	}
	if os.Geteuid() == 0 {
		all = append(all, "/run/trunkline")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		all = append(all, filepath.Join(dir, "trunkline"))
	}
	return append(all, filepath.Join(os.TempDir(), fmt.Sprintf("trunkline-%d", os.Geteuid())))
}

// place puts the library into a folder that nobody else can write to.
func place(dir, name string, library []byte) (string, error) {
	// Readable by all: a program may change its user and start another.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := trusted(dir); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, library) {
		return path, nil
	}
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(library)
	err = errors.Join(err, f.Chmod(0o755), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return path, nil
}

// trusted refuses folders of others, writable by others, or without execution.
func trusted(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: dir, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return fmt.Errorf("%s is not a folder that only we can write to", dir)
	}
	var fsys unix.Statfs_t
	if err := unix.Statfs(dir, &fsys); err != nil {
		return &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	if fsys.Flags&unix.ST_NOEXEC != 0 {
		return fmt.Errorf("%s is mounted noexec", dir)
	}
	return nil
}
