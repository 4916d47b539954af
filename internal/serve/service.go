package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
)

const (
	roomBytes = 64 << 10 // of a message's room; a longer one is passed on in parts
	rooms     = 16       // messages taken at a time
	// goodbye is how long associations may take to shut down gracefully when
	// the service ends; then they are aborted.
	goodbye = 5 * time.Second
	longest = 16 << 20 // bytes of a message that echo takes; above it aborts
)

var errLong = errors.New("serve: message is too long to echo")

// Run runs what the configuration asks for, a service, sockets for other programs or
// both, until ctx is done.
func Run(ctx context.Context, f *config.File, out, log io.Writer) error {
	handlers := map[string]func(*dataplane.Conn, config.Service) error{"echo": echo, "discard": discard, "chargen": chargen}
	handle := handlers[f.Service.Kind]
	if handle == nil && f.Sockets.Path == "" {
		return fmt.Errorf("%s: nothing to serve; add `sockets: {}` for programs, or `service: {kind: echo}` (or discard, chargen)", f.Path)
	}
	return With(f, log, func(d *dataplane.Dataplane) error {
		if f.Sockets.Path != "" {
			s, err := serveSockets(d, f, log)
			if err != nil {
				return err
			}
			defer s.Close()
			fmt.Fprintf(out, "sockets on %s\n", f.Sockets.Path)
		}
		if handle == nil {
			<-ctx.Done()
			return nil
		}
		l, err := d.Listen(&dataplane.Addr{Port: f.Service.Port}, nil)
		if err != nil {
			return fmt.Errorf("listen on port %d: %w; choose another service.port", f.Service.Port, err)
		}
		fmt.Fprintf(out, "%s on %s\n", f.Service.Kind, l.Addr())
		return accept(ctx, l, func(c *dataplane.Conn) { _ = handle(c, f.Service) })
	})
}

// accept serves every association of l with serve until ctx is done, then shuts
// down gracefully what is open.
func accept(ctx context.Context, l *dataplane.Listener, serve func(*dataplane.Conn)) error {
	unhook := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer unhook()
	defer l.Close()
	var mu sync.Mutex
	open := map[*dataplane.Conn]struct{}{}
	var running sync.WaitGroup
	var failure error
	for {
		c, err := l.AcceptSCTP()
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				failure = fmt.Errorf("accept: %w", err)
			}
			break
		}
		mu.Lock()
		open[c] = struct{}{}
		mu.Unlock()
		running.Go(func() {
			serve(c)
			_ = c.Close()
			<-c.Done()
			mu.Lock()
			delete(open, c)
			mu.Unlock()
		})
	}
	each := func(f func(*dataplane.Conn)) {
		mu.Lock()
		defer mu.Unlock()
		for c := range open {
			f(c)
		}
	}
	each(func(c *dataplane.Conn) { _ = c.Close() })
	impatient := time.AfterFunc(goodbye, func() { each(func(c *dataplane.Conn) { _ = c.Abort("the service ends") }) })
	defer impatient.Stop()
	running.Wait()
	return failure
}

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
