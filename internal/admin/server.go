package admin

import (
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
	servers []*http.Server
	addr    net.Addr // of HTTP
	stop    context.CancelFunc
	work    sync.WaitGroup
}

// Listen serves until Close. The error says where it could not, and why.
func Listen(opt Options) (*Server, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{opt: opt, stop: stop}
	if err := s.listen(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context) error {
	if w := s.opt.Control; w != nil {
		l, err := unixsock.Listen(unix.SOCK_STREAM, *w)
		if err != nil {
			return fmt.Errorf("%w at %s: %w", ErrControl, w.Path, err)
		}
		s.serve(ctx, l, s.controlHandler())
	}
	if s.opt.HTTP.IsValid() {
		l, err := net.Listen("tcp", s.opt.HTTP.String())
		if err != nil {
			return fmt.Errorf("http: %w; choose another http.listen", err)
		}
		s.addr = l.Addr()
		s.serve(ctx, l, s.httpHandler())
	}
	return nil
}

// Addr is where HTTP is served, nil if it is not.
func (s *Server) Addr() net.Addr { return s.addr }

func (s *Server) serve(ctx context.Context, l net.Listener, h http.Handler) {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.opt.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.servers = append(s.servers, srv)
	s.work.Go(func() {
		if err := srv.Serve(&limited{Listener: l}); !errors.Is(err, http.ErrServerClosed) {
			s.opt.Logger.Error("admin server ended", "at", l.Addr().String(), "error", err)
		}
	})
}

// Close ends it: followers at once, answers under way when they are written or a second
// has passed.
func (s *Server) Close() error {
	s.stop()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	for _, srv := range s.servers {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
	s.work.Wait()
	return nil
}
