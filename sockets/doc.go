// Package sockets serves the sockets API of RFC 6458 to programs that run in
// other processes, over a unix socket.
//
// Data flow:
//
//	program → preload library ┬ Request → control connection → Reply
//	                          └ Frame ↔ data connection ↔ dataplane
//
// The preload library (preload/, in C) gives a program one end of a unix
// SOCK_SEQPACKET pair for each SCTP socket, so that poll, epoll, dup, fork and
// exec need nobody's help, and translates its calls into what frame.go and
// request.go encode. preload/protocol.h is the same in C.
//
// Ownership: encoders append to the caller's buffer, decoders copy what they
// keep. Threads: values are their holder's; nothing here is shared.
package sockets
