package nic

import "time"

var origin = time.Now()

// Monotonic is the Clock of real time, for drivers that were given none. Any
// thread.
func Monotonic() int64 { return int64(time.Since(origin)) }
