package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/nic/pcap"
)

// captureRate is the messages per second of a run with captures that asks for
// no other: at full rate the files would grow by hundreds of megabytes a second.
const captureRate = 2000

// kept is a port that is the rig's to close.
type kept struct{ nic.Port }

// Close leaves the port open.
func (kept) Close() error { return nil }

// captured wraps a port with a capture into a file of its own if one is
// wanted. It sits below the faults: what they swallow was never on the wire.
func (s *show) captured(p nic.Port, name string) (nic.Port, error) {
	if s.opt.Capture == "" {
		return p, nil
	}
	if err := os.MkdirAll(s.opt.Capture, 0o755); err != nil {
		return nil, fmt.Errorf("--capture: %w", err)
	}
	path := filepath.Join(s.opt.Capture, name+".pcapng")
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--capture: %w", err)
	}
	s.onClose(file.Close)
	c, err := pcap.Wrap(kept{p}, file, pcap.Options{Clock: s.clock})
	if err != nil {
		return nil, fmt.Errorf("--capture: %s: %w", path, err)
	}
	s.onClose(func() error {
		if n := c.Dropped(); n > 0 {
			return errors.Join(c.Close(), fmt.Errorf("--capture: %s lacks %d frames: the disk is too slow; lower --rate", path, n))
		}
		return c.Close()
	})
	return c, nil
}
