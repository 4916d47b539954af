package capture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/trunkline-sctp/trunkline/nic/pcap"
)

const (
	// path is where Handler is mounted.
	path = "/v1/capture"
	// lastWords is how long Save waits for statistics after it was told to end.
	lastWords = 3 * statisticsTime
)

// Summary is what became of a capture.
type Summary struct {
	Captured uint64 // frames that were written
	Filtered uint64 // that the filter refused
	Missed   uint64 // that nobody took in time
	Why      string // it ended
}

// Open asks the daemon for a stream, which ends when the context is done.
type Open func(ctx context.Context, path string, v url.Values) (io.ReadCloser, error)

// Save captures until the request's bounds or the end of ctx, to what create gives once
// the daemon has agreed; nobody closes that. Whole blocks are written, each as soon as it
// is there, so what is written is a valid file whenever it ends. An error of the daemon or of
// writing comes with the Summary so far.
func Save(ctx context.Context, open Open, r Request, create func() (io.Writer, error)) (Summary, error) {
	asked, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := saver{}
	stop := context.AfterFunc(ctx, func() {
		s.stopped.Store(time.Now().UnixNano())
		if !s.open.Load() {
			cancel()
		}
		time.AfterFunc(lastWords, cancel)
	})
	defer stop()
	in, err := open(asked, path, r.values())
	if err != nil {
		if ctx.Err() != nil {
			return Summary{Why: interrupted}, nil
		}
		return Summary{}, err
	}
	defer in.Close()
	s.open.Store(true)
	w, err := create()
	if err != nil {
		return Summary{}, err
	}
	s.in, s.out = bufio.NewReaderSize(in, 64<<10), bufio.NewWriterSize(w, 64<<10)
	err = s.copy()
	if flushed := s.out.Flush(); err == nil {
		err = flushed
	}
	if errors.Is(err, syscall.EPIPE) {
		s.why, err = "its reader has ended", nil
	}
	return s.summary(), err
}

const interrupted = "interrupted"

// saver writes a stream to a file.
type saver struct {
	in      *bufio.Reader
	out     *bufio.Writer
	open    atomic.Bool
	stopped atomic.Int64 // when it was told to end, in ns since 1970; 0 is not yet

	block    pcap.Block
	captured uint64
	counts   []pcap.Statistics // by interface
	why      string
}

func (s *saver) summary() Summary {
	sum := Summary{Captured: s.captured, Why: s.why}
	for _, c := range s.counts {
		sum.Filtered += c.Received - c.Accepted
		sum.Missed += c.Dropped
	}
	return sum
}

// copy writes whole blocks until the stream ends, or it is to stop and has statistics of then:
// what came before is in the file.
func (s *saver) copy() error {
	for {
		var err error
		s.block, err = pcap.ReadBlock(s.in, s.block)
		switch {
		case err != nil && s.why != "":
			return nil
		case err != nil && s.stopped.Load() != 0:
			s.why = interrupted
			return nil
		case err != nil:
			return fmt.Errorf("the daemon ended without a word: %w", err)
		}
		until, last := s.take()
		if _, err := s.out.Write(s.block); err != nil {
			return err
		}
		if at := s.stopped.Load(); last && s.why == "" && at != 0 && until.UnixNano() >= at {
			s.why = interrupted
			return nil
		}
		if s.in.Buffered() == 0 {
			if err := s.out.Flush(); err != nil {
				return err
			}
		}
	}
}

// take looks at a block; it tells whether it is statistics of the last interface, and until when.
func (s *saver) take() (until time.Time, last bool) {
	i, st, counts := s.block.Statistics()
	switch {
	case s.block.IsInterface():
		s.counts = append(s.counts, pcap.Statistics{})
	case s.block.IsFrame():
		s.captured++
	case counts && i < len(s.counts):
		s.counts[i] = st
		s.why = strings.TrimPrefix(st.Comment, endedBy)
		return st.Until, i == len(s.counts)-1
	}
	return until, false
}
