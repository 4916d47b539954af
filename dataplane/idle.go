package dataplane

import (
	"time"

	"golang.org/x/sys/unix"
)

// Pace of a worker that has nothing to do under IdleAdaptive.
const (
	idleSpins    = 200                    // polls without work before the first sleep: some tens of microseconds
	idleFirst    = 5 * time.Microsecond   // the first sleep, doubled from one to the next
	idleLongest  = 100 * time.Microsecond // bounds the latency of a packet after a pause, and the load of an idle worker to some percent
	idleShortest = time.Microsecond       // what is due sooner is polled for
)

// idler decides how to spend the time until there is something to do.
type idler struct {
	policy IdlePolicy
	polls  int
	sleep  time.Duration
}

// wait is called after every poll: busy tells whether it did anything, left is
// the time in nanoseconds until something is due.
func (i *idler) wait(busy bool, left int64) {
	if busy || i.policy == IdleBusy {
		i.polls, i.sleep = 0, idleFirst
		return
	}
	if i.polls < idleSpins {
		i.polls++
		return
	}
	if d := min(i.sleep, time.Duration(left)); d >= idleShortest {
		nap(d)
	}
	i.sleep = min(2*i.sleep, idleLongest)
}

// nap sleeps in the kernel without parking the goroutine: parking one that is
// locked to its thread costs two thread switches more. A signal ends it early.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}
