// Package ring has bounded lock-free queues between threads, worked in bursts.
//
// SPSC has one pushing and one popping thread, MPSC any number of pushing
// threads and one popping. Both are generic, never allocate after they were
// made, and never block: Push takes what fits and Pop gives what is there.
package ring
