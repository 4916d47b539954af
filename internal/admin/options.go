package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/unixsock"
)

// Options are where a server listens, and what it shows and does. Its functions and
// handlers are called by many goroutines at once; what has no handler is answered with 404.
type Options struct {
	Control *unixsock.Where // nil: no unix socket
	HTTP    netip.AddrPort  // invalid: no TCP
	// Token is what HTTP asks of everybody, "" for nothing: Host must be a name of the
	// loopback then, so that no page of the internet reaches us by a name of its own.
	Token string

	Observer *observe.Observer
	Metrics  http.Handler
	Page     http.Handler

	// On the control socket only:
	Capture http.Handler
	// Reload says what it changed, or why nothing.
	Reload func(context.Context) (changed []string, err error)

	Logger *slog.Logger // nil is silence

	headerTime time.Duration // in place of the constant, where a test waits for it
}
