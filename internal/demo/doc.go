// Package demo runs two dataplanes against each other through two networks
// and breaks one network twice, to show that nobody notices.
//
// Data flow:
//
//	sender → Conn A → dataplane A → port a0 ═ network 0 ═ port b0 → dataplane B → Conn B → receiver
//	                              ↘ port a1 ═ network 1 ═ port b1 ↗
//
// The sender numbers and checksums every message; the receiver's Verifier
// accounts for each. The director (Run) takes network 0 away, first with the
// link and then silently, and measures by the dataplane's own events and clock.
//
// Probe is the same stream to an echo service in another process: the sender and the
// verifier share one end, and who runs it breaks the networks.
//
// Ownership: Run owns everything it opens and closes it in reverse order, on
// failure too. Threads: the Verifier belongs to the receiver's goroutine; what
// the view shows meanwhile goes through atomics.
package demo
