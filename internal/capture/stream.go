package capture

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/pcap"
)

const (
	// pause is the sleep between two looks at the tap, whose buffers must last so long.
	pause = 2 * time.Millisecond
	// statisticsTime is how often a stream has statistics: a client that ends it knows them
	// up to then, and both sides see that the other is there.
	statisticsTime = time.Second
	// turn is how many frames are written before other things are looked at.
	turn = 1024
)

// stream is one capture on its way to a client. One goroutine.
type stream struct {
	tap       *dataplane.Tap
	request   Request
	file      *pcap.File
	delivered []uint64 // frames, by port
	count     int64
}

// newStream writes the header.
func newStream(tap *dataplane.Tap, ports []nic.Info, request Request, w io.Writer) (*stream, error) {
	s := &stream{tap: tap, request: request, delivered: make([]uint64, len(ports))}
	interfaces := make([]pcap.Interface, len(ports))
	for i, p := range ports {
		interfaces[i] = pcap.Interface{Name: p.Name, Description: p.Driver, Filter: request.Filter, SnapLen: request.Snap, RawIP: i == len(ports)-1}
	}
	var err error
	s.file, err = pcap.NewFile(w, interfaces...)
	return s, err
}

// run writes until the capture ends, and then why. An error is the client's.
func (s *stream) run(ctx context.Context) error {
	look, statistics := time.NewTicker(pause), time.NewTicker(statisticsTime)
	defer look.Stop()
	defer statistics.Stop()
	var over <-chan time.Time
	if s.request.Time > 0 {
		timer := time.NewTimer(s.request.Time)
		defer timer.Stop()
		over = timer.C
	}
	for due := false; ; {
		began := time.Now()
		why, err := s.drain(turn)
		if err != nil {
			return err
		}
		if why != "" {
			return s.end(why)
		}
		if due {
			if err := s.statistics(began, ""); err != nil {
				return err
			}
		}
		due = false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.tap.Done():
			if why, err = s.drain(1 << 30); err != nil {
				return err
			}
			if why == "" {
				why = "the daemon ended"
			}
			return s.end(why)
		case <-over:
			return s.end(fmt.Sprintf("%v are over", s.request.Time))
		case <-statistics.C:
			due = true // of what is there now
		case <-look.C:
		}
	}
}

// drain writes what waits, at most so many frames; why is not empty when a bound is
// reached.
func (s *stream) drain(frames int) (why string, err error) {
	for range frames {
		f, ok := s.tap.Next()
		if !ok {
			break
		}
		if err := s.file.Write(&pcap.Frame{Interface: f.Port, Time: f.Time, Data: f.Data, Length: f.Length, Tx: f.Tx, Comment: comment(f.Drops)}); err != nil {
			return "", err
		}
		s.delivered[f.Port]++
		s.count++
		switch {
		case s.count == s.request.Count:
			return fmt.Sprintf("%d frames are there", s.count), nil
		case s.request.Bytes > 0 && s.file.Size() >= s.request.Bytes:
			return fmt.Sprintf("%d bytes are there", s.request.Bytes), nil
		}
	}
	if s.file.Waiting() == 0 {
		return "", nil
	}
	return "", s.file.Flush()
}

// comment says why a frame was dropped.
func comment(codes dataplane.DropCodes) string {
	if !codes.Any() {
		return ""
	}
	var names []string
	for _, c := range codes.All() {
		names = append(names, c.String())
	}
	return "dropped: " + strings.Join(names, ", ")
}

// end writes the last statistics.
func (s *stream) end(why string) error { return s.statistics(time.Now(), endedBy+why) }

// endedBy begins the comment of a capture's last statistics.
const endedBy = "ended: "

// statistics writes those of every interface, the last with a comment. What was copied before
// until has been written.
func (s *stream) statistics(until time.Time, comment string) error {
	st := pcap.Statistics{Until: until}
	for i, n := range s.delivered {
		c := s.tap.Count(i)
		st.Delivered, st.Dropped, st.Accepted, st.Received = n, c.Missed, n+c.Missed, n+c.Missed+c.Filtered
		if i == len(s.delivered)-1 {
			st.Comment = comment
		}
		if err := s.file.Statistics(i, &st); err != nil {
			return err
		}
	}
	return s.file.Flush()
}
