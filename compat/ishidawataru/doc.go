// Package sctp has the API of github.com/ishidawataru/sctp and runs on
// Trunkline: existing Go programs move by a replace line in their go.mod, see
// README.md.
//
// Go programs make system calls without libc, so that no preload library can
// catch them. This package speaks the preload library's protocol instead, with
// the server named by TRUNKLINE_SOCKET:
//
//	SCTPConn, SCTPListener → socket ┬ data connection, a *net.UnixConn: frames
//	                                └ control: one connection of the process
//
// Data connections are in the runtime's poller: blocked calls cost no thread, and
// deadlines and Close end them.
//
// Threads: any goroutine may call any method at any time. Buffers given to Read
// and Write are the caller's again when the call returns.
//
// What differs from upstream: a descriptor seen through SyscallConn or
// SocketConfig.Control is a unix socket, so that system calls with SCTP's or IP's
// options on it fail (ENOPROTOOPT or EOPNOTSUPP); Setsockopt and Getsockopt of
// SCTPConn work. Deadlines are real.
package sctp
