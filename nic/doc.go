// Package nic is the seam between Trunkline and whatever moves Ethernet
// frames: DPDK ports, the in-memory wire, and wrappers around either.
//
// Data flow:
//
//	wire → Port.RxBurst → []*Packet → dataplane → []*Packet → Port.TxBurst → wire
//
// Ownership: a Packet has exactly one owner at a time. RxBurst and Alloc make
// the caller the owner; TxBurst takes ownership of the packets it accepts;
// Free gives packets back to the pools they came from. A Packet's bytes stay
// in its port's memory all the way: nothing on this path copies or allocates.
//
// A thread that has nothing to do may sleep on a queue (WakeFDs, ArmWake), if
// the device can wake it; Bell is that for threads of our own.
//
// Threads: one thread polls a given queue of a port. Everything else about a
// port (Alloc, Link, SetLink, Info, Stats) may be called from any thread.
package nic
