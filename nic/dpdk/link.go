package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/trunkline-sctp/trunkline/nic"
)

// Link implements nic.Port. It is one load where changes are told to us, and
// one C call (30 to 80 ns) else.
func (p *Port) Link() nic.Link {
	if p.polled && !p.closed.Load() {
		C.tl_link_poll(p.h)
		if p.tend != nil && p.c.unprimed != 0 {
			p.prime()
		}
	}
	v := atomic.LoadUint64(p.link)
	return nic.Link{Up: v&1 != 0, SpeedMbps: uint32(v >> 32), Changes: uint32(v) >> 1}
}

// prime has a memif client that came up lend its buffers. Where a control call
// is under way, the next Link will do.
func (p *Port) prime() {
	if p.mu.TryLock() {
		if !p.closed.Load() {
			C.tl_link_prime(p.c)
		}
		p.mu.Unlock()
	}
}

// SetLink implements nic.Port. While the link is down administratively nothing
// is received and what is sent is dropped, whatever the device does. A device
// that cannot take its link down is stopped instead; a port on a kernel
// interface sets that interface up or down, which needs CAP_NET_ADMIN. The far
// end sees it with rings, memif, virtio-user, kernel interfaces and most NICs.
func (p *Port) SetLink(up bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return fmt.Errorf("dpdk: port %s is closed", p.spec.Name)
	}
	if p.watch != nil {
		return p.setInterface(up)
	}
	if up == p.adminUp() {
		return nil
	}
	if rc := C.tl_link_admin(p.c, C.int(flag(up)), 1); rc != 0 {
		if e := syscall.Errno(-rc); e == syscall.ENOTSUP {
			return nic.ErrNotSupported
		} else {
			return fmt.Errorf("dpdk: port %s: setting the link: %w", p.spec.Name, e)
		}
	}
	p.wire.peerDown(p, !up)
	return nil
}

func (p *Port) adminUp() bool { return p.c.admin != 0 }

// setInterface closes the gate before the interface goes down and opens it
// after it came up.
func (p *Port) setInterface(up bool) error {
	if !up {
		C.tl_link_admin(p.c, 0, 0)
	}
	if err := p.watch.set(up); err != nil {
		C.tl_link_admin(p.c, 1, 0)
		return fmt.Errorf("dpdk: port %s: %w", p.spec.Name, err)
	}
	if up {
		C.tl_link_admin(p.c, 1, 0)
	}
	return nil
}

// tendInterval is how often a memif client without a server tries again.
const tendInterval = 100 * time.Millisecond

// tend is the goroutine that reconnects a memif client: the PMD connects only
// when it is started.
type tend struct {
	stop, done chan struct{}
}

func (p *Port) startTending() {
	if p.dev.kind != kindMemif || isMemifServer(p.dev) {
		return
	}
	p.tend = &tend{stop: make(chan struct{}), done: make(chan struct{})}
	go p.tendClient(p.tend)
}

func (p *Port) stopTending() {
	if p.tend != nil {
		close(p.tend.stop)
		<-p.tend.done
	}
}

func (p *Port) tendClient(t *tend) {
	defer close(t.done)
	tick := time.NewTicker(tendInterval)
	defer tick.Stop()
	for down := 0; ; {
		select {
		case <-t.stop:
			return
		case <-tick.C:
		}
		if p.Link().Up {
			down = 0
			continue
		}
		// Down at two looks: a connection that is being made needs a moment.
		if down++; down < 2 {
			continue
		}
		down = 0
		p.mu.Lock()
		if p.adminUp() && !p.closed.Load() {
			C.tl_link_restart(p.c)
		}
		p.mu.Unlock()
	}
}
