package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/nic"
)

// WakeFDs implements nic.Port. Frames wake a thread on rings, on kernel
// interfaces (the PMD's sockets are readable), and where the PMD has interrupts
// of rx queues: vhost, tap and most NICs. memif, virtio-user, pcap and null can
// only be polled.
func (p *Port) WakeFDs(queue int, fds []int) ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() || uint(queue) >= uint(len(p.rx)) {
		return fds, nic.ErrNotSupported
	}
	frames := -1
	switch {
	case p.wire != nil:
	case len(p.sockets.fds) == len(p.rx):
		frames = p.sockets.fds[queue]
	default:
		frames = int(C.tl_wake_fd(p.rx[queue].h))
	}
	if frames < 0 && p.wire == nil {
		return fds, nic.ErrNotSupported
	}
	bell := int(C.tl_wake_bell(p.rx[queue].h))
	if bell < 0 {
		return fds, fmt.Errorf("dpdk: port %s: eventfd: %w", p.spec.Name, syscall.Errno(-bell))
	}
	had := len(fds)
	for _, fd := range []int{bell, frames} {
		if fd < 0 {
			continue
		}
		dup, err := nic.DupFD(fd)
		if err != nil {
			for _, fd := range fds[had:] {
				_ = unix.Close(fd)
			}
			return fds[:had], fmt.Errorf("dpdk: port %s: %w", p.spec.Name, err)
		}
		fds = append(fds, dup)
	}
	return fds, nil
}

// ArmWake implements nic.Port.
func (p *Port) ArmWake(queue int, on bool) error {
	if uint(queue) >= uint(len(p.rx)) {
		return nic.ErrNotSupported
	}
	if rc := C.tl_wake_arm(p.rx[queue].h, C.int(flag(on))); rc != 0 {
		return nic.ErrNotSupported
	}
	return nil
}
