// Package fault wraps a nic.Port and does to its frames what bad networks do:
// loss, delay, jitter, reordering, duplication, bit errors, black holes in one
// or both directions, and a link that goes down. Everything can be changed
// while traffic flows.
//
// Data flow:
//
//	TxBurst → admit (drop, corrupt, duplicate) → delay queue → inner.TxBurst
//	inner.RxBurst → admit → delay queue → RxBurst
//
// The decisions for a frame follow from the seed, the direction, the queue and
// the frame's number on it alone, so that a run can be repeated.
//
// Ownership: dropped frames are freed, held ones belong to the wrapper until
// they are released, the link goes down, or Close. At the bound of a delay
// queue a frame is dropped and counted.
//
// There is no thread inside: delayed frames move when the port is polled.
// RxBurst of queue q also releases what waits on tx queues q, q+RxQueues and so
// on, so a port that is only sent to must still be polled.
//
// Threads: bursts as nic.Port says, all else from any thread. While no fault is
// set and nothing is held, a burst costs one atomic load more than without the
// wrapper; otherwise it also takes its queue's mutex.
package fault
