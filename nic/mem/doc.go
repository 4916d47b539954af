// Package mem is an Ethernet cable in memory: a pair of nic.Ports for tests,
// simulations and benchmarks, with no hardware and no cgo; or one port at both ends of
// it, for a host's loopback.
//
// Data flow:
//
//	a.TxBurst → checksum offload → steering → rx queue of b → arrival → b.RxBurst
//
// and the same from b to a. Frames are not copied: the packet itself changes
// hands and goes home to the pool of the port (or other driver) that made it
// when its last owner frees it. With a Clock the cable has latency and a bit
// rate, and a frame stays invisible until its arrival.
//
// At the bounds: a full rx queue drops and counts RxMissed at the receiver (or,
// with Backpressure, TxBurst takes fewer); an empty pool gives fewer packets; a
// frame that is empty, too long or asks for an impossible offload is dropped
// with TxErrors; frames on a cable that is pulled are lost and counted. Freeing
// a packet twice panics.
//
// Threads: as nic.Port says. Rings between the two ends are lock-free; the
// pools take a mutex once per burst.
package mem
