package dataplane

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Errors of Conn and Dataplane beside net.ErrClosed, io.EOF,
// os.ErrDeadlineExceeded and those of sctpcore.
var (
	// ErrShutdown: the peer has begun to shut the association down; it takes
	// no more messages.
	ErrShutdown = errors.New("dataplane: the association is being shut down by the peer")
	// ErrPartialAborted: the peer restarted while a message was being received in
	// parts, whose rest will never come. The association goes on.
	ErrPartialAborted = errors.New("dataplane: the peer restarted: the rest of the message will not come")
)

// AssocError says why an association ended otherwise than by a graceful
// shutdown.
type AssocError struct {
	Reason sctpcore.Reason
	Cause  wire.CauseCode // the first error cause that the peer sent or was sent; 0 is none
}

// Error says the reason in words.
func (e *AssocError) Error() string {
	if e.Cause == 0 {
		return "sctp: association ended: " + e.Reason.String()
	}
	return fmt.Sprintf("sctp: association ended: %s (cause %d)", e.Reason, e.Cause)
}

// Timeout tells whether the association ended because nobody answered.
func (e *AssocError) Timeout() bool {
	return e.Reason == sctpcore.ReasonInitLimit || e.Reason == sctpcore.ReasonRetransLimit ||
		e.Reason == sctpcore.ReasonGuard
}

// Is maps the reason to the error number that a kernel's socket would give:
// ETIMEDOUT, ECONNRESET, ECONNABORTED, EPROTO or EHOSTUNREACH.
func (e *AssocError) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	if !ok {
		return false
	}
	switch e.Reason {
	case sctpcore.ReasonInitLimit, sctpcore.ReasonRetransLimit, sctpcore.ReasonGuard:
		return errno == syscall.ETIMEDOUT
	case sctpcore.ReasonPeerAbort:
		return errno == syscall.ECONNRESET
	case sctpcore.ReasonLocalAbort:
		return errno == syscall.ECONNABORTED
	case sctpcore.ReasonProtocol, sctpcore.ReasonStaleCookie:
		return errno == syscall.EPROTO
	case sctpcore.ReasonUnreachable:
		return errno == syscall.EHOSTUNREACH
	}
	return false
}
