package dpdk

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// EAL is DPDK's environment in this process: there is one. Any goroutine may
// call any method.
type EAL struct {
	opt  Options
	huge bool
	why  string

	mu      sync.Mutex
	closed  bool
	ports   []*Port
	retired []*pool // of closed ports, with packets still out
	serial  int     // for names
}

var (
	ealMu  sync.Mutex
	eal    *EAL
	ealErr error // the first Init failed: DPDK cannot be tried again
)

// Init starts DPDK. It can be done once per process: a second call with the
// same options gives the same EAL, with others an error, as does any call
// after a failure inside DPDK or after Close.
func Init(o Options) (*EAL, error) {
	ealMu.Lock()
	defer ealMu.Unlock()
	if ealErr != nil {
		return nil, fmt.Errorf("dpdk: cannot be started twice in a process, and the first time failed: %w", ealErr)
	}
	if eal != nil {
		if eal.isClosed() {
			return nil, errors.New("dpdk: closed; it can be started only once in a process")
		}
		if !eal.opt.equal(&o) {
			return nil, fmt.Errorf("dpdk: already started with other options (%+v, now %+v); the options of a process are fixed", eal.opt, o)
		}
		return eal, nil
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	huge, err := o.chooseHuge(hugeSizes(hugeDir), hugeSize.try)
	if err != nil {
		return nil, err
	}
	cpus, err := mainCPUs(o.MainCPUs)
	if err != nil {
		return nil, err
	}
	if err := start(o.arguments(huge.use, cpus), o.LogLevel != ""); err != nil {
		ealErr = err
		return nil, err
	}
	o.MainCPUs = slices.Clone(o.MainCPUs)
	eal = &EAL{opt: o, huge: huge.use, why: o.memoryText(huge)}
	return eal, nil
}

// mainCPUs are the processors asked for, all of which the process must have,
// or all that it has.
func mainCPUs(asked []int) ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("dpdk: sched_getaffinity: %w", err)
	}
	if len(asked) == 0 {
		var all []int
		for c := range 1024 {
			if set.IsSet(c) {
				all = append(all, c)
			}
		}
		return all, nil
	}
	for _, c := range asked {
		if !set.IsSet(c) {
			return nil, fmt.Errorf("dpdk: MainCPUs: processor %d does not exist or is not allowed to this process (see taskset -p)", c)
		}
	}
	return asked, nil
}

// start calls rte_eal_init on a thread that dies afterwards: DPDK pins its
// caller, and threads made later would inherit that.
func start(args []string, echo bool) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		argv := make([]*C.char, len(args)+1)
		for i, a := range args {
			argv[i] = C.CString(a)
		}
		var pin runtime.Pinner
		defer pin.Unpin()
		pin.Pin(&argv[0])
		e := 0
		if echo {
			e = 1
		}
		C.tl_log_capture(C.int(e))
		var ce C.struct_tl_error
		if C.tl_init(C.int(len(args)), &argv[0], &ce) != 0 {
			done <- fmt.Errorf("dpdk: %w", wrap(&ce, "started as: "+strings.Join(args[1:], " ")))
			return
		}
		done <- nil // DPDK keeps pointers into argv: it is never freed
	}()
	return <-done
}

// HugePages is whether DPDK's memory is in hugepages.
func (e *EAL) HugePages() bool { return e.huge }

// Memory says in words what memory DPDK uses, and why.
func (e *EAL) Memory() string { return e.why }

func (e *EAL) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// Close closes the ports that are still open, for good. Its error tells of
// packets that were never freed.
//
// DPDK's own memory and threads stay until the process ends: rte_eal_cleanup
// unmaps the memory under the interrupt thread, which then crashes. Nothing
// outlives the process, since all of it is anonymous.
func (e *EAL) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	ports := slices.Clone(e.ports)
	e.mu.Unlock()

	var errs []error
	for _, p := range inClosingOrder(ports) {
		errs = append(errs, p.Close())
	}
	if n := e.Leaked(); n > 0 {
		errs = append(errs, fmt.Errorf("dpdk: %d packets of closed ports were never freed", n))
	}
	return errors.Join(errs...)
}

// Leaked is how many packets of closed ports somebody still holds. Their pools
// go when the last is freed and a port is closed or this is called.
func (e *EAL) Leaked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sweep()
}

// sweep deletes the retired pools whose packets are all home, and counts those
// that are not. e.mu is held.
func (e *EAL) sweep() int {
	n := 0
	e.retired = slices.DeleteFunc(e.retired, func(p *pool) bool {
		out := p.out()
		if out == 0 {
			p.delete()
		}
		n += max(0, out-p.doubtful)
		return out == 0
	})
	return n
}

func (e *EAL) nextSerial() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serial++
	return e.serial
}

func ptr[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }
