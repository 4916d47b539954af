// Package pion is github.com/pion/sctp as a contestant: two of its associations
// over a pair of connections in memory, with its own goroutines and timers.
// Writes do not block (they bundle better so), and what is queued is bounded by
// the same buffer as ours. "Offloaded" is its zero-checksum option (RFC 9653). It holds one association
// per connection and knows nothing of multi-homing.
package pion
