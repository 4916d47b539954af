// Package ports opens the ports of a run and closes them again.
//
// Data flow:
//
//	device strings → Rig.Start (DPDK, if any device needs it) → Rig.Open, Rig.Pair → nic.Port
//
// A Rig owns all that it opened, the kernel's interfaces that it made included;
// Close takes them down in reverse order, and may be called after any failure.
// One goroutine uses a Rig. Built without cgo it offers the in-memory wire alone.
package ports
