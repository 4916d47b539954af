// Package unixsock makes the unix sockets that a daemon listens on: with owner and mode
// before anybody can connect, in place of what a dead daemon left, and never in place of
// a living one's.
//
// Data flow: a Where goes in, a listener comes out, whose file goes when it is closed. Any
// goroutine may call Listen; between processes a lock on the folder keeps the order.
package unixsock
