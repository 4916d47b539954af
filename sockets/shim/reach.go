package shim

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Reach returns an error that says what to do where no server is on socket, or this user may not use it:
// a program would only see socket() fail.
func Reach(socket string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: socket})
	switch {
	case err == nil || errors.Is(err, unix.EAGAIN): // it is busy
		return nil
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s: %w%s; run the program as one who may, or change `owner`, `group` or `mode` of `sockets` in the configuration", socket, err, allowed(socket))
	default:
		return fmt.Errorf("nobody serves sockets at %s: %w; start `trunkline run` with `sockets` in its configuration, or use --solo", socket, err)
	}
}

// allowed tells whose the sockets are, if that can be seen.
func allowed(socket string) string {
	var st unix.Stat_t
	if strings.HasPrefix(socket, "@") || unix.Lstat(socket, &st) != nil {
		return ""
	}
	owner, group := strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	if st.Mode&0o020 == 0 {
		return "; they are for user " + owner
	}
	return "; they are for user " + owner + " and group " + group
}
