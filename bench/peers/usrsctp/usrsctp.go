//go:build cgo && !nousrsctp

package usrsctp

/*
#cgo pkg-config: usrsctp
#cgo CFLAGS: -O2 -Wall
#include "driver.h"
*/
import "C"

import (
	"fmt"
	"syscall"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

// Sizes in bytes: the longest SCTP packet over IPv4; and the path MTU that makes it
// so in AF_CONN, where the library counts no header, not even SCTP's own.
const (
	longest = load.MTU - load.IPHeader
	pathMTU = longest - 12
)

// Run measures what s asks for; once per process, for the library keeps its state.
func Run(s load.Spec) (load.Sample, error) {
	var mode C.int
	switch s.Kind {
	case load.Stream:
		mode = C.UB_STREAM
	case load.Transact:
		mode = C.UB_TRANSACT
	case load.Setup:
		mode = C.UB_SETUP
	default:
		return load.Sample{}, fmt.Errorf("usrsctp: no measurement of %q", s.Kind)
	}
	if err := status("init", C.ub_init(number(s.Checksum), C.int(s.Buffer()), pathMTU)); err != nil {
		return load.Sample{}, err
	}
	if err := status("begin", C.ub_begin(mode, C.int(s.Assocs), C.int(s.Size), load.SetupWave)); err != nil {
		return load.Sample{}, err
	}
	m := load.Meter{
		Step:    func() uint64 { return uint64(C.ub_step()) },
		Packets: func() uint64 { return uint64(C.ub_packets()) },
		Resent:  func() uint64 { return uint64(C.ub_resent()) },
		Steps:   1,
	}
	sample, err := m.Run(s)
	switch {
	case err != nil:
	case C.ub_failed() != 0:
		err = status("run", -C.ub_failed())
	case C.ub_checksum_errors() != 0:
		err = fmt.Errorf("usrsctp: %d checksum errors", C.ub_checksum_errors())
	case s.Kind == load.Stream && s.Size > load.MTU && int(C.ub_longest()) < longest-16, int(C.ub_longest()) > longest:
		err = fmt.Errorf("usrsctp: longest packet has %d bytes, wanted about %d: the comparison is not fair", C.ub_longest(), longest)
	}
	return sample, err
}

func number(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

func status(what string, rc C.int) error {
	if rc == 0 {
		return nil
	}
	return fmt.Errorf("usrsctp: %s: %w", what, syscall.Errno(-rc))
}
