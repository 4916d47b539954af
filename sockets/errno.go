package sockets

import (
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// never is no deadline.
var never time.Time

// errnos are what Linux says where the dataplane gives these errors.
var errnos = []struct {
	err error
	no  unix.Errno
}{
	{dataplane.ErrShutdown, unix.EPIPE},
	{net.ErrClosed, unix.EPIPE},
	{sctpcore.ErrClosing, unix.EPIPE},
	{sctpcore.ErrNoAssociation, unix.ENOTCONN},
	{sctpcore.ErrNotUp, unix.ENOTCONN},
	{sctpcore.ErrMessageTooLong, unix.EMSGSIZE},
	{sctpcore.ErrExists, unix.EISCONN},
	{sctpcore.ErrLimit, unix.ENOBUFS},
	{sctpcore.ErrUnsupported, unix.EPERM},
	{sctpcore.ErrLastAddress, unix.EINVAL}, // RFC 6458, section 9.1; Linux has EBUSY
	{sctpcore.ErrPortInUse, unix.EADDRINUSE},
	// ErrStream, ErrEmpty, ErrAddress, ErrInvalid, ErrKey are EINVAL.
}

// errnoOf is the error number that a program gets; 0 for nil.
func errnoOf(err error) unix.Errno {
	var no unix.Errno
	var ended *dataplane.AssocError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &no):
		return no
	case errors.As(err, &ended):
		return endErrno(ended, true)
	}
	for _, e := range errnos {
		if errors.Is(err, e.err) {
			return e.no
		}
	}
	return unix.EINVAL
}

// endErrno is SO_ERROR after an association has ended; up tells whether it was ever up.
func endErrno(e *dataplane.AssocError, up bool) unix.Errno {
	switch {
	case e == nil:
		return 0
	case e.Reason == sctpcore.ReasonPeerAbort && !up:
		return unix.ECONNREFUSED
	}
	for _, no := range []unix.Errno{unix.ETIMEDOUT, unix.ECONNRESET, unix.ECONNABORTED, unix.EPROTO, unix.EHOSTUNREACH} {
		if e.Is(no) {
			return no
		}
	}
	return unix.ECONNABORTED
}
