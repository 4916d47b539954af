package dataplane

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// pinThread makes the calling goroutine's thread a worker's: nothing else runs
// on it, it stays on cpu (unless negative), and short sleeps are short (the
// kernel's default slack would make 5 µs into 55). What the kernel refuses is
// reported, and the worker runs all the same.
func pinThread(cpu int) error {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0) // only costs latency
	if cpu < 0 {
		return nil
	}
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(0, &set)
}

// allowedCPU tells whether the process may run on cpu.
func allowedCPU(cpu int) bool {
	set, err := mayRunOn()
	return err != nil || set.IsSet(cpu) // pinning will tell
}

// pollers counts the workers of all dataplanes of the process.
var pollers struct {
	mu sync.Mutex
	n  int
}

// addPollers makes sure that the Go runtime has processors beside those that the
// workers hold: without, goroutines that a worker wakes would wait until it
// sleeps, and a collection would stop the workers for milliseconds. It never
// lowers GOMAXPROCS.
func addPollers(n int) {
	pollers.mu.Lock()
	defer pollers.mu.Unlock()
	pollers.n += n
	if want := pollers.n + 2; n > 0 && runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
}
