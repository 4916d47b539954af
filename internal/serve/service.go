package serve

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
)

const (
	roomBytes = 64 << 10 // of a message's room; a longer one is passed on in parts
	rooms     = 16       // messages taken at a time
	longest   = 16 << 20 // bytes of a message that echo takes; above it aborts
)

var errLong = errors.New("serve: message is too long to echo")

// Service listens on a port and serves every association there. Any goroutine may call any
// method.
type Service struct {
	dp      *dataplane.Dataplane
	serving sync.WaitGroup // listeners and associations

	mu       sync.Mutex // guards what follows
	does     config.Service
	listener *dataplane.Listener // nil: it does nothing
	open     map[*dataplane.Conn]struct{}
}

// Start begins to serve what the configuration asks for, which may be nothing.
func Start(d *dataplane.Dataplane, c config.Service) (*Service, error) {
	s := &Service{dp: d, open: map[*dataplane.Conn]struct{}{}}
	if err := s.Change(c); err != nil {
		return nil, err
	}
	return s, nil
}

// Change has associations that are accepted from now on served otherwise, at another port if
// that is asked for, or no more accepted; the others go on as they began. After an error
// nothing is changed.
func (s *Service) Change(c config.Service) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil && c.Kind != "" && s.does.Port == c.Port {
		s.does = c
		return nil
	}
	var next *dataplane.Listener
	if c.Kind != "" {
		var err error
		if next, err = s.dp.Listen(&dataplane.Addr{Port: c.Port}, nil); err != nil {
			return fmt.Errorf("listen on port %d: %w; choose another service.port", c.Port, err)
		}
		s.serving.Go(func() { s.accept(next) })
	}
	s.unlisten()
	s.listener, s.does = next, c
	return nil
}

// unlisten closes the listener, if there is one. The caller holds mu.
func (s *Service) unlisten() {
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
}

// String says what it serves, and where.
func (s *Service) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return "no service"
	}
	return fmt.Sprintf("%s on %s", s.does.Kind, s.listener.Addr())
}

// Close stops listening, aborts the associations that are left and waits for their end.
func (s *Service) Close() {
	s.mu.Lock()
	s.unlisten()
	for c := range s.open {
		_ = c.Abort("the service ends")
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// accept serves every association of l until that is closed.
func (s *Service) accept(l *dataplane.Listener) {
	for {
		c, err := l.AcceptSCTP()
		if err != nil {
			return
		}
		s.admit(l, c)
	}
}

// admit serves an association that l has accepted. If l was closed meanwhile, the association
// fares as those that nobody had taken from it.
func (s *Service) admit(l *dataplane.Listener, c *dataplane.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l != s.listener {
		_ = c.Abort("the service ends")
		return
	}
	does := s.does
	s.open[c] = struct{}{}
	s.serving.Go(func() {
		_ = handlers[does.Kind](c, does)
		_ = c.Close()
		<-c.Done()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	})
}

// handlers serve one association each, until it ends.
var handlers = map[string]func(*dataplane.Conn, config.Service) error{"echo": echo, "discard": discard, "chargen": chargen}

func newRooms() []dataplane.Message {
	batch := make([]dataplane.Message, rooms)
	for i := range batch {
		batch[i].Data = make([]byte, roomBytes)
	}
	return batch
}

// echo sends every message back on its stream (RFC 862).
func echo(c *dataplane.Conn, _ config.Service) error {
	in, out := newRooms(), make([]dataplane.Message, rooms)
	var part []byte // of a message that goes on: its rest comes next
	for {
		n, err := c.RecvBatch(in)
		ready := out[:0]
		for i := range in[:n] {
			m := &in[i]
			data := m.Data[:m.N]
			if m.More || len(part) > 0 {
				if part = append(part, data...); len(part) > longest {
					_ = c.Abort("message too long to echo")
					return errLong
				}
				if m.More {
					continue
				}
				data, part = part, nil
			}
			ready = append(ready, dataplane.Message{Data: data, Stream: m.Stream, PPID: m.PPID, Unordered: m.Unordered})
		}
		if serr := sendAll(c, ready); serr != nil {
			return serr
		}
		if errors.Is(err, dataplane.ErrPartialAborted) {
			part, err = nil, nil
		}
		if err != nil {
			return ended(err)
		}
	}
}

// discard throws every message away (RFC 863).
func discard(c *dataplane.Conn, _ config.Service) error {
	in := newRooms()
	for {
		if _, err := c.RecvBatch(in); err != nil && !errors.Is(err, dataplane.ErrPartialAborted) {
			return ended(err)
		}
	}
}

// chargen sends messages of printable characters until the peer has enough (RFC 864).
func chargen(c *dataplane.Conn, s config.Service) error {
	go func() { _ = discard(c, s) }()
	text := make([]byte, s.Length+95)
	for i := range text {
		text[i] = byte(' ' + i%95)
	}
	streams := s.Streams
	if info, err := c.Info(); err == nil {
		streams = max(1, min(streams, info.OutStreams))
	}
	batch := make([]dataplane.Message, rooms)
	for n := 0; ; {
		for i := range batch {
			batch[i] = dataplane.Message{Data: text[n%95:][:s.Length], Stream: uint16(n % streams)}
			n++
		}
		if err := sendAll(c, batch); err != nil {
			return ended(err)
		}
	}
}

func sendAll(c *dataplane.Conn, batch []dataplane.Message) error {
	for len(batch) > 0 {
		n, err := c.SendBatch(batch)
		if err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// ended is nil for the peer's graceful shutdown.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, dataplane.ErrShutdown) {
		return nil
	}
	return err
}
