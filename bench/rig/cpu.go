package rig

import (
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the processor time, user and system, that the process has used.
func CPUTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err) // getrusage of oneself has no way to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
