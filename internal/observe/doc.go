// Package observe is what a running dataplane lets be seen of itself: a State
// that is taken at a glance, Events as they happen, and a History of rates.
//
// Data flow:
//
//	dataplane ─ once a second ─▶ Observer ─▶ State, History ─▶ commands, metrics, page
//	dataplane ─ as it happens ─▶ Log (a ring) ─▶ followers
//
// Everybody reads the same State of this second, so that what it costs the workers does
// not depend on how many look; associations are asked for when somebody wants them, a
// part at a time. All types here are plain values with JSON names; who has one may
// keep it, and changes nothing in it.
//
// Threads: an Observer has two goroutines of its own, one that samples and one that writes
// the Log. Workers are asked by commands and wait for nobody.
package observe
