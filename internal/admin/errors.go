package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrStopped is a daemon that ended, or answers no more, while it was asked.
var ErrStopped = errors.New("the daemon stopped answering")

// ErrAbsent is that no daemon listens.
var ErrAbsent = errors.New("no daemon")

// dialError is that nobody could be reached at a path.
type dialError struct {
	paths []string // all that were tried
	path  string
	err   error
}

func (e *dialError) Error() string {
	const start = "start one with `trunkline run -c FILE`"
	switch {
	case missing(e.err):
		return fmt.Sprintf("no daemon serves %s; %s, or name its socket with --control PATH or its configuration with -c FILE",
			strings.Join(e.paths, " or "), start)
	case errors.Is(e.err, unix.ECONNREFUSED):
		return fmt.Sprintf("no daemon serves %s any more, though its socket is there; %s", e.path, start)
	case errors.Is(e.err, fs.ErrPermission):
		return fmt.Sprintf("not allowed to connect to %s: %s; become one of those, or give control.mode and control.group in the daemon's configuration",
			e.path, admitted(e.path))
	case errors.Is(e.err, os.ErrDeadlineExceeded), errors.Is(e.err, context.DeadlineExceeded), errors.Is(e.err, unix.EAGAIN):
		return fmt.Sprintf("the daemon at %s takes no connection for %v; it hangs or has too many clients", e.path, dialTime)
	}
	return fmt.Sprintf("cannot connect to %s: %v", e.path, e.err)
}

func (e *dialError) Unwrap() error { return e.err }

// Is tells that a missing daemon is ErrAbsent.
func (e *dialError) Is(target error) bool {
	return target == ErrAbsent && (missing(e.err) || errors.Is(e.err, unix.ECONNREFUSED))
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// admitted says to whom a socket is open.
func admitted(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return "its folder is closed to this user"
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return "its mode is " + st.Mode().Perm().String()
	}
	owner, group := strconv.Itoa(int(sys.Uid)), strconv.Itoa(int(sys.Gid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("it is of user %s and group %s with mode %04o", owner, group, st.Mode().Perm())
}

// explain says in words of ours what net/http says of a connection.
func explain(ctx context.Context, err error) error {
	var dial *dialError
	if errors.As(err, &dial) {
		return dial
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: nothing came for %v; it hangs or is stopped", ErrStopped, askTime)
	}
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	return fmt.Errorf("%w: %w", ErrStopped, err)
}
