package unixsock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Where is the path of a socket and who may connect to it.
type Where struct {
	Path         string // "@name" is in the abstract namespace, which has neither owner nor mode
	Mode         fs.FileMode
	Owner, Group *int // nil: this process's
}

// defaultMode is for those who give none: of the owner alone.
const defaultMode = 0o600

// Patience with the lock of a folder.
const (
	lockTries = 200
	lockPause = 10 * time.Millisecond
)

// backlog is how many connections may wait for Accept.
const backlog = 128

// Listen listens on a socket of a type, unix.SOCK_STREAM or SOCK_SEQPACKET. If another
// process listens there, the error is unix.EADDRINUSE and names it.
func Listen(kind int, w Where) (*net.UnixListener, error) {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), w.Path)
	defer file.Close() // FileListener has a copy
	if err := bind(fd, kind, w); err != nil {
		return nil, err
	}
	l, err := net.FileListener(file)
	if err != nil {
		return nil, err
	}
	u := l.(*net.UnixListener)
	u.SetUnlinkOnClose(true)
	return u, nil
}

// bind binds and listens. Two that find the same dead socket must not remove each other's,
// so only one at a time does this in a folder.
func bind(fd, kind int, w Where) error {
	addr := &unix.SockaddrUnix{Name: w.Path}
	if strings.HasPrefix(w.Path, "@") {
		if err := unix.Bind(fd, addr); err != nil {
			return err
		}
		return unix.Listen(fd, backlog)
	}
	folder, err := os.Open(filepath.Dir(w.Path))
	if err != nil {
		return err
	}
	defer folder.Close() // and so unlock
	lock(folder)
	err = unix.Bind(fd, addr)
	if errors.Is(err, unix.EADDRINUSE) {
		if err := removeDead(kind, addr); err != nil {
			return err
		}
		err = unix.Bind(fd, addr)
	}
	if err != nil {
		return err
	}
	if err := w.Admit(); err != nil {
		return errors.Join(err, os.Remove(w.Path))
	}
	return unix.Listen(fd, backlog)
}

// lock waits for the folder's lock, but not for ever: whoever may read the folder can
// hold it.
func lock(folder *os.File) {
	for range lockTries {
		if unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			return
		}
		time.Sleep(lockPause)
	}
}

// Admit has the owner and mode of a socket that exists be those of w.
func (w Where) Admit() error {
	if strings.HasPrefix(w.Path, "@") {
		return nil
	}
	if err := os.Lchown(w.Path, orSelf(w.Owner, os.Geteuid()), orSelf(w.Group, os.Getegid())); err != nil {
		return err
	}
	return os.Chmod(w.Path, cmp.Or(w.Mode, defaultMode))
}

func orSelf(id *int, self int) int {
	if id == nil {
		return self
	}
	return *id
}

// removeDead removes a socket on which nobody listens any more; an error says who does,
// or what else is there.
func removeDead(kind int, addr *unix.SockaddrUnix) error {
	if st, err := os.Lstat(addr.Name); err != nil {
		return err
	} else if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%w: what is there is no socket; remove it or choose another path", unix.EADDRINUSE)
	}
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.Connect(fd, addr); {
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(addr.Name)
	case err == nil:
		return fmt.Errorf("%w: %s serves there; stop it or choose another path", unix.EADDRINUSE, listener(fd))
	default: // it is alive and busy, or of another kind
		return fmt.Errorf("%w: another process serves there (%v); stop it or choose another path", unix.EADDRINUSE, err)
	}
}

// listener names the process at the other end of a connection.
func listener(fd int) string {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || cred.Pid == 0 {
		return "another process"
	}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cred.Pid)); err == nil {
		return fmt.Sprintf("process %d (%s)", cred.Pid, strings.TrimSpace(string(name)))
	}
	return fmt.Sprintf("process %d", cred.Pid)
}
