package dataplane

import (
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// apart keeps the other threads of the process off the processors of pinned
// workers that poll without pause, as long as there are others. Threads of the
// Go runtime that share a worker's processor stop it for whole slices of the
// kernel's, milliseconds each; the collector wakes all that it may have.
var apart struct {
	mu     sync.Mutex
	whole  unix.CPUSet  // what the process may run on
	taken  map[int]int  // processors, with how many workers each
	pinned map[int]bool // threads of workers, which stay where they are
}

// mayRunOn is the processors of the process, those that are taken included. It
// is for threads that no worker has been.
func mayRunOn() (unix.CPUSet, error) {
	apart.mu.Lock()
	defer apart.mu.Unlock()
	var err error
	if len(apart.taken) == 0 {
		err = unix.SchedGetaffinity(0, &apart.whole)
	}
	return apart.whole, err
}

// stayPinned is to be called by a worker's thread that is pinned, before it has a
// processor to itself.
func stayPinned() (tid int) {
	apart.mu.Lock()
	defer apart.mu.Unlock()
	if apart.pinned == nil {
		apart.pinned, apart.taken = map[int]bool{}, map[int]int{}
	}
	tid = unix.Gettid()
	apart.pinned[tid] = true
	return tid
}

// forgetPinned is for the end of the thread.
func forgetPinned(tid int) {
	apart.mu.Lock()
	defer apart.mu.Unlock()
	delete(apart.pinned, tid)
}

// takeCPU has all threads but those of workers leave cpu, if they have another.
func takeCPU(cpu int) error {
	apart.mu.Lock()
	defer apart.mu.Unlock()
	before := rest()
	apart.taken[cpu]++
	return moveThreads(before, rest())
}

// releaseCPU lets them come back.
func releaseCPU(cpu int) {
	apart.mu.Lock()
	defer apart.mu.Unlock()
	before := rest()
	if apart.taken[cpu]--; apart.taken[cpu] <= 0 {
		delete(apart.taken, cpu)
	}
	_ = moveThreads(before, rest()) // as it could before, but for threads that have ended
}

// rest is what is not taken; all if nothing is left. The caller holds apart.mu.
func rest() unix.CPUSet {
	left := apart.whole
	for cpu := range apart.taken {
		left.Clear(cpu)
	}
	if left.Count() == 0 {
		return apart.whole
	}
	return left
}

// moveThreads moves all threads that run on from, and no workers, to to; new ones
// inherit that from those that start them, and so some may need another look.
// Others were put where they are by somebody who knows why.
func moveThreads(from, to unix.CPUSet) error {
	for moved := from != to; moved; {
		moved = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("dataplane: %w", err)
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			var set unix.CPUSet
			if err != nil || apart.pinned[tid] || unix.SchedGetaffinity(tid, &set) != nil || set != from {
				continue
			}
			if unix.SchedSetaffinity(tid, &to) == nil { // else it has ended
				moved = true
			}
		}
	}
	return nil
}
