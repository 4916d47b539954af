package pion

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/sctp"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

// turn is how long a step waits while the library's goroutines work.
const turn = time.Millisecond

// Run measures what s asks for.
func Run(s load.Spec) (load.Sample, error) {
	var count atomic.Uint64
	w := worker{spec: s, count: &count, failed: make(chan error, 8*s.Assocs+2*load.SetupWave)}
	var err error
	switch s.Kind {
	case load.Stream:
		err = w.pairs(w.stream)
	case load.Transact:
		err = w.pairs(w.transact)
	case load.Setup:
		for range load.SetupWave {
			go w.setup()
		}
	default:
		err = fmt.Errorf("pion: no measurement of %q", s.Kind)
	}
	if err != nil {
		return load.Sample{}, err
	}
	m := load.Meter{Step: func() uint64 { time.Sleep(turn); return count.Load() }, Steps: 1}
	sample, err := m.Run(s)
	select {
	case failure := <-w.failed:
		err = errors.Join(failure, err)
	default:
	}
	return sample, err
}

// worker makes associations and moves messages; count counts operations.
type worker struct {
	spec   load.Spec
	count  *atomic.Uint64
	failed chan error
}

func (w *worker) options(c *conn) []sctp.AssociationOption {
	return []sctp.AssociationOption{
		sctp.WithNetConn(c), sctp.WithLoggerFactory(logging.NewDefaultLoggerFactory()), sctp.WithMTU(load.MTU - load.IPHeader),
		sctp.WithMaxReceiveBufferSize(uint32(w.spec.Buffer())), sctp.WithMaxMessageSize(uint32(w.spec.Buffer())),
		sctp.WithEnableZeroChecksum(!w.spec.Checksum),
	}
}

func (w *worker) server(c *conn) (*sctp.Association, error) {
	var o []sctp.ServerOption
	for _, x := range w.options(c) {
		o = append(o, x)
	}
	return sctp.ServerWithOptions(o...)
}

func (w *worker) client(c *conn) (*sctp.Association, error) {
	var o []sctp.ClientOption
	for _, x := range w.options(c) {
		o = append(o, x)
	}
	return sctp.ClientWithOptions(o...)
}

// dial makes two associated ends.
func (w *worker) dial() (client, server *sctp.Association, err error) {
	a, b := newPipe()
	type result struct {
		assoc *sctp.Association
		err   error
	}
	other := make(chan result, 1)
	go func() {
		s, err := w.server(b)
		other <- result{s, err}
	}()
	client, err = w.client(a)
	r := <-other
	return client, r.assoc, errors.Join(err, r.err)
}

// pairs sets all associations up, and gives each the two ends of a stream.
func (w *worker) pairs(work func(client, server *sctp.Stream)) error {
	for range w.spec.Assocs {
		c, s, err := w.dial()
		if err != nil {
			return err
		}
		client, err := c.OpenStream(1, sctp.PayloadTypeWebRTCBinary)
		if err != nil {
			return err
		}
		// The first message makes the stream known to the other end.
		if _, err := client.Write([]byte{0}); err != nil {
			return err
		}
		server, err := s.AcceptStream()
		if err != nil {
			return err
		}
		if _, err := server.Read(make([]byte, w.spec.Size+1)); err != nil {
			return err
		}
		work(client, server)
	}
	return nil
}

// loop repeats f in a goroutine of its own until it fails.
func (w *worker) loop(f func() error) {
	go func() {
		for {
			if err := f(); err != nil {
				w.failed <- err
				return
			}
		}
	}()
}

func (w *worker) stream(client, server *sctp.Stream) {
	out, in := make([]byte, w.spec.Size), make([]byte, w.spec.Size)
	// A write does not wait: without a bound of ours it would queue without end.
	limit := uint64(w.spec.Buffer())
	room := make(chan struct{}, 1)
	client.SetBufferedAmountLowThreshold(limit / 2)
	client.OnBufferedAmountLow(func() {
		select {
		case room <- struct{}{}:
		default:
		}
	})
	w.loop(func() error {
		for client.BufferedAmount()+uint64(len(out)) > limit {
			<-room
		}
		_, err := client.Write(out)
		return err
	})
	w.loop(func() error {
		_, err := server.Read(in)
		w.count.Add(1)
		return err
	})
}

func (w *worker) transact(client, server *sctp.Stream) {
	out, in, response := make([]byte, w.spec.Size), make([]byte, w.spec.Size), make([]byte, w.spec.Size)
	w.loop(func() error {
		_, err := client.Write(out)
		if err == nil {
			_, err = client.Read(response)
			w.count.Add(1)
		}
		return err
	})
	w.loop(func() error {
		_, err := server.Read(in)
		if err == nil {
			_, err = server.Write(in)
		}
		return err
	})
}

// setup sets up and shuts down one association after the other.
func (w *worker) setup() {
	w.loop(func() error {
		c, s, err := w.dial()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = c.Shutdown(ctx)
		_ = s.Close() // it has been shut down; this only ends its goroutines
		_ = c.Close()
		w.count.Add(1)
		return err
	})
}
