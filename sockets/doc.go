// Package sockets serves the sockets API of RFC 6458 to programs that run in
// other processes, over a unix socket.
//
// Data flow:
//
//	program → preload library ┬ Request → control connection → client → socket → Reply
//	                          └ Frame ↔ data connection ↔ pump ↔ socket ↔ dataplane.Conn
//
// The preload library (preload/, in C) gives a program one end of a unix
// SOCK_SEQPACKET pair for each SCTP socket, so that poll, epoll, dup, fork and
// exec need nobody's help, and translates its calls into what package proto encodes.
//
// A busy socket's frames go through memory that it shares with the program instead (package lane, shared.go);
// the data connection then carries but wake-ups, and what the rings have no order for.
//
// A socket is the server's side of one: its state and options, and its associations
// (assoc.go). transmit.go takes what the program wrote to them, deliver.go what they
// received to the program; notify.go makes RFC 6458's notifications of the
// dataplane's events. Options are tables of functions on the bytes that programs
// pass (options_table.go); what they answer, and every error, is Linux's. The file
// structs.go has linux/sctp.h's structures.
//
// Bounds: what the program does not read stays in the dataplane, and closes the peer's
// window; what the dataplane does not take stays in the data connection or the lane, and
// has the program wait. A user's clients, sockets, associations and the bytes in between are
// limited (limits.go). Who breaks the protocol loses the connection it did it on.
//
// Ownership: a socket lives as long as somebody holds the program's end of its data
// connection; a client that ends takes nothing with it. Payload lies in the pump's buffer, or
// in the lane, until the dataplane has copied it.
//
// Threads: a goroutine for each client, and a few pumps, each for a share of the
// sockets (pump.go). A socket's mu guards it and its associations; a pump takes it
// once for all that a socket has to move. Nothing waits for the network.
package sockets
