package solo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Command is what Join runs this program with, a name behind it: it is to call Serve.
const Command = "solo-dataplane"

// startWithin is how long a dataplane may take to begin, and a join to be heard.
const startWithin = 20 * time.Second

var names = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// place is where a dataplane is met.
type place struct{ lock, sockets, members, log string }

// placeOf makes the folder of a user's dataplanes and says where the one with a name is.
func placeOf(name string) (*place, error) {
	if !names.MatchString(name) || name[0] == '.' {
		return nil, fmt.Errorf("a solo dataplane's name is 1 to 40 letters, digits, dots, dashes and underscores: %q", name)
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("trunkline-solo-%d", os.Geteuid()))
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		dir = filepath.Join(run, "trunkline-solo")
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0 {
		return nil, fmt.Errorf("%s must be a folder of yours that nobody else can write to: remove it, or set XDG_RUNTIME_DIR", dir)
	}
	at := func(ext string) string { return filepath.Join(dir, name+ext) }
	return &place{at(".lock"), at(".sock"), at(".members"), at(".log")}, nil
}

// Join makes this process, which may go on as another program (exec), a member of the
// dataplane with the name, and begins that if there is none. It returns the path of
// its sockets server.
func Join(name string) (socket string, err error) {
	p, err := placeOf(name)
	if err != nil {
		return "", err
	}
	lock, err := lockFile(p.lock)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if p.join() == nil {
		return p.sockets, nil
	}
	if err := p.start(name); err != nil {
		return "", fmt.Errorf("solo dataplane %s: %w", name, err)
	}
	if err := p.join(); err != nil {
		return "", fmt.Errorf("solo dataplane %s has ended at once; see %s: %w", name, p.log, err)
	}
	return p.sockets, nil
}

// lockFile makes a file and waits until nobody else has it locked. Whoever has it may
// remove it; those who waited then make another.
func lockFile(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		}
		if err != nil {
			_ = f.Close()
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		mine, err := f.Stat()
		if there, e := os.Stat(path); err == nil && e == nil && os.SameFile(mine, there) {
			return f, nil
		}
		_ = f.Close()
	}
}

// join connects to the members' socket and waits for the byte that says that this
// process is known.
func (p *place) join() error {
	c, err := net.DialTimeout("unix", p.members, startWithin)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(startWithin))
	_, err = c.Read(make([]byte, 1))
	return err
}

// start runs the dataplane in a process and session of its own, and waits until it
// closes the pipe that it is given: then it serves, or it has failed.
func (p *place) start(name string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		_ = w.Close()
		return err
	}
	defer log.Close()
	c := exec.Command(self, Command, name)
	c.Stdout, c.Stderr, c.Dir = log, log, "/"
	c.ExtraFiles = []*os.File{w}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = c.Start()
	_ = w.Close()
	if err != nil {
		return err
	}
	_ = r.SetReadDeadline(time.Now().Add(startWithin))
	if n, _ := r.Read(make([]byte, 1)); n != 1 {
		return fmt.Errorf("it did not start; see %s", p.log)
	}
	return c.Process.Release()
}
