// Package ring has bounded lock-free queues between threads, worked in bursts.
//
// SPSC has one pushing and one popping thread, MPSC any number of pushing
// threads and one popping. Both are generic, never allocate after they were
// made, and never block: Push takes what fits and Pop gives what is there.
//
// Data flow:
//
//	v → Push → slots → Pop → v, in bursts, oldest first
//
// Ownership: Push copies elements into the ring and Pop copies them out, so
// that whatever an element refers to belongs to the ring in between. A popped
// slot of a type with pointers is zeroed: the ring keeps nothing alive.
//
// Threads: Push is for the pushing thread (SPSC) or any thread (MPSC), Pop for
// the one popping thread, Len and Cap for any. "One thread" may be different
// threads one after the other if something else orders them.
package ring
