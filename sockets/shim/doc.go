// Package shim starts programs whose SCTP sockets are Trunkline's.
//
// Data flow:
//
//	libtrunkline.so in this package → a file → LD_PRELOAD → Exec
//
// The library is embedded, so that one binary deploys. It goes into a file that
// only this user, or root, can write, because the dynamic loader of every program
// that the started one starts must find it by name, after all descriptors may
// have been closed.
//
// Threads: any goroutine.
package shim
