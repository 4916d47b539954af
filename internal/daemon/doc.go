// Package daemon is the life of `trunkline run`: what it starts, what it tells systemd, how it
// takes a changed configuration and how it ends.
//
// Data flow:
//
//	configuration → serve.With → sockets server, admin server, service → READY
//	SIGHUP, Reload → the file again → plan → dataplane, service, sockets server, admin server
//	SIGTERM, SIGINT → STOPPING → Dataplane.Drain → ABORT → closed in reverse
//
// Threads: Run is one goroutine, which waits for signals; Reload may be called from any.
// A reload and the end exclude each other.
package daemon
