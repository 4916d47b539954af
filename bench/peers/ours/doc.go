// Package ours is Trunkline's core as a contestant: two endpoints in one thread and
// no wire between them. A burst that one end makes is checksummed, verified and
// handed to the other end from the same buffers, as a port would have left it.
package ours
