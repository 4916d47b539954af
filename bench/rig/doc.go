// Package rig sets whole dataplanes up for measurements: two of them, joined by
// cables of any kind, with associations between them, load, clocks and
// histograms. Every measurement of a whole dataplane, in go test -bench and in
// bench/peers/cmd/targets, is made on it.
//
// Data flow:
//
//	Options → New → Rig: Dataplanes[0] ══ Cables ══ Dataplanes[1], Client[i] ↔ Server[i]
//	Rig.Measure: SendBatch goroutines → Client … Server → RecvBatch goroutines → Sample
//
// Ownership: a Rig owns its ports and dataplanes; the ports.Rig it was made over
// is the caller's, since DPDK can be started only once in a process. Over one base only one Rig is
// open at a time: the names of their ports are the same.
//
// Threads: one goroutine uses a Rig; its connections may be used by any, as
// usual. With Options.Manual there are no others: Step drives both sides.
package rig
