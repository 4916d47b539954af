package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/internal/unixsock"
)

// Bounds of what clients can take.
const (
	maxConnections = 128     // of each listener
	maxFollowers   = 64      // of them that follow events or a capture, so that others get an answer
	maxAnswers     = 4       // made at a time by each listener: one may be some MiB
	maxHeader      = 8 << 10 // bytes
)

// Patience with clients.
const (
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	turnTime   = 10 * time.Second // until an answer can be made
	answerTime = 30 * time.Second // until it is read, from the request on
	idleTime   = time.Minute
	closeTime  = time.Second // for answers under way at the end
)

// ErrControl is what Listen gives, wrapped, if it is the control socket that cannot be.
var ErrControl = errors.New("control: cannot serve")

// Server is a running one.
type Server struct {
	opt     Options
	ctx     context.Context // of all requests
	stop    context.CancelFunc
	work    sync.WaitGroup
	control *http.Server // nil: not served

	mu  sync.Mutex
	web *web // nil: not served
}

// Listen serves until Close. The error says where it could not, and why.
func Listen(opt Options) (*Server, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{opt: opt}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) listen() error {
	if w := s.opt.Control; w != nil {
		l, err := unixsock.Listen(unix.SOCK_STREAM, *w)
		if err != nil {
			return fmt.Errorf("%w at %s: %w", ErrControl, w.Path, err)
		}
		s.control = s.serve(l, s.controlHandler())
	}
	return s.SetHTTP(s.opt.HTTP, s.opt.Token)
}

func (s *Server) serve(l net.Listener, h http.Handler) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: cmp.Or(s.opt.headerTime, headerTime),
		ReadTimeout:       readTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.opt.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
	}
	s.work.Go(func() {
		if err := srv.Serve(&limited{Listener: l}); !errors.Is(err, http.ErrServerClosed) {
			s.opt.Logger.Error("admin server ended", "at", l.Addr().String(), "error", err)
		}
	})
	return srv
}

// Close ends it: followers at once, answers under way when they are written or a second
// has passed.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	if s.control != nil {
		shut(s.control)
	}
	if s.web != nil {
		shut(s.web.srv)
	}
	s.work.Wait()
	return nil
}

// shut stops listening at once, and waits for answers under way for a while.
func shut(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close()
	}
}
