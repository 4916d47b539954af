// Command sockets measures the sockets API against the Go API, on one dataplane and its
// loopback: C programs through the preload library, and goroutines, send the same messages.
//
// Data flow:
//
//	messages.c → preload library → sockets.Server ┐
//	goroutines ───────────────────────────────────┴ dataplane, all but the C programs in this process
//
// Contestants take turns in rounds; the table has medians. CPU time is that of this process
// and of the programs that it started. See bench/README.md.
package main
